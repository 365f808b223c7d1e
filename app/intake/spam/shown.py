"""What a form's page, or a website's, has to be told of its captcha. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from app.config.endpoints import SCORED, Form
from app.intake.spam.vendors import OWN_FIELD, VENDORS

FINISH = "Please finish the check above, then send again."
"""What is said to who sends a form before its captcha is solved, where that takes a hand."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page needs to have a form's captcha on it; see templates/captcha.html. Empty where a provider has none."""

    provider: str
    field: str
    script: str
    site_key: str = ""
    challenge: str = ""
    action: str = ""
    widget: str = ""
    is_by_hand: bool = False


def shown(form: Form, base: str = "", language: str = "") -> Shown | None:
    """The captcha of a form, for a page in a language; `base` stands before the relay's own addresses."""
    if (config := form.captcha) is None:
        return None
    if (vendor := VENDORS.get(config.provider)) is None:
        challenge = f"{base}{form.path}/challenge"
        return Shown(config.provider, OWN_FIELD, f"{base}/static/altcha.js", challenge=challenge)
    key, is_scored = config.site_key or "", config.provider == SCORED
    asked = {"render": key if is_scored else "", vendor.language: language if vendor.language else ""}
    query = urlencode({name: value for name, value in asked.items() if value})
    _, script = vendor.addresses(config)
    return Shown(
        config.provider,
        vendor.field,
        f"{script}?{query}" if query else script,
        key,
        action=config.action if is_scored else "",
        widget=vendor.widget,
        is_by_hand=vendor.is_by_hand,
    )


def offer(form: Form) -> dict[str, str] | None:
    """What `/forms/{name}/start` tells a page's script of the form's captcha; None where it has none.

    The relay's own addresses begin where it was asked, by whatever name that was.
    """
    if (found := shown(form)) is None:
        return None
    told = ("provider", "field", "script", "site_key", "challenge", "action")
    return {name: getattr(found, name) for name in told if getattr(found, name)}

"""The captcha services that are asked over the network, in one table: where they are, and what they call things.

Their own documents: https://developers.cloudflare.com/turnstile, https://docs.hcaptcha.com and
https://developers.google.com/recaptcha.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from app.config.addresses import origin_of
from app.config.endpoints import CaptchaConfig

Policy = Mapping[str, tuple[str, ...]]
"""Directives of a content policy → the sources that they take beside those of every page."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """A service: the `field` that its answer is sent as, the class of its `widget`, none where it has nothing to show.

    `verify` is asked what an answer is worth, `script` makes it; `policy` is what a page has to let in for that.
    `is_by_hand`: visitors tick a box; `language`: what the script's address calls theirs.
    """

    field: str
    widget: str
    verify: str
    script: str
    policy: Policy
    is_by_hand: bool = False
    language: str = ""

    def addresses(self, config: CaptchaConfig) -> tuple[str, str]:
        """Where a form's answers are verified, and where its script is."""
        return _moved(self.verify, config.base_url), _moved(self.script, config.base_url)


_CLOUDFLARE = ("https://challenges.cloudflare.com",)
_HCAPTCHA = ("https://hcaptcha.com", "https://*.hcaptcha.com")
_GOOGLE = "https://www.google.com/recaptcha/"
_GSTATIC = "https://www.gstatic.com/recaptcha/"
_RECAPTCHA: Final[Policy] = {
    "script-src": (_GOOGLE, _GSTATIC),
    "frame-src": (_GOOGLE, "https://recaptcha.google.com/recaptcha/"),
    "connect-src": (_GOOGLE,),
    "img-src": (_GSTATIC,),
    "style-src": ("'unsafe-inline'",),
}

VENDORS: Final[Mapping[str, Vendor]] = {
    "turnstile": Vendor(
        "cf-turnstile-response",
        "cf-turnstile",
        "https://challenges.cloudflare.com/turnstile/v0/siteverify",
        "https://challenges.cloudflare.com/turnstile/v0/api.js",
        {"script-src": _CLOUDFLARE, "frame-src": _CLOUDFLARE},
    ),
    "hcaptcha": Vendor(
        "h-captcha-response",
        "h-captcha",
        "https://api.hcaptcha.com/siteverify",
        "https://js.hcaptcha.com/1/api.js",
        dict.fromkeys(("script-src", "frame-src", "style-src", "connect-src"), _HCAPTCHA),
        is_by_hand=True,
        language="hl",
    ),
    "recaptcha": Vendor(
        "g-recaptcha-response",
        "g-recaptcha",
        f"{_GOOGLE}api/siteverify",
        f"{_GOOGLE}api.js",
        _RECAPTCHA,
        is_by_hand=True,
        language="hl",
    ),
    "recaptcha-v3": Vendor(
        "g-recaptcha-response", "", f"{_GOOGLE}api/siteverify", f"{_GOOGLE}api.js", _RECAPTCHA, language="hl"
    ),
}

OWN_FIELD: Final = "altcha"
OWN_POLICY: Final[Policy] = {"script-src": ("'self'",), "connect-src": ("'self'",)}


def field_of(config: CaptchaConfig) -> str:
    """The field that a captcha's answer is sent as."""
    return VENDORS[config.provider].field if config.provider in VENDORS else OWN_FIELD


def policy_of(config: CaptchaConfig | None) -> Policy:
    """What a page with this captcha has to let in."""
    if config is None:
        return {}
    if (vendor := VENDORS.get(config.provider)) is None:
        return OWN_POLICY
    moved = (origin_of(config.base_url),) if config.base_url else ()
    return {
        name: (*OWN_POLICY.get(name, ()), *vendor.policy.get(name, ()), *moved)
        for name in {**OWN_POLICY, **vendor.policy}
    }


def _moved(address: str, base: str | None) -> str:
    return f"{base}{urlsplit(address).path}" if base else address

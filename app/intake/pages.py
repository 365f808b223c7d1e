"""The pages that visitors see. Templates beside this file; one stylesheet, no script, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from app.config.addresses import origin_of
from app.config.endpoints import Form
from app.config.relay_toml import RelayConfig
from app.intake.colours import style_of
from app.intake.language import ENGLISH, Language, asked_for, language_of
from app.intake.spam import shown, vendors

HERE = Path(__file__).parent
STATIC = HERE / "static"


def ago(then: datetime | None, now: datetime) -> str:
    """`3 min ago`, or `in 3 min`; empty where there is no time."""
    if then is None:
        return ""
    seconds = int((now - then).total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if abs(seconds) >= size:
            number = f"{abs(seconds) // size} {unit}"
            return f"{number} ago" if seconds > 0 else f"in {number}"
    return "now"


def templates(folder: Path) -> Environment:
    """The templates of a folder. What they name has to be there."""
    loader = FileSystemLoader(folder)
    found = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    found.filters["ago"] = ago
    return found


_templates = templates(HERE / "templates")
_templates.filters["captcha"] = shown.shown


@dataclass(frozen=True, slots=True)
class Look:
    """What is around a page's own words: whose it is, in which language, who may frame it, where its forms may lead.

    `captcha` is what its form's captcha needs of elsewhere, `kept` the part of the query that goes on from page to
    page, such as `?lang=de`.
    """

    site: str
    say: Language = ENGLISH
    color: str | None = None
    logo: str | None = None
    framed_by: tuple[str, ...] = ("'none'",)
    targets: tuple[str, ...] = ()
    captcha: vendors.Policy = field(default_factory=dict)
    kept: str = ""
    is_embedded: bool = False

    @property
    def style(self) -> str:
        """The colour's own stylesheet; empty where the colours are the relay's."""
        return style_of(self.color) if self.color else ""

    def policy(self) -> str:
        """The page's content policy: nothing from elsewhere but the logo, no style but ours, a captcha's script."""
        digest = base64.b64encode(hashlib.sha256(self.style.encode()).digest()).decode()
        rules: dict[str, Sequence[str]] = {
            "default-src": ["'none'"],
            "style-src": ["'self'", *([f"'sha256-{digest}'"] if self.style else [])],
            "img-src": ["'self'", *([origin_of(self.logo)] if self.logo else [])],
            "base-uri": ["'none'"],
            "frame-ancestors": self.framed_by,
            "form-action": ["'self'", *self.targets],
        }
        for name, sources in self.captcha.items():
            rules[name] = [*dict.fromkeys((*rules.get(name, ()), *sources))]
        return "; ".join(" ".join((name, *values)) for name, values in rules.items())


def look_of(request: Request, config: RelayConfig, form: Form | None = None) -> Look:
    """How a visitor's page looks: as the form says, else the whole file, in the language that they read."""
    own = form or config
    return Look(
        site=own.site,
        say=language_of(request),
        color=own.color,
        logo=own.logo,
        framed_by=_framed_by(form) if form else ("'none'",),
        targets=tuple(redirect_origins(form)) if form else (),
        captcha=vendors.policy_of(form.captcha) if form else {},
        kept=_kept(request),
        is_embedded="embed" in request.query_params,
    )


def redirect_origins(form: Form) -> list[str]:
    """Every origin that this form may send a visitor to."""
    own = [origin_of(form.redirect)] if form.redirect else []
    return sorted({*own, *form.allowed_redirects, *form.allowed_origins})


def _framed_by(form: Form) -> tuple[str, ...]:
    """Who may show a form's pages in a frame: the pages that may send it."""
    return ("'self'", *form.allowed_origins) if form.allowed_origins else ("*",)


def _kept(request: Request) -> str:
    """What a visitor's address says of the pages after this one as well."""
    tag = asked_for(request)
    kept = ({"lang": tag} if tag else {}) | ({"embed": "1"} if "embed" in request.query_params else {})
    return f"?{urlencode(kept)}" if kept else ""


def page(template: str, status: int = 200, *, look: Look, **values: Any) -> HTMLResponse:
    """A rendered page under a strict content policy."""
    headers = {
        "Content-Security-Policy": look.policy(),
        "Content-Language": look.say.tag,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
    html = _templates.get_template(template).render(look=look, say=look.say, **values)
    return HTMLResponse(html, status, headers)

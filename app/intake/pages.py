"""The pages that visitors see. Templates beside this file; one stylesheet, no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from app.lead import LeadState

MARKS = {
    LeadState.PENDING: "◷",
    LeadState.SENDING: "◷",
    LeadState.DELIVERED: "✓",
    LeadState.DUPLICATE: "≡",
    LeadState.HELD: "!",
    LeadState.SPAM: "⊘",
    LeadState.DISCARDED: "–",
    LeadState.ERASED: "–",
}
"""The sign of each state: colour is never the only one."""

HERE = Path(__file__).parent
STATIC = HERE / "static"

_templates = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def ago(then: datetime) -> str:
    """`3 min ago`, for the reader of a list."""
    seconds = max(0, int((datetime.now(UTC) - then).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return "just now"


_templates.filters["ago"] = ago


def page(template: str, status: int = 200, *, form_targets: Sequence[str] = (), **values: Any) -> HTMLResponse:
    """A rendered page under a strict content policy. Its forms may lead to the origins `form_targets` as well."""
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        "form-action " + " ".join(("'self'", *form_targets))
    )
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
    return HTMLResponse(_templates.get_template(template).render(values), status, headers)

"""The page at `/` for a person who wonders what the sandbox is, what it holds and how to steer it."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from app.sandbox.state import Held

MEMBERS_SHOWN = 200
HERE = Path(__file__).parent
STYLE = (HERE / "page.css").read_text(encoding="utf-8")
STYLE_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
HEADERS = {  # nothing may load or run but this one stylesheet, so that a lead's text stays text whatever it says
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
PAGES = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True)

router = APIRouter()


@router.api_route("/", methods=["GET", "HEAD"])
async def page(request: Request, state: Held) -> HTMLResponse:
    """The newest members, the faults in force, and the control API as curl lines to copy."""
    url = request.url
    html = PAGES.get_template(
        "page.html"
    ).render(
        style=Markup(STYLE),  # noqa: S704 - our own file
        base=f"{url.scheme}://{url.netloc}{request.scope['root_path']}",
        summary=state.summary(),
        members=state.members.all()[: -MEMBERS_SHOWN - 1 : -1],
        names=state.companies,
        now=datetime.now(UTC),
    )
    return HTMLResponse(html, headers=HEADERS)

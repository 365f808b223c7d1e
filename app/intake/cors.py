"""Which pages' scripts may read a form's answers: every one of them, errors and a browser's first question included."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.config.endpoints import Form
from app.intake.guard import origin_allowed

OF_FORM = re.compile(r"/forms/([^/]+)")
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Accept, Content-Type, Idempotency-Key, X-Requested-With",
    "Access-Control-Max-Age": "86400",
}


class CrossOrigin:
    """ASGI middleware: it knows the origins of each form, which Starlette's own does not, and answers preflights."""

    def __init__(self, app: ASGIApp, forms: Mapping[str, Form], public_url: str) -> None:
        self.app = app
        self.forms = forms
        self.public_url = public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not OF_FORM.match(scope["path"]):
            await self.app(scope, receive, send)
            return
        allowed = cors_headers(scope, self.forms, self.public_url)

        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                add_headers(MutableHeaders(scope=message), allowed)
            await send(message)

        answers = Response(status_code=204, headers=PREFLIGHT) if scope["method"] == "OPTIONS" else self.app
        await answers(scope, receive, send_with)


def cors_headers(scope: Scope, forms: Mapping[str, Form], public_url: str) -> dict[str, str]:
    """What lets a page's script read the answer; nothing for a page that may not post, or where there is no form."""
    found = OF_FORM.match(scope["path"])
    if found is None:
        return {}
    form, origin = forms.get(found[1]), Headers(scope=scope).get("origin")
    readable = {"Access-Control-Expose-Headers": "Retry-After"}
    if form is None or not form.allowed_origins:
        return {"Access-Control-Allow-Origin": "*", **readable}
    if origin is None or not origin_allowed(form, origin, public_url):
        return {"Vary": "Origin"}
    return {"Access-Control-Allow-Origin": origin, "Vary": "Origin", **readable}


def add_headers(headers: MutableHeaders, added: Mapping[str, str]) -> None:
    """Adds to a `Vary` that is there, and replaces the others."""
    for name, value in added.items():
        if name == "Vary":
            headers.add_vary_header(value)
        else:
            headers[name] = value

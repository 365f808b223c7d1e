"""What a visitor, a script or a provider is answered: pages, redirects, JSON, and problems after RFC 9457."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from app.config.addresses import origin_of
from app.config.endpoints import Form
from app.errors import Rejected
from app.intake.openapi import HookReply, LeadReply
from app.intake.pages import Look, page, redirect_origins
from app.lead import Entry, Receipt
from app.sources.base import Reply

MAX_ADDRESS = 2000
UNSAFE = re.compile(r"[\\\s\x00-\x1f]")
"""What no address has in it. Browsers read `\\` as `/`, and leave some of the others out."""

THANKS = "Your message has arrived. We will get back to you soon."
FAILED = "This could not be sent. Please try again."

REDIRECT_FIELDS = ("_next", "_redirect", "redirect", "redirectTo", "redirect_to", "returnURL", "retURL", "next")
"""What forms of other services call the page to go to."""


def wants_json(request: Request) -> bool:
    """Whether a script asks: a JSON body, an Accept of JSON, or a fetch rather than a navigation."""
    headers = request.headers
    accept = headers.get("accept", "")
    return (
        "json" in headers.get("content-type", "").partition(";")[0]
        or ("application/json" in accept and "text/html" not in accept)
        or headers.get("x-requested-with", "").lower() == "xmlhttprequest"
        or headers.get("sec-fetch-mode", "navigate") != "navigate"
    )


def hook_accepted(receipt: Receipt, detail: str = "", status: int = 200) -> JSONResponse:
    """A provider's answer: exactly 200 where its request was taken, as some accept nothing else."""
    leads = [LeadReply(id=lead_id, state=state) for lead_id, state in receipt.leads]
    reply = HookReply(receipt=receipt.id, leads=leads, repeat=receipt.repeat, detail=detail)
    return JSONResponse(reply.model_dump(exclude_defaults=True), status)


def hook_probed(name: str) -> JSONResponse:
    """The answer to a provider that only looks whether there is anybody."""
    return JSONResponse({"hook": name[:64], "detail": "POST to this address."})


def hook_shaken(reply: Reply) -> Response:
    """The answer that a provider's handshake asks for, which repeats what it sent: never for a browser to guess at."""
    headers = {**reply.headers, "X-Content-Type-Options": "nosniff"}
    return Response(reply.text, media_type=reply.content_type, headers=headers)


def form_accepted(request: Request, form: Form, entries: tuple[Entry, ...], receipt: Receipt, look: Look) -> Response:
    """A visitor's thanks; the same for spam and repeats, so that a robot learns nothing."""
    target = redirect_target(form, entries)
    if wants_json(request):
        body = {"ok": True, "receipt": receipt.id, "message": look.say(THANKS)}
        return JSONResponse(body | ({"redirect": target} if target else {}))
    thanks = f"{request.url_for('form_thanks', name=form.name).path}{look.kept}"
    return RedirectResponse(target or thanks, status_code=303)


def redirect_target(form: Form, entries: tuple[Entry, ...]) -> str | None:
    """Where the form's own fields want to go, if that is allowed; else the form's redirect."""
    data = entries[0].data if entries and isinstance(entries[0].data, Mapping) else {}
    allowed = redirect_origins(form)
    wanted = (value.strip() for key in REDIRECT_FIELDS if isinstance(value := data.get(key), str))
    return next((address for address in wanted if _is_in(address, allowed)), form.redirect)


def page_before(request: Request) -> str | None:
    """The page that the visitor comes from, as far as the browser tells."""
    before = request.headers.get("referer", "")
    return before if before.startswith(("https://", "http://")) else None


def problem(status: int, title: str, detail: str, **more: Any) -> JSONResponse:
    """An error for a program: https://www.rfc-editor.org/rfc/rfc9457"""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return JSONResponse(body, status, media_type="application/problem+json")


def failed(request: Request, status: int, title: str, detail: str, *, look: Look, **more: Any) -> Response:
    """An error for whoever asked, in their language: a page that says whether anything was sent, or a problem."""
    if wants_json(request):
        return problem(status, title, detail, **more)
    return page("error.html", status, look=look, title=title, detail=detail, has_typed=request.method == "POST")


def refused(request: Request, error: Rejected, look: Look) -> Response:
    """What a visitor is answered where nothing was kept."""
    return _later(failed(request, error.status, look.say(error.title), look.say(error.told), look=look), error)


def rejected(error: Rejected) -> Response:
    """What a program is answered where nothing was kept."""
    return _later(problem(error.status, error.title, str(error)), error)


def _later(response: Response, error: Rejected) -> Response:
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    if error.closes:
        response.headers["Connection"] = "close"
    return response


def _is_in(address: str, origins: list[str]) -> bool:
    """Whether it is a whole address at one of the origins."""
    try:
        return len(address) <= MAX_ADDRESS and not UNSAFE.search(address) and origin_of(address) in origins
    except ValueError:
        return False

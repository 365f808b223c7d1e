"""`/relay.js`, which sends a website's form from its own page, and what it asks for when somebody fills one in."""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from starlette.responses import JSONResponse

from app.intake import replies
from app.intake.accept import Intake
from app.intake.language import Language, language_of
from app.intake.openapi import Responses
from app.intake.pages import STATIC
from app.intake.spam.shown import offer

WORDS = {
    "sending": "Sending…",
    "offline": "You are offline. This will be sent as soon as you are online again.",
    "again": "This has not worked yet. It is being tried again…",
    "failed": replies.FAILED,
    "thanks": replies.THANKS,
}
"""What relay.js says by itself, each by the name that it has in there."""
SOON = "public, max-age=300"
FOR_EVER = "public, max-age=31536000, immutable"
COMMENT = re.compile(r"^\s*//.*\n|(?<=[;{]) // .*$|^\s+", re.MULTILINE)


class Start(BaseModel):
    """What relay.js gets for a form: the time trap's stamp, its words in the visitor's language, maybe a captcha."""

    stamp: str
    words: dict[str, str]
    captcha: dict[str, Any] | None


START_RESPONSES: Responses = {
    200: {"description": "What a script needs to send this form.", "model": Start},
    404: {"description": "There is no such form."},
}


@dataclass(frozen=True, slots=True)
class Script:
    """relay.js as it is sent: without comments and indentation, also zipped; `version` is a hash of it."""

    plain: bytes
    zipped: bytes
    version: str


@cache
def script() -> Script:
    """relay.js, read once."""
    plain = COMMENT.sub("", (STATIC / "relay.js").read_text(encoding="utf-8")).encode()
    return Script(plain, gzip.compress(plain, 9, mtime=0), sha256(plain).hexdigest()[:16])


def router(intake: Intake) -> APIRouter:
    """The routes of the script."""
    routes = APIRouter(tags=["forms"])

    @routes.head("/relay.js", include_in_schema=False, response_model=None)
    @routes.get("/relay.js", summary="The script for a website's forms", response_model=None)
    async def relay_js(request: Request, v: str = "") -> Response:
        """The same for every form. With `?v=` and its version it may be kept for ever."""
        return script_reply(request, v)

    @routes.get("/forms/{name}/start", summary="What a script needs", response_model=None, responses=START_RESPONSES)
    async def start(name: str, request: Request) -> Response:
        """Asked when a visitor begins to fill in a form, so that it works on pages that are kept for long."""
        form = intake.config.forms.get(name)
        if form is None:
            return replies.problem(404, "No such form", f"There is no form called {name[:64]} here.")
        stamp = intake.judge.stamps.make(name, intake.clock())
        told = Start(stamp=stamp, words=words_in(language_of(request)), captcha=offer(form))
        return JSONResponse(told.model_dump(), headers={"Cache-Control": "no-store"})

    return routes


def words_in(language: Language) -> dict[str, str]:
    """What relay.js says, in a language."""
    return {name: language(text) for name, text in WORDS.items()}


def script_reply(request: Request, version: str) -> Response:
    """relay.js, zipped where that is understood; 304 for whoever has it. Any page may load it, isolated ones too."""
    found = script()
    etag = f'W/"{found.version}"'
    headers = {
        "ETag": etag,
        "Cache-Control": FOR_EVER if version == found.version else SOON,
        "Vary": "Accept-Encoding",
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "X-Content-Type-Options": "nosniff",
    }
    if etag.removeprefix("W/") in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        zipped = {**headers, "Content-Encoding": "gzip"}
        return Response(found.zipped, media_type="text/javascript", headers=zipped)
    return Response(found.plain, media_type="text/javascript", headers=headers)

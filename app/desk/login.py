"""The door's pages: logging in and out, and what is shown where nobody can come in yet."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from app.desk.desk import Desk
from app.desk.entry import ADMIN, Session
from app.desk.posted import posted
from app.errors import NotEntered, Rejected
from app.logs import log
from app.outbox.records import Role

HOME = "/desk"
WITHIN: Final = re.compile(r"/desk(/[\w-][\w.-]*)*(\?[!-~]*)?", re.ASCII)
"""An address within the desk: nothing in it leads up or elsewhere."""
OVER = "You are not logged in any more, so nothing was done. Log in, and do it once more."
WRONG = "Name and password do not go together. Capitals count."


def router(desk: Desk) -> APIRouter:
    """The routes of the door, the only ones that ask for no session."""
    routes, viewer = APIRouter(prefix="/desk"), Depends(desk.entry.needs(Role.VIEW))

    @routes.get("/login", response_model=None)
    async def ask(request: Request) -> Response:
        """The form to log in; where nobody can, how that is changed."""
        if not await desk.entry.is_open():
            return desk.page(request, "off.html", None, 404)
        if await desk.entry.session(request) is not None:
            return RedirectResponse(_next(request.query_params.get("next", "")), 303)
        return desk.page(request, "login.html", None, wrong="", name="", next=request.query_params.get("next", ""))

    @routes.post("/login", response_model=None)
    async def log_in(request: Request) -> Response:
        """Takes name and password."""
        desk.entry.check_same_site(request)
        await desk.intake.limits.take_login(request)
        form = await posted(request)
        name, password, then = (str(form.get(key, ""))[:1000] for key in ("name", "password", "next"))
        cookie = await desk.entry.log_in(name.strip() or ADMIN, password)
        if cookie is None:
            log.warning("login_refused")
            return desk.page(request, "login.html", None, 401, wrong=WRONG, name=name, next=then)
        log.info("logged_in")
        answer = RedirectResponse(_next(then), 303)
        desk.entry.set_cookie(request, answer, cookie)
        return answer

    @routes.post("/logout", response_model=None)
    async def log_out(request: Request, who: Session = viewer) -> Response:
        """Ends this session; with `everywhere`, all of this operator's."""
        if (await posted(request)).get("everywhere"):
            await desk.entry.log_out_everywhere(who.name)
        await desk.entry.log_out(who)
        answer = RedirectResponse("/desk/login", 303)
        desk.entry.set_cookie(request, answer, "")
        return answer

    return routes


def refused(desk: Desk, request: Request, error: Rejected) -> Response:
    """What somebody sees who may not do this, or not now: the form to log in, or a page that says why."""
    if isinstance(error, NotEntered):
        if request.headers.get("hx-request"):
            return Response(status_code=401, headers={"HX-Redirect": _door(request.headers.get("hx-current-url", ""))})
        if request.method != "GET":
            came_from = _place_of(request.headers.get("referer", ""))
            return desk.page(request, "login.html", None, 401, wrong=OVER, name="", next=_next(came_from))
        return RedirectResponse(_door(str(request.url)), 303)
    who = getattr(request.state, "who", None)
    answer = desk.page(request, "refused.html", who, error.status, title=error.title, words=str(error))
    if error.retry_after is not None:
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def _door(address: str) -> str:
    """Where somebody logs in who comes back to a page then."""
    return f"/desk/login?{urlencode({'next': _place_of(address)}, safe='/')}"


def _place_of(address: str) -> str:
    """The path and query of a page's address; "" where it is none."""
    try:
        _, _, path, query, _ = urlsplit(address)
    except ValueError:
        return ""
    return f"{path}?{query}" if query else path


def _next(wanted: str) -> str:
    """The page of the desk that was asked for; never one elsewhere."""
    return wanted if WITHIN.fullmatch(wanted) else HOME

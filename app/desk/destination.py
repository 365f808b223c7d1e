"""The way to AgencyHandy, workspace by workspace: how it is, and what a person may change of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from app.desk.desk import Desk
from app.desk.entry import Session
from app.desk.posted import posted
from app.desk.story import OUTCOMES
from app.errors import ActRefused, NotFound
from app.outbox import stats
from app.outbox.hands import WAYS
from app.outbox.records import Role

SLOWEST, FASTEST = 0.01, 1000
"""Requests a second. What waits for its turn when the pace is changed keeps the old one: a hundred seconds at most."""
DID: Final = {
    "check": "AgencyHandy is asked anew. What it says stands here in a moment.",
    "pause": "Paused. Leads are still taken in, and wait until somebody resumes it.",
    "resume": "Resumed. What waits is sent now.",
    "pace": "The pace is set.",
}


def router(desk: Desk) -> APIRouter:
    """The page, and an address for what may be changed."""
    routes, viewer = APIRouter(prefix="/desk/destination"), Depends(desk.entry.needs(Role.VIEW))
    admin = Depends(desk.entry.needs(Role.ADMIN))

    @routes.get("", response_model=None)
    async def show(request: Request, did: str = "", at: str = "", who: Session = viewer) -> Response:
        """How the way is to each workspace, and what its reader has just changed of one."""
        told = DID.get(did, "") if who.has_sealed(request.url.query) else ""
        return desk.page(request, "destination.html", who, **await ways(desk), at=at, told=told, wrong="")

    @routes.post("/{name}", response_model=None)
    async def change(request: Request, name: str, who: Session = admin) -> Response:
        """Pauses, resumes, checks or paces delivery."""
        form, facts = await posted(request), (await desk.look())[0]
        what, typed = str(form.get("what", "")), str(form.get("per_second", ""))[:64]
        if name not in facts.workspaces or what not in WAYS:
            raise NotFound("There is no such workspace, or nothing like that to do.")
        try:
            await desk.hands(who).change_way(name, what, _pace(typed) if what == "pace" else None)
        except ActRefused as error:
            values = {"told": "", "wrong": str(error), "typed": typed}
            return desk.page(request, "destination.html", who, 422, **await ways(desk), at=name, **values)
        return RedirectResponse(f"/desk/destination?{who.sealed(urlencode({'did': what, 'at': name}))}", 303)

    return routes


async def ways(desk: Desk) -> Mapping[str, Any]:
    """What the page shows."""
    now, books = desk.clock(), desk.outbox.books
    (facts, _), answers = await asyncio.gather(
        desk.look(), books.read(partial(stats.answers, since=now - timedelta(days=1)))
    )
    return {
        "ways": facts.workspaces,
        "waiting": facts.waiting,
        "answers": answers,
        "outcomes": OUTCOMES,
        "pace": desk.pace,
    }


def _pace(typed: str) -> float | None:
    """Requests a second; None where the settings decide again."""
    if not typed.strip():
        return None
    try:
        value = float(typed.replace(",", "."))
    except ValueError:
        value = 0
    if not SLOWEST <= value <= FASTEST:
        raise ActRefused(f"Requests a second: expected a number from {SLOWEST} to {FASTEST:,}.")
    return value

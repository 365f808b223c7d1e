"""The queues of leads that wait for a person: held, and spam. One by one by the keyboard, or many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from app.desk.bulk import Bulk
from app.desk.desk import Desk
from app.desk.entry import Session
from app.desk.lead import NEEDS
from app.errors import NotAllowed, NotFound
from app.lead import LeadState
from app.outbox import search
from app.outbox.records import Role, Sought

A_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue by its state: its title, what may be done with its leads, and what is said where there are none."""

    state: LeadState
    title: str
    acts: tuple[str, ...]
    empty: str


QUEUES: Final[Mapping[str, Queue]] = {
    "held": Queue(
        LeadState.HELD,
        "Held",
        ("release", "spam", "discard", "erase"),
        "No lead waits for you. What AgencyHandy refuses, and what has no address or cannot be read, will stand here.",
    ),
    "spam": Queue(
        LeadState.SPAM,
        "Spam",
        ("release", "discard", "erase"),
        "There is no spam. What is judged to be some stands here, each with its reasons; nothing of it is sent.",
    ),
}


def router(desk: Desk) -> APIRouter:
    """A page for each queue, its acts, and the page of an act on many."""
    routes, bulk = APIRouter(prefix="/desk"), Bulk()
    viewer, worker = Depends(desk.entry.needs(Role.VIEW)), Depends(desk.entry.needs(Role.WORK))
    for name, queue in QUEUES.items():
        routes.add_api_route(f"/{name}", _shows(desk, name, queue), methods=["GET"], response_model=None)
        routes.add_api_route(f"/{name}", _does(desk, bulk, name, queue), methods=["POST"], response_model=None)

    @routes.get("/jobs/{job_id}", response_model=None)
    async def job(request: Request, job_id: str, who: Session = viewer) -> Response:
        """How far an act on many is."""
        found = bulk.of(job_id, who.name)
        if found is None:
            raise NotFound("This is over, and was done as far as the audit trail says.")
        part = "job_state.html" if request.headers.get("hx-request") else "job.html"
        return desk.page(request, part, who, job=found)

    @routes.post("/jobs/{job_id}/stop", response_model=None)
    async def stop(job_id: str, who: Session = worker) -> Response:
        """Ends it after the step that is under way; what is done stays done."""
        if (found := bulk.of(job_id, who.name)) is not None:
            found.is_stopped = True
        return RedirectResponse(f"/desk/jobs/{job_id}", 303)

    return routes


def _shows(desk: Desk, name: str, queue: Queue) -> Any:
    viewer = Depends(desk.entry.needs(Role.VIEW))

    async def show(request: Request, endpoint: str = "", before: str = "", who: Session = viewer) -> Response:
        """The queue, the newest first."""
        sought = Sought(states=(queue.state,), endpoint=endpoint[:64])
        leads, total = await asyncio.gather(
            desk.outbox.books.read(partial(search.find, sought=sought, before=before[:26], limit=A_PAGE + 1)),
            desk.outbox.books.read(partial(search.count, sought=sought, most=100_000)),
        )
        values: dict[str, Any] = {
            "queue": queue,
            "name": name,
            "leads": leads[:A_PAGE],
            "total": total,
            "endpoint": endpoint,
        }
        more = leads[A_PAGE - 1].id if len(leads) > A_PAGE else ""
        acts = [act for act in queue.acts if who.role.covers(NEEDS[act])]
        endpoints = [one.name for one in desk.config.endpoints()]
        return desk.page(request, "queue.html", who, **values, more=more, acts=acts, endpoints=endpoints)

    return show


def _does(desk: Desk, bulk: Bulk, name: str, queue: Queue) -> Any:
    worker = Depends(desk.entry.needs(Role.WORK))

    async def do(request: Request, who: Session = worker) -> Response:
        """Does `act` to the chosen leads; to `all` of them, or for good, only once the count was confirmed."""
        form, hands = await request.form(), desk.hands(who)
        act, endpoint = str(form.get("act", "")), str(form.get("endpoint", ""))[:64]
        if act not in queue.acts:
            raise NotFound("There is nothing like that to do here.")
        if not who.role.covers(NEEDS[act]):
            raise NotAllowed(f"This takes the role {NEEDS[act]}, and yours is {who.role}.")
        takes_all = bool(form.get("all"))
        ids = await hands.choose((queue.state,), endpoint or None) if takes_all else [*map(str, form.getlist("id"))]
        if not ids:
            return RedirectResponse(f"/desk/{name}", 303)
        if (takes_all or act == "erase") and not form.get("confirmed"):
            chosen: dict[str, Any] = {"ids": [] if takes_all else ids, "takes_all": takes_all, "count": len(ids)}
            return desk.page(request, "sure.html", who, queue=queue, name=name, act=act, endpoint=endpoint, **chosen)
        return RedirectResponse(f"/desk/jobs/{bulk.start(hands, act, ids).id}?back={name}", 303)

    return do

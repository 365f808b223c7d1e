"""The queues of leads that wait for a person: held, spam, and known customers who wrote again.

One by one by the keyboard, or many at once: those chosen, or all that the filters leave, once their count was seen.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData, QueryParams
from starlette.responses import RedirectResponse, Response

from app.desk.acting import NEEDS, check_role, doing
from app.desk.desk import Desk
from app.desk.entry import Session
from app.desk.posted import posted
from app.desk.story import advice, first_acts
from app.errors import NotFound
from app.lead import Lead, LeadState
from app.outbox import search
from app.outbox.acts import A_STEP
from app.outbox.jobs import Job
from app.outbox.records import Role, Sought

A_PAGE: Final = A_STEP
MOST_KINDS: Final = 12
LONGEST: Final = 64


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue: its address and state, its title, what it is, its acts, and what is said where nobody is in it.

    `labels` are buttons that say something else than elsewhere.
    """

    name: str
    state: LeadState
    title: str
    about: str
    acts: tuple[str, ...]
    empty: str
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/desk/{self.name}"


QUEUES: Final = (
    Queue(
        "held",
        LeadState.HELD,
        "Held",
        "These were not sent and wait for you, each with the reason.",
        ("release", "remap", "spam", "discard", "erase"),
        "No lead waits for you. What AgencyHandy refuses, and what has no address or cannot be read, will stand here.",
    ),
    Queue(
        "spam",
        LeadState.SPAM,
        "Spam",
        "These look like spam and were not sent. If one is from a real person, press Send.",
        ("release", "discard", "erase"),
        "There is no spam. What is judged to be some stands here, each with its reasons; nothing of it is sent.",
    ),
    Queue(
        "duplicate",
        LeadState.DUPLICATE,
        "Wrote again",
        "AgencyHandy has these e-mail addresses already and takes no second lead with them, so nobody there hears of "
        "what they wrote now. Read it, answer it, then press Done: that puts it away.",
        ("discard", "resend", "spam", "erase"),
        "Nobody is here. When a customer that AgencyHandy knows writes again, the new message will stand here.",
        {"discard": "Done"},
    ),
)


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Which part of a queue is meant: of an endpoint, for a kind of reason."""

    endpoint: str = ""
    why: str = ""

    @classmethod
    def of(cls, given: FormData | QueryParams) -> Narrowed:
        """As it was sent."""
        return cls(*(str(given.get(name, ""))[:LONGEST] for name in ("endpoint", "why")))

    def query(self, **more: str) -> str:
        """The end of an address that means it; there is nothing personal in a kind of reason."""
        said = {"endpoint": self.endpoint, "why": self.why, **more}
        return urlencode({name: value for name, value in said.items() if value})

    def at(self, queue: Queue) -> str:
        """The address of that part."""
        return f"{queue.path}?{self.query()}".rstrip("?")

    def sought(self, queue: Queue) -> Sought:
        """The leads that are meant."""
        return Sought(states=(queue.state,), endpoint=self.endpoint, why=self.why)


def router(desk: Desk) -> APIRouter:
    """A page for each queue, its acts, and the page of an act on many."""
    routes = APIRouter(prefix="/desk")
    viewer, worker = Depends(desk.entry.needs(Role.VIEW)), Depends(desk.entry.needs(Role.WORK))
    for queue in QUEUES:
        for make, method, end in ((_shows, "GET", ""), (_does, "POST", ""), (_asks, "GET", "/sure")):
            routes.add_api_route(f"/{queue.name}{end}", make(desk, queue), methods=[method], response_model=None)

    @routes.get("/jobs/{job_id}", response_model=None)
    async def job(request: Request, job_id: str, who: Session = viewer) -> Response:
        """How far an act on many is."""
        found = await _job(desk, job_id, who)
        part = "job_state.html" if request.headers.get("hx-request") else "job.html"
        return desk.page(request, part, who, job=found, people=await _refused(desk, found))

    @routes.post("/jobs/{job_id}/stop", response_model=None)
    async def stop(job_id: str, who: Session = worker) -> Response:
        """Ends it after the step that is under way; what is done stays done."""
        await desk.bulk.stop(await _job(desk, job_id, who))
        return RedirectResponse(f"/desk/jobs/{job_id}", 303)

    return routes


def _whose(who: Session) -> str | None:
    """Whose acts on many somebody sees and stops: their own; None: everybody's."""
    return None if who.role.covers(Role.ADMIN) else who.name


async def _job(desk: Desk, job_id: str, who: Session) -> Job:
    """An act on many that is somebody's to see. Raises NotFound."""
    found = await desk.bulk.of(job_id, _whose(who))
    if found is None:
        raise NotFound("You have begun nothing like this, or it is more than a week ago. Audit has what was done.")
    return found


async def _refused(desk: Desk, job: Job) -> dict[str, Lead]:
    """The first leads that an act was not done to, by id."""
    return {one.id: one.lead for one in await desk.outbox.books.of_ids(list(job.refused))}


def _shows(desk: Desk, queue: Queue) -> Any:
    viewer = Depends(desk.entry.needs(Role.VIEW))

    async def show(request: Request, before: str = "", did: str = "", who: Session = viewer) -> Response:
        """The queue, the newest first; `did` is what somebody has just done here."""
        narrowed = Narrowed.of(request.query_params)
        done = await desk.bulk.of(did[:16], who.name) if did else None
        return await _page(desk, request, queue, who, narrowed, before=before[:26], did=done)

    return show


def _does(desk: Desk, queue: Queue) -> Any:
    worker = Depends(desk.entry.needs(Role.WORK))

    async def do(request: Request, who: Session = worker) -> Response:
        """Does `act` to the leads that are chosen; to `all` of them, or for good, only once the count was seen."""
        form = await posted(request)
        narrowed = Narrowed.of(form)
        act, allow = str(form.get("act", "")), bool(form.get("allow"))
        if act not in queue.acts:
            raise NotFound("There is nothing like that to do here.")
        check_role(who.role, act)
        once = str(form.get("once", ""))[:16] or secrets.token_hex(8)
        if await desk.bulk.of(once, who.name) is not None:
            return RedirectResponse(f"/desk/jobs/{once}", 303)
        takes_all, upto = bool(form.get("all")), str(form.get("upto", ""))[:26] or desk.outbox.new_id()
        ids = await _chosen(desk, form, narrowed.sought(queue) if takes_all else None, upto)
        if ids and (takes_all or act == "erase") and not _has_seen(form, len(ids)):
            meant = {"all": "1", "upto": upto} if takes_all else {}
            query = narrowed.query(act=act, allow="1" if allow else "", **meant)
            query += "" if takes_all else f"&{urlencode({'id': ids}, doseq=True)}"
            return RedirectResponse(f"{queue.path}/sure?{who.sealed(query)}", 303)
        work = doing(desk.hands(who), desk.config, act, chosen_in={queue.state}, allow=allow)
        job = Job(once, who.name, act, narrowed.at(queue), len(ids), desk.clock())
        if len(ids) > A_STEP or (ids and takes_all):
            await desk.bulk.start(job, ids, work)
            return RedirectResponse(f"/desk/jobs/{once}", 303)
        await desk.bulk.keep(job, await work(ids) if ids else {})
        return RedirectResponse(f"{queue.path}?{narrowed.query(did=once)}", 303)

    return do


def _asks(desk: Desk, queue: Queue) -> Any:
    worker = Depends(desk.entry.needs(Role.WORK))

    async def ask(request: Request, who: Session = worker) -> Response:
        """Asks whether the act is meant for as many as there are now; only where a page of this session led to it."""
        asked, narrowed = request.query_params, Narrowed.of(request.query_params)
        takes_all, upto = bool(asked.get("all")), asked.get("upto", "")
        ids = list[str]()
        if who.has_sealed(request.url.query):
            ids = await _chosen(desk, asked, narrowed.sought(queue) if takes_all else None, upto)
        if not takes_all:
            ids = [one.id for one in await desk.outbox.books.of_ids(ids) if one.lead.state is queue.state]
        if not ids:
            return RedirectResponse(narrowed.at(queue), 303)
        meant = {"ids": [] if takes_all else ids, "takes_all": takes_all, "count": len(ids), "upto": upto}
        values: dict[str, Any] = {"queue": queue, "act": asked["act"], "narrowed": narrowed, **meant}
        values["allow"] = bool(asked.get("allow"))
        return desk.page(request, "sure.html", who, **values, once=secrets.token_hex(8))

    return ask


async def _chosen(desk: Desk, form: FormData | QueryParams, sought: Sought | None, upto: str) -> list[str]:
    """The leads that are ticked, or all that are sought which came in before `upto`."""
    if sought is None:
        return list(dict.fromkeys(map(str, form.getlist("id"))))
    return await desk.outbox.books.read(partial(search.ids, sought=sought, upto=upto))


def _has_seen(form: FormData, count: int) -> bool:
    """Whether that many leads, or more, were confirmed: of those that were older some may have come to stand here."""
    seen = str(form.get("confirmed", ""))
    return seen.isascii() and seen.isdigit() and count <= int(seen[:9])


async def _page(
    desk: Desk,
    request: Request,
    queue: Queue,
    who: Session,
    narrowed: Narrowed,
    *,
    before: str = "",
    did: Job | None = None,
) -> Response:
    """A queue, with the act on leads that somebody `did`; it may have been on none."""
    values = {
        "did": did,
        "people": await _refused(desk, did) if did else {},
        **await part_of(desk, queue, narrowed, before),
    }
    values |= {
        "acts": [act for act in queue.acts if who.role.covers(NEEDS[act])],
        "jobs": await desk.bulk.running(_whose(who)),
    }
    return desk.page(request, "queue.html", who, **values)


async def part_of(desk: Desk, queue: Queue, narrowed: Narrowed, before: str) -> dict[str, Any]:
    """What a queue's page shows: a page of leads, and how many there are of each kind."""
    books, sought = desk.outbox.books, narrowed.sought(queue)
    leads, kinds = await asyncio.gather(
        books.read(partial(search.find, sought=sought, before=before, limit=A_PAGE + 1)),
        books.read(partial(search.kinds, sought=replace(sought, why=""))),
    )
    kind = narrowed.why or (next(iter(kinds)) if len(kinds) == 1 else "")
    return {
        "queue": queue,
        "narrowed": narrowed,
        "advice": advice(queue.state, kind),
        "first": next(filter(queue.acts.__contains__, first_acts(queue.state, kind)), ""),
        "leads": leads[:A_PAGE],
        "more": leads[A_PAGE - 1].id if len(leads) > A_PAGE else "",
        "before": before,
        "total": kinds.get(narrowed.why, 0) if narrowed.why else sum(kinds.values()),
        "kinds": {kind: count for kind, count in list(kinds.items())[:MOST_KINDS] if kind},
        "endpoints": desk.config.names,
    }

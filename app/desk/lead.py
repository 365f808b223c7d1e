"""One lead: what was sent, what it became and why, all that happened to it, and what can be done now."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from app.desk.desk import HEADERS, Desk
from app.desk.entry import Session
from app.errors import ActRefused, NotFound
from app.lead import FIELDS, LeadState
from app.outbox.acts import ACTS
from app.outbox.records import Attempt, Deed, Role, StoredLead, StoredSubmission
from app.outbox.remap import remap
from app.preview import fields_of

NEEDS: Final[Mapping[str, Role]] = {
    **dict.fromkeys(("release", "resend", "edit", "remap", "spam", "discard"), Role.WORK),
    "erase": Role.ADMIN,
}
"""What may be done to a lead here, and the role that may."""
OUTCOMES: Final[Mapping[str, str]] = {
    "created": "AgencyHandy took it",
    "e-mail taken": "AgencyHandy said that it has this e-mail address already",
    "role refused": "AgencyHandy refused the client role; it is asked for anew",
    "refused": "AgencyHandy refused this lead",
    "access refused": "AgencyHandy did not let the relay in",
    "busy": "AgencyHandy asked to come back later",
    "not sent": "AgencyHandy could not be reached",
    "unknown": "No clear answer came: it may have arrived or not",
}
"""A try's outcome in words, by what delivery calls it."""
MOST_SHOWN: Final = 20_000


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the timeline: when, what happened, more about it, and words that somebody else said."""

    at: datetime
    what: str
    more: str = ""
    said: str = ""
    kind: str = ""


def router(desk: Desk) -> APIRouter:
    """A lead's page, its request as a file, and an address for each act."""
    routes, viewer = APIRouter(prefix="/desk/leads"), Depends(desk.entry.needs(Role.VIEW))

    @routes.get("/{lead_id}", response_model=None)
    async def show(request: Request, lead_id: str, who: Session = viewer) -> Response:
        """Everything about one lead."""
        return desk.page(request, "lead.html", who, **await whole(desk, lead_id), wrong="", typed={})

    @routes.get("/{lead_id}/request", response_model=None)
    async def raw(lead_id: str, who: Session = viewer) -> Response:
        """The request as it came, as a file."""
        _, submission = await stored(desk, lead_id)
        body = submission.body if submission else b""
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="request-{lead_id}.txt"'}
        return Response(body, media_type="application/octet-stream", headers=headers)

    for act, role in NEEDS.items():
        routes.add_api_route(f"/{{lead_id}}/{act}", _does(desk, act, role), methods=["POST"], response_model=None)
    return routes


def _does(desk: Desk, act: str, role: Role) -> Any:
    """The answer to a button: the act is done, and the page shown again."""
    person = Depends(desk.entry.needs(role))

    async def do(request: Request, lead_id: str, who: Session = person) -> Response:
        form, hands = await request.form(), desk.hands(who)
        typed = {name: str(form.get(name, "")) for name in FIELDS if name in form}
        lead, _ = await stored(desk, lead_id)
        try:
            if act == "remap":
                changes = {one.id: one.refusal for one in await remap(hands, lead_id, desk.config)}
                refused = {id_: why for id_, why in changes.items() if why and id_ == lead_id}
            elif act == "edit":
                refused = await hands.do(act, [lead_id], changed(lead, typed), desk.config)
            else:
                refused = await hands.do(act, [lead_id])
        except ActRefused as error:
            refused = {lead_id: str(error)}
        if not refused:
            return RedirectResponse(f"/desk/leads/{lead_id}", 303)
        words = f"Nothing was done: {refused[lead_id]}."
        return desk.page(request, "lead.html", who, 409, **await whole(desk, lead_id), wrong=words, typed=typed)

    return do


def changed(lead: StoredLead, typed: Mapping[str, str]) -> dict[str, str]:
    """The fields whose value differs from what it was. ActRefused where none does."""
    was = {name: getattr(lead.lead, ours) for name, ours in FIELDS.items()}
    new = {name: value for name, value in typed.items() if value.strip() != str(was[name] or "").strip()}
    if not new:
        raise ActRefused("no field was changed; to send it as it is, press Send")
    return new


async def stored(desk: Desk, lead_id: str) -> tuple[StoredLead, StoredSubmission | None]:
    """The lead and its request. Raises NotFound."""
    lead = await desk.outbox.books.lead(lead_id)
    if lead is None:
        raise NotFound("There is no such lead.")
    return lead, await desk.outbox.books.submission(lead.submission_id)


async def whole(desk: Desk, lead_id: str) -> dict[str, Any]:
    """What the page shows. Raises NotFound."""
    lead, submission = await stored(desk, lead_id)
    books = desk.outbox.books
    tries, deeds = await asyncio.gather(books.attempts(lead_id), books.trail(lead_id, 200))
    return {
        "one": lead,
        "lead": lead.lead,
        "submission": submission,
        "fields": list(fields_of(lead.lead)),
        "values": {name: getattr(lead.lead, ours) for name, ours in FIELDS.items()},
        "body": submission.body[:MOST_SHOWN].decode("utf-8", "replace") if submission else "",
        "events": sorted(timeline(lead, submission, tries, deeds), key=lambda event: event.at),
        "acts": {act: role for act, role in NEEDS.items() if lead.lead.state in ACTS[act].states},
    }


def timeline(
    lead: StoredLead, submission: StoredSubmission | None, tries: list[Attempt], deeds: list[Deed]
) -> Iterator[Event]:
    """All that happened to a lead."""
    read_as = f"read as {submission.source}" if submission and submission.source else ""
    yield Event(lead.received_at, f"Received at {lead.endpoint}", read_as, kind="received")
    if submission is not None and submission.repeats:
        yield Event(lead.received_at, f"It came again {submission.repeats} times, and was recognised")
    for one in tries:
        number = f"{one.status}, " if one.status else ""
        more = f"{number}{one.duration_ms:,} ms"
        yield Event(one.at, OUTCOMES.get(one.outcome, one.outcome), more, one.answer, one.outcome.replace(" ", "-"))
    for deed in deeds:
        yield Event(
            deed.at,
            f"{deed.who}: {ACTS[deed.what].done if deed.what in ACTS else deed.what}",
            deed.words,
            kind="by-hand",
        )
    state = lead.lead.state
    if state is LeadState.PENDING and lead.next_attempt_at > lead.received_at:
        yield Event(lead.next_attempt_at, "It is tried again")
    elif lead.settled_at is not None:
        member = f"member {lead.member_id}" if lead.member_id else lead.lead.reason
        yield Event(lead.settled_at, state.value.capitalize(), member, kind=state.value)

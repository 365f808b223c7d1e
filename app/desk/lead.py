"""One lead: what was sent, what it became and why, all that happened to it, and what can be done now."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData
from starlette.responses import JSONResponse, RedirectResponse, Response

from app.config.endpoints import Endpoint, Hook
from app.desk.acting import NEEDS, doing
from app.desk.desk import HEADERS, Desk
from app.desk.entry import Session
from app.desk.posted import posted
from app.desk.story import first_acts, stands, timeline
from app.errors import ActRefused, NotFound
from app.intake.downloads import download
from app.lead import FIELDS, Field, Lead, Reason, kind_of
from app.outbox import search
from app.outbox.acts import not_in
from app.outbox.hands import endpoint_called
from app.outbox.records import Role, Sought, StoredLead, StoredSubmission
from app.outbox.tables import leads
from app.preview import as_typed, fields_of
from app.sheets.export import whole_json
from app.sources import SOURCES
from app.sources.base import Inbound

MOST_SHOWN: Final = 20_000
MOST_READ: Final = 200_000
"""Bytes of a request that are shown, and that are read again to show its fields."""
MOST_OTHERS: Final = 20
LONGEST_NAME: Final = 64
LABELS: Final = {
    "firstName": "First name",
    "lastName": "Last name",
    "email": "E-mail",
    "contactNo": "Phone",
    "message": "Message",
    "source": "Source",
    "status": "Status",
    "positionInBoard": "Position in board",
}
"""AgencyHandy's fields as a person calls them."""


def router(desk: Desk) -> APIRouter:
    """A lead's page, its request and files to save, and an address for each act."""
    routes, viewer = APIRouter(prefix="/desk/leads"), Depends(desk.entry.needs(Role.VIEW))

    @routes.get("/{lead_id}", response_model=None)
    async def show(request: Request, lead_id: str, who: Session = viewer) -> Response:
        """Everything about one lead."""
        return desk.page(
            request, "lead.html", who, **await whole(desk, lead_id, who), wrong="", typed={}, wrong_field=""
        )

    @routes.get("/{lead_id}/request", response_model=None)
    async def raw(lead_id: str, who: Session = viewer) -> Response:
        """The request as it came, as a file."""
        _, submission = await stored(desk, lead_id)
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="request-{lead_id}.txt"'}
        body = submission.body if submission else b""
        return Response(body, media_type="application/octet-stream", headers=headers)

    @routes.get("/{lead_id}/lead.json", response_model=None)
    async def as_json(lead_id: str, who: Session = viewer) -> Response:
        """The lead with all that happened to it, as a file."""
        lead, submission = await stored(desk, lead_id)
        tries, files = await asyncio.gather(
            desk.outbox.books.attempts(lead_id), desk.outbox.books.attachments(lead.submission_id)
        )
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="lead-{lead_id}.json"'}
        return JSONResponse(whole_json(lead, submission, tries, files), headers=headers)

    @routes.get("/{lead_id}/{act}", response_model=None)
    async def back(lead_id: str, act: str, who: Session = viewer) -> Response:
        """The address of an act that was refused, when it is loaded again."""
        if act not in NEEDS:
            raise NotFound("There is no such page.")
        return RedirectResponse(f"/desk/leads/{lead_id}", 303)

    @routes.get("/{lead_id}/files/{file_id}", response_model=None)
    async def attached(lead_id: str, file_id: str, who: Session = viewer) -> Response:
        """A file that came with it, to be saved and never to be shown by a browser."""
        lead, _ = await stored(desk, lead_id)
        return await download(desk.outbox, file_id, lead.submission_id)

    for act, role in NEEDS.items():
        routes.add_api_route(f"/{{lead_id}}/{act}", _does(desk, act, role), methods=["POST"], response_model=None)
    return routes


def _does(desk: Desk, act: str, role: Role) -> Any:
    """The answer to a button: the act is done, and the page shown again."""
    person = Depends(desk.entry.needs(role))

    async def do(request: Request, lead_id: str, who: Session = person) -> Response:
        form, hands = await posted(request), desk.hands(who)
        typed, shown = _fields(form, ""), _fields(form, "was.")
        lead, _ = await stored(desk, lead_id)
        chosen_in = {str(form["was"])} if "was" in form else None
        try:
            if act == "edit":
                changes = changed(lead, typed, shown)
                refused = await hands.do(act, [lead_id], changes, desk.config, chosen_in=chosen_in)
            else:
                named, allow = str(form.get("as", ""))[:LONGEST_NAME] or None, bool(form.get("allow"))
                how: dict[str, Any] = {"chosen_in": chosen_in, "allow": allow, "named": named}
                refused = dict(await doing(hands, desk.config, act, **how)([lead_id]))
        except ActRefused as error:
            refused = {lead_id: str(error)}
        if not refused:
            return RedirectResponse(f"/desk/leads/{lead_id}", 303)
        values = {**await whole(desk, lead_id, who), "wrong": refused[lead_id], "typed": typed}
        return desk.page(request, "lead.html", who, 409, **values, wrong_field=_field_in(refused[lead_id]))

    return do


def _field_in(words: str) -> str:
    """The field that a refusal is about; "" where it is about none."""
    name = words.partition(":")[0]
    return name if name in LABELS else ""


def _fields(form: FormData, prefix: str) -> dict[str, str]:
    names = [name for name in FIELDS if f"{prefix}{name}" in form]
    return {name: str(form[f"{prefix}{name}"]).replace("\r\n", "\n") for name in names}


def changed(lead: StoredLead, typed: Mapping[str, str], shown: Mapping[str, str]) -> dict[str, str]:
    """The fields that were typed otherwise than they were shown. ActRefused where none was, or one is no more so."""
    now = lead.lead.texts
    was = {**now, **shown}
    new = {name: value for name, value in typed.items() if value.strip() != was[name].strip()}
    if other := next((name for name in new if now[name].strip() != was[name].strip()), ""):
        raise ActRefused(f"{other}: somebody made this “{now[other]}” meanwhile; save again to have yours")
    if not new:
        raise ActRefused("no field was changed; to send it as it is, press Send")
    return new


async def stored(desk: Desk, lead_id: str) -> tuple[StoredLead, StoredSubmission | None]:
    """The lead and its request. Raises NotFound."""
    lead = await desk.outbox.books.lead(lead_id)
    if lead is None:
        raise NotFound("There is no such lead.")
    return lead, await desk.outbox.books.submission(lead.submission_id)


async def whole(desk: Desk, lead_id: str, who: Session) -> dict[str, Any]:
    """What the page shows. Raises NotFound."""
    lead, submission = await stored(desk, lead_id)
    books, email = desk.outbox.books, lead.lead.email
    tries, deeds, files, together, way, same = await asyncio.gather(
        books.attempts(lead_id),
        books.trail(lead_id, 200),
        books.attachments(lead.submission_id),
        books.ids(leads, leads.c.submission_id == lead.submission_id),
        books.workspace(lead.workspace),
        books.read(partial(search.count, sought=Sought(email or lead_id), most=MOST_OTHERS)),
    )
    place = together.index(lead_id) if lead_id in together else 0
    sent = sent_fields(desk, submission, place) if submission else ()
    is_known = endpoint_called(desk.config, lead.endpoint) is not None
    can = [act for act, role in NEEDS.items() if who.role.covers(role) and may(act, lead, submission)]
    return {
        "one": lead,
        "lead": lead.lead,
        "stands": stands(lead, way),
        "taken_at": next((one.at for one in reversed(tries) if one.outcome == "created"), lead.settled_at),
        "first": next((act for act in first_acts(lead.lead.state, kind_of(lead.lead.reason)) if act in can), ""),
        "read_as": [] if is_known else desk.config.names,
        "submission": submission,
        "sent": sent,
        "files": files,
        "stays": [*_kept_here(lead.lead), *(one.attachment.name for one in files)],
        "together": [one for one in together if one != lead_id],
        "same": same,
        "most": MOST_OTHERS,
        "labels": LABELS,
        "fields": list(fields_of(lead.lead)),
        "values": lead.lead.texts,
        "guess": _written(lead, sent),
        "body": submission.body[:MOST_SHOWN].decode("utf-8", "replace") if submission else "",
        "is_cut": submission is not None and len(submission.body) > MOST_SHOWN,
        "events": timeline(lead, submission, tries, deeds, desk.clock()),
        "can": can,
    }


def may(act: str, lead: StoredLead, submission: StoredSubmission | None) -> bool:
    """Whether an act is offered for a lead: not where it is sure to be refused."""
    is_strange = lead.lead.reason.startswith(Reason.UNKNOWN_ENDPOINT)
    in_vain = {
        "release": not lead.lead.email or is_strange,
        "edit": is_strange,
        "remap": submission is None or not submission.body,
    }
    return not in_vain.get(act) and not not_in(act, lead.lead.state)


def _kept_here(lead: Lead) -> list[str]:
    """What AgencyHandy does not get of what was sent, by name."""
    taken = {origin.key for origin in lead.origins.values()}
    return [*(one.called for one in lead.extra if one.key not in taken), *lead.utm]


def _written(lead: StoredLead, sent: Sequence[Field]) -> str:
    """What was written where the e-mail address should be, and is none: so that a slip is mended, not typed anew."""
    origin = lead.lead.origins.get("email")
    known = (one.value for one in sent if origin and origin.key in (one.key, one.label))
    return "" if lead.lead.email else next(known, "")


def sent_fields(desk: Desk, submission: StoredSubmission, place: int) -> tuple[Field, ...]:
    """What was filled in about one person, field by field; () where the request cannot be read any more."""
    if not submission.body or len(submission.body) > MOST_READ or submission.source not in SOURCES:
        return ()
    named: Endpoint = Hook(name="any", source=submission.source, open=True)
    endpoint = endpoint_called(desk.config, submission.endpoint) or named
    return as_typed(Inbound(submission.body, submission.headers), endpoint, submission.received_at, place)

"""`POST /api/v1/leads`: leads that a program sends in, on the one way that every enquiry goes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, ClassVar, Final

from fastapi import APIRouter, Body, Header, Query, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, StrictStr, Tag, model_validator
from pydantic.alias_generators import to_camel
from pydantic.config import JsonDict

from app.api.door import Caller, Door
from app.api.problems import BODY, Conflict, Invalid, Wrong, may
from app.api.shapes import Accepted, Standing
from app.config.endpoints import API, Endpoint, for_programs
from app.errors import StoreUnreadable
from app.intake.guard import inbound_of
from app.lead import LeadState, Receipt
from app.mapping import people
from app.outbox import submissions
from app.outbox.hands import endpoint_called
from app.repeats import digest
from app.sources.base import Inbound
from app.sources.trees import MAX_ENTRIES, clean, read_json

LONGEST_WAIT: Final = 30
FIRST_LOOK, LAST_LOOK = 0.05, 1.0
"""Seconds between two looks at what became of leads: at first, and in the end."""
UNDER_WAY: Final = frozenset((LeadState.PENDING, LeadState.SENDING))
ADA: Final[JsonDict] = {"firstName": "Ada", "email": "ada@example.com", "message": "Do you build engines?", "budget": 5}
ONCE: Final = "Any text of your own that names this request: sent again with it, nothing is stored twice."


def _address(given: str) -> str:
    if not people.email(given):
        raise ValueError("this is not a valid e-mail address")
    return given


class Fields(BaseModel):
    """A lead's fields by their own names."""

    model_config = ConfigDict(alias_generator=to_camel)

    first_name: StrictStr = ""
    last_name: StrictStr = ""
    email: StrictStr = ""
    contact_no: StrictStr = ""
    message: StrictStr = ""
    source: StrictStr = ""
    status: StrictStr = ""
    position_in_board: Annotated[int, Field(strict=True, ge=0, lt=10**9)] | None = None


class LeadFields(Fields):
    """A lead: its fields, of which the address has to be given. Any others are kept beside, and mapped as usual."""

    model_config = ConfigDict(
        extra="allow", json_schema_extra={"example": ADA, "properties": {"endpoint": False, "leads": False}}
    )
    around: ClassVar[frozenset[str]] = frozenset(("endpoint", "leads"))

    email: Annotated[StrictStr, AfterValidator(_address), Field(json_schema_extra={"format": "email"})]

    @model_validator(mode="before")
    @classmethod
    def _is_one_lead(cls, given: Any) -> Any:
        if isinstance(given, dict) and (name := next(iter(cls.around & given.keys()), "")):
            raise ValueError(f"`{name}` is no field of a lead: it stands beside `leads`")
        return given


class OneLead(LeadFields):
    """One lead, and the name of the form or hook that it is for; without one it is the API's own."""

    model_config = ConfigDict(
        json_schema_extra={"example": {**ADA, "endpoint": "contact"}, "properties": {"leads": False}}
    )
    around: ClassVar[frozenset[str]] = frozenset()

    endpoint: StrictStr | None = None


class ManyLeads(BaseModel):
    """Several leads for one endpoint: all are stored, or none."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"leads": [ADA], "endpoint": "contact"}})

    leads: Annotated[list[LeadFields], Field(min_length=1, max_length=MAX_ENTRIES)]
    endpoint: StrictStr | None = None


def _which(given: Any) -> str:
    return "many leads" if isinstance(given, Mapping) and "leads" in given else "one lead"


Leads = Annotated[
    Annotated[OneLead, Tag("one lead")] | Annotated[ManyLeads, Tag("many leads")], Discriminator(_which), Body()
]
Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255, description=ONCE)]
Wait = Annotated[int, Query(ge=0, le=LONGEST_WAIT, description="For how many seconds to wait for the delivery.")]


def router(door: Door) -> APIRouter:
    """The route that takes leads in."""
    routes, writes = door.routes(), door.needs("leads:write")

    @routes.post("/leads", status_code=202, summary="Send leads in", responses=may(409, *BODY))
    async def send(
        request: Request, leads: Leads, *, caller: Caller = writes, key: Key = None, wait: Wait = 0
    ) -> Accepted:
        """Stores one lead or many, and sends them on. Answered when they are on disk, so that they cannot be lost."""
        if not door.takes:
            raise Conflict("This relay only delivers (ROLE=delivery): send leads to one that takes them in.")
        inbound = inbound_of(request, await request.body(), door.intake.public_url)
        receipt = await stored(door, caller, inbound, called(door, leads.endpoint or API), key)
        return await waited(door, receipt, wait)

    return routes


def called(door: Door, name: str) -> Endpoint:
    """The form or hook of that name, or the API's own. Raises Invalid."""
    known = endpoint_called(door.intake.config, name)
    if known is None:
        raise Invalid(Wrong(detail=f"no form or hook is called {clean(name)[:64]}", pointer="#/endpoint"))
    return known


async def stored(door: Door, caller: Caller, inbound: Inbound, endpoint: Endpoint, key: str | None) -> Receipt:
    """The receipt, when everything is on disk. Raises Invalid for what cannot be read, or a key used for another."""
    reading = await door.intake.read(inbound, for_programs(endpoint, None))
    if reading.problem is not None:
        raise Invalid(Wrong(detail=str(reading.problem), pointer="#"))
    if key is not None:
        mark = digest("api", caller.name, key)
        reading = replace(reading, submission=replace(reading.submission, fingerprint=mark, fingerprint_expires=None))
    receipt = await door.intake.store(reading)
    if key is not None and receipt.repeat and not await _is_same(door, receipt, inbound.body):
        words = "this key was used for another request; take a new one for each"
        raise Invalid(Wrong(detail=words, header="Idempotency-Key"))
    return receipt


async def _is_same(door: Door, receipt: Receipt, body: bytes) -> bool:
    """Whether the first request said the same; of one that was erased that is not known any more."""
    first = await door.intake.outbox.books.submission(receipt.id)
    return first is None or not first.body or first.body == body or read_json(first.body) == read_json(body)


async def waited(door: Door, receipt: Receipt, seconds: int) -> Accepted:
    """How the leads stand; not before they are settled, so many seconds are over, or the relay stops.

    Where that cannot be read, how they stood when they were stored: they are, whatever becomes of the answer.
    """
    deadline, pause = time.monotonic() + seconds, FIRST_LOOK
    leads = [Standing(id=lead_id, state=state, reason="") for lead_id, state in receipt.leads]
    while True:
        with suppress(StoreUnreadable):
            leads = await stand(door, [one.id for one in leads])
        left = deadline - time.monotonic()
        if left <= 0 or door.feed.is_closed or UNDER_WAY.isdisjoint(one.state for one in leads):
            return Accepted(id=receipt.id, leads=leads, repeat=receipt.repeat)
        await asyncio.sleep(min(pause, left))
        pause = min(pause * 1.5, LAST_LOOK)


async def stand(door: Door, lead_ids: Sequence[str]) -> list[Standing]:
    """How leads stand just now, in the order of their ids."""
    found = await door.intake.outbox.books.read(partial(submissions.stand, lead_ids=lead_ids))
    return [Standing.model_validate(one) for one in found]

"""Leads as they are listed, searched and seen whole. What is searched for is posted, and never stands in an address."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.door import Caller, Door
from app.api.paging import Cursor, Cursors, Id, Limit, Moment, Word, link
from app.api.problems import BODY, may
from app.api.shapes import Lead, LeadPage, WholeLead, files_of, values_of
from app.errors import NotFound
from app.lead import LeadState
from app.outbox import search
from app.outbox.records import Sought
from app.preview import fields_of

A_PAGE = 50
MOST_DEEDS = 200


class Filters(BaseModel):
    """Which leads are meant, and which page of them."""

    model_config = ConfigDict(extra="forbid")

    state: Annotated[list[LeadState], Field(max_length=len(LeadState), description="Any of these states.")] = []
    endpoint: Annotated[Word, Field(description="What came in at this form or hook.")] = ""
    source: Annotated[Word, Field(description="What was acquired like this.")] = ""
    since: Annotated[Moment | None, Field(description="What came in at this time or later.")] = None
    until: Annotated[Moment | None, Field(description="What came in before this time.")] = None
    limit: Limit = A_PAGE
    cursor: Cursor | None = None

    def sought(self, words: str = "") -> Sought:
        """The leads themselves."""
        return Sought(words, tuple(self.state), self.endpoint, self.source, since=self.since, until=self.until)


class Search(Filters):
    """What leads are looked for by: words that stand in them, and the filters of the list."""

    model_config = ConfigDict(json_schema_extra={"example": {"words": "ada example.com", "state": ["held"]}})

    words: Annotated[Word, Field(description="Beginnings of words of a name, address, message; or a number's digits.")]
    limit: Annotated[Limit, Field(strict=True)] = A_PAGE


def router(door: Door) -> APIRouter:
    """The routes that read leads."""
    routes, reads = door.routes(), door.needs("leads:read")

    @routes.get("/leads", summary="List leads", responses=may())
    async def listed(
        request: Request, response: Response, asked: Annotated[Filters, Query()], caller: Caller = reads
    ) -> LeadPage:
        """The newest leads first."""
        page = await found(door, asked.sought(), asked.limit, asked.cursor)
        link(request, response, page.next)
        return page

    @routes.post("/leads/search", summary="Search leads", responses=may(*BODY))
    async def searched(asked: Search, caller: Caller = reads) -> LeadPage:
        """The newest leads first of those in which all of the words stand. Words are posted, as they are personal."""
        return await found(door, asked.sought(asked.words), asked.limit, asked.cursor)

    @routes.get("/leads/{lead_id}", summary="See a lead", responses=may(404))
    async def whole(lead_id: Id, caller: Caller = reads) -> WholeLead:
        """Its fields and where they come from, every try to deliver it, and what was done to it."""
        return await whole_lead(door, lead_id)

    return routes


async def found(door: Door, sought: Sought, limit: int, cursor: str | None) -> LeadPage:
    """A page of leads. Raises Invalid for a cursor of another list."""
    outbox = door.intake.outbox
    cursors = Cursors(outbox, repr(sought))
    page = partial(search.find, sought=sought, before=cursors.before(cursor), limit=limit + 1)
    leads = await outbox.books.read(page)
    more = cursors.after(leads[limit - 1].id) if len(leads) > limit else None
    return LeadPage(data=[Lead.model_validate(values_of(one)) for one in leads[:limit]], next=more)


async def whole_lead(door: Door, lead_id: str) -> WholeLead:
    """One lead with all that happened to it. Raises NotFound."""
    books = door.intake.outbox.books
    lead = await books.lead(lead_id)
    if lead is None:
        raise NotFound("There is no such lead.")
    submission, tries, trail, files = await asyncio.gather(
        books.submission(lead.submission_id),
        books.attempts(lead_id),
        books.trail(lead_id, MOST_DEEDS),
        books.attachments(lead.submission_id),
    )
    told = {"fields": list(fields_of(lead.lead)), "tries": tries, "trail": trail[::-1], "attachments": files_of(files)}
    repeats = submission.repeats if submission else 0
    return WholeLead.model_validate({**values_of(lead), **told, "repeats": repeats})

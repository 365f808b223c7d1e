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
from app.api.shapes import Lead, LeadPage, WholeLead
from app.errors import NotFound
from app.lead import LeadState
from app.outbox import search
from app.outbox.records import Sought

A_PAGE = 50


class Search(BaseModel):
    """What leads are looked for by: words that stand in them, and the filters of the list."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"example": {"words": "ada example.com", "state": ["held"]}}
    )

    words: Annotated[Word, Field(description="Beginnings of words of a name, address, message; or a number's digits.")]
    state: Annotated[list[Annotated[LeadState, Field(strict=False)]], Field(max_length=len(LeadState))] = []
    endpoint: Word = ""
    source: Word = ""
    since: Moment | None = None
    until: Moment | None = None
    limit: Limit = A_PAGE
    cursor: Cursor | None = None


def router(door: Door) -> APIRouter:
    """The routes that read leads."""
    routes, reads = door.routes(), door.needs("leads:read")

    @routes.get("/leads", summary="List leads", responses=may())
    async def listed(
        request: Request,
        response: Response,
        *,
        caller: Caller = reads,
        state: Annotated[list[LeadState] | None, Query(description="One of these states.")] = None,
        endpoint: Annotated[Word, Query(description="What came in at this form or hook.")] = "",
        source: Annotated[Word, Query(description="What was acquired like this.")] = "",
        since: Annotated[Moment | None, Query(description="What came in at this time or later.")] = None,
        until: Annotated[Moment | None, Query(description="What came in before this time.")] = None,
        limit: Limit = A_PAGE,
        cursor: Cursor | None = None,
    ) -> LeadPage:
        """The newest leads first."""
        sought = Sought("", tuple(state or ()), endpoint, source, since=since, until=until)
        page = await found(door, sought, limit, cursor)
        link(request, response, page.next)
        return page

    @routes.post("/leads/search", summary="Search leads", responses=may(*BODY))
    async def searched(asked: Search, caller: Caller = reads) -> LeadPage:
        """The newest leads first of those in which all of the words stand. Words are posted, as they are personal."""
        sought = Sought(
            asked.words, tuple(asked.state), asked.endpoint, asked.source, since=asked.since, until=asked.until
        )
        return await found(door, sought, asked.limit, asked.cursor)

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
    return LeadPage(data=[Lead.of(one) for one in leads[:limit]], next=more)


async def whole_lead(door: Door, lead_id: str) -> WholeLead:
    """One lead with all that happened to it. Raises NotFound."""
    books = door.intake.outbox.books
    lead = await books.lead(lead_id)
    if lead is None:
        raise NotFound("There is no such lead.")
    return WholeLead.whole(
        lead,
        *await asyncio.gather(
            books.submission(lead.submission_id),
            books.attempts(lead_id),
            books.trail(lead_id, MOST_DEEDS),
            books.attachments(lead.submission_id),
        ),
    )


MOST_DEEDS = 200

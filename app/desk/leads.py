"""The list of leads: search as you type, filters, and a page after the other however many there are.

What is searched for is somebody's name or address, so it is posted and never stands in an address or a log.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta, tzinfo
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import FormData, QueryParams
from starlette.responses import Response, StreamingResponse

from app.desk.clock import zone_of
from app.desk.desk import HEADERS, Desk
from app.desk.entry import Session
from app.desk.posted import posted
from app.lead import LeadState
from app.outbox import search
from app.outbox.hands import Hands
from app.outbox.records import Role, Sought
from app.sheets.export import MARK, as_csv

A_PAGE: Final = 50
AT_ONCE: Final = 500
COUNTED: Final = 1000
"""How many leads are counted; where there are more, that is said."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What the page's form says: words, a state, an endpoint, a source, and the first and the last day."""

    words: str = ""
    state: str = ""
    endpoint: str = ""
    source: str = ""
    since: str = ""
    until: str = ""

    @classmethod
    def of(cls, given: FormData | QueryParams) -> Filters:
        """As they were sent; words only where they were posted."""
        said = {one.name: str(given.get(one.name, "")).strip()[:200] for one in fields(cls)}
        return cls(**said if isinstance(given, FormData) else {**said, "words": ""})

    def sought(self, zone: tzinfo) -> Sought:
        """The leads that are meant, of days in a zone; what cannot be is left out."""
        return Sought(
            self.words,
            states=tuple(state for state in LeadState if state.value == self.state),
            endpoint=self.endpoint,
            source=self.source,
            since=_day(self.since, zone),
            until=_day(self.until, zone, later=1),
        )

    @property
    def names(self) -> list[str]:
        """Of the fields that ask for something."""
        return [one.name for one in fields(self) if getattr(self, one.name)]

    @property
    def are_any(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.names)


def router(desk: Desk) -> APIRouter:
    """The list, as a page and as the part of it that changes while somebody types."""
    routes, viewer = APIRouter(prefix="/desk"), Depends(desk.entry.needs(Role.VIEW))
    admin = Depends(desk.entry.needs(Role.ADMIN))

    @routes.get("/leads", response_model=None)
    async def leads(request: Request, who: Session = viewer) -> Response:
        """The newest leads, by the filters that stand in the address."""
        filters = Filters.of(request.query_params)
        return desk.page(request, "leads.html", who, **await found(desk, request, filters))

    @routes.post("/leads", response_model=None)
    async def look_for(request: Request, who: Session = viewer) -> Response:
        """The same by what was typed; `before` goes on where a page ended."""
        form = await posted(request)
        before = str(form.get("before", ""))[:26]
        values = await found(desk, request, Filters.of(form), before)
        part = "leads_found.html" if request.headers.get("hx-request") else "leads.html"
        return desk.page(request, part, who, **values)

    @routes.post("/leads/export", response_model=None)
    async def export(request: Request, who: Session = admin) -> Response:
        """All that are found, with every field, as a table; the audit trail says that they were taken."""
        filters, now = Filters.of(await posted(request)), desk.now(request)
        sought = filters.sought(zone_of(request.cookies))
        ids = await desk.outbox.books.read(partial(search.ids, sought=sought, upto=desk.outbox.new_id()))
        name = f'attachment; filename="leads-{now:%Y-%m-%d-%H%M}.csv"'
        headers = {**HEADERS, "Content-Disposition": name}
        rows = table(desk, desk.hands(who), ids)
        first = await anext(rows, "")
        return StreamingResponse(_whole(first, rows), media_type="text/csv", headers=headers)

    return routes


async def table(desk: Desk, hands: Hands, ids: Sequence[str]) -> AsyncIterator[str]:
    """The leads as a spreadsheet's CSV, some at a time."""
    for start in range(0, len(ids), AT_ONCE):
        leads = await desk.outbox.books.of_ids(ids[start : start + AT_ONCE])
        await hands.note_export([lead.id for lead in leads])
        yield MARK * (start == 0) + as_csv(leads, has_head=start == 0)


async def _whole(first: str, rows: AsyncIterator[str]) -> AsyncIterator[str]:
    """All rows again, once it is known that they can be had."""
    yield first
    async for some in rows:
        yield some


async def found(desk: Desk, request: Request, filters: Filters, before: str = "") -> Mapping[str, Any]:
    """A page of leads, and how many there are."""
    sought, books = filters.sought(zone_of(request.cookies)), desk.outbox.books
    leads, count, sources = await asyncio.gather(
        books.read(partial(search.find, sought=sought, before=before, limit=A_PAGE + 1)),
        books.read(partial(search.count, sought=sought, most=COUNTED)),
        books.read(search.sources),
    )
    return {
        "filters": filters,
        "leads": leads[:A_PAGE],
        "more": leads[A_PAGE - 1].id if len(leads) > A_PAGE else "",
        "before": before,
        "count": count,
        "most": COUNTED,
        "states": [state.value for state in LeadState],
        "sources": sources,
        "endpoints": desk.config.names,
    }


def _day(text: str, zone: tzinfo, later: int = 0) -> datetime | None:
    try:
        return datetime.fromisoformat(text[:10]).replace(tzinfo=zone) + timedelta(days=later) if text else None
    except (ValueError, OverflowError):
        return None

"""A table's rows → leads in the outbox, each row once however often the table is read."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from app.config.endpoints import Endpoint
from app.lead import FIELDS, Lead, LeadState, Reason, Submission
from app.outbox.outbox import Outbox
from app.preview import LeadShown, lead_shown
from app.reader import Reading, read_row
from app.sheets.sheet import Row, Sheet
from app.sources.trees import dotted

AT_ONCE: Final = 200
"""So many rows share a commit."""
SHOWN: Final = 3
MOST_REMEMBERED: Final = 200_000
"""A rehearsal knows a row again within so many different ones."""
MOST_COLUMNS: Final = 2000
REJECTED: Final = ("rejected line", "rejected because")
"""The columns that a file of rejected rows has besides; they say nothing about anybody."""
EXPORTED: Final = ("id", "state", "endpoint", "memberId", "receivedAt", "workspace", "reason")
"""Columns of an export that say where a lead stood in the relay that it comes from."""
AS_EXPORTED: Final = {name: (name,) for name in FIELDS}
PUT_AWAY: Final = (LeadState.SPAM, LeadState.DISCARDED, LeadState.ERASED)


@dataclass(frozen=True, slots=True)
class Import:
    """What to read in, as what. `hold`: leads wait for a person; `per_second`: how fast the others are to be sent."""

    sheet: Sheet
    endpoint: Endpoint
    clock: Callable[[], datetime]
    hold: bool = False
    per_second: float = 100


@dataclass(slots=True)
class Tally:
    """What became, or would become, of a table's rows.

    `leads`: new ones by state; `known`: rows that were read in before, or stand in the table twice; `rejected`: rows by
    the reason; `columns`: column → which fields it became how often; `first`: the first leads, as shown.
    """

    rows: int = 0
    leads: Counter[str] = field(default_factory=Counter)
    known: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    columns: dict[str, Counter[str]] = field(default_factory=dict)
    first: list[LeadShown] = field(default_factory=list)


Reject = Callable[[Row, str], None]
Store = Callable[[list[Submission]], Awaitable[list[bool]]]
"""Takes submissions; of each, whether it was known."""


async def take_in(
    one: Import, outbox: Outbox, reject: Reject, advance: Callable[[int], None], *, dry_run: bool = False
) -> Tally:
    """Reads every row, and stores what is new. What was stored before somebody ended it stays, and is known then."""
    tally = Tally(columns={name: Counter() for name in one.sheet.columns})
    store = _rehearsed(outbox) if dry_run else _stored(one, outbox)
    told, seen = [0], 0
    table = one.sheet.rows(told)
    while rows := list(islice(table, AT_ONCE)):
        good: list[Reading] = []
        for row in rows:
            reading, why = _read(one, row)
            if reading is None:
                tally.rejected[why] += 1
                reject(row, why)
            else:
                good.append(reading)
        known = await store([reading.submission for reading in good]) if good else []
        for reading, is_known in zip(good, known, strict=True):
            tally.known += is_known
            _count(tally, reading, is_new=not is_known)
        tally.rows += len(rows)
        advance(told[0] - seen)
        seen = told[0]
    return tally


def _rehearsed(outbox: Outbox) -> Store:
    seen: set[str] = set()

    async def store(some: list[Submission]) -> list[bool]:
        known = []
        for one, was_there in zip(some, await outbox.known(some), strict=True):
            mark = one.fingerprint[:16]
            known.append(was_there or mark in seen)
            if len(seen) < MOST_REMEMBERED:
                seen.add(mark)
        return known

    return store


def _stored(one: Import, outbox: Outbox) -> Store:
    start, count = one.clock(), 0

    async def store(some: list[Submission]) -> list[bool]:
        nonlocal count
        known = await outbox.known(some)
        fresh = [submission for submission, is_known in zip(some, known, strict=True) if not is_known]
        due = [start + timedelta(seconds=(count + number) / one.per_second) for number in range(len(fresh))]
        adding = (outbox.add(replace(each, due=at)) for each, at in zip(fresh, due, strict=True))
        repeats = iter([receipt.repeat for receipt in await asyncio.gather(*adding)])
        count += len(fresh)
        return [is_known or next(repeats) for is_known in known]

    return store


def _read(one: Import, row: Row) -> tuple[Reading | None, str]:
    """A row as an enquiry; or None and why nobody can be reached by it."""
    if row.problem:
        return None, row.problem
    values, endpoint = dict(zip(one.sheet.columns, row.cells, strict=True)), one.endpoint
    if is_export(one.sheet):
        if values["state"] in PUT_AWAY:
            return None, f"it was {values['state']} where it was exported"
        values, endpoint = _unfolded(values), endpoint.model_copy(update={"mapping": AS_EXPORTED})
    reading = read_row({name: value for name, value in values.items() if name not in REJECTED}, endpoint, one.clock())
    lead = reading.lead
    if lead is None or reading.problem is not None:
        return None, str(reading.problem or "nobody is in it")
    if lead.state is LeadState.HELD and not lead.contact_no:
        return None, f"{lead.reason}, and no phone"
    if one.hold and lead.state is LeadState.PENDING:
        held = replace(lead, state=LeadState.HELD, reason=Reason.IMPORTED.value)
        reading = replace(reading, submission=replace(reading.submission, leads=(held,)))
    return reading, ""


def is_export(sheet: Sheet) -> bool:
    """Whether it is what `leads export` wrote."""
    return {*EXPORTED, *FIELDS, "utm", "extra"} <= set(sheet.columns)


def _unfolded(values: Mapping[str, str]) -> dict[str, str]:
    """An exported lead's fields, with what it had besides, each by its own name."""
    own = {name: value for name, value in values.items() if name not in {*EXPORTED, "utm", "extra"}}
    for name in ("utm", "extra"):
        own |= {key if key not in own else f"{key} 2": str(value) for key, value in _object(values[name]).items()}
    return own


def _object(text: str) -> dict[str, Any]:
    with suppress(ValueError):
        if isinstance(found := json.loads(text or "{}"), dict):
            return found
    return {"extra": text}


def _count(tally: Tally, reading: Reading, *, is_new: bool) -> None:
    lead = reading.submission.leads[0]
    if is_new:
        tally.leads[lead.state.value] += 1
        if len(tally.first) < SHOWN:
            tally.first.append(lead_shown(lead, reading.entries[0]))
    for column, became in _uses(lead):
        if column in tally.columns or len(tally.columns) < MOST_COLUMNS:
            tally.columns.setdefault(column, Counter())[became] += 1


def _uses(lead: Lead) -> Iterator[tuple[str, str]]:
    """Which field each column, or rule, became."""
    called = {ours: name for name, ours in FIELDS.items()} | {"full_name": "name"}
    for ours, origin in lead.origins.items():
        if getattr(lead, ours, True):
            yield origin.key, called.get(ours, ours)
    yield from ((name, "utm") for name in lead.utm)
    yield from ((one.called, "extra") for one in lead.extra)


def became(tally: Tally, sheet: Sheet) -> dict[str, str]:
    """Column → the fields that it became, the most frequent first, "extra" for what is kept beside, "" for nothing."""
    spelled = {dotted(name): name for name in sheet.columns}
    found: dict[str, Counter[str]] = {name: Counter() for name in sheet.columns}
    for key, counts in tally.columns.items():
        found.setdefault(spelled.get(key, key), Counter()).update(counts)
    return {name: ", ".join(one for one, _ in counts.most_common()) for name, counts in found.items()}

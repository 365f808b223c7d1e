"""What became new or other since one last looked, whichever process wrote it. Functions work on an open connection.

A number above what was taken last is not enough: a transaction may have been given an earlier one, and commit later. So
what was seen is known exactly: all transactions below a number, but for those that were still open then.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import or_, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.lead import LeadState
from app.outbox.books import Books
from app.outbox.tables import leads

AT_ONCE: Final = 500
SPELLED: Final = re.compile(r"\d{1,18}(-\d{1,18}){0,200}", re.ASCII)
SNAPSHOT: Final = {
    "sqlite": text("SELECT ':' || (coalesce(max(number), 0) + 1) || ':' FROM turns"),
    "postgresql": text("SELECT CAST(pg_current_snapshot() AS TEXT)"),
}
"""Of the transactions from what number on some are open, from which on all are to come, and those that are open."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody has seen: every transaction below `below` but the `still_open`."""

    below: int
    still_open: tuple[int, ...] = ()

    def __str__(self) -> str:
        return "-".join(map(str, (self.below, *self.still_open)))

    @classmethod
    def of(cls, spelled: str) -> Seen | None:
        """From what `str` gave; None of anything else."""
        if SPELLED.fullmatch(spelled) is None:
            return None
        below, *still_open = map(int, spelled.split("-"))
        return cls(below, tuple(still_open))


@dataclass(frozen=True, slots=True)
class Change:
    """A lead that is new or other, as it is now; of several changes the last one. `turn` is its transaction's."""

    turn: int
    id: str
    state: LeadState
    endpoint: str
    reason: str
    received_at: datetime


async def seen_now(connection: AsyncConnection) -> Seen:
    """All that is committed at this moment."""
    found: str = (await connection.execute(SNAPSHOT[connection.dialect.name])).scalar_one()
    _, below, still_open = found.split(":")
    return Seen(int(below), tuple(map(int, filter(None, still_open.split(",")))))


async def changes(
    connection: AsyncConnection, since: Seen, until: Seen, *, after: Change | None = None, limit: int = AT_ONCE
) -> list[Change]:
    """What is seen in `until` and was not in `since`, from the one that a page ended with.

    A lead that was changed once more after `until` is left to the next time.
    """
    turn = leads.c.changed
    is_new = or_(turn >= since.below, turn.in_(since.still_open)) if since.still_open else turn >= since.below
    columns = (turn, leads.c.id, leads.c.state, leads.c.endpoint, leads.c.reason, leads.c.received_at)
    found = select(*columns).where(is_new, turn < until.below, turn.not_in(until.still_open))
    if after is not None:
        found = found.where(tuple_(turn, leads.c.id) > tuple_(after.turn, after.id))
    rows = await connection.execute(found.order_by(turn, leads.c.id).limit(limit))
    return [Change(row[0], row[1], LeadState(row.state), *row[3:]) for row in rows]


async def pages(books: Books, since: Seen, until: Seen, size: int = AT_ONCE) -> AsyncIterator[Sequence[Change]]:
    """All of them, a page in memory at a time. Raises StoreUnavailable."""
    after: Change | None = None
    while found := await books.read(partial(changes, since=since, until=until, after=after, limit=size)):
        yield found
        after = found[-1]

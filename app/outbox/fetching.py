"""People of whom a provider sent ids only: who is due to be fetched, and what becomes of them.

Each function works on an open connection; `Books.read` and `Outbox.write` give one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.lead import Reason, Submission
from app.outbox import rows, search
from app.outbox.records import Attempt, ToFetch
from app.outbox.tables import IS_HELD, attempts, leads, submissions

UNFETCHED = and_(leads.c.to_fetch.is_not(None), IS_HELD)


def under_way(endpoints: Collection[str], before: datetime) -> ColumnElement[bool]:
    """Whether nobody need look yet: it came later than that to one of the endpoints, and nothing was refused."""
    unsaid = leads.c.reason == literal(f"{Reason.NEEDS_FETCHING}: ") + func.coalesce(leads.c.to_fetch, "")
    return and_(
        func.coalesce(leads.c.to_fetch, "") != "", unsaid, leads.c.endpoint.in_(endpoints), leads.c.received_at > before
    )


async def due(connection: AsyncConnection, *, endpoints: Collection[str], now: datetime, limit: int) -> list[ToFetch]:
    """The leads to be fetched by now, the longest waiting first."""
    columns = (leads.c.id, leads.c.to_fetch, leads.c.submission_id, submissions.c.source, leads.c.endpoint)
    found = select(*columns, leads.c.workspace, leads.c.received_at, leads.c.attempts).join(submissions)
    theirs = found.where(UNFETCHED, leads.c.endpoint.in_(endpoints), leads.c.next_attempt_at <= now)
    ordered = theirs.order_by(leads.c.next_attempt_at, leads.c.id).limit(limit)
    return [ToFetch(*row) for row in await connection.execute(ordered)]


async def found(
    connection: AsyncConnection, one: ToFetch, submission: Submission, submission_id: str, now: datetime
) -> bool:
    """Stores the provider's answer, and moves the lead to it; False where somebody else has dealt with it."""
    mine = (leads.c.id == one.lead_id, leads.c.to_fetch == one.id, UNFETCHED)
    if (await connection.execute(select(leads.c.id).where(*mine).with_for_update())).first() is None:
        return False
    await connection.execute(insert(submissions).values(rows.of_submission(submission_id, submission)))
    values = rows.of_lead(one.lead_id, submission_id, one.workspace, submission, submission.leads[0])
    moved = {"notice_id": one.notice_id, "next_attempt_at": now, "to_fetch": None, "passed_on_at": None}
    await connection.execute(update(leads).where(leads.c.id == one.lead_id).values(values | moved))
    await search.note_again(connection, [one.lead_id])
    return True


async def missed(
    connection: AsyncConnection, *, one: ToFetch, attempt: Attempt, id_: str, reason: str, again: datetime | None
) -> None:
    """Notes a try that had nobody; `again` is when the next one is due, None where there is none."""
    mine = update(leads).where(leads.c.id == one.lead_id, leads.c.to_fetch == one.id, UNFETCHED)
    values = {"reason": reason, "attempts": one.attempts + 1, "next_attempt_at": again or leads.c.next_attempt_at}
    await connection.execute(mine.values(values | ({} if again else {"to_fetch": None})))
    await connection.execute(insert(attempts).values(id=id_, **asdict(attempt)))


async def hurry(connection: AsyncConnection, endpoints: Collection[str], now: datetime) -> None:
    """Makes everybody of the endpoints due who is to be fetched later."""
    later = (UNFETCHED, leads.c.endpoint.in_(endpoints), leads.c.next_attempt_at > now)
    await connection.execute(update(leads).where(*later).values(next_attempt_at=now, changed=leads.c.changed))


async def rest(connection: AsyncConnection, endpoint: str, until: datetime) -> None:
    """Leaves a provider alone that said for how long: nobody of this endpoint is fetched earlier."""
    early = (UNFETCHED, leads.c.endpoint == endpoint, leads.c.next_attempt_at < until)
    await connection.execute(update(leads).where(*early).values(next_attempt_at=until, changed=leads.c.changed))

"""What the watch looks at, in a few cheap queries, and what it keeps: who was told what, who was sent which leads.

Each function works on an open connection; `Books` and `Outbox.write` give one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    delete,
    func,
    literal,
    literal_column,
    select,
    text,
    type_coerce,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from ulid import ULID

from app.lead import Reason
from app.outbox.engine import UPSERT
from app.outbox.records import Alert, Balance, Facts, Workspace
from app.outbox.tables import (
    EPOCH,
    IS_HELD,
    IS_PENDING,
    IS_QUARANTINED,
    IS_SENDING,
    alerts,
    leads,
    ledger,
    submissions,
    workspaces,
)

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
LOOKED_BACK = 200
ENOUGH = 20
"""How many of an endpoint's last submissions are looked at for its longest silence, and how many it takes."""
UNTRUSTED = (Reason.SIGNATURE.value, Reason.UNKNOWN_ENDPOINT.value)
SIZE = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_database_size(current_database())",
}


async def balance(connection: AsyncConnection, since: int) -> Balance:
    """The ledger and the rows from a day on. In one statement, so that both are of one moment on both engines."""
    day = type_coerce(leads.c.received_at, BigInteger) // literal_column("86400000")
    start = EPOCH + since * DAY
    rows = select(day.label("day"), leads.c.endpoint, leads.c.state, func.count()).where(leads.c.received_at >= start)
    noted = (
        select(ledger.c.day, ledger.c.endpoint, literal(what), ledger.c[what]).where(ledger.c.day >= since)
        for what in ("accepted", "dropped")
    )
    found = await connection.execute(union_all(rows.group_by(day, leads.c.endpoint, leads.c.state), *noted))
    return Balance({(row[0], row[1], row[2]): row[3] for row in found if row[3]})


async def facts(
    connection: AsyncConnection, now: datetime, endpoints: Collection[str], ignored: Collection[str]
) -> Facts:
    """All but the balance. `ignored` are workspaces that nobody delivers to on purpose: those of an earlier trial."""
    mine = leads.c.workspace.not_in(ignored)
    each = (select(leads.c.workspace, leads.c.received_at).where(way, mine) for way in ON_THEIR_WAY)
    waiting = union_all(*each).subquery()
    oldest = select(waiting.c.workspace, func.min(waiting.c.received_at)).group_by(waiting.c.workspace)
    held = select(leads.c.reason, func.count()).where(IS_HELD, mine, leads.c.reason.not_in(UNTRUSTED))
    lately = submissions.c.id >= str(ULID.from_datetime(now - HOUR))
    doubted = select(submissions.c.quarantine, func.count()).where(IS_QUARANTINED, lately)
    size = await connection.execute(text(SIZE[connection.dialect.name]))
    began = (await connection.execute(select(func.min(submissions.c.id)))).scalar()
    return Facts(
        at=now,
        waiting=await _pairs(connection, oldest),
        workspaces={one.name: Workspace(**one._mapping) for one in await connection.execute(select(workspaces))},
        held=await _pairs(connection, held.group_by(leads.c.reason)),
        quarantined=await _pairs(connection, doubted.group_by(submissions.c.quarantine)),
        last_seen={name: seen for name in endpoints if (seen := await _last_seen(connection, name))},
        began=ULID.from_str(began).datetime if began else None,
        store_bytes=size.scalar_one(),
    )


ON_THEIR_WAY = (IS_PENDING, IS_SENDING)
RECEIVED = func.coalesce(leads.c.received_at, leads.c.next_attempt_at)
"""Always `received_at`, but spelled so that planners take the small index of a state, not that of all leads by time."""


async def _pairs(connection: AsyncConnection, statement: Any) -> dict[str, Any]:
    return {row[0]: row[1] for row in await connection.execute(statement)}


async def _last_seen(connection: AsyncConnection, endpoint: str) -> tuple[datetime, timedelta | None] | None:
    trusted = select(submissions.c.received_at).where(submissions.c.endpoint == endpoint, ~IS_QUARANTINED)
    found = await connection.execute(trusted.order_by(submissions.c.id.desc()).limit(LOOKED_BACK))
    times = [row.received_at for row in found]
    gaps = [later - earlier for later, earlier in pairwise(times)]
    return (times[0], max(gaps) if len(times) >= ENOUGH else None) if times else None


async def stuck(connection: AsyncConnection, before: datetime, among: ColumnElement[bool], limit: int) -> Sequence[Any]:
    """Rows of the oldest leads that people have not been sent: held, or not at AgencyHandy though from before then."""
    found: list[Any] = []
    too_long = [(way, before >= RECEIVED) for way in ON_THEIR_WAY]
    for condition in ((IS_HELD, leads.c.reason.not_in(UNTRUSTED)), *too_long):
        rows = select(leads).where(*condition, among, leads.c.passed_on_at.is_(None))
        found += await connection.execute(rows.order_by(RECEIVED, leads.c.id).limit(limit))
    return sorted(found, key=lambda row: (row.received_at, row.id))[:limit]


def of_endpoints(names: Collection[str], ignored: Collection[str], *, others: bool) -> ColumnElement[bool]:
    """Leads of these endpoints, or of all others, but for ignored workspaces."""
    named = leads.c.endpoint.not_in(names) if others else leads.c.endpoint.in_(names)
    return named & leads.c.workspace.not_in(ignored)


async def mark_passed_on(connection: AsyncConnection, ids: Collection[str], now: datetime) -> None:
    """Keeps that leads went to people."""
    await connection.execute(update(leads).where(leads.c.id.in_(ids)).values(passed_on_at=now))


async def note_alerts(connection: AsyncConnection, changed: Collection[Alert], gone: Collection[str]) -> None:
    """Keeps who was told what, and forgets what is over."""
    for one in sorted(changed, key=lambda alert: alert.name):
        values = asdict(one)
        statement = UPSERT[connection.dialect.name](alerts).values(values)
        await connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))
    if gone:
        await connection.execute(delete(alerts).where(alerts.c.name.in_(gone)))

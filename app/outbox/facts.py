"""What the watch looks at, in a few cheap queries, and what it keeps: what was told, and which leads people were sent.

Each function works on an open connection; `Books.read` and `Outbox.write` give one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from sqlalchemy import BigInteger, delete, exists, func, literal, literal_column, select, type_coerce, union_all, update
from sqlalchemy.ext.asyncio import AsyncConnection
from ulid import ULID

from app.lead import Reason
from app.outbox import rows
from app.outbox.columns import EPOCH
from app.outbox.engine import UPSERT
from app.outbox.fetching import under_way
from app.outbox.records import Alert, Balance, Facts, StoredLead, Workspace
from app.outbox.tables import (
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

HOUR = timedelta(hours=1)
OTHERS = "others"
"""What an endpoint is called that relay.toml does not name: its name may be anything, as a stranger chose it."""
LOOKED_BACK = 200
ENOUGH = 20
"""How many of an endpoint's last submissions are looked at for its longest silence, and how many it takes."""
NOT_TOLD = (Reason.SIGNATURE, Reason.UNKNOWN_ENDPOINT, Reason.IMPORTED, Reason.TEST)
TRUSTED = leads.c.reason.not_in([reason.value for reason in NOT_TOLD])
"""Held for a reason that people are told of: not for a sender who proved nothing, nor because somebody wanted it so."""
ON_THEIR_WAY = (IS_PENDING, IS_SENDING)
RECEIVED = func.coalesce(leads.c.received_at, leads.c.next_attempt_at)
"""Always `received_at`, but spelled so that planners take the small index of a state, not that of all leads by time."""


async def balance(connection: AsyncConnection, since: int = 0, endpoints: Collection[str] | None = None) -> Balance:
    """The ledger and the rows from a day on. In one statement, so that both are of one moment on both engines.

    With `endpoints` given, all but those are counted together.
    """
    day = type_coerce(leads.c.received_at, BigInteger) // literal_column("86400000")
    start = EPOCH + timedelta(days=since)
    states = select(day.label("day"), leads.c.endpoint, leads.c.state, func.count()).where(leads.c.received_at >= start)
    noted = (
        select(ledger.c.day, ledger.c.endpoint, literal(what), ledger.c[what]).where(ledger.c.day >= since)
        for what in ("accepted", "dropped")
    )
    counts: dict[tuple[int, str, str], int] = {}
    union = union_all(states.group_by(day, leads.c.endpoint, leads.c.state), *noted)
    for on, endpoint, what, count in await connection.execute(union):
        key = on, endpoint if endpoints is None or endpoint in endpoints else OTHERS, what
        counts[key] = counts.get(key, 0) + count
    return Balance({key: count for key, count in counts.items() if count})


async def facts_of(
    connection: AsyncConnection,
    *,
    now: datetime,
    since: int,
    endpoints: Collection[str],
    names: Collection[str],
    ignored: Collection[str],
    fetching: Collection[str],
    before: datetime,
) -> Facts:
    """All but the disk; the balance from a day on.

    `names`: workspaces. `ignored`: those that nobody delivers to on purpose, of an earlier trial. `fetching`: hooks
    that fetch people; until a lead is from `before` then, it is not held but on its way.
    """
    mine = leads.c.workspace.not_in(ignored)
    held = select(leads.c.reason, func.count()).where(IS_HELD, mine, TRUSTED)
    lately = submissions.c.id >= str(ULID.from_datetime(now - HOUR))
    doubted = select(submissions.c.quarantine, func.count()).where(IS_QUARANTINED, lately)
    doubted = doubted.group_by(submissions.c.quarantine)
    still_held = exists().where(leads.c.submission_id == submissions.c.id, IS_HELD, mine)
    ways = await connection.execute(select(workspaces).where(workspaces.c.name.in_(names)))
    first = await connection.scalar(select(func.min(submissions.c.id)))
    waits = await waiting(connection, ignored)
    return Facts(
        at=now,
        balance=await balance(connection, since, endpoints),
        waiting=waits,
        unserved=waits.keys() - set(names),
        workspaces={row.name: Workspace(**row._mapping) for row in ways},
        held=await _pairs(connection, held.where(~under_way(fetching, before)).group_by(leads.c.reason)),
        quarantined=await _pairs(connection, doubted),
        distrusted=await _pairs(connection, doubted.where(still_held)),
        last_seen={name: seen for name in endpoints if (seen := await _last_seen(connection, name))},
        began=ULID.from_str(first).datetime if first else None,
    )


async def waiting(connection: AsyncConnection, ignored: Collection[str]) -> dict[str, datetime]:
    """Workspace → since when the oldest lead is on its way; without `ignored` ones."""
    mine = leads.c.workspace.not_in(ignored)
    ages = union_all(*(select(leads.c.workspace, leads.c.received_at).where(way, mine) for way in ON_THEIR_WAY))
    each = ages.subquery()
    return await _pairs(connection, select(each.c.workspace, func.min(each.c.received_at)).group_by(each.c.workspace))


async def _pairs(connection: AsyncConnection, statement: Any) -> dict[str, Any]:
    return {row[0]: row[1] for row in await connection.execute(statement)}


async def _last_seen(connection: AsyncConnection, endpoint: str) -> tuple[datetime, timedelta | None] | None:
    trusted = select(submissions.c.received_at).where(submissions.c.endpoint == endpoint, ~IS_QUARANTINED)
    found = await connection.execute(trusted.order_by(submissions.c.id.desc()).limit(LOOKED_BACK))
    times = sorted((row.received_at for row in found), reverse=True)
    gaps = [later - earlier for later, earlier in pairwise(times)]
    return (times[0], max(gaps) if len(times) >= ENOUGH else None) if times else None


async def stuck(
    connection: AsyncConnection,
    *,
    before: datetime,
    limit: int,
    endpoint: str | None = None,
    others: Collection[str] = (),
    ignored: Collection[str] = (),
    fetching: Collection[str] = (),
) -> list[StoredLead]:
    """The oldest leads of an endpoint, or of all but `others`, that are held or on their way from before then.

    Without those that people were sent, that nobody trusted, and that are of `ignored` workspaces.
    """
    named = leads.c.endpoint == endpoint if endpoint else leads.c.endpoint.not_in(others)
    mine = (named, leads.c.workspace.not_in(ignored), leads.c.passed_on_at.is_(None))
    found: list[Any] = []
    for where in (
        (IS_HELD, TRUSTED, ~under_way(fetching, before)),
        *((way, before >= RECEIVED) for way in ON_THEIR_WAY),
    ):
        some = select(leads).where(*where, *mine).order_by(RECEIVED, leads.c.id).limit(limit)
        found += await connection.execute(some)
    return [rows.to_stored(row) for row in sorted(found, key=lambda row: (row.received_at, row.id))[:limit]]


async def mark_passed_on(connection: AsyncConnection, ids: Collection[str], now: datetime) -> None:
    """Keeps that leads went to people."""
    await connection.execute(update(leads).where(leads.c.id.in_(ids)).values(passed_on_at=now))


async def note_alerts(connection: AsyncConnection, changed: Collection[Alert], gone: Collection[str]) -> None:
    """Keeps what was told, and forgets what is over."""
    for one in changed:
        values = asdict(one)
        statement = UPSERT[connection.dialect.name](alerts).values(values)
        await connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))
    if gone:
        await connection.execute(delete(alerts).where(alerts.c.name.in_(gone)))

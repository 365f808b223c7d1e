"""Acts on many leads, as every process sees them: how far each is. Each function works on an open connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.outbox.engine import UPSERT
from app.outbox.tables import jobs

KEPT: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Job:
    """An act on leads, under way or over: how many were meant, are done, and of these are `left` as they were.

    `refused` are the first of those with the reason, `reasons` how many have the most frequent ones. `back` is the page
    that it was begun on, `at` when it last got on.
    """

    id: str
    who: str
    act: str
    back: str
    total: int
    at: datetime
    done: int = 0
    left: int = 0
    refused: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    is_over: bool = False
    is_stopped: bool = False
    trouble: str = ""


async def begin(connection: AsyncConnection, job: Job) -> bool:
    """Adds a job; False where there is one with its id. Those of last week are forgotten."""
    await connection.execute(delete(jobs).where(jobs.c.at < job.at - KEPT))
    new = UPSERT[connection.dialect.name](jobs).values(asdict(job)).on_conflict_do_nothing()
    return bool((await connection.execute(new)).rowcount)


async def job_of(connection: AsyncConnection, job_id: str, who: str | None) -> Job | None:
    """An operator's own job; with None anybody's."""
    row = (await connection.execute(_theirs(who).where(jobs.c.id == job_id))).one_or_none()
    return None if row is None else Job(**row._mapping)


async def not_over(connection: AsyncConnection, who: str | None) -> list[Job]:
    """An operator's own jobs, or with None everybody's, that have not come to their end."""
    found = await connection.execute(_theirs(who).where(~jobs.c.is_over).order_by(jobs.c.at.desc()))
    return [Job(**row._mapping) for row in found]


def _theirs(who: str | None) -> Select[Any]:
    return select(jobs) if who is None else select(jobs).where(jobs.c.who == who)


async def change(connection: AsyncConnection, job_id: str, **values: Any) -> bool:
    """Keeps how far a job is; whether somebody has stopped it."""
    changed = update(jobs).where(jobs.c.id == job_id).values(values).returning(jobs.c.is_stopped)
    return bool((await connection.execute(changed)).scalar_one_or_none())

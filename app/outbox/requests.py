"""Submissions as they are listed, and what came of each. Each function works on an open connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.lead import LeadState
from app.outbox import rows
from app.outbox.records import StoredSubmission
from app.outbox.tables import leads, submissions


@dataclass(frozen=True, slots=True)
class Stands:
    """Where a lead stands, and why."""

    id: str
    state: LeadState
    reason: str


LISTED = [column for column in submissions.c if column.name not in {"headers", "body"}]


async def newest(
    connection: AsyncConnection, *, endpoint: str = "", before: str = "", limit: int = 50
) -> list[StoredSubmission]:
    """A page of submissions without their headers and bodies; `before` is the id that the page before ended with."""
    found: Select[Any] = select(*LISTED, literal(None).label("headers"), literal(b"").label("body"))
    found = found.where(submissions.c.endpoint == endpoint) if endpoint else found
    found = found.where(submissions.c.id < before) if before else found
    found = found.order_by(submissions.c.id.desc()).limit(limit)
    return [rows.to_submission(row) for row in await connection.execute(found)]


async def leads_of(connection: AsyncConnection, submission_id: str) -> list[Stands]:
    """The leads that a submission became, in order."""
    return await _stand(connection, (leads.c.submission_id == submission_id) | (leads.c.notice_id == submission_id))


async def stand(connection: AsyncConnection, lead_ids: Sequence[str]) -> list[Stands]:
    """How leads stand just now, in the order of their ids."""
    return await _stand(connection, leads.c.id.in_(lead_ids))


async def _stand(connection: AsyncConnection, which: ColumnElement[bool]) -> list[Stands]:
    found = select(leads.c.id, leads.c.state, leads.c.reason).where(which).order_by(leads.c.id)
    return [Stands(row.id, LeadState(row.state), row.reason) for row in await connection.execute(found)]

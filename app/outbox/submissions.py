"""Submissions as they are listed, and what came of each. Each function works on an open connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.outbox import rows
from app.outbox.records import StoredSubmission
from app.outbox.tables import leads, submissions

LISTED = [column for column in submissions.c if column.name not in {"headers", "body"}]
STANDS = select(leads.c.id, leads.c.state, leads.c.reason).order_by(leads.c.id)


async def newest(connection: AsyncConnection, endpoint: str, before: str, limit: int) -> list[StoredSubmission]:
    """A page of submissions without their headers and bodies; `before` is the id that the page before ended with."""
    wanted = [submissions.c.endpoint == endpoint] * bool(endpoint) + [submissions.c.id < before] * bool(before)
    found: Select[Any] = select(*LISTED, literal(None).label("headers"), literal(b"").label("body")).where(*wanted)
    page = found.order_by(submissions.c.id.desc()).limit(limit)
    return [rows.to_submission(row) for row in await connection.execute(page)]


async def leads_of(connection: AsyncConnection, submission_id: str) -> Sequence[Any]:
    """The leads that a submission became, in order: rows with their id, state and reason."""
    theirs = or_(leads.c.submission_id == submission_id, leads.c.notice_id == submission_id)
    return (await connection.execute(STANDS.where(theirs))).all()


async def stand(connection: AsyncConnection, lead_ids: Sequence[str]) -> Sequence[Any]:
    """How leads stand just now, in the order of their ids: rows with their id, state and reason."""
    return (await connection.execute(STANDS.where(leads.c.id.in_(lead_ids)))).all()

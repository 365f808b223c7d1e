"""The store, for whoever only reads: lists, one lead with all that happened to it, and the counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Row, Table, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import StoreUnreadable
from app.lead import LeadState
from app.outbox import facts, rows
from app.outbox.engine import cause_of, open_engine
from app.outbox.records import (
    Alert,
    AllowedSender,
    Attempt,
    Balance,
    Deed,
    StoredAttachment,
    StoredLead,
    StoredSubmission,
    Workspace,
)
from app.outbox.tables import (
    IS_PENDING,
    IS_SENDING,
    alerts,
    allowed_senders,
    attachments,
    attempts,
    audit,
    is_lost,
    leads,
    submissions,
    workspaces,
)
from app.outbox.writer import Work

READERS = 3

Result = TypeVar("Result")


class Books:
    """What the outbox holds. Methods raise StoreUnreadable where it cannot be read."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url, begin="DEFERRED", connections=READERS)
        self._reading: set[asyncio.Task[Any]] = set()

    async def close(self) -> None:
        """Finishes what is being read, and lets go of the store."""
        await asyncio.gather(*self._reading, return_exceptions=True)
        await self._engine.dispose()

    async def leads(self, *, limit: int = 50) -> list[StoredLead]:
        """The newest leads first; `search.find` finds certain ones."""
        found = select(leads).order_by(leads.c.id.desc()).limit(limit)
        return [rows.to_stored(row) for row in await self._all(found)]

    async def lead(self, lead_id: str) -> StoredLead | None:
        """One lead, if there is one of that id."""
        found = await self._all(select(leads).where(leads.c.id == lead_id))
        return rows.to_stored(found[0]) if found else None

    async def submission(self, submission_id: str) -> StoredSubmission | None:
        """One submission, if there is one of that id."""
        found = await self._all(select(submissions).where(submissions.c.id == submission_id))
        return rows.to_submission(found[0]) if found else None

    async def attachments(self, submission_id: str) -> list[StoredAttachment]:
        """The files that came with a submission, in order."""
        theirs = attachments.c.submission_id == submission_id
        return [rows.to_attachment(row) async for row in self.each(attachments, theirs)]

    async def attachment(self, attachment_id: str) -> StoredAttachment | None:
        """One file, if there is one of that id."""
        found = await self._all(select(attachments).where(attachments.c.id == attachment_id))
        return rows.to_attachment(found[0]) if found else None

    async def named(self, files: Sequence[str]) -> set[str]:
        """Those of the files' names that a row has."""
        found = select(attachments.c.file).where(attachments.c.file.in_(files))
        return {row.file for row in await self._all(found)}

    async def attempts(self, lead_id: str) -> list[Attempt]:
        """Every try to deliver a lead, the first one first."""
        columns = (attempts.c.lead_id, attempts.c.at, attempts.c.outcome, attempts.c.status, attempts.c.answer)
        found = select(*columns, attempts.c.duration_ms).where(attempts.c.lead_id == lead_id).order_by(attempts.c.id)
        return [Attempt(*row) for row in await self._all(found)]

    async def counts(self) -> dict[LeadState, int]:
        """How many leads are in each state."""
        found = {row[0]: row[1] for row in await self._all(select(leads.c.state, func.count()).group_by(leads.c.state))}
        return {state: found.get(state.value, 0) for state in LeadState}

    async def next_due(self, workspace: str) -> datetime | None:
        """When the next waiting lead of a workspace is due."""
        waiting = select(func.min(leads.c.next_attempt_at)).where(leads.c.workspace == workspace, IS_PENDING)
        found: datetime | None = (await self._all(waiting))[0][0]
        return found

    async def has_lost_leases(self, now: datetime) -> bool:
        """Whether a worker is gone that had claimed leads."""
        return bool(await self._all(select(leads.c.id).where(IS_SENDING, is_lost(now)).limit(1)))

    async def newest(self) -> datetime | None:
        """When the newest lead came in."""
        found: datetime | None = (await self._all(select(func.max(leads.c.received_at))))[0][0]
        return found

    async def workspace(self, name: str) -> Workspace:
        """What is known of a workspace; of a new one, nothing."""
        found = await self._all(select(workspaces).where(workspaces.c.name == name))
        return Workspace(**found[0]._mapping) if found else Workspace(name)

    async def each(self, table: Table, *where: ColumnElement[bool], size: int = 500) -> AsyncIterator[Row[Any]]:
        """A table's rows, the oldest first, a page in memory at a time."""
        [key] = table.primary_key
        after = ""
        page = select(table).where(*where).order_by(key).limit(size)
        while found := await self._all(page.where(key > after)):
            for row in found:
                yield row
            after = found[-1]._mapping[key.name]

    async def of_ids(self, ids: Sequence[str]) -> list[StoredLead]:
        """Leads, the oldest first."""
        found = await self._all(select(leads).where(leads.c.id.in_(ids)).order_by(leads.c.id))
        return [rows.to_stored(row) for row in found]

    async def trail(
        self, lead_id: str | None = None, limit: int = 50, before: str = "", *, who: str = "", what: str = ""
    ) -> list[Deed]:
        """What people did, the newest first; to one lead, or to any. `before` is where the page before ended."""
        found = select(audit).order_by(audit.c.id.desc()).limit(limit)
        found = found if lead_id is None else found.where(audit.c.lead_id == lead_id)
        found = found.where(audit.c.id < before) if before else found
        found = found.where(audit.c.who == who) if who else found
        found = found.where(audit.c.what == what) if what else found
        return [Deed(row.at, row.who, row.what, row.lead_id or "", row.words, row.id) for row in await self._all(found)]

    async def ids(self, table: Table, *where: ColumnElement[bool], limit: int | None = None) -> list[str]:
        """The ids of a table's rows, the oldest first."""
        return [row.id for row in await self._all(select(table.c.id).where(*where).order_by(table.c.id).limit(limit))]

    async def balance(self) -> Balance:
        """What was accepted, counted apart, beside what became of it."""
        return await self.read(facts.balance)

    async def alerts(self) -> dict[str, Alert]:
        """What people were told, by its name."""
        return {row.name: Alert(**row._mapping) for row in await self._all(select(alerts))}

    async def is_allowed_sender(self, address: str) -> bool:
        """Whether a person has said that leads of this e-mail address are never spam."""
        mine = select(allowed_senders.c.since).where(allowed_senders.c.address == address.casefold())
        return bool(address and await self._all(mine))

    async def allowed_senders(self) -> list[AllowedSender]:
        """Everybody whose leads are never spam, by their addresses."""
        found = await self._all(select(allowed_senders).order_by(allowed_senders.c.address))
        return [AllowedSender(**row._mapping) for row in found]

    async def read(self, work: Work[Result]) -> Result:
        """What `work` finds on an open connection. It is finished also where the caller goes away meanwhile: a driver
        that is stopped amid a statement takes the connection with it.
        """
        task = asyncio.create_task(self._read(work))
        self._reading.add(task)
        task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        """Nobody is told of its failure where the caller has gone."""
        self._reading.discard(task)
        _ = task.cancelled() or task.exception()

    async def _read(self, work: Work[Result]) -> Result:
        async with self._connection() as connection:
            return await work(connection)

    async def _all(self, statement: Any) -> Sequence[Any]:
        async def rows(connection: AsyncConnection) -> Sequence[Any]:
            return (await connection.execute(statement)).all()

        return await self.read(rows)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._engine.connect() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise StoreUnreadable(f"The store cannot be read: {cause_of(error)}") from error

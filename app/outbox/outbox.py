"""A lead's way through the store: `add` → `claim` → `settle`.

A claim is a lease, so that a crashed worker's leads come back by themselves. Every write goes through one `Writer`
and returns when it is on disk.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import bindparam, func, insert, or_, select, update
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection
from ulid import ULID

from app.errors import StoreUnavailable
from app.lead import LeadState, Receipt, Submission
from app.outbox import rows
from app.outbox.adding import Adding
from app.outbox.attachments import Attachments, folder_beside, store_id
from app.outbox.books import Books
from app.outbox.columns import Words
from app.outbox.engine import UPSERT, is_surely_undone, migrate, open_engine, tidy
from app.outbox.records import DEFAULT_WORKSPACE, Attempt, QueuedLead, Settlement, Workspace
from app.outbox.tables import (
    IS_ERASED,
    IS_PENDING,
    IS_SENDING,
    LONGEST_LEASE,
    attempts,
    duties,
    is_lost,
    keys,
    leads,
    workspaces,
)
from app.outbox.writer import Work, Writer

MIB = 1024 * 1024

Result = TypeVar("Result")


def new_ulid() -> str:
    """An id of 26 characters that sorts by the time it was made."""
    return str(ULID())


class Outbox:
    """The store, for whoever writes. Methods raise StoreUnavailable where it cannot be written or read."""

    def __init__(
        self,
        url: str,
        *,
        workspace: str = DEFAULT_WORKSPACE,
        quarantine_rows: int = 1000,
        quarantine_mib: int = 100,
        attachments: Path | None = None,
        new_id: Callable[[], str] = new_ulid,
    ) -> None:
        self._url = url
        self._engine = open_engine(url, begin="IMMEDIATE", connections=1)
        self._writer = Writer(self._engine, self._committed)
        self._adding = Adding(b"", workspace, quarantine_rows, quarantine_mib * MIB, new_id)
        self.workspace_name = workspace
        self.new_id = new_id
        self.books = Books(url)
        self.files = Attachments(attachments or folder_beside(url))
        self.on_due: Callable[[], None] = lambda: None
        self.on_commit: Callable[[], None] = lambda: None

    async def open(self) -> None:
        """Makes the store where there is none, and brings its schema up to date."""
        try:
            await migrate(self._url)
            async with self._engine.begin() as connection:
                key = await connection.execute(select(keys.c.value).where(keys.c.name == "fingerprints"))
                self._adding = replace(self._adding, key=key.scalar_one())
            self.files.store = store_id(self._adding.key)
        except (SQLAlchemyError, OSError) as error:
            why = error.orig if isinstance(error, DBAPIError) else error
            where = self._engine.url.render_as_string() if self._engine.url.host else self._engine.url.database
            raise StoreUnavailable(f"The store {where} cannot be opened: {why}.") from error

    def key_for(self, purpose: str) -> bytes:
        """A key of 32 bytes that every relay on this store has, and nobody else; once it is open."""
        return hmac.digest(self._adding.key, purpose.encode(), "sha256")

    async def close(self) -> None:
        """Finishes what is being written and lets go of the store."""
        await self._writer.close()
        await self._engine.dispose()
        await self.books.close()

    def _committed(self) -> None:
        self.on_commit()

    async def write(self, work: Work[Result]) -> Result:
        """What `work` returns on an open transaction, once that is on disk."""
        return await self._writer.write(work)

    async def add(self, submission: Submission) -> Receipt:
        """Stores a submission and its leads, or counts it as a repeat; the receipt is the first one's then.

        Its files go where it is a repeat, or surely was not stored; where that is unknown a sweep decides.
        """
        try:
            receipt, let_go = await self._writer.write_together(self._adding.add, submission)
        except StoreUnavailable as error:
            if is_surely_undone(error.__cause__):
                await self.remove_files([one.file for one in submission.attachments])
            raise
        await self.remove_files(let_go)
        if any(state is LeadState.PENDING for _, state in receipt.leads):
            self.on_due()
        return receipt

    async def known(self, batch: Sequence[Submission]) -> list[bool]:
        """Of each submission, whether adding it would only count a repeat. Nothing is written."""
        return await self.books.read(partial(self._adding.known, batch=batch))

    async def remove_files(self, files: Collection[str]) -> None:
        """Takes files away whose rows are gone."""
        if files:
            await asyncio.to_thread(self.files.remove, files)

    async def claim(self, workspace: str, now: datetime, until: datetime, limit: int | None) -> list[QueuedLead]:
        """Takes due leads, the longest waiting first; without a limit one, to try the way, that failed least often.

        What another worker is claiming at the moment is passed over.
        """

        async def work(connection: AsyncConnection) -> list[QueuedLead]:
            due = (
                select(leads)
                .where(leads.c.workspace == workspace, IS_PENDING, leads.c.next_attempt_at <= now)
                .order_by(*([] if limit else [leads.c.attempts]), leads.c.next_attempt_at, leads.c.id)
                .limit(limit or 1)
                .with_for_update(skip_locked=True)
            )
            claim = self.new_id()
            taken = [rows.to_queued(row, claim) for row in await connection.execute(due)]
            held = leads.c.id.in_([lead.id for lead in taken])
            values = {"state": LeadState.SENDING.value, "lease_until": until, "claim": claim}
            if taken:
                await connection.execute(update(leads).where(held).values(values))
            return taken

        return await self.write(work)

    async def renew(self, claim: str, until: datetime) -> None:
        """Keeps a claim's leads for longer."""
        mine = update(leads).where(IS_SENDING, leads.c.claim == claim)
        await self._execute(mine.values(lease_until=until, changed=leads.c.changed))

    async def settle(self, settlements: Sequence[Settlement], tries: Sequence[Attempt], now: datetime) -> None:
        """Writes what became of claimed leads, and the attempts that it comes from."""

        async def work(connection: AsyncConnection) -> None:
            if settlements:
                in_order = sorted(settlements, key=attrgetter("lead_id"))  # as whoever else locks several leads does
                await connection.execute(SETTLE, [rows.of_settlement(one, now) for one in in_order])
            if tries:
                await connection.execute(insert(attempts), [{"id": self.new_id(), **asdict(one)} for one in tries])
                gone = select(leads.c.id).where(leads.c.id.in_([one.lead_id for one in tries]), IS_ERASED)
                await connection.execute(update(attempts).where(attempts.c.lead_id.in_(gone)).values(answer=""))

        await self.write(work)

    async def reclaim(self, now: datetime) -> int:
        """Gives back the leads of workers that are gone: whether they were sent is unknown. Returns how many."""
        again = {"state": LeadState.PENDING.value, "next_attempt_at": now, "unknown": True}
        returned = await self._execute(
            update(leads).where(IS_SENDING, is_lost(now)).values(lease_until=None, claim=None, **again)
        )
        count: int = returned.rowcount
        return count

    async def hurry(self, workspace: str, now: datetime, *, beyond: timedelta = timedelta()) -> None:
        """Makes waiting leads due, also of a slow import; or those only that would wait for longer than `beyond`."""
        await self.write(lambda connection: _hurry(connection, workspace, now, beyond))

    async def change_workspace(
        self,
        name: str,
        change: Callable[[Workspace], Workspace],
        hurry_at: datetime | None = None,
        *,
        along: Work[None] | None = None,
    ) -> tuple[Workspace, Workspace]:
        """Changes what is known of a workspace, for every replica at once; what it was, and is.

        With `hurry_at` its leads that failed become due where the change ends a pause or a row of failures. `along` is
        written in the same transaction, before the workspace is locked.
        """

        async def work(connection: AsyncConnection) -> tuple[Workspace, Workspace]:
            if along is not None:
                await along(connection)
            found = select(workspaces).where(workspaces.c.name == name).with_for_update()
            row = (await connection.execute(found)).one_or_none()
            if row is None:
                new = UPSERT[connection.dialect.name](workspaces).values(asdict(Workspace(name)))
                await connection.execute(new.on_conflict_do_nothing())
                row = (await connection.execute(found)).one()
            before = Workspace(**row._mapping)
            after = change(before)
            if after != before:
                await connection.execute(update(workspaces).where(workspaces.c.name == name).values(asdict(after)))
            if hurry_at is not None and before.is_troubled and not after.is_troubled:
                await hurry_failed(connection, name, hurry_at)
            return before, after

        return await self._writer.write(work, locks=name)

    async def take_duty(self, name: str, holder: str, now: datetime, until: datetime) -> bool:
        """Whether `holder` is the one process that does this for all replicas, until then."""

        async def work(connection: AsyncConnection) -> bool:
            statement = UPSERT[connection.dialect.name](duties).values(name=name, holder=holder, until=until)
            free = or_(duties.c.holder == holder, duties.c.until <= now, duties.c.until > now + LONGEST_LEASE)
            taken = statement.on_conflict_do_update(
                index_elements=["name"], set_={"holder": holder, "until": until}, where=free
            )
            return (await connection.execute(taken.returning(duties.c.holder))).first() is not None

        return await self.write(work)

    async def check_writable(self) -> None:
        """Commits a change that changes nothing; StoreUnavailable where that is not possible."""
        await self._execute(update(keys).values(name=keys.c.name))

    async def tidy(self, *, erased: bool = False) -> bool:
        """Makes the store's files as small as they can be just now; whether no old contents are left in its log."""
        try:
            return await tidy(self._engine, erased=erased)
        except (SQLAlchemyError, OSError) as error:
            raise StoreUnavailable("The store cannot be tidied.") from error

    async def _execute(self, statement: Any) -> Any:
        return await self.write(lambda connection: connection.execute(statement))


async def _hurry(connection: AsyncConnection, workspace: str, now: datetime, beyond: timedelta = timedelta()) -> None:
    later = update(leads).where(leads.c.workspace == workspace, IS_PENDING, leads.c.next_attempt_at > now + beyond)
    await connection.execute(later.values(next_attempt_at=now, changed=leads.c.changed))


async def hurry_failed(connection: AsyncConnection, workspace: str, now: datetime) -> None:
    """Makes those leads due that wait for another try; what an import spreads over hours goes on in its time."""
    later = update(leads).where(leads.c.workspace == workspace, IS_PENDING, leads.c.next_attempt_at > now)
    tried = leads.c.attempts > 0
    await connection.execute(later.where(tried).values(next_attempt_at=now, changed=leads.c.changed))


SETTLE = (
    update(leads)
    .where(leads.c.id == bindparam("lead_id"), IS_SENDING, leads.c.claim == bindparam("by_claim"))
    .values(
        state=bindparam("new_state"),
        reason=bindparam("new_reason"),
        member_id=func.coalesce(func.nullif(bindparam("new_member_id", type_=Words()), ""), leads.c.member_id),
        next_attempt_at=func.coalesce(bindparam("due_at", type_=leads.c.next_attempt_at.type), leads.c.next_attempt_at),
        attempts=bindparam("new_attempts"),
        unknown=bindparam("new_unknown"),
        settled_at=bindparam("now_settled_at", type_=leads.c.settled_at.type),
        lease_until=None,
        claim=None,
    )
)
"""Only the claim that still holds a lead settles it: what another worker or a person did to it meanwhile stands."""

"""A lead's way through the store: `add` → `claim` → `settle`.

A claim is a lease, so that a crashed worker's leads come back by themselves. Every write goes through one `Writer`
and returns when it is on disk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import bindparam, delete, exists, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection
from ulid import ULID

from app.errors import StoreUnavailable
from app.lead import LeadState, Receipt, Submission
from app.outbox import rows
from app.outbox.books import Books
from app.outbox.engine import migrate, open_engine
from app.outbox.records import DEFAULT_WORKSPACE, Attempt, QueuedLead, Settlement, Workspace
from app.outbox.tables import (
    IS_PENDING,
    IS_QUARANTINED,
    IS_SENDING,
    attempts,
    fingerprints,
    leads,
    submissions,
    workspaces,
)
from app.outbox.writer import Writer

ALONE_AFTER = 2
"""A lead that failed this often is sent by itself, so that it cannot spoil other leads' request."""


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
        new_id: Callable[[], str] = new_ulid,
    ) -> None:
        self._engine = open_engine(url, begin="IMMEDIATE", connections=1)
        self._writer = Writer(self._engine)
        self.workspace_name = workspace
        self._quarantine_rows = quarantine_rows
        self._new_id = new_id
        self.books = Books(url)
        self.on_due: Callable[[], None] = lambda: None

    async def open(self) -> None:
        """Makes the store where there is none, and brings its schema up to date."""
        try:
            await migrate(self._engine)
        except (SQLAlchemyError, OSError) as error:
            why = error.orig if isinstance(error, DBAPIError) else error
            raise StoreUnavailable(f"The store {self._engine.url.database} cannot be opened: {why}.") from error

    async def close(self) -> None:
        """Finishes what is being written and lets go of the store."""
        await self._writer.close()
        await self._engine.dispose()
        await self.books.close()

    async def add(self, submission: Submission) -> Receipt:
        """Stores a submission and its leads, or counts it as a repeat; the receipt is the first one's then."""
        receipt = await self._writer.write(self._add, submission)
        if any(state is LeadState.PENDING for _, state in receipt.leads):
            self.on_due()
        return receipt

    async def claim(self, workspace: str, now: datetime, until: datetime, limit: int | None) -> list[QueuedLead]:
        """Takes due leads, the longest waiting first. One whose fate is unknown, or that failed twice, comes alone.

        Without a limit it is one lead, to try the way: the one that failed least often.
        """
        return await self._writer.write(self._claim, (workspace, now, until, limit))

    async def renew(self, lead_ids: Sequence[str], until: datetime) -> None:
        """Keeps claimed leads for longer."""
        await self._writer.write(self._renew, (tuple(lead_ids), until))

    async def settle(self, settlements: Sequence[Settlement], tries: Sequence[Attempt], now: datetime) -> None:
        """Writes what became of claimed leads, and the attempts that it comes from."""
        await self._writer.write(self._settle, (settlements, tries, now))

    async def reclaim(self, now: datetime) -> int:
        """Gives back the leads of workers that are gone: whether they were sent is unknown. Returns how many."""
        return await self._writer.write(self._reclaim, now)

    async def hurry(self, workspace: str, now: datetime) -> None:
        """Makes every waiting lead due: AgencyHandy is back."""
        await self._writer.write(self._hurry, (workspace, now))

    async def workspace(self) -> Workspace:
        """What is known of the workspace that leads are accepted for; of a new one, nothing."""
        return await self.books.workspace(self.workspace_name)

    async def save_workspace(self, workspace: Workspace) -> None:
        """Keeps what is now known of a workspace."""
        await self._writer.write(self._save_workspace, workspace)

    async def check_writable(self) -> None:
        """Commits a change that changes nothing; StoreUnavailable where that is not possible."""
        await self._writer.write(self._touch, None)

    async def _add(self, connection: AsyncConnection, batch: Sequence[Submission]) -> list[Receipt]:
        receipts = await self._receipts_of_repeats(connection, batch)
        repeats: Counter[str] = Counter()
        fresh: list[tuple[Submission, Receipt]] = []
        answers: list[Receipt] = []
        for submission in batch:
            if (first := receipts.get(submission.fingerprint)) is not None:
                repeats[first.id] += 1
                answers.append(Receipt(first.id, first.leads, repeat=True))
                continue
            receipt = Receipt(self._new_id(), tuple((self._new_id(), lead.state) for lead in submission.leads))
            receipts[submission.fingerprint] = receipt
            fresh.append((submission, receipt))
            answers.append(receipt)
        await self._insert(connection, fresh)
        for id_, times in repeats.items():
            await connection.execute(
                update(submissions).where(submissions.c.id == id_).values(repeats=submissions.c.repeats + times)
            )
        return answers

    async def _receipts_of_repeats(
        self, connection: AsyncConnection, batch: Sequence[Submission]
    ) -> dict[str, Receipt]:
        """Fingerprint → receipt of the submissions of which something in the batch is a repeat."""
        wanted = {submission.fingerprint for submission in batch}
        now = batch[-1].received_at
        alive = (fingerprints.c.expires_at.is_(None)) | (fingerprints.c.expires_at > now)
        known = {
            row.fingerprint: row.submission_id
            for row in await connection.execute(
                select(fingerprints).where(fingerprints.c.fingerprint.in_(wanted), alive)
            )
        }
        if not known:
            return {}
        of_first: dict[str, list[tuple[str, LeadState]]] = {id_: [] for id_ in known.values()}
        found = select(leads.c.submission_id, leads.c.id, leads.c.state).where(leads.c.submission_id.in_(of_first))
        for row in await connection.execute(found.order_by(leads.c.id)):
            of_first[row.submission_id].append((row.id, LeadState(row.state)))
        return {fingerprint: Receipt(id_, tuple(of_first[id_])) for fingerprint, id_ in known.items()}

    async def _insert(self, connection: AsyncConnection, fresh: list[tuple[Submission, Receipt]]) -> None:
        if not fresh:
            return
        await connection.execute(insert(submissions), [rows.of_submission(receipt.id, one) for one, receipt in fresh])
        people = [
            rows.of_lead(lead_id, receipt.id, self.workspace_name, submission, lead)
            for submission, receipt in fresh
            for (lead_id, _), lead in zip(receipt.leads, submission.leads, strict=True)
        ]
        if people:
            await connection.execute(insert(leads), people)
        await connection.execute(delete(fingerprints).where(fingerprints.c.expires_at <= fresh[-1][0].received_at))
        statement = upsert(fingerprints)
        await connection.execute(
            statement.on_conflict_do_update(
                index_elements=[fingerprints.c.fingerprint],
                set_={"submission_id": statement.excluded.submission_id, "expires_at": statement.excluded.expires_at},
            ),
            [
                {"fingerprint": one.fingerprint, "submission_id": receipt.id, "expires_at": one.fingerprint_expires}
                for one, receipt in fresh
            ],
        )
        for reason in {one.quarantine for one, _ in fresh if one.quarantine}:
            await self._bound_quarantine(connection, reason)

    async def _bound_quarantine(self, connection: AsyncConnection, reason: str) -> None:
        """Lets the oldest go that nobody released, so that a flood of junk cannot fill the disk."""
        kept = (
            select(submissions.c.id)
            .where(IS_QUARANTINED, submissions.c.quarantine == reason)
            .order_by(submissions.c.id.desc())
            .offset(self._quarantine_rows)
        )
        taken_up = exists().where(leads.c.submission_id == submissions.c.id, leads.c.state != LeadState.HELD.value)
        await connection.execute(delete(submissions).where(submissions.c.id.in_(kept), ~taken_up))

    async def _claim(
        self, connection: AsyncConnection, batch: Sequence[tuple[str, datetime, datetime, int | None]]
    ) -> list[list[QueuedLead]]:
        return [await self._claim_one(connection, *request) for request in batch]

    async def _claim_one(
        self, connection: AsyncConnection, workspace: str, now: datetime, until: datetime, limit: int | None
    ) -> list[QueuedLead]:
        due = (
            select(leads)
            .where(leads.c.workspace == workspace, IS_PENDING, leads.c.next_attempt_at <= now)
            .order_by(*([] if limit else [leads.c.attempts]), leads.c.next_attempt_at, leads.c.id)
            .limit(limit or 1)
        )
        found = [rows.to_queued(row) for row in await connection.execute(due)]
        together = [lead for lead in found if not _goes_alone(lead)]
        taken = found[:1] if found and _goes_alone(found[0]) else together
        if taken:
            await connection.execute(
                update(leads)
                .where(leads.c.id.in_([lead.id for lead in taken]))
                .values(state=LeadState.SENDING.value, lease_until=until)
            )
        return taken

    async def _renew(
        self, connection: AsyncConnection, batch: Sequence[tuple[tuple[str, ...], datetime]]
    ) -> list[None]:
        for lead_ids, until in batch:
            await connection.execute(
                update(leads).where(leads.c.id.in_(lead_ids), IS_SENDING).values(lease_until=until)
            )
        return [None] * len(batch)

    async def _settle(
        self,
        connection: AsyncConnection,
        batch: Sequence[tuple[Sequence[Settlement], Sequence[Attempt], datetime]],
    ) -> list[None]:
        for settlements, tries, now in batch:
            if settlements:
                await connection.execute(SETTLE, [rows.of_settlement(one, now) for one in settlements])
            if tries:
                await connection.execute(insert(attempts), [{"id": self._new_id(), **asdict(one)} for one in tries])
        return [None] * len(batch)

    async def _reclaim(self, connection: AsyncConnection, batch: Sequence[datetime]) -> list[int]:
        now = max(batch)
        returned = await connection.execute(
            update(leads)
            .where(IS_SENDING, leads.c.lease_until <= now)
            .values(state=LeadState.PENDING.value, lease_until=None, next_attempt_at=now, unknown=True)
        )
        return [returned.rowcount] * len(batch)

    async def _hurry(self, connection: AsyncConnection, batch: Sequence[tuple[str, datetime]]) -> list[None]:
        for workspace, now in batch:
            await connection.execute(
                update(leads)
                .where(leads.c.workspace == workspace, IS_PENDING)
                .where(leads.c.next_attempt_at > now)
                .values(next_attempt_at=now)
            )
        return [None] * len(batch)

    async def _save_workspace(self, connection: AsyncConnection, batch: Sequence[Workspace]) -> list[None]:
        for workspace in batch:
            values = asdict(workspace)
            statement = upsert(workspaces).values(values)
            await connection.execute(statement.on_conflict_do_update(index_elements=[workspaces.c.name], set_=values))
        return [None] * len(batch)

    async def _touch(self, connection: AsyncConnection, batch: Sequence[None]) -> list[None]:
        await connection.execute(update(workspaces).values(failures=workspaces.c.failures))
        return [None] * len(batch)


SETTLE = (
    update(leads)
    .where(leads.c.id == bindparam("lead_id"), IS_SENDING)
    .values(
        state=bindparam("new_state"),
        reason=bindparam("new_reason"),
        member_id=bindparam("new_member_id"),
        next_attempt_at=func.coalesce(bindparam("due_at", type_=leads.c.next_attempt_at.type), leads.c.next_attempt_at),
        attempts=bindparam("new_attempts"),
        unknown=bindparam("new_unknown"),
        settled_at=bindparam("now_settled_at", type_=leads.c.settled_at.type),
        lease_until=None,
    )
)
"""Only a lead that is still being sent is settled: what a person did to it meanwhile stands."""


def _goes_alone(lead: QueuedLead) -> bool:
    return lead.unknown or lead.attempts >= ALONE_AFTER

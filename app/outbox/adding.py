"""A submission's way into the store: recognised as a repeat, or kept with its leads and counted in the ledger."""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import ColumnElement, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.lead import LeadState, Reason, Receipt, Submission
from app.outbox import rows, search, turns
from app.outbox.columns import EPOCH
from app.outbox.engine import UPSERT
from app.outbox.tables import (
    IS_HELD,
    IS_QUARANTINED,
    attachments,
    fingerprints,
    leads,
    ledger,
    submissions,
)


@dataclass(frozen=True, slots=True)
class Adding:
    """What adding needs: the key of fingerprints, the workspace of who names none, and the quarantine's bounds."""

    key: bytes
    workspace: str
    quarantine_rows: int
    quarantine_bytes: int
    new_id: Callable[[], str]

    async def add(
        self, connection: AsyncConnection, batch: Sequence[Submission]
    ) -> list[tuple[Receipt, Sequence[str]]]:
        """A receipt for each: of what is new, or of the first that it repeats. And the files that nobody names then.

        What is judged spam repeats the same judged spam or good; what is judged good never repeats spam.
        """
        now = batch[-1].received_at
        twins = await _judged_good(connection, {self._mark(one) for one in batch if _spam_in(one)}, now)
        fresh: dict[str, tuple[Receipt, Submission]] = {}
        marks: list[str] = []
        for one in batch:
            good, spam = self._mark(one), _spam_in(one)
            mark = self._mark(one, spam) if spam and good not in twins and good not in fresh else good
            marks.append(mark)
            if mark not in fresh and not (spam and mark == good):
                fresh[mark] = Receipt(self.new_id(), tuple((self.new_id(), lead.state) for lead in one.leads)), one
        first_of = twins | await _note_fingerprints(connection, fresh, now)
        new = [pair for mark, pair in fresh.items() if first_of[mark] == pair[0].id]
        receipts = {receipt.id: receipt for receipt, _ in new}
        receipts |= await _receipts_of_repeats(connection, set(first_of.values()) - receipts.keys())
        let_go = await self._insert(connection, new)
        answers, unanswered = [], {receipt.id for receipt, _ in new}
        for mark in marks:
            receipt = receipts[first_of[mark]]
            answers.append(replace(receipt, repeat=receipt.id not in unanswered))
            unanswered.discard(receipt.id)
        await _count_repeats(connection, Counter(receipt.id for receipt in answers if receipt.repeat))
        own = [[one.file for one in submission.attachments] for submission in batch]
        gone = [files if receipt.repeat else [] for receipt, files in zip(answers, own, strict=True)]
        gone[-1] += let_go
        return list(zip(answers, gone, strict=True))

    async def known(self, connection: AsyncConnection, batch: Sequence[Submission]) -> list[bool]:
        """Of each, whether it would be a repeat of one that is in the store."""
        marks = [{self._mark(one), self._mark(one, _spam_in(one))} for one in batch]
        found = await _judged_good(connection, set().union(*marks), batch[-1].received_at)
        return [not pair.isdisjoint(found) for pair in marks]

    def _mark(self, one: Submission, spam: str = "") -> str:
        """What the same submission again would have in common with this one, judged so."""
        return hmac.digest(self.key, f"{one.fingerprint}{spam}".encode(), "sha256").hex()

    async def _insert(self, connection: AsyncConnection, fresh: list[tuple[Receipt, Submission]]) -> list[str]:
        """Stores what is new; the files of what had to make room for it."""
        if not fresh:
            return []
        await connection.execute(insert(submissions), [rows.of_submission(receipt.id, one) for receipt, one in fresh])
        files = [rows.of_attachment(self.new_id(), new.id, file) for new, one in fresh for file in one.attachments]
        if files:
            await connection.execute(insert(attachments), files)
        people = [
            rows.of_lead(lead_id, receipt.id, submission.workspace or self.workspace, submission, lead)
            for receipt, submission in fresh
            for (lead_id, _), lead in zip(receipt.leads, submission.leads, strict=True)
        ]
        if people:
            await connection.execute(insert(leads), people)
            await search.note(connection, {person["id"]: person for person in people})
            accepted = Counter((day_of(person["received_at"]), person["endpoint"]) for person in people)
            await note_in_ledger(connection, accepted=accepted)
        reasons = sorted({one.quarantine for _, one in fresh if one.quarantine})
        return [file for reason in reasons for file in await self._bound_quarantine(connection, reason)]

    async def _bound_quarantine(self, connection: AsyncConnection, reason: str) -> list[str]:
        """Lets the oldest go that nobody released, so that a flood of junk cannot fill the disk. Their files' names."""
        newest_first = submissions.c.id.desc()
        of_it = attachments.c.submission_id == submissions.c.id
        attached = select(func.coalesce(func.sum(attachments.c.size), 0)).where(of_it).scalar_subquery()
        size = func.length(submissions.c.body) + attached
        kept = select(
            submissions.c.id,
            func.row_number().over(order_by=newest_first).label("rows"),
            func.sum(size).over(order_by=newest_first).label("bytes"),
        ).where(IS_QUARANTINED, submissions.c.quarantine == reason)
        counted = kept.subquery()
        beyond = or_(counted.c.rows > self.quarantine_rows, counted.c.bytes > self.quarantine_bytes)
        taken_up = exists().where(leads.c.submission_id == counted.c.id, leads.c.state != LeadState.HELD.value)
        oldest = select(counted.c.id).where(beyond, ~taken_up).order_by(counted.c.id).limit(1000)
        files: list[str] = []
        if gone := [row.id for row in await connection.execute(oldest)]:
            await turns.note_erased(connection)
            held = leads.c.submission_id.in_(gone), IS_HELD
            await search.forget(
                connection, [row.id for row in await connection.execute(select(leads.c.id).where(*held))]
            )
            went = await connection.execute(delete(leads).where(*held).returning(leads.c.received_at, leads.c.endpoint))
            dropped = Counter((day_of(row.received_at), row.endpoint) for row in went)
            await note_in_ledger(connection, dropped=dropped)
            if reason == Reason.UNKNOWN_ENDPOINT:  # names that strangers made up would be counted for ever
                names = {name for _, name in dropped}
                done_with = (ledger.c.accepted <= ledger.c.dropped, ledger.c.endpoint.in_(names))
                await connection.execute(delete(ledger).where(*done_with))
            still_there = exists().where(leads.c.submission_id == submissions.c.id)
            lone = submissions.c.id.in_(gone) & ~still_there
            of_them = attachments.c.submission_id.in_(select(submissions.c.id).where(lone))
            files += await drop_files(connection, of_them)
            empty = delete(submissions).where(lone)
            let_go = [row.id for row in await connection.execute(empty.returning(submissions.c.id))]
            await connection.execute(delete(fingerprints).where(fingerprints.c.submission_id.in_(let_go)))
        return files


async def drop_files(connection: AsyncConnection, which: ColumnElement[bool]) -> list[str]:
    """Deletes attachments' rows. The files' names: they go when that is committed."""
    return [
        row.file for row in await connection.execute(delete(attachments).where(which).returning(attachments.c.file))
    ]


def _spam_in(one: Submission) -> str:
    """Which of its leads are spam, as a word; empty where none is."""
    which = "".join("x" if lead.state is LeadState.SPAM else "-" for lead in one.leads)
    return f" spam {which}" if "x" in which else ""


async def _judged_good(connection: AsyncConnection, marks: set[str], now: datetime) -> dict[str, str]:
    """Fingerprint → id of the first submission, of those that came before and have one of these."""
    if not marks:
        return {}
    counts_yet = or_(fingerprints.c.expires_at.is_(None), fingerprints.c.expires_at > now)
    columns = (fingerprints.c.fingerprint, fingerprints.c.submission_id)
    found = await connection.execute(select(*columns).where(fingerprints.c.fingerprint.in_(marks), counts_yet))
    return {row.fingerprint: row.submission_id for row in found}


async def _note_fingerprints(
    connection: AsyncConnection, fresh: Mapping[str, tuple[Receipt, Submission]], now: datetime
) -> dict[str, str]:
    """Fingerprint → id of the first submission with it. Who comes second waits here for the first one's commit."""
    await connection.execute(delete(fingerprints).where(fingerprints.c.expires_at <= now))
    if not fresh:
        return {}
    statement = UPSERT[connection.dialect.name](fingerprints)
    found = await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["fingerprint"], set_={"fingerprint": statement.excluded.fingerprint}
        ).returning(fingerprints.c.fingerprint, fingerprints.c.submission_id),
        [
            {"fingerprint": mark, "submission_id": receipt.id, "expires_at": one.fingerprint_expires}
            for mark, (receipt, one) in sorted(fresh.items())
        ],
    )
    return {row.fingerprint: row.submission_id for row in found}


async def _receipts_of_repeats(connection: AsyncConnection, ids: set[str]) -> dict[str, Receipt]:
    """Submission id → what its sender was told, with the leads' states of today."""
    if not ids:
        return {}
    of_first: dict[str, list[tuple[str, LeadState]]] = {id_: [] for id_ in ids}
    found = select(leads.c.submission_id, leads.c.notice_id, leads.c.id, leads.c.state)
    theirs = or_(leads.c.submission_id.in_(ids), leads.c.notice_id.in_(ids))
    for row in await connection.execute(found.where(theirs).order_by(leads.c.id)):
        first = row.submission_id if row.submission_id in ids else row.notice_id
        of_first[first].append((row.id, LeadState(row.state)))
    return {id_: Receipt(id_, tuple(found)) for id_, found in of_first.items()}


async def _count_repeats(connection: AsyncConnection, repeats: Counter[str]) -> None:
    for id_, times in sorted(repeats.items()):
        counted = update(submissions).where(submissions.c.id == id_)
        await connection.execute(counted.values(repeats=submissions.c.repeats + times))


async def note_in_ledger(
    connection: AsyncConnection,
    *,
    accepted: Mapping[tuple[int, str], int] = MappingProxyType({}),
    dropped: Mapping[tuple[int, str], int] = MappingProxyType({}),
) -> None:
    """Counts leads by day and endpoint, apart from their rows, so that a lead that vanished would be noticed."""
    for day, endpoint in sorted({*accepted, *dropped}):
        more = {"accepted": accepted.get((day, endpoint), 0), "dropped": dropped.get((day, endpoint), 0)}
        statement = UPSERT[connection.dialect.name](ledger).values(day=day, endpoint=endpoint, **more)
        sums = {name: ledger.c[name] + number for name, number in more.items()}
        await connection.execute(statement.on_conflict_do_update(index_elements=["day", "endpoint"], set_=sums))


def day_of(moment: datetime) -> int:
    """Days since 1970, UTC."""
    return (moment - EPOCH).days

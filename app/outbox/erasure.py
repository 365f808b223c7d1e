"""Contents that have to go: what is left of a lead then, and the round that lets go of what is kept for too long.

Rows stay, so that the books balance and a repeat is still recognised; what a person wrote is overwritten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, bindparam, delete, exists, func, or_, select, text, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.lead import FIELDS, LeadState
from app.logs import log
from app.outbox import turns
from app.outbox.adding import drop_files
from app.outbox.outbox import Outbox
from app.outbox.search import note_again
from app.outbox.tables import attachments, attempts, leads, submissions

ERASED: Final = LeadState.ERASED.value
FINISHED: Final = tuple(
    state.value for state in (LeadState.DELIVERED, LeadState.DUPLICATE, LeadState.DISCARDED, LeadState.SPAM)
)
"""What ends after its time. Whoever still waits, for AgencyHandy or for a person, stays."""
EMPTY: Final[dict[str, Any]] = {"body": b"", "headers": {}, "event_id": None, "note": "its contents were erased"}
CLOSE_UP = text(
    "UPDATE submissions SET rowid = -abs(random() / 2) - 1 WHERE rowid > 0 AND note = :note "
    "AND id IN (SELECT submission_id FROM leads WHERE id IN :ids UNION SELECT notice_id FROM leads WHERE id IN :ids)"
).bindparams(bindparam("ids", expanding=True))
"""SQLite frees a page only when rows leave it, not when they shrink: what is empty moves together."""
CHUNK = 250
MOST_CHUNKS = 40
WIPES = 30
UNWANTED_AFTER = 3600
"""Seconds after which a file that no row names belongs to no request under way: what one is writing, it touches."""


def blank(reason: str, now: datetime) -> dict[str, Any]:
    """The columns of a lead without contents."""
    fields: dict[str, Any] = {
        **dict.fromkeys(FIELDS.values(), ""),
        "position_in_board": None,
        "details": {},
        "member_id": "",
        "to_fetch": None,
    }
    return {**fields, "state": ERASED, "reason": reason, "settled_at": now}


async def blank_around(connection: AsyncConnection, lead_ids: Collection[str], *, shared: bool = True) -> list[str]:
    """Blanks the answers to leads, and their requests; those that are `shared` with leads that stay only if told to.

    The names of the requests' files, which go when that is committed.
    """
    await turns.note_erased(connection)
    await connection.execute(update(attempts).where(attempts.c.lead_id.in_(lead_ids)).values(answer=""))
    told = (select(column).where(leads.c.id.in_(lead_ids)) for column in (leads.c.submission_id, leads.c.notice_id))
    theirs = submissions.c.id.in_(union(*told))
    about = or_(leads.c.submission_id == submissions.c.id, leads.c.notice_id == submissions.c.id)
    left = exists().where(about, leads.c.state != ERASED)
    await connection.execute(update(submissions).where(theirs if shared else theirs & ~left).values(EMPTY))
    blanked = select(submissions.c.id).where(theirs, submissions.c.note == EMPTY["note"])
    files = await drop_files(connection, attachments.c.submission_id.in_(blanked))
    if connection.dialect.name == "sqlite":
        await connection.execute(CLOSE_UP, {"ids": list(lead_ids), "note": EMPTY["note"]})
    return files


async def keep_house(outbox: Outbox, keep: Mapping[str, timedelta], now: datetime) -> int:
    """Erases what is kept for longer than `keep` says of its endpoint ("": of any other). How many leads.

    At most 10,000 leads an endpoint, in transactions of 250, so that intake goes on; then SQLite's file shrinks.
    """
    erased = 0
    for endpoint, span in keep.items():

        def of(column: Any, name: str = endpoint) -> ColumnElement[bool]:
            return column == name if name else column.not_in(list(keep))  # type: ignore[no-any-return] # of a column of any type

        before = now - span
        settled = func.coalesce(leads.c.settled_at, leads.c.received_at) <= before
        finished = (leads.c.received_at <= before, settled, leads.c.state.in_(FINISHED))
        for _ in range(MOST_CHUNKS):
            if not (ids := await outbox.books.ids(leads, of(leads.c.endpoint), *finished, limit=CHUNK)):
                break
            count, files = await outbox.write(partial(_let_go, ids=ids, now=now))
            erased += count
            await outbox.remove_files(files)
        nobody = ~exists().where(leads.c.submission_id == submissions.c.id)
        old = (of(submissions.c.endpoint), submissions.c.received_at <= before, nobody)
        if ids := await outbox.books.ids(submissions, *old, limit=CHUNK):
            await outbox.remove_files(await outbox.write(partial(_drop, which=submissions.c.id.in_(ids) & nobody)))
    await clear_away(outbox)
    await outbox.tidy()
    await sweep(outbox)
    return erased


async def sweep(outbox: Outbox) -> None:
    """Removes files that no row names: of requests that were cut off, by a crash too, or whose rows went in one."""
    found = await asyncio.to_thread(lambda: list(outbox.files.untouched_for(UNWANTED_AFTER)))
    if found and not await asyncio.to_thread(outbox.files.is_ours):
        log.warning("attachments_of_another_store", folder=str(outbox.files.folder))
        return
    for start in range(0, len(found), CHUNK):
        some = found[start : start + CHUNK]
        unnamed = set(some) - await outbox.books.named(some)
        await outbox.remove_files(unnamed)
        if unnamed:
            log.info("attachments_swept", files=len(unnamed))


async def clear_away(outbox: Outbox) -> bool:
    """Takes what any process erased out of SQLite's files as well; False where somebody is in the way just now."""
    turn = await outbox.books.read(turns.erased)
    if turn is None:
        return True
    is_done = await outbox.tidy(erased=True)
    if is_done:
        await outbox.write(partial(turns.forget_erased, turn=turn))
    return is_done


async def wipe(outbox: Outbox) -> bool:
    """The same, tried for a while; False where a reader was in the way all the while."""
    for _ in range(WIPES):
        if await clear_away(outbox):
            return True
        await asyncio.sleep(0.1)
    return False


async def _drop(connection: AsyncConnection, which: ColumnElement[bool]) -> list[str]:
    """Deletes submissions; the names of their files."""
    await turns.note_erased(connection)
    files = await drop_files(connection, attachments.c.submission_id.in_(select(submissions.c.id).where(which)))
    await connection.execute(delete(submissions).where(which))
    return files


async def _let_go(connection: AsyncConnection, ids: Sequence[str], now: datetime) -> tuple[int, list[str]]:
    finished = update(leads).where(leads.c.id.in_(ids), leads.c.state.in_(FINISHED))
    done = await connection.execute(finished.values(blank("after its time", now)))
    files = await blank_around(connection, ids, shared=False)
    await note_again(connection, ids)
    return done.rowcount, files

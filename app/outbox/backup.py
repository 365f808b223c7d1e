"""The whole store as one SQLite file, taken while the relay runs; looking through such a file; and putting it back."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from sqlalchemy import delete, exists, func, insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.errors import StoreUnavailable
from app.lead import LeadState
from app.outbox import packing
from app.outbox.attachments import Attachments, folder_beside, store_id, sync
from app.outbox.books import Books
from app.outbox.engine import fold, migrate, newest_revision, open_engine
from app.outbox.facts import balance
from app.outbox.search import note_all
from app.outbox.tables import attempts, audit, duties, fingerprints, keys, leads, ledger, metadata, submissions, turns

AT_ONCE = 500
TABLES = [table for table in metadata.sorted_tables if table not in (duties, turns)]
"""All but who is on duty, which is over when a backup is put back, and the numbers of another store's transactions."""
ANEW: Mapping[str, Mapping[str, Any]] = {"leads": {"changed": 0}}
KEY = "fingerprints"
MUST_BE_EMPTY = (submissions, leads, attempts, fingerprints, ledger, audit)

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Looked:
    """What a store holds, and what is wrong with it."""

    counts: dict[LeadState, int]
    wrong: tuple[str, ...] = ()


async def back_up(url: str, path: Path, progress: Progress, folder: Path | None = None) -> None:
    """Writes all that is committed now into a new SQLite file at `path`, which is there when it is whole, and yours.

    `folder` has the attachments; without one, the folder beside the store.
    """
    async with _wrong_said(f"The store cannot be backed up to {path}"):
        with TemporaryDirectory(dir=path.parent, prefix=".backup-") as temporary:
            part = Path(temporary) / "relay.db"
            async with _opened(open_engine(url, begin="DEFERRED", connections=1)) as source:
                await _check_version(source)
                async with _new_store(f"sqlite+aiosqlite:///{part}") as target:
                    await _copy(source, target, progress)
            missing = await asyncio.to_thread(packing.pack, part, Attachments(folder or folder_beside(url)), progress)
            await asyncio.to_thread(packing.forget, part, set(missing) - await _still_named(url, missing))
            _put_in_place(part, path)


async def _still_named(url: str, missing: list[str]) -> set[str]:
    """Those of the files that the store still names: the others were erased since."""
    books, still = Books(url), set[str]()
    try:
        for start in range(0, len(missing), AT_ONCE):
            still |= await books.named(missing[start : start + AT_ONCE])
    finally:
        await books.close()
    return still


async def look_through(path: Path) -> Looked:
    """Whether a backup is whole: SQLite's own check, its version, and whether its books balance."""
    try:
        async with _wrong_said(f"{path} cannot be read as a backup"), _opened(_read_only(path)) as connection:
            pages = await connection.execute(text("PRAGMA integrity_check"))
            wrong = [f"damaged: {row[0]}" for row in pages if row[0] != "ok"]
            orphans = (await connection.execute(text("PRAGMA foreign_key_check"))).all()
            wrong += [f"{len(orphans)} rows belong to none"] if orphans else []
            await _check_version(connection)
            for (day, endpoint), missing in (await balance(connection, 0)).differences().items():
                wrong.append(f"the books do not balance: {endpoint}, day {day}: {missing} leads are missing")
            found = await connection.execute(select(leads.c.state, func.count()).group_by(leads.c.state))
            wrong += await asyncio.to_thread(lambda: list(packing.flaws(path)))
            return Looked({LeadState(state): number for state, number in found}, tuple(wrong))
    except StoreUnavailable as error:
        return Looked({}, (str(error),))


async def put_back(path: Path, url: str, progress: Progress, folder: Path | None = None) -> None:
    """Fills an empty store, on which no relay runs. What waited then may have been sent since, which is remembered.

    Its attachments are in `folder`, or in that beside the store, before it names them.
    """
    files = Attachments(folder or folder_beside(url))
    async with _wrong_said(f"{path} cannot be put into the store"), _opened(_read_only(path)) as source:
        await _check_version(source)
        async with _new_store(url) as target:
            for table in MUST_BE_EMPTY:
                if (await target.execute(select(exists().select_from(table)))).scalar():
                    raise StoreUnavailable("The store is not empty: a backup is put into a new one only.")
            await _copy(source, target, progress)
            files.store = store_id((await target.execute(select(keys.c.value).where(keys.c.name == KEY))).scalar_one())
            await asyncio.to_thread(packing.unpack, path, files)
            waiting = leads.c.state.in_([LeadState.PENDING.value, LeadState.SENDING.value])
            again = {"state": LeadState.PENDING.value, "unknown": True, "claim": None, "lease_until": None}
            await target.execute(update(leads).where(waiting).values(again))
            await note_all(target)


@asynccontextmanager
async def _new_store(url: str) -> AsyncIterator[AsyncConnection]:
    """A transaction on a store that is made where there is none; a file of SQLite's is in one piece afterwards."""
    await migrate(url)
    engine = open_engine(url, begin="IMMEDIATE", connections=1)
    try:
        async with engine.begin() as target:
            yield target
        await fold(engine)
    finally:
        await engine.dispose()


async def _copy(source: AsyncConnection, target: AsyncConnection, progress: Progress) -> None:
    """Every table's rows, a few hundred in memory at a time; `progress` is told how many."""
    for table in reversed(TABLES):
        await target.execute(delete(table))
    for table in TABLES:
        found = await source.stream(select(table).execution_options(yield_per=AT_ONCE))
        async for some in found.mappings().partitions():
            await target.execute(insert(table), [{**row, **ANEW.get(table.name, {})} for row in some])
            progress(len(some))


@asynccontextmanager
async def _opened(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One snapshot of a store, whatever is written meanwhile."""
    try:
        async with engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                await connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection
    finally:
        await engine.dispose()


def _read_only(path: Path) -> AsyncEngine:
    """A backup, which is not written to."""
    if not path.is_file():
        raise FileNotFoundError("there is no such file")
    return create_async_engine(f"sqlite+aiosqlite:///file:{quote(str(path.resolve()))}?mode=ro&uri=true")


@asynccontextmanager
async def _wrong_said(what: str) -> AsyncIterator[None]:
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError, ValueError) as error:
        raise StoreUnavailable(f"{what}: {getattr(error, 'orig', None) or error}") from error


async def _check_version(connection: AsyncConnection) -> None:
    version = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar_one()
    if version != (newest := newest_revision()):
        raise StoreUnavailable(
            f"Its version is {version}, and this Lead Relay knows {newest}. An older store is brought up to date "
            "when the relay starts with it; a newer one needs the Lead Relay that made it."
        )


def _put_in_place(part: Path, path: Path) -> None:
    """Has the file on disk before it is called by its name, and the name after it."""
    part.chmod(0o600)
    sync(part)
    part.replace(path)
    sync(path.parent)

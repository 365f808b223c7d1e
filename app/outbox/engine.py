"""Opens the store, a durable SQLite file or PostgreSQL, and brings it to the newest schema."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, insert, inspect, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.outbox.tables import keys, metadata

MIGRATIONS = Path(__file__).parent / "migrations"
PRAGMAS = (
    "PRAGMA busy_timeout = 5000",
    "PRAGMA auto_vacuum = INCREMENTAL",
    "PRAGMA journal_mode = WAL",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA synchronous = FULL",
    "PRAGMA secure_delete = ON",
    "PRAGMA foreign_keys = ON",
)
"""What each SQLite connection sets: a commit is on disk when it returns, and what is erased is overwritten."""

PATIENCE = 5.0
"""Seconds that PostgreSQL has for a statement; twice that, and it lets go of a process that stopped amid its writes."""
PAGES_A_STEP = 256
MOST_STEPS = 64
UNDEFINED_TABLE = "42P01"
"""PostgreSQL's code for a table that is not there: its words are in the server's language."""
NOTHING_YET = "There is nothing in it yet: start the relay on it once."
MERGE = "INSERT INTO lead_words (lead_words, rank) VALUES ('merge', {})"
CHANGES = "SELECT total_changes()"
MIGRATION_LOCK = 0x1EAD_2E1A
UPSERT: dict[str, Callable[..., Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
"""An INSERT with ON CONFLICT, by the engine's name."""


def sqlite_file(url: str) -> Path | None:
    """The store's file, whose folder is made when the outbox opens; None where the store is PostgreSQL."""
    parsed = make_url(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


def open_engine(url: str, *, begin: str, connections: int, patience: float | None = PATIENCE) -> AsyncEngine:
    """An engine whose SQLite transactions start with `begin`: IMMEDIATE for the writer, DEFERRED for readers.

    PostgreSQL's connections are tried before they are used, so that a restart of the server costs one transaction;
    one whose server does not answer for `patience` seconds is given up.
    """
    options: dict[str, Any] = {"pool_size": connections, "max_overflow": 0, "pool_timeout": 10, "hide_parameters": True}
    if sqlite_file(url) is None:
        dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        return create_async_engine(url, pool_pre_ping=True, async_creator=lambda: _connect(dsn, patience), **options)
    engine = create_async_engine(url, **options)
    _set_up_sqlite(engine, begin)
    return engine


def cause_of(error: Exception) -> str:
    """Why the store cannot be used, in words. A table that is missing has a code or these words, by the engine."""
    reason = getattr(error, "orig", None) or error
    if "no such table" in str(reason) or getattr(reason, "sqlstate", "") == UNDEFINED_TABLE:
        return NOTHING_YET
    if isinstance(reason, ConnectionRefusedError):
        return "connection refused. Is it running, and is DATABASE_URL right?"
    return str(reason) or type(reason).__name__


def is_surely_undone(error: BaseException | None) -> bool:
    """Whether a transaction that failed has left nothing. After another fault than these its commit may be on disk."""
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE}


async def _connect(dsn: str, patience: float | None) -> Any:
    """A connection to PostgreSQL; ConnectionError where it has none to give."""
    import asyncpg

    settings = {"application_name": "lead-relay", "default_transaction_isolation": "read committed"}
    settings["idle_in_transaction_session_timeout"] = f"{2000 * (patience or 0):.0f}"
    try:
        return await asyncpg.connect(dsn, timeout=PATIENCE, command_timeout=patience, server_settings=settings)
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise ConnectionError(str(error)) from error


def _set_up_sqlite(engine: AsyncEngine, begin: str) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def set_up(connection: Any, record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        with ExitStack() as undo:  # where this fails, or is broken off, the pool would leave the connection open
            undo.callback(connection.close)
            for pragma in PRAGMAS:
                _set(connection, cursor, pragma, time.monotonic() + PATIENCE)
            undo.pop_all()
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {begin}")


def _set(connection: Any, cursor: Any, pragma: str, until: float) -> None:
    """Tries again where two processes make one new file at once: then SQLite itself waits for neither."""
    try:
        cursor.execute(pragma)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
            raise
        connection.run_async(lambda _: asyncio.sleep(0.05))
        _set(connection, cursor, pragma, until)


async def tidy(engine: AsyncEngine, *, erased: bool) -> bool:
    """Gives an SQLite file's free pages back and empties its log, in steps that nobody waits for; whether that is done.

    What was erased is in no file then. PostgreSQL does the like by itself.
    """
    if engine.dialect.name != "sqlite":
        return True
    is_merged = not erased or await _merge_words(engine)
    for _ in range(MOST_STEPS):
        if not await _pragma(engine, "PRAGMA freelist_count", f"PRAGMA incremental_vacuum({PAGES_A_STEP})"):
            break
    return not await _pragma(engine, "PRAGMA wal_checkpoint(TRUNCATE)") and is_merged


async def _merge_words(engine: AsyncEngine) -> bool:
    """Takes what erased leads were found by out of the index, which only marks it as gone at first; whether it is out.

    https://www.sqlite.org/fts5.html#the_merge_command: begins with a negative number, and changes nothing in the end.
    """
    with suppress(sqlite3.OperationalError):
        for pages in (-PAGES_A_STEP, *[PAGES_A_STEP] * MOST_STEPS):
            async with _impatient(engine) as store:
                before = await _first(store, CHANGES)
                await store.executescript(MERGE.format(pages))
                if await _first(store, CHANGES) - before < 2:
                    return True
    return False


async def fold(engine: AsyncEngine) -> None:
    """Makes an SQLite store one file, without a log beside it, until the next relay opens it."""
    if engine.dialect.name == "sqlite":
        await _pragma(engine, "PRAGMA journal_mode = DELETE")


async def _pragma(engine: AsyncEngine, asks: str, then: str = "") -> Any:
    """The first value it gives, before `then` is done; 1 where somebody else is in the way."""
    with suppress(sqlite3.OperationalError):
        async with _impatient(engine) as store:
            value = await _first(store, asks)
            await store.executescript(then)  # a script goes on to the end, a statement without columns one step
            return value
    return 1


async def _first(store: Any, asks: str) -> Any:
    [[value, *_]] = await store.execute_fetchall(asks)
    return value


@asynccontextmanager
async def _impatient(engine: AsyncEngine) -> AsyncIterator[Any]:
    """SQLite's own connection, outside a transaction, that waits for nobody for long."""
    async with engine.connect() as connection:
        store: Any = (await connection.get_raw_connection()).driver_connection
        await store.execute("PRAGMA busy_timeout = 50")
        try:
            yield store
        finally:
            await store.execute(PRAGMAS[0])


async def migrate(url: str) -> None:
    """Makes the store where there is none, or brings its schema up to date, in one transaction, one process at a time.

    BEGIN IMMEDIATE is the lock of SQLite; PostgreSQL has one for the purpose.
    """
    if file := sqlite_file(url):
        _make_room(file)
    engine = open_engine(url, begin="IMMEDIATE", connections=1, patience=None)
    try:
        async with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
            await connection.run_sync(_migrate)
    finally:
        await engine.dispose()


def _make_room(file: Path) -> None:
    if file.is_dir():
        raise IsADirectoryError("it is a folder")
    file.parent.mkdir(parents=True, exist_ok=True)


def newest_revision() -> str:
    """The last migration's number, which its file's name starts with."""
    return max(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _migrate(connection: Connection) -> None:
    """A new store is made as it is today; Alembic, which takes its time to load, is for older ones."""
    newest = newest_revision()
    if not inspect(connection).has_table("alembic_version"):
        metadata.create_all(connection)
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        connection.execute(text("INSERT INTO alembic_version VALUES (:newest)"), {"newest": newest})
        connection.execute(insert(keys).values(name="fingerprints", value=secrets.token_bytes(32)))
        return
    found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
    if found > newest:
        raise FileExistsError(f"a newer Lead Relay made it: its version is {found}, and this one knows {newest}")
    if found < newest:
        upgrade(connection)


def upgrade(connection: Connection) -> None:
    """Runs the migrations that the store has not had, on an open transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")

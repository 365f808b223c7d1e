"""Opens the store: durable SQLite, brought to the newest schema."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.outbox.tables import metadata

MIGRATIONS = Path(__file__).parent / "migrations"
PRAGMAS = (
    "PRAGMA busy_timeout = 5000",
    "PRAGMA auto_vacuum = INCREMENTAL",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
)
"""What each connection sets: in this mode a commit is on disk when it returns."""


def sqlite_file(url: str) -> Path:
    """The store's file; its folder is made when the outbox opens."""
    return Path(make_url(url).database or "")


def open_engine(url: str, *, begin: str, connections: int) -> AsyncEngine:
    """An engine whose transactions start with `begin`: IMMEDIATE for the writer, DEFERRED for readers."""
    engine = create_async_engine(url, pool_size=connections, max_overflow=0, hide_parameters=True)

    @event.listens_for(engine.sync_engine, "connect")
    def set_up(connection: Any, record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        try:
            for pragma in PRAGMAS:
                cursor.execute(pragma)
        except sqlite3.Error:  # not SQLite's file: the pool would leave the connection open
            connection.close()
            raise
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {begin}")

    return engine


async def migrate(engine: AsyncEngine) -> None:
    """Makes the store where there is none, or brings its schema up to date, in one transaction."""
    _make_room(Path(engine.url.database or ""))
    async with engine.begin() as connection:
        await connection.run_sync(_migrate)


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
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (newest,))
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

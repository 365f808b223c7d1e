"""The schema that migrations make is the schema that the tables describe."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import Connection, create_engine

from app.outbox.engine import MIGRATIONS, newest_revision, upgrade
from app.outbox.outbox import Outbox


def schema(connection: Connection) -> dict[str, str]:
    made = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").all()
    return {name: re.sub(r'[\s"]+', " ", sql).replace(" ,", ",") for name, sql in made}


async def test_a_new_store_and_a_migrated_one_are_alike(tmp_path: Path) -> None:
    outbox = Outbox(f"sqlite+aiosqlite:///{tmp_path}/new.db")
    await outbox.open()
    await outbox.close()
    migrated = create_engine(f"sqlite:///{tmp_path}/migrated.db")
    with migrated.begin() as connection:
        upgrade(connection)
        after = schema(connection)
    new = create_engine(f"sqlite:///{tmp_path}/new.db")
    with new.connect() as connection:
        made = schema(connection)
        version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    migrated.dispose()
    new.dispose()

    assert version == newest_revision()
    assert set(made) == set(after)
    assert {name: columns(sql) for name, sql in made.items() if name != "alembic_version"} == {
        name: columns(sql) for name, sql in after.items() if name != "alembic_version"
    }


def columns(sql: str) -> set[str]:
    """The parts of a CREATE statement, in any order."""
    return {part.strip(" ()") for part in sql.split(",")}


def test_migrations_are_numbered_without_gaps() -> None:
    numbers = sorted(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))

    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


async def test_opening_a_store_again_changes_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        outbox = Outbox(f"sqlite+aiosqlite:///{tmp_path}/relay.db")
        await outbox.open()
        await outbox.close()

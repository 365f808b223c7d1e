"""The schema that migrations make is the schema that the tables describe, and an older store's data is kept."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.lead import Lead, LeadState, Submission
from app.outbox.engine import MIGRATIONS, newest_revision, open_engine
from app.outbox.outbox import Outbox
from tests.running import ROOT

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOON = int(NOW.timestamp()) * 1000
ROUNDS = 3
FIRST_VERSION = {
    "submissions": """(id, endpoint, source, received_at, note, quarantine, headers, body, repeats)
        VALUES (:id, 'contact', 'html', :at, '', '', '{}', :body, 0)""",
    "leads": """(id, submission_id, endpoint, workspace, state, reason, first_name, last_name, email, contact_no,
        message, source, status, details, received_at, next_attempt_at, lease_until, attempts, unknown, member_id)
        VALUES (:id, :id, 'contact', 'default', :state, '', 'Ada', '', :email, '', '', '', '',
        '{"utm"\\:{},"extra"\\:[],"origins"\\:{}}', :at, :at, :lease, 0, :unknown, '')""",
    "fingerprints": "VALUES (:print, :id, :until)",
}
OPENS_WHAT_IT_IS_TOLD = """
import asyncio, sys
from app.outbox.outbox import Outbox

async def open_store(url):
    outbox = Outbox(url)
    try:
        await outbox.open()
    finally:
        await outbox.close()

for line in iter(sys.stdin.readline, ""):
    try:
        line.strip() and asyncio.run(open_store(line.strip()))
        print("opened", flush=True)
    except Exception as error:
        print(repr(error), repr(error.__cause__), flush=True)
"""


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[AsyncConnection]:
    """A transaction on the store, past the outbox."""
    engine = open_engine(url, begin="IMMEDIATE", connections=1)
    async with engine.begin() as connection:
        yield connection
    await engine.dispose()


def upgrade_to(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


async def make_first_version(url: str) -> None:
    """A store as the first release left it: two leads delivered, one waiting, one whose request was under way."""
    async with connected(url) as connection:
        await connection.run_sync(upgrade_to, "0001")
        for number, state in enumerate(("delivered", "delivered", "pending", "sending")):
            values = {
                "id": f"{number:026}",
                "state": state,
                "email": f"ada{number}@example.com",
                "at": NOON - (number % 2) * 86_400_000,
                "lease": NOON + 10_000 if state == "sending" else None,
                "unknown": False,
                "body": b"raw\x00",
                "print": f"print-{number}",
                "until": NOON + 600_000 if number else None,
            }
            for table, columns in FIRST_VERSION.items():
                await connection.execute(text(f"INSERT INTO {table} {columns}"), values)


def submission(number: int) -> Submission:
    lead = Lead(first_name="Ada", email=f"ada{number}@example.com")
    return Submission("contact", "html", NOW, {}, b"raw", fingerprint=f"print-{number}", leads=(lead,))


def schema(connection: Connection) -> dict[str, Any]:
    """Every table's columns, keys and indexes, as the engine itself tells them."""
    look = inspect(connection)
    return {
        table: {
            "columns": {one["name"]: (str(one["type"]), one["nullable"]) for one in look.get_columns(table)},
            "key": look.get_pk_constraint(table)["constrained_columns"],
            "refers": [
                (one["constrained_columns"], one["referred_table"], one["options"])
                for one in look.get_foreign_keys(table)
            ],
            "indexes": {
                one["name"]: (
                    one["column_names"],
                    one["unique"],
                    {option: str(value) for option, value in one["dialect_options"].items()},
                )
                for one in look.get_indexes(table)
            },
        }
        for table in look.get_table_names()
    }


@pytest.fixture
def empty(new_store: Callable[[], str]) -> str:
    """Where there is no store yet."""
    return new_store()


async def test_a_new_store_and_a_migrated_one_are_alike(new_store: Callable[[], str]) -> None:
    made, upgraded = new_store(), new_store()
    outbox = Outbox(made)
    await outbox.open()
    await outbox.close()
    async with connected(made) as connection:
        new = await connection.run_sync(schema)
        version = (await connection.exec_driver_sql("SELECT version_num FROM alembic_version")).scalar()
    async with connected(upgraded) as connection:
        await connection.run_sync(upgrade_to, "head")
        migrated = await connection.run_sync(schema)

    assert version == newest_revision()
    assert migrated == new
    assert "state" in str(new["leads"]["indexes"]["leads_due"])


async def test_the_first_versions_leads_repeats_and_leases_outlive_the_upgrade(empty: str) -> None:
    await make_first_version(empty)
    outbox = Outbox(empty)
    await outbox.open()

    again = [await outbox.add(submission(number)) for number in range(4)]
    assert [(receipt.id, receipt.repeat) for receipt in again] == [(f"{number:026}", True) for number in range(4)]
    assert (await outbox.add(submission(4))).repeat is False
    kept = await outbox.books.submission(f"{1:026}")
    assert kept is not None
    assert (kept.body, kept.repeats) == (b"raw\x00", 1)
    later = NOW + timedelta(seconds=10)
    assert await outbox.reclaim(later) == 1
    claimed = await outbox.claim("default", later, later + timedelta(seconds=10), 50)
    assert sorted((lead.lead.email, lead.unknown) for lead in claimed) == [
        ("ada2@example.com", False),
        ("ada3@example.com", True),
        ("ada4@example.com", False),
    ]
    await outbox.close()


async def test_after_the_upgrade_the_ledger_balances(empty: str) -> None:
    await make_first_version(empty)
    outbox = Outbox(empty)
    await outbox.open()
    await outbox.add(submission(4))
    counts = await outbox.books.counts()
    await outbox.close()
    async with connected(empty) as connection:
        ledger = [tuple(row) for row in await connection.exec_driver_sql("SELECT * FROM ledger ORDER BY day")]

    today = (NOW - datetime(1970, 1, 1, tzinfo=UTC)).days
    assert ledger == [(today - 1, "contact", 2, 0), (today, "contact", 3, 0)]
    assert sum(counts.values()) == 5
    assert counts[LeadState.DELIVERED] == 2


@pytest.mark.slow
@pytest.mark.parametrize("make", [None, make_first_version], ids=["new", "old"])
async def test_a_store_that_two_processes_open_at_once_is_made_once(new_store: Callable[[], str], make: Any) -> None:
    urls = [new_store() for _ in range(ROUNDS)]
    for url in urls:
        if make is not None:
            await make(url)
    with ExitStack() as stack:
        processes = [stack.enter_context(_opener()) for _ in range(2)]
        for url in ("", *urls):
            for process in processes:
                assert process.stdin is not None
                process.stdin.write(f"{url}\n")
                process.stdin.flush()
            for process in processes:
                assert process.stdout is not None
                assert process.stdout.readline() == "opened\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.close()
    for url in urls:
        async with connected(url) as connection:
            versions = (await connection.exec_driver_sql("SELECT version_num FROM alembic_version")).all()
            keys = (await connection.exec_driver_sql("SELECT name FROM keys")).all()
        assert [tuple(row) for row in (*versions, *keys)] == [(newest_revision(),), ("fingerprints",)]


def _opener() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", OPENS_WHAT_IT_IS_TOLD],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_migrations_are_numbered_without_gaps() -> None:
    numbers = sorted(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))

    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


async def test_opening_a_store_again_changes_nothing(store_url: str) -> None:
    for _ in range(2):
        outbox = Outbox(store_url)
        await outbox.open()
        await outbox.close()

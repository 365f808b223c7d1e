"""What claiming and settling a batch costs beside a million delivered leads, and beside none.

    python -m bench.claims [--delivered 1000000] [--store postgresql+asyncpg://…/EMPTY …/EMPTY]

Both stores are measured in turns, so that what else the machine does touches both alike. Without `--store` they are
SQLite files in a temporary folder.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, String, cast, func, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.lead import Lead, LeadState, Submission
from app.outbox import rows
from app.outbox.engine import open_engine
from app.outbox.outbox import Outbox
from app.outbox.records import Attempt, Settlement
from app.outbox.tables import attempts, leads, submissions

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LEASE = timedelta(seconds=10)
BATCH = 50
EACH = 100
"""How many leads one bulk submission has."""


async def fill(connection: AsyncConnection, count: int, state: LeadState) -> None:
    """Adds so many leads of that state, with their submissions, and an attempt for each that was delivered."""
    is_pending = state is LeadState.PENDING
    lead = Lead(first_name="Ada", last_name="Lovelace", email="ada@example.com", message="Hello " * 20, state=state)
    base = Submission("contact", "html", NOW, {"content-type": "application/json"}, b"body " * 50)
    mark = state.value[0].upper()
    numbers = select(literal(0, BigInteger).label("n")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < count - 1))
    number = numbers.c.n

    def id_of(value: object) -> object:
        return literal(mark).concat(func.substr(cast(value + 10**12, String), 2))  # type: ignore[operator]

    submission = rows.of_submission("", base)
    person = rows.of_lead("", "", "default", base, lead) | {"attempts": 0}
    once = {"id": id_of(number)}
    of_bulk = {"id": id_of(number), "submission_id": id_of(number - number % EACH)}
    tried = {"id": id_of(number), "lead_id": id_of(number), "at": NOW, "outcome": "created", "status": 201}
    tried |= {"answer": '{"message": "Lead created successfully"}', "duration_ms": 90}
    made = [(submissions, submission | once, number % EACH == 0), (leads, person | of_bulk, None)]
    for table, values, condition in made if is_pending else [*made, (attempts, tried, None)]:
        chosen = [
            value if hasattr(value, "compile") else literal(value, table.c[name].type) for name, value in values.items()
        ]
        source = select(*chosen).select_from(numbers)
        if condition is not None:
            source = source.where(condition)
        await connection.execute(insert(table).from_select(list(values), source))


async def claim_and_settle(outbox: Outbox) -> float:
    """Milliseconds for one batch: claimed, and settled as delivered with an attempt each."""
    started = time.perf_counter()
    claimed = await outbox.claim("default", NOW, NOW + LEASE, BATCH)
    await outbox.settle(
        [Settlement(lead.id, lead.claim, LeadState.DELIVERED, member_id="m") for lead in claimed],
        [Attempt(lead.id, NOW, "created", 201, "created", 90) for lead in claimed],
        NOW,
    )
    if len(claimed) != BATCH:
        raise RuntimeError(f"{len(claimed)} leads were claimed, not {BATCH}: was the store empty?")
    return (time.perf_counter() - started) * 1000


async def made(url: str, delivered: int, pending: int) -> Outbox:
    """A store with so many leads."""
    outbox = Outbox(url)
    await outbox.open()
    engine = open_engine(url, begin="IMMEDIATE", connections=1, patience=None)
    async with engine.begin() as connection:
        if delivered:
            await fill(connection, delivered, LeadState.DELIVERED)
        await fill(connection, pending, LeadState.PENDING)
    if engine.dialect.name == "postgresql":
        async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            await connection.exec_driver_sql("VACUUM ANALYZE")
    await engine.dispose()
    return outbox


async def measure(urls: list[str], delivered: int, pending: int) -> None:
    """Builds the stores, measures them in turns and prints what was found."""
    started = time.perf_counter()
    full, empty = await made(urls[0], delivered, pending), await made(urls[1], 0, pending)
    print(f"{delivered:,} delivered and {pending:,} waiting leads made in {time.perf_counter() - started:.0f} s")
    for outbox in (full, empty) * 3:
        await claim_and_settle(outbox)
    beside: dict[Outbox, list[float]] = {full: [], empty: []}
    for turn in range(pending // BATCH - 3):
        for outbox in (full, empty) if turn % 2 else (empty, full):
            beside[outbox].append(await claim_and_settle(outbox))
    many, none = (statistics.median(beside[outbox]) for outbox in (full, empty))
    print(f"claim and settle {BATCH}, median of {len(beside[full])}, in ms:")
    print(f"{many:.2f} beside {delivered:,} delivered, {none:.2f} beside none: ratio {many / none:.3f}")
    await full.close()
    await empty.close()


def main() -> None:
    """Reads the arguments."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--delivered", type=int, default=1_000_000)
    arguments.add_argument("--pending", type=int, default=10_000)
    arguments.add_argument("--store", nargs=2, metavar="URL", help="two empty databases, the first to be filled")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = [f"sqlite+aiosqlite:///{folder}/{name}.db" for name in ("full", "empty")]
        asyncio.run(measure(given.store or files, given.delivered, given.pending))


if __name__ == "__main__":
    main()

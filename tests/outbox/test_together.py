"""Two processes' outboxes on one PostgreSQL: what both do at the same moment is done once; neither waits in vain."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import StoreUnavailable
from app.lead import Lead, LeadState, Reason
from app.outbox.engine import open_engine
from app.outbox.outbox import Outbox
from app.outbox.records import Workspace
from tests.outbox.test_outbox import LEASE, NOW, back, claim, read, submission
from tests.postgresql import PostgreSQL

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("engine", ["postgresql"], indirect=True)]
Two = tuple[Outbox, Outbox]


@pytest.fixture
async def two(store_url: str) -> AsyncIterator[Two]:
    both = Outbox(store_url, quarantine_rows=5), Outbox(store_url, quarantine_rows=5)
    for outbox in both:
        await outbox.open()
    yield both
    for outbox in both:
        await outbox.close()


def fail(known: Workspace) -> Workspace:
    return replace(known, failures=known.failures + 1)


async def deadlocks(outbox: Outbox) -> int:
    """How often PostgreSQL had to break one, which costs everybody a second."""
    await asyncio.sleep(0.1)
    async with outbox._engine.connect() as connection:
        await connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")
        await connection.exec_driver_sql("SELECT pg_stat_clear_snapshot()")
        sql = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        found: int = (await connection.exec_driver_sql(sql)).scalar_one()
        return found


async def test_the_same_submission_sent_to_both_at_once_is_kept_once(two: Two) -> None:
    for turn in range(30):
        first, second = await asyncio.gather(*(outbox.add(submission(turn)) for outbox in two))
        assert first.id == second.id
        assert first.leads == second.leads
        assert sorted([first.repeat, second.repeat]) == [False, True]

    assert len(await two[0].books.leads(limit=100)) == 30
    assert await read(two[0], "SELECT sum(repeats) FROM submissions") == [(30,)]
    assert await read(two[0], "SELECT sum(accepted) FROM ledger") == [(30,)]


async def test_many_repeats_in_many_batches_in_any_order_never_stand_in_each_others_way(two: Two) -> None:
    for turn in range(5):
        numbers = range(turn * 180, turn * 180 + 180)
        orders = (numbers, numbers[::-1])
        given = [two[n].add(submission(number)) for n in (0, 1) for number in (*orders[n], *orders[1 - n])]
        receipts = await asyncio.gather(*given)
        assert len({receipt.id for receipt in receipts}) == 180

    assert await read(two[0], "SELECT count(*), sum(repeats) FROM submissions") == [(900, 2700)]
    assert await deadlocks(two[0]) == 0


async def test_who_meets_anothers_locks_again_and_again_is_stored_all_the_same(two: Two) -> None:
    met = 0

    async def work(connection: AsyncConnection) -> str:
        nonlocal met
        if met < 3:
            met += 1
            await connection.exec_driver_sql("DO $$ BEGIN RAISE 'deadlock' USING ERRCODE = '40P01'; END $$")
        return "stored"

    assert await two[0].write(work) == "stored"
    assert met == 3


async def test_each_lead_is_claimed_by_one_of_them(two: Two) -> None:
    for number in range(100):
        await two[number % 2].add(submission(number))
    claimed: list[str] = []
    while found := [lead.id for leads in await asyncio.gather(*(claim(one, limit=7) for one in two)) for lead in leads]:
        claimed += found

    assert len(claimed) == len(set(claimed)) == 100


async def test_changes_of_one_workspace_by_both_all_count(two: Two) -> None:
    """Also the first ones, which find nothing there yet."""
    for _ in range(10):
        await asyncio.gather(*(outbox.change_workspace("new", fail) for _ in range(5) for outbox in two))

    assert (await two[0].books.workspace("new")).failures == 100


async def test_workspaces_changed_in_any_order_beside_all_other_writes_never_lock_each_other_out(two: Two) -> None:
    names = [f"company-{number}" for number in range(6)]
    for turn in range(30):
        writes: list[Coroutine[Any, Any, Any]] = []
        for outbox, order in zip(two, (names, names[::-1]), strict=True):
            some = [outbox.add(submission(turn))] if turn % 3 else []
            changes = [outbox.change_workspace(name, fail) for name in order]
            writes += [*changes[:3], *some, outbox.check_writable(), *changes[3:]]
            writes.append(outbox.take_duty("alerts", "me", NOW, NOW + LEASE))
        await asyncio.gather(*writes)

    assert await deadlocks(two[0]) == 0
    assert [(await two[0].books.workspace(name)).failures for name in names] == [60] * 6


async def test_leads_settled_by_one_while_the_other_takes_them_back_end_in_one_state(two: Two) -> None:
    for turn in range(10):
        for number in range(20):
            await two[0].add(submission(turn * 20 + number, received_at=NOW))
        held = await claim(two[0])
        settled = [back(lead, state=LeadState.DELIVERED, next_attempt_at=None) for lead in reversed(held)]
        await asyncio.gather(two[0].settle(settled, (), NOW), two[1].reclaim(NOW + LEASE))
        counts = await two[0].books.counts()
        assert counts[LeadState.SENDING] == 0
        assert counts[LeadState.PENDING] + counts[LeadState.DELIVERED] == turn * 20 + 20


async def test_a_full_quarantine_that_both_make_room_in_is_counted_once(two: Two) -> None:
    """Under many names, each with its own line in the ledger, as strangers' requests come."""
    held = (Lead(state=LeadState.HELD),)
    flood = (
        outbox.add(submission(number, endpoint=f"nobody-{number}", quarantine=Reason.UNKNOWN_ENDPOINT, leads=held))
        for number in range(200)
        for outbox in (two[number % 2],)
    )
    await asyncio.gather(*flood)
    for outbox in two:  # whoever came second has seen the first one's rows by now
        await outbox.add(submission(999 + id(outbox), quarantine=Reason.UNKNOWN_ENDPOINT, leads=held))

    [(accepted, dropped)] = await read(two[0], "SELECT sum(accepted), sum(dropped) FROM ledger")
    assert accepted - dropped == sum((await two[0].books.counts()).values())


async def test_a_duty_is_taken_by_one_of_them(two: Two) -> None:
    taken = await asyncio.gather(*(one.take_duty("alerts", str(n), NOW, NOW + LEASE) for n, one in enumerate(two)))

    assert sorted(taken) == [False, True]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
async def test_after_a_restart_of_the_server_the_next_write_is_taken(
    two: Two, postgresql: PostgreSQL, how: signal.Signals
) -> None:
    first = await two[0].add(submission())
    postgresql.stop(how)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await two[0].add(submission(1))
        with pytest.raises(StoreUnavailable):
            await two[0].books.leads()
    postgresql.start()

    assert (await two[0].add(submission())).id == first.id
    assert (await two[0].add(submission(1))).repeat is False
    assert len(await two[1].books.leads()) == 2


async def test_a_process_that_stops_amid_its_writes_holds_the_others_up_for_a_moment_only(
    two: Two, store_url: str
) -> None:
    """The server lets go of its locks, after twice the time that a statement has."""
    await two[0].change_workspace("default", lambda known: replace(known, paused="why"))
    stopped = open_engine(store_url, begin="", connections=1, patience=0.5)
    async with stopped.connect() as connection:
        await connection.exec_driver_sql("UPDATE workspaces SET failures = 9")
        started = asyncio.get_running_loop().time()
        await two[1].change_workspace("default", lambda known: replace(known, paused=""))
        assert 0.5 < asyncio.get_running_loop().time() - started < 3
        await connection.invalidate()
    await stopped.dispose()

    assert await two[1].books.workspace("default") == Workspace()

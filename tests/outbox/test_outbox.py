"""The outbox on a real SQLite file: durable, each submission once, leases that come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from app.errors import StoreUnavailable
from app.lead import Lead, LeadState, Reason, Submission
from app.outbox import rows
from app.outbox.outbox import Outbox
from app.outbox.records import Attempt, QueuedLead, Settlement, Workspace
from app.outbox.tables import leads, submissions
from tests.running import locked, stored

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LEASE = timedelta(seconds=15)


@pytest.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[Outbox]:
    store = Outbox(f"sqlite+aiosqlite:///{tmp_path}/relay.db", quarantine_rows=5)
    await store.open()
    yield store
    await store.close()


def submission(number: int = 0, **more: object) -> Submission:
    lead = Lead(first_name="Ada", last_name=f"No {number}", email=f"ada{number}@example.com")
    given = Submission("contact", "html", NOW, {}, b"body", fingerprint=f"print-{number}", leads=(lead,))
    return replace(given, **more)  # type: ignore[arg-type]


async def claim(outbox: Outbox, now: datetime = NOW, limit: int = 50) -> list[QueuedLead]:
    return await outbox.claim("default", now, now + LEASE, limit)


def back(lead: QueuedLead, **more: object) -> Settlement:
    given = Settlement(lead.id, LeadState.PENDING, next_attempt_at=NOW, attempts=lead.attempts)
    return replace(given, **more)  # type: ignore[arg-type]


async def test_what_was_added_is_there_with_its_raw_bytes(outbox: Outbox) -> None:
    receipt = await outbox.add(submission(body=b"\x00\xffraw", headers={"content-type": "text/x"}, event_id="e1"))

    kept = await outbox.books.submission(receipt.id)
    assert kept is not None
    assert (kept.body, kept.headers, kept.event_id) == (b"\x00\xffraw", {"content-type": "text/x"}, "e1")
    assert [(lead.id, lead.lead.email) for lead in await outbox.books.leads()] == [
        (receipt.leads[0][0], "ada0@example.com")
    ]


async def test_an_answer_leaves_only_after_the_commit(outbox: Outbox, tmp_path: Path) -> None:
    await outbox.add(submission())

    assert stored(tmp_path, "SELECT count(*) FROM leads") == [(1,)]
    assert stored(tmp_path, "PRAGMA journal_mode") == [("wal",)]


async def test_every_connection_waits_for_the_disk_at_commit(outbox: Outbox) -> None:
    async with outbox._engine.connect() as connection:
        synchronous = await connection.exec_driver_sql("PRAGMA synchronous")

        assert synchronous.scalar() == 2


async def test_concurrent_submissions_share_a_commit(outbox: Outbox) -> None:
    commits = 0
    original = outbox._writer._commit

    async def counted(batch: list[object]) -> list[object]:
        nonlocal commits
        commits += 1
        return await original(batch)  # type: ignore[arg-type]

    outbox._writer._commit = counted  # type: ignore[method-assign, assignment]
    receipts = await asyncio.gather(*(outbox.add(submission(number)) for number in range(100)))

    assert len({receipt.id for receipt in receipts}) == 100
    assert commits <= 3


async def test_a_repeat_gets_the_first_receipt_and_is_counted(outbox: Outbox) -> None:
    first = await outbox.add(submission())
    again = await outbox.add(submission())

    assert (again.id, again.leads, again.repeat) == (first.id, first.leads, True)
    kept = await outbox.books.submission(first.id)
    assert kept is not None
    assert kept.repeats == 1
    assert len(await outbox.books.leads()) == 1


async def test_of_two_at_once_one_is_the_repeat(outbox: Outbox) -> None:
    receipts = await asyncio.gather(*(outbox.add(submission()) for _ in range(20)))

    assert len({receipt.id for receipt in receipts}) == 1
    assert sorted(receipt.repeat for receipt in receipts) == [False] + [True] * 19


async def test_a_repeat_after_its_window_is_new(outbox: Outbox) -> None:
    first = await outbox.add(submission(fingerprint_expires=NOW + timedelta(minutes=10)))
    within = await outbox.add(submission(received_at=NOW + timedelta(minutes=9)))
    after = await outbox.add(submission(received_at=NOW + timedelta(minutes=10)))

    assert within.id == first.id
    assert after.id != first.id
    assert (await outbox.add(submission(received_at=NOW + timedelta(minutes=11)))).id == after.id


async def test_a_claimed_lead_is_claimed_by_nobody_else(outbox: Outbox) -> None:
    await outbox.add(submission())

    assert len(await claim(outbox)) == 1
    assert await claim(outbox) == []


async def test_the_longest_waiting_are_claimed_first_up_to_the_limit(outbox: Outbox) -> None:
    for number in range(5):
        await outbox.add(submission(number, received_at=NOW - timedelta(minutes=number)))

    assert [lead.lead.email for lead in await claim(outbox, limit=2)] == ["ada4@example.com", "ada3@example.com"]


async def test_held_and_spam_leads_are_never_claimed(outbox: Outbox) -> None:
    for number, state in enumerate(set(LeadState) - {LeadState.PENDING}):
        await outbox.add(submission(number, leads=(Lead(email="a@example.com", state=state),)))

    assert await claim(outbox) == []


async def test_leads_are_claimed_only_when_due(outbox: Outbox) -> None:
    await outbox.add(submission())
    [lead] = await claim(outbox)
    await outbox.settle([back(lead, next_attempt_at=NOW + timedelta(minutes=5))], (), NOW)

    assert await claim(outbox, NOW + timedelta(minutes=4)) == []
    assert len(await claim(outbox, NOW + timedelta(minutes=5))) == 1


@pytest.mark.parametrize("trouble", [{"unknown": True}, {"attempts": 2}], ids=["unknown", "failed twice"])
async def test_a_lead_that_may_spoil_a_request_goes_alone(outbox: Outbox, trouble: dict[str, object]) -> None:
    for number in range(3):
        await outbox.add(submission(number))
    first, *others = await claim(outbox)
    await outbox.settle([back(first, **trouble), *(back(lead) for lead in others)], (), NOW)

    assert sorted([len(await claim(outbox)), len(await claim(outbox))]) == [1, 2]


async def test_the_leads_of_a_worker_that_is_gone_come_back_as_unknown(outbox: Outbox) -> None:
    await outbox.add(submission())
    await claim(outbox)

    assert not await outbox.books.has_expired_leases(NOW)
    assert await outbox.reclaim(NOW) == 0
    assert await outbox.books.has_expired_leases(NOW + LEASE)
    assert await outbox.reclaim(NOW + LEASE) == 1
    [lead] = await claim(outbox, NOW + LEASE)
    assert lead.unknown


async def test_a_lease_that_is_renewed_does_not_expire(outbox: Outbox) -> None:
    await outbox.add(submission())
    [lead] = await claim(outbox)
    await outbox.renew([lead.id], NOW + 2 * LEASE)

    assert await outbox.reclaim(NOW + LEASE) == 0


async def test_a_settled_lead_keeps_its_member_and_its_attempts(outbox: Outbox) -> None:
    await outbox.add(submission())
    [lead] = await claim(outbox)
    attempt = Attempt(lead.id, NOW, "created", 201, "fine", 12)
    await outbox.settle([Settlement(lead.id, LeadState.DELIVERED, member_id="m1")], [attempt], NOW)

    found = await outbox.books.lead(lead.id)
    assert found is not None
    assert (found.lead.state, found.member_id, found.settled_at) == (LeadState.DELIVERED, "m1", NOW)
    assert await outbox.books.attempts(lead.id) == [attempt]


async def test_a_lead_that_is_no_longer_being_sent_is_not_settled(outbox: Outbox) -> None:
    await outbox.add(submission())
    [lead] = await claim(outbox)
    await outbox.reclaim(NOW + LEASE)
    await outbox.settle([Settlement(lead.id, LeadState.DELIVERED)], (), NOW)

    found = await outbox.books.lead(lead.id)
    assert found is not None
    assert found.lead.state is LeadState.PENDING


async def test_everything_waiting_becomes_due_when_agencyhandy_is_back(outbox: Outbox) -> None:
    await outbox.add(submission())
    [lead] = await claim(outbox)
    await outbox.settle([back(lead, next_attempt_at=NOW + timedelta(minutes=30))], (), NOW)
    await outbox.hurry("default", NOW)

    assert await outbox.books.next_due("default") == NOW


async def test_a_workspace_is_remembered(outbox: Outbox) -> None:
    assert await outbox.workspace() == Workspace()
    known = Workspace(company_id="c", role_id="r", resolved_at=NOW, failures=3, paused="why", not_before=NOW)
    await outbox.save_workspace(known)
    await outbox.save_workspace(known)

    assert await outbox.workspace() == known


async def test_the_quarantine_lets_its_oldest_go_and_nothing_else(outbox: Outbox) -> None:
    good = await outbox.add(submission(99))
    held = (Lead(state=LeadState.HELD, reason=Reason.SIGNATURE),)
    receipts = [await outbox.add(submission(number, quarantine=Reason.SIGNATURE, leads=held)) for number in range(12)]

    kept = {receipt.id for receipt in receipts if await outbox.books.submission(receipt.id) is not None}
    assert kept == {receipt.id for receipt in receipts[-5:]}
    assert await outbox.books.submission(good.id) is not None
    assert (await outbox.books.counts())[LeadState.HELD] == 5


async def test_a_request_that_quarantine_let_go_is_kept_when_it_comes_again(outbox: Outbox) -> None:
    held = (Lead(state=LeadState.HELD),)
    first = await outbox.add(submission(0, quarantine=Reason.SIGNATURE, leads=held))
    for number in range(1, 12):
        await outbox.add(submission(number, quarantine=Reason.SIGNATURE, leads=held))
    again = await outbox.add(submission(0, quarantine=Reason.SIGNATURE, leads=held))

    assert again.repeat is False
    assert again.id != first.id
    assert await outbox.books.submission(again.id) is not None


async def test_fingerprints_that_ran_out_are_let_go(outbox: Outbox, tmp_path: Path) -> None:
    await outbox.add(submission(0, fingerprint_expires=NOW + timedelta(minutes=10)))
    await outbox.add(submission(1, received_at=NOW + timedelta(minutes=10)))

    assert stored(tmp_path, "SELECT fingerprint FROM fingerprints") == [("print-1",)]


async def test_a_store_of_a_newer_version_is_not_touched(outbox: Outbox, tmp_path: Path) -> None:
    async with outbox._engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(StoreUnavailable, match="newer"):
        await outbox.open()


async def test_a_lead_that_was_released_from_quarantine_stays(outbox: Outbox) -> None:
    released = await outbox.add(submission(0, quarantine=Reason.SIGNATURE))
    held = (Lead(state=LeadState.HELD),)
    for number in range(1, 12):
        await outbox.add(submission(number, quarantine=Reason.SIGNATURE, leads=held))

    assert await outbox.books.submission(released.id) is not None


async def test_the_books_balance(outbox: Outbox) -> None:
    states = [LeadState.PENDING, LeadState.PENDING, LeadState.HELD, LeadState.SPAM]
    for number, state in enumerate(states):
        await outbox.add(submission(number, leads=(Lead(email="a@example.com", state=state),)))
    await claim(outbox, limit=1)

    counts = await outbox.books.counts()
    assert sum(counts.values()) == len(states)
    assert (counts[LeadState.PENDING], counts[LeadState.SENDING]) == (1, 1)


async def test_one_bad_item_spoils_nobody_elses_write(outbox: Outbox) -> None:
    async def work(connection: object, items: list[int]) -> list[int]:
        if 3 in items:
            await connection.execute(insert(leads).values(id="x" * 26))  # type: ignore[attr-defined]
        return items

    results = await asyncio.gather(*(outbox._writer.write(work, n) for n in range(6)), return_exceptions=True)  # type: ignore[arg-type]

    assert [result for result in results if isinstance(result, int)] == [0, 1, 2, 4, 5]
    assert isinstance(results[3], StoreUnavailable)


async def test_a_fault_in_one_write_leaves_the_writer_alive(outbox: Outbox) -> None:
    async def broken(connection: object, items: list[int]) -> list[int]:
        raise ZeroDivisionError

    with pytest.raises(StoreUnavailable):
        await outbox._writer.write(broken, 1)  # type: ignore[arg-type]
    assert (await outbox.add(submission())).id


async def test_a_store_that_another_process_locks_for_too_long_is_unavailable_not_wrong(
    outbox: Outbox, tmp_path: Path
) -> None:
    async with outbox._engine.connect() as connection:
        await connection.exec_driver_sql("PRAGMA busy_timeout = 100")
    with locked(tmp_path), pytest.raises(StoreUnavailable):
        await outbox.add(submission())

    assert (await outbox.add(submission())).repeat is False


async def test_a_store_that_cannot_be_opened_says_which(tmp_path: Path) -> None:
    (tmp_path / "relay.db").mkdir()
    store = Outbox(f"sqlite+aiosqlite:///{tmp_path}/relay.db")

    with pytest.raises(StoreUnavailable, match=r"relay\.db"):
        await store.open()
    await store.close()
    await asyncio.sleep(0.1)  # aiosqlite's thread ends a moment after a connection that could not be made


@pytest.mark.slow
async def test_claiming_costs_the_same_beside_a_hundred_thousand_delivered_leads(outbox: Outbox) -> None:
    """The plan uses the index of waiting leads, whatever else the table holds."""
    base = submission()
    delivered = [
        rows.of_lead(f"{number:026}", "s" * 26, "default", base, Lead(state=LeadState.DELIVERED))
        for number in range(100_000)
    ]
    async with outbox._engine.begin() as connection:
        await connection.execute(insert(submissions).values(rows.of_submission("s" * 26, base)))
        await connection.execute(insert(leads), delivered)
        plan = await connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT * FROM leads WHERE workspace = 'default' AND state = 'pending' "
            "AND next_attempt_at <= 1 ORDER BY next_attempt_at, id LIMIT 50"
        )
        assert "leads_due" in str(plan.all())
    await outbox.add(base)
    started = asyncio.get_running_loop().time()
    assert len(await claim(outbox)) == 1
    assert asyncio.get_running_loop().time() - started < 0.25

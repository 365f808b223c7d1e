"""The outbox on a real SQLite file and a real PostgreSQL: durable, each submission once, leases that come back."""

from __future__ import annotations

import asyncio
import gc
import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import StoreUnavailable
from app.lead import Lead, LeadState, Reason, Receipt, Submission
from app.outbox import rows
from app.outbox.outbox import Outbox
from app.outbox.records import BREAKER_AFTER, Attempt, QueuedLead, Settlement, Workspace
from app.outbox.tables import fingerprints, leads, submissions
from bench.claims import fill
from tests.running import locked, stored

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LEASE = timedelta(seconds=15)
PENDING, SPAM = LeadState.PENDING, LeadState.SPAM


only_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture
async def outbox(store_url: str) -> AsyncIterator[Outbox]:
    store = Outbox(store_url, quarantine_rows=5)
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
    given = Settlement(lead.id, lead.claim, LeadState.PENDING, next_attempt_at=NOW, attempts=lead.attempts)
    return replace(given, **more)  # type: ignore[arg-type]


async def read(outbox: Outbox, sql: str) -> list[Any]:
    """What a query finds, past the books."""
    async with outbox._engine.connect() as connection:
        return [tuple(row) for row in await connection.exec_driver_sql(sql)]


async def test_what_was_added_is_there_with_its_raw_bytes(outbox: Outbox) -> None:
    receipt = await outbox.add(submission(body=b"\x00\xffraw", headers={"content-type": "text/x"}, event_id="e1"))

    kept = await outbox.books.submission(receipt.id)
    assert kept is not None
    assert (kept.body, kept.headers, kept.event_id) == (b"\x00\xffraw", {"content-type": "text/x"}, "e1")
    assert [(lead.id, lead.lead.email) for lead in await outbox.books.leads()] == [
        (receipt.leads[0][0], "ada0@example.com")
    ]


@only_sqlite
async def test_an_answer_leaves_only_after_the_commit(outbox: Outbox, tmp_path: Path) -> None:
    await outbox.add(submission())

    assert stored(tmp_path, "SELECT count(*) FROM leads") == [(1,)]
    assert stored(tmp_path, "PRAGMA journal_mode") == [("wal",)]


@only_sqlite
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


def judged(state: LeadState, *others: LeadState, **more: object) -> Submission:
    """The same content each time, its leads judged so."""
    people = tuple(Lead(email=f"{n}@example.com", state=one) for n, one in enumerate((state, *others)))
    return submission(0, leads=people, **more)


class TestTwins:
    """The same content, once judged spam and once good."""

    async def test_spam_repeats_what_was_judged_good(self, outbox: Outbox) -> None:
        good = await outbox.add(judged(PENDING))
        spam = await outbox.add(judged(SPAM))

        assert (spam.id, spam.leads, spam.repeat) == (good.id, good.leads, True)
        assert len(await outbox.books.leads()) == 1

    async def test_what_is_good_never_repeats_spam(self, outbox: Outbox) -> None:
        spam = await outbox.add(judged(SPAM))
        again = await outbox.add(judged(SPAM))
        good = await outbox.add(judged(PENDING))
        late = await outbox.add(judged(SPAM))

        assert (again.id, again.repeat) == (spam.id, True)
        assert (good.id != spam.id, good.repeat) == (True, False)
        assert (late.id, late.repeat) == (good.id, True)
        assert len(await outbox.books.leads()) == 2

    @pytest.mark.parametrize("order", [(SPAM, PENDING, SPAM), (PENDING, SPAM, PENDING), (SPAM, SPAM, PENDING)])
    async def test_so_it_is_within_one_commit(self, outbox: Outbox, order: tuple[LeadState, ...]) -> None:
        async def work(connection: AsyncConnection) -> list[Receipt]:
            added = await outbox._adding.add(connection, [judged(state) for state in order])
            return [receipt for receipt, _ in added]

        receipts = await outbox.write(work)
        good = next(one for one, state in zip(receipts, order, strict=True) if state is PENDING)
        kept = {lead.id: lead.lead.state for lead in await outbox.books.leads()}

        assert PENDING in {kept[lead_id] for lead_id, _ in good.leads}
        assert len(kept) == (1 if order[0] is PENDING else 2)

    async def test_when_the_good_ones_window_is_over_spam_is_its_own(self, outbox: Outbox) -> None:
        good = await outbox.add(judged(PENDING, fingerprint_expires=NOW + timedelta(minutes=10)))
        later = NOW + timedelta(minutes=11)
        spam = await outbox.add(judged(SPAM, received_at=later, fingerprint_expires=later + timedelta(minutes=10)))
        again = await outbox.add(judged(PENDING, received_at=later, fingerprint_expires=later + timedelta(minutes=10)))

        assert len({good.id, spam.id, again.id}) == 3

    async def test_of_several_people_it_matters_which_are_spam(self, outbox: Outbox) -> None:
        one = await outbox.add(judged(SPAM, PENDING))
        other = await outbox.add(judged(PENDING, SPAM))
        good = await outbox.add(judged(PENDING, PENDING))

        assert len({one.id, other.id, good.id}) == 3
        assert (await outbox.add(judged(SPAM, PENDING))).id == good.id


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


async def test_the_leads_of_a_worker_that_is_gone_come_back_as_unknown(outbox: Outbox) -> None:
    await outbox.add(submission())
    await claim(outbox)

    assert not await outbox.books.has_lost_leases(NOW)
    assert await outbox.reclaim(NOW) == 0
    assert await outbox.books.has_lost_leases(NOW + LEASE)
    assert await outbox.reclaim(NOW + LEASE) == 1
    [lead] = await claim(outbox, NOW + LEASE)
    assert lead.unknown


async def test_a_lease_that_is_renewed_does_not_expire(outbox: Outbox) -> None:
    await outbox.add(submission())
    [lead] = await claim(outbox)
    await outbox.renew(lead.claim, NOW + 2 * LEASE)

    assert await outbox.reclaim(NOW + LEASE) == 0


async def test_a_settled_lead_keeps_its_member_and_its_attempts(outbox: Outbox) -> None:
    await outbox.add(submission())
    [lead] = await claim(outbox)
    attempt = Attempt(lead.id, NOW, "created", 201, "fine", 12)
    await outbox.settle([Settlement(lead.id, lead.claim, LeadState.DELIVERED, member_id="m1")], [attempt], NOW)

    found = await outbox.books.lead(lead.id)
    assert found is not None
    assert (found.lead.state, found.member_id, found.settled_at) == (LeadState.DELIVERED, "m1", NOW)
    assert await outbox.books.attempts(lead.id) == [attempt]


async def test_a_lead_that_is_no_longer_being_sent_is_not_settled(outbox: Outbox) -> None:
    await outbox.add(submission())
    [lead] = await claim(outbox)
    await outbox.reclaim(NOW + LEASE)
    await outbox.settle([Settlement(lead.id, lead.claim, LeadState.DELIVERED)], (), NOW)

    found = await outbox.books.lead(lead.id)
    assert found is not None
    assert found.lead.state is LeadState.PENDING


async def test_everything_waiting_becomes_due_when_agencyhandy_is_back(outbox: Outbox) -> None:
    await outbox.add(submission())
    [lead] = await claim(outbox)
    await outbox.settle([back(lead, next_attempt_at=NOW + timedelta(minutes=30))], (), NOW)
    await outbox.hurry("default", NOW)

    assert await outbox.books.next_due("default") == NOW


async def test_what_an_import_spreads_over_hours_is_not_hurried_when_agencyhandy_is_back(outbox: Outbox) -> None:
    await outbox.add(submission(1))
    [failed] = await claim(outbox)
    await outbox.settle([back(failed, next_attempt_at=NOW + timedelta(minutes=30), attempts=1)], (), NOW)
    await outbox.add(replace(submission(2), due=NOW + timedelta(hours=2)))
    await outbox.change_workspace("default", lambda one: replace(one, failures=BREAKER_AFTER))
    await outbox.change_workspace("default", lambda one: replace(one, failures=0), hurry_at=NOW)

    assert [lead.id for lead in await claim(outbox)] == [failed.id]


async def test_a_workspace_is_remembered(outbox: Outbox) -> None:
    assert await outbox.books.workspace("default") == Workspace()
    known = Workspace(company_id="c", role_id="r", resolved_at=NOW, failures=3, paused="why", not_before=NOW)
    before, after = await outbox.change_workspace("default", lambda _: known)

    assert (before, after) == (Workspace(), known)
    assert await outbox.books.workspace("default") == known
    assert await outbox.change_workspace("default", lambda now: now) == (known, known)


async def test_of_a_workspace_everything_is_changed_in_turn(outbox: Outbox) -> None:
    def fail(known: Workspace) -> Workspace:
        return replace(known, failures=known.failures + 1)

    await asyncio.gather(*(outbox.change_workspace("default", fail) for _ in range(20)))

    assert (await outbox.books.workspace("default")).failures == 20


async def test_what_a_claim_no_longer_holds_it_neither_renews_nor_settles(outbox: Outbox) -> None:
    await outbox.add(submission())
    [lost] = await claim(outbox)
    await outbox.reclaim(NOW + LEASE)
    [held] = await claim(outbox, NOW + LEASE)
    await outbox.renew(lost.claim, NOW + 4 * LEASE)
    await outbox.settle([Settlement(lost.id, lost.claim, LeadState.DELIVERED)], (), NOW)

    assert await outbox.reclaim(NOW + 2 * LEASE) == 1
    assert held.id == lost.id
    assert (await outbox.books.counts())[LeadState.PENDING] == 1


async def test_a_duty_is_one_processs_until_it_ends(outbox: Outbox) -> None:
    assert await outbox.take_duty("alerts", "one", NOW, NOW + LEASE)
    assert not await outbox.take_duty("alerts", "two", NOW, NOW + LEASE)
    assert await outbox.take_duty("alerts", "one", NOW, NOW + LEASE)
    assert await outbox.take_duty("alerts", "two", NOW + LEASE, NOW + 2 * LEASE)


async def test_what_fails_once_its_caller_has_gone_is_not_logged_as_a_fault(
    outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    begun = asyncio.Event()

    async def away(_: Any) -> None:
        begun.set()
        await asyncio.sleep(0)
        raise OSError("the store is away")

    for ask in (outbox.books.read, outbox.write):
        begun.clear()
        caller = asyncio.create_task(ask(away))
        await begun.wait()
        caller.cancel()
        await asyncio.wait([caller])
    await outbox.close()
    gc.collect()
    assert "never retrieved" not in caplog.text


async def test_the_quarantine_lets_its_oldest_go_and_nothing_else(outbox: Outbox) -> None:
    good = await outbox.add(submission(99))
    held = (Lead(state=LeadState.HELD, reason=Reason.SIGNATURE),)
    receipts = [await outbox.add(submission(number, quarantine=Reason.SIGNATURE, leads=held)) for number in range(12)]

    kept = {receipt.id for receipt in receipts if await outbox.books.submission(receipt.id) is not None}
    assert kept == {receipt.id for receipt in receipts[-5:]}
    assert await outbox.books.submission(good.id) is not None
    assert (await outbox.books.counts())[LeadState.HELD] == 5


async def test_names_that_strangers_make_up_do_not_fill_the_ledger(outbox: Outbox) -> None:
    held = (Lead(state=LeadState.HELD, reason=Reason.UNKNOWN_ENDPOINT),)
    for number in range(12):
        made_up = {"endpoint": f"made-up-{number}", "quarantine": Reason.UNKNOWN_ENDPOINT, "leads": held}
        await outbox.add(submission(number, **made_up))

    balance = await outbox.books.balance()
    assert len({endpoint for _, endpoint, what in balance.counts if what == "accepted"}) <= 6
    assert balance.differences() == {}


async def test_a_much_smaller_quarantine_is_reached_step_by_step(outbox: Outbox, store_url: str) -> None:
    """Lowering QUARANTINE_ROWS must not ask for more at once than a statement can name."""
    held = (Lead(state=LeadState.HELD, reason=Reason.SIGNATURE),)
    outbox._adding = replace(outbox._adding, quarantine_rows=100_000)
    flood = (submission(number, quarantine=Reason.SIGNATURE, leads=held) for number in range(2100))
    await asyncio.gather(*map(outbox.add, flood))
    outbox._adding = replace(outbox._adding, quarantine_rows=5)
    for number in range(3):
        await outbox.add(submission(3000 + number, quarantine=Reason.SIGNATURE, leads=held))

    assert (await outbox.books.counts())[LeadState.HELD] == 5
    assert await read(outbox, "SELECT sum(accepted), sum(dropped) FROM ledger") == [(2103, 2098)]


async def test_the_ledger_counts_what_came_and_what_had_to_make_room(outbox: Outbox) -> None:
    held = (Lead(state=LeadState.HELD),)
    for number in range(7):
        await outbox.add(submission(number, quarantine=Reason.SIGNATURE, leads=held))
    await outbox.add(submission(0, received_at=NOW - timedelta(days=1), fingerprint="yesterday"))
    await outbox.add(submission(8, leads=()))

    today = (NOW.date() - date(1970, 1, 1)).days
    assert await read(outbox, "SELECT * FROM ledger ORDER BY day") == [
        (today - 1, "contact", 1, 0),
        (today, "contact", 7, 2),
    ]


async def test_the_quarantine_is_bounded_by_bytes_too(outbox: Outbox) -> None:
    outbox._adding = replace(outbox._adding, quarantine_rows=1000, quarantine_bytes=35)
    held = (Lead(state=LeadState.HELD),)
    sent = [
        await outbox.add(submission(number, quarantine=Reason.SIGNATURE, body=b"ten bytes.", leads=held))
        for number in range(6)
    ]

    kept = [one.id for one in sent if await outbox.books.submission(one.id)]
    assert kept == [one.id for one in sent[3:]]


async def test_a_request_that_quarantine_let_go_is_kept_when_it_comes_again(outbox: Outbox) -> None:
    held = (Lead(state=LeadState.HELD),)
    first = await outbox.add(submission(0, quarantine=Reason.SIGNATURE, leads=held))
    for number in range(1, 12):
        await outbox.add(submission(number, quarantine=Reason.SIGNATURE, leads=held))
    again = await outbox.add(submission(0, quarantine=Reason.SIGNATURE, leads=held))

    assert again.repeat is False
    assert again.id != first.id
    assert await outbox.books.submission(again.id) is not None


async def test_fingerprints_that_ran_out_are_let_go(outbox: Outbox) -> None:
    await outbox.add(submission(0, fingerprint_expires=NOW + timedelta(minutes=10)))
    later = await outbox.add(submission(1, received_at=NOW + timedelta(minutes=10)))

    assert await read(outbox, "SELECT submission_id FROM fingerprints") == [(later.id,)]


async def test_a_fingerprint_does_not_tell_what_was_sent(outbox: Outbox) -> None:
    """It outlives an erased submission, so that nobody may be able to try out whose it was."""
    await outbox.add(submission())

    [(kept,)] = await read(outbox, "SELECT fingerprint FROM fingerprints")
    assert len(kept) == 64
    assert kept not in {"print-0", hashlib.sha256(b"print-0").hexdigest()}


async def test_a_store_of_a_newer_version_is_not_touched(outbox: Outbox) -> None:
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


@pytest.mark.parametrize(
    "spoil",
    [
        insert(leads).values(id="x" * 26),
        update(submissions).values(endpoint=None),
        update(submissions).values(repeats=2**40),
        select(leads.c.attempts / 0),
        insert(submissions).values(rows.of_submission("x" * 27, submission(99, endpoint="y" * 65))),
        insert(fingerprints).values(fingerprint="\ud800", submission_id="x"),
        insert(fingerprints).values(fingerprint="\x00", submission_id="x"),
    ],
    ids=["missing", "null", "too large", "no number", "too long", "surrogate", "nul"],
)
async def test_one_bad_item_spoils_nobody_elses_write(outbox: Outbox, spoil: Any) -> None:
    """Whether the engine, or only one of them, minds: nobody but the bad one is told that nothing was stored."""

    async def work(connection: AsyncConnection, items: Sequence[int]) -> Sequence[int]:
        if 3 in items:
            await connection.execute(spoil)
        return items

    writer = outbox._writer
    given = asyncio.gather(*(outbox.add(submission(number)) for number in range(3)))
    results = await asyncio.gather(*(writer.write_together(work, n) for n in range(6)), return_exceptions=True)

    assert [result for result in results if isinstance(result, int)] in ([0, 1, 2, 4, 5], [0, 1, 2, 3, 4, 5])
    assert isinstance(results[3], StoreUnavailable | int)
    assert {receipt.repeat for receipt in await given} == {False}
    assert len(await outbox.books.leads()) == 3


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b"], ids=["nul", "surrogate"])
async def test_what_no_engine_can_keep_becomes_a_mark_in_every_text(outbox: Outbox, text: str) -> None:
    """A visitor, or AgencyHandy in an answer, may have sent it: refusing it would try the same for ever."""
    person = Lead(first_name=text, last_name=text, email=text, message=text, status=text, utm={text: text})
    receipt = await outbox.add(submission(note=text, event_id=text, headers={text: text}, leads=(person,)))
    [lead] = await claim(outbox)
    await outbox.settle(
        [Settlement(lead.id, lead.claim, LeadState.HELD, f"refused: {text}", member_id=text)],
        [Attempt(lead.id, NOW, "refused", 400, text, 1)],
        NOW,
    )
    await outbox.change_workspace("default", lambda known: replace(known, paused=text))

    kept = await outbox.books.submission(receipt.id)
    assert kept is not None
    assert (kept.note, kept.event_id) == ("a\ufffdb", "a\ufffdb")
    [stored_lead] = await outbox.books.leads()
    assert (stored_lead.lead.first_name, stored_lead.member_id) == ("a\ufffdb", "a\ufffdb")
    assert stored_lead.lead.reason == "refused: a\ufffdb"
    assert [attempt.answer for attempt in await outbox.books.attempts(lead.id)] == ["a\ufffdb"]
    assert (await outbox.books.workspace("default")).paused == "a\ufffdb"


async def test_a_fault_in_one_write_leaves_the_writer_alive(outbox: Outbox) -> None:
    async def broken(connection: AsyncConnection) -> None:
        raise ZeroDivisionError

    with pytest.raises(StoreUnavailable):
        await outbox.write(broken)
    assert (await outbox.add(submission())).id


@only_sqlite
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
@pytest.mark.alone
async def test_claiming_costs_the_same_beside_a_hundred_thousand_delivered_leads(outbox: Outbox) -> None:
    """The plan uses the index of waiting leads, whatever else the table holds. bench/claims.py measures it."""
    async with outbox._engine.begin() as connection:
        await fill(connection, 100_000, LeadState.DELIVERED)
        explain = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN"}[connection.dialect.name]
        plan = await connection.exec_driver_sql(
            f"{explain} SELECT * FROM leads WHERE workspace = 'default' AND state = 'pending' "  # noqa: S608
            "AND next_attempt_at <= 1 ORDER BY next_attempt_at, id LIMIT 50"
        )
        assert "leads_due" in str(plan.all())
    await outbox.add(submission())
    started = asyncio.get_running_loop().time()
    assert len(await claim(outbox)) == 1
    assert asyncio.get_running_loop().time() - started < 0.25

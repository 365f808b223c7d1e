"""Acts on many leads: who sees and stops them, and how they end."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from app.desk.bulk import Bulk
from app.lead import LeadState
from app.outbox import jobs
from app.outbox.jobs import Job
from app.outbox.outbox import Outbox
from app.outbox.records import Role
from tests.desk.conftest import csrf_of, log_in, make_operator
from tests.desk.crowd import filled
from tests.desk.test_pages import text_of
from tests.running import eventually, stored

Start = Callable[..., httpx.Client]
IDS = [f"{number:026}" for number in range(400)]


def now() -> datetime:
    return datetime.now(UTC)


async def anybody(name: str, role: Role) -> bool:
    return True


@pytest.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[Outbox]:
    store = Outbox(f"sqlite+aiosqlite:///{tmp_path}/relay.db")
    await store.open()
    yield store
    await store.close()


async def ended(bulk: Bulk, work: Callable[[Sequence[str]], Mapping[str, str]]) -> Job:
    """How an act on IDS ends, each step of which is `work`."""

    async def step(ids: Sequence[str]) -> Mapping[str, str]:
        return work(ids)

    await bulk.start(Job("0123456789abcdef", "anna", "discard", "/desk/held", len(IDS), now()), IDS, step)
    for task in list(bulk._running.values()):
        await task
    found = await bulk.of("0123456789abcdef", "anna")
    assert found is not None
    assert found.is_over
    return found


async def test_a_fault_ends_it_in_words_and_is_logged(outbox: Outbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    steps = iter(range(1, 3))

    def work(ids: Sequence[str]) -> Mapping[str, str]:
        return {"0": str(1 // (2 - next(steps)))}

    job = await ended(Bulk(outbox, now, anybody), work)
    assert (job.done, job.left) == (50, 1)
    assert job.trouble.startswith("This met a fault of the relay's own, which its log tells of.")
    assert "ZeroDivisionError" in caplog.text


async def test_a_fault_within_a_transaction_is_not_taken_for_a_store_that_is_away(outbox: Outbox) -> None:
    async def broken(connection: AsyncConnection) -> Mapping[str, str]:
        raise TypeError("what is stored is not as it should be")

    bulk = Bulk(outbox, now, anybody)
    await bulk.start(Job("ab" * 8, "anna", "remap", "/desk/held", len(IDS), now()), IDS, lambda _: outbox.write(broken))
    await asyncio.gather(*bulk._running.values())
    job = await bulk.of("ab" * 8, "anna")
    assert job is not None
    assert (job.done, job.is_over, job.trouble[:12]) == (0, True, "This met a f")


async def test_whoever_may_not_do_it_any_more_does_no_more_of_it(outbox: Outbox) -> None:
    asked = list[tuple[str, Role]]()

    async def twice(name: str, role: Role) -> bool:
        asked.append((name, role))
        return len(asked) < 3

    job = await ended(Bulk(outbox, now, twice), lambda ids: {})
    assert asked == [("anna", Role.WORK)] * 3
    assert (job.done, job.trouble) == (
        100,
        "Whoever began this may not do it any more. What is done stays done; choose the rest again.",
    )


async def test_of_many_refusals_the_first_are_kept_and_all_are_counted(outbox: Outbox, tmp_path: Path) -> None:
    def work(ids: Sequence[str]) -> Mapping[str, str]:
        return {one: "it is spam" if int(one) % 4 else f"no form is called {one}" for one in ids}

    job = await ended(Bulk(outbox, now, anybody), work)
    assert (job.done, job.left, job.trouble) == (400, 400, "")
    assert list(job.refused) == IDS[:20]
    assert (next(iter(job.reasons.items())), len(job.reasons)) == (("it is spam", 300), 10)


@pytest.fixture
def beside(desk: Start, tmp_path: Path) -> httpx.Client:
    """A relay, another replica of which carries out an act of anna's, who is no admin; nor is bob."""
    client = desk()
    for name in ("anna", "bob"):
        make_operator(tmp_path, name, Role.WORK)
    keep(tmp_path, Job("ab" * 8, "anna", "discard", "/desk/held", 50_000, now(), 1200, 30, {}, {"it is spam": 30}))
    return client


def keep(folder: Path, job: Job) -> None:
    """Puts an act into the store in a folder, as another process does that carries it out."""

    async def write() -> None:
        store = Outbox(f"sqlite+aiosqlite:///{folder}/relay.db")
        await store.open()
        await store.write(partial(jobs.begin, job=job))
        await store.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(write())).result()


@pytest.mark.parametrize("name", ["anna", "bob", "admin"])
def test_who_began_it_and_admins_find_it_at_the_queues_and_stop_it(
    beside: httpx.Client, tmp_path: Path, name: str
) -> None:
    log_in(beside, name)
    is_seen, path = name != "bob", f"/desk/jobs/{'ab' * 8}"
    for queue in ("held", "spam", "duplicate"):
        page = beside.get(f"/desk/{queue}").text
        assert (f'<a href="{path}">Discard: 1,200 of 50,000</a>' in page) is is_seen
        assert ("begun by anna" in page) is (name == "admin")
    shown = beside.get(path)
    assert (shown.status_code == 404) is not is_seen
    assert ("1,200 of 50,000, of which nothing was done to 30 " in text_of(shown.text)) is is_seen
    stopped = beside.post(f"{path}/stop", data={"_csrf": csrf_of(beside)})
    assert stopped.status_code == (303 if is_seen else 404)
    assert stored(tmp_path, "SELECT is_stopped FROM jobs") == [(int(is_seen),)]


def test_what_is_over_or_has_lost_its_process_is_no_longer_under_way(beside: httpx.Client, tmp_path: Path) -> None:
    log_in(beside)
    keep(tmp_path, Job("cd" * 8, "anna", "spam", "/desk/held", 10, now(), 10, is_over=True))
    keep(tmp_path, Job("ef" * 8, "anna", "spam", "/desk/held", 10, datetime(2026, 1, 1, tzinfo=UTC)))
    page = beside.get("/desk/held").text
    assert page.count("/desk/jobs/") == 1


@pytest.mark.slow
def test_an_operator_who_is_removed_ends_what_they_began(desk: Start, tmp_path: Path) -> None:
    filled(tmp_path, 12_000, states=[LeadState.SPAM])
    client = desk(role="intake")
    make_operator(tmp_path, "anna", Role.WORK)
    everything = {"_csrf": log_in(client, "anna"), "act": "discard", "all": "1", "confirmed": "12000"}
    job = client.post("/desk/spam", data=everything).headers["location"]
    eventually(lambda: stored(tmp_path, "SELECT 1 FROM audit LIMIT 1"), "it has begun")
    with closing(sqlite3.connect(tmp_path / "relay.db")) as store, store:
        store.execute("DELETE FROM operators")
    log_in(client)
    page = eventually(lambda: page if ": stopped." in (page := text_of(client.get(job).text)) else "", "it ends")
    assert "Whoever began this may not do it any more." in page
    [(done,)] = stored(tmp_path, "SELECT count(*) FROM leads WHERE state = 'discarded'")
    assert (0 < done < 12_000, f"{done:,} of 12,000: stopped." in page) == (True, True)

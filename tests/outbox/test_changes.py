"""What changed since one last looked: nothing is missed, whoever wrote it and however late it was committed."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from app.lead import LeadState
from app.outbox.changes import Seen, pages, seen_now
from app.outbox.engine import open_engine
from app.outbox.hands import Hands
from app.outbox.outbox import Outbox
from app.outbox.records import Settlement
from tests.outbox.by_hand import NOW, add, claim, hands, outbox, url

__all__ = ["hands", "outbox", "url"]

NUMBER = "CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT)"
CHANGE = f"UPDATE leads SET changed = {NUMBER} WHERE id = '{{}}'"  # noqa: S608 - of our own making


class Looker:
    """Somebody who looks again and again, from another process's connection."""

    def __init__(self, outbox: Outbox) -> None:
        self.books = outbox.books
        self.seen: Seen | None = None

    async def look(self) -> list[tuple[str, LeadState]]:
        """Id and state of all that changed since the last look."""
        now = await self.books.read(seen_now)
        since, self.seen = self.seen or now, now
        return [(one.id, one.state) async for page in pages(self.books, since, now, size=2) for one in page]


@pytest.fixture
async def looker(outbox: Outbox) -> Looker:
    found = Looker(outbox)
    await found.look()
    return found


async def test_each_step_of_a_leads_way_is_a_change_once(outbox: Outbox, hands: Hands, looker: Looker) -> None:
    [lead_id] = await add(outbox)
    assert await looker.look() == [(lead_id, LeadState.PENDING)]
    [queued] = await claim(outbox)
    assert await looker.look() == [(lead_id, LeadState.SENDING)]
    await outbox.settle([Settlement(lead_id, queued.claim, LeadState.HELD, "refused")], [], NOW)
    assert await looker.look() == [(lead_id, LeadState.HELD)]
    await hands.do("release", [lead_id])
    assert await looker.look() == [(lead_id, LeadState.PENDING)]
    await hands.do("erase", [lead_id])
    assert await looker.look() == [(lead_id, LeadState.ERASED)]
    assert await looker.look() == []


async def test_what_is_only_kept_alive_or_made_due_earlier_has_not_changed(outbox: Outbox, looker: Looker) -> None:
    for number in range(3):
        await add(outbox, number)
    [queued, *_] = await claim(outbox)
    assert len(await looker.look()) == 3
    await outbox.renew(queued.claim, NOW + timedelta(minutes=1))
    await outbox.hurry("default", NOW)
    assert await looker.look() == []


async def test_many_changes_are_read_page_by_page(outbox: Outbox, looker: Looker) -> None:
    made = [id_ for number in range(7) for id_ in await add(outbox, number)]
    await claim(outbox)
    assert [id_ for id_, _ in await looker.look()] == made


async def test_a_store_of_before_has_no_changes(outbox: Outbox, looker: Looker) -> None:
    await add(outbox)
    async with outbox._engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE leads SET changed = 0")
    assert await looker.look() == []


def test_what_was_seen_is_read_as_it_was_written_and_anything_else_is_nothing() -> None:
    for one in (Seen(1), Seen(987654321, (5, 77))):
        assert Seen.of(str(one)) == one
    assert [Seen.of(text) for text in ("", "x", "1-", "1:2", " 1", "1\n")] == [None] * 6


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_a_transaction_that_began_early_and_commits_late_is_not_missed(outbox: Outbox, url: str) -> None:
    """Others with higher numbers are committed, and seen, in between; and one that is taken back is none."""
    early, later, taken_back = [(await add(outbox, number))[0] for number in range(3)]
    looker = Looker(outbox)
    await looker.look()
    engine = open_engine(url, begin="", connections=2)
    async with engine.connect() as slow, engine.connect() as failing:
        await slow.exec_driver_sql(CHANGE.format(early))
        await failing.exec_driver_sql(CHANGE.format(taken_back))
        await add(outbox, 3)
        await claim_one(outbox, later)
        found = [id_ for id_, _ in await looker.look()]
        assert early not in found
        assert later in found
        assert looker.seen is not None
        ours = {(await one.exec_driver_sql(f"SELECT {NUMBER}")).scalar_one() for one in (slow, failing)}
        assert ours <= {*looker.seen.still_open}  # beside what goes on in other databases, as PostgreSQL's own duties
        assert await looker.look() == []
        for number in range(4, 8):
            await add(outbox, number)
        assert len(await looker.look()) == 4
        await failing.rollback()
        await slow.commit()
    await engine.dispose()
    assert [id_ for id_, _ in await looker.look()] == [early]
    assert await looker.look() == []
    assert not ours & {*looker.seen.still_open}


async def claim_one(outbox: Outbox, lead_id: str) -> None:
    async with outbox._engine.begin() as connection:
        await connection.exec_driver_sql(CHANGE.format(lead_id))


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
async def test_with_many_writers_at_once_everything_is_seen(outbox: Outbox, url: str) -> None:
    others = [Outbox(url) for _ in range(3)]
    for other in others:
        await other.open()
    looker, found, is_over = Looker(outbox), set[str](), asyncio.Event()
    await looker.look()

    async def look_all_the_while() -> None:
        while not is_over.is_set():
            found.update(id_ for id_, _ in await looker.look())

    looking = asyncio.create_task(look_all_the_while())
    made = await asyncio.gather(*(add(others[number % 3], number) for number in range(300)))
    is_over.set()
    await looking
    found.update(id_ for id_, _ in await looker.look())
    for other in others:
        await other.close()
    assert found == {id_ for ids in made for id_ in ids}

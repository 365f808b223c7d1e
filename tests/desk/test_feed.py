"""What changes is read once for all who follow it, and each of them hears of all of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import StoreUnavailable
from app.live.feed import Feed, News
from app.outbox.changes import Seen, seen_now
from app.outbox.outbox import Outbox
from tests.outbox.by_hand import add, outbox, url

__all__ = ["outbox", "url"]


@pytest.fixture
async def feed(outbox: Outbox) -> Feed:
    return Feed(outbox)


async def test_all_who_follow_hear_of_everything_from_one_look_at_the_store(outbox: Outbox, feed: Feed) -> None:
    followed = [feed.follow(None, pause=5) for _ in range(20)]
    for one in followed:
        await anext(one)
    looks = 0
    read = outbox.books.read

    async def counted(work: object) -> object:
        nonlocal looks
        looks += 1
        return await read(work)  # type: ignore[arg-type]

    outbox.books.read = counted  # type: ignore[method-assign, assignment]
    [lead_id] = await add(outbox)
    told = await asyncio.wait_for(asyncio.gather(*map(next_changes, followed)), 3)
    assert {tuple(one.id for one in news.changes) for news in told} == {(lead_id,)}
    assert looks < 10
    await close(followed)
    assert feed._looking is None


async def test_after_silence_it_says_so_and_when_it_is_closed_it_ends(feed: Feed) -> None:
    followed = feed.follow(None, pause=0.05)
    assert [(await anext(followed)).changes for _ in range(3)] == [(), (), ()]
    feed.close()
    assert [news async for news in followed] == []


async def test_whoever_comes_later_or_is_slow_catches_up_to_the_same(outbox: Outbox, feed: Feed) -> None:
    begin = await outbox.books.read(seen_now)
    made = {id_ for number in range(5) for id_ in await add(outbox, number)}
    first, second = feed.follow(begin, pause=5), feed.follow(None, pause=5)
    assert {one.id for one in (await next_changes(first)).changes} == made
    await anext(second)
    for number in range(5, 8):
        await add(outbox, number)
        await next_changes(second)
    slow = [one.id for _ in range(3) for one in (await anext(first)).changes]
    assert len(set(slow) - made) == 3
    await close([first, second])


async def test_too_much_is_a_gap_for_who_bounds_it_and_pages_for_others(outbox: Outbox, feed: Feed) -> None:
    begin = await outbox.books.read(seen_now)
    for number in range(5):
        await add(outbox, number)
    bounded, patient = feed.follow(begin, pause=5, most=4), feed.follow(begin, pause=5)
    assert [(await anext(bounded)).is_gap for _ in range(2)] == [False, True]
    assert len((await next_changes(patient)).changes) == 5
    await close([bounded, patient])


async def test_where_the_store_numbers_anew_after_a_crash_all_are_told_of_a_gap_and_then_of_what_comes(
    outbox: Outbox, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL goes on after the last transaction that it kept: later ones were seen, and came to nothing."""

    async def later(connection: AsyncConnection) -> Seen:
        seen = await seen_now(connection)
        return replace(seen, below=seen.below + 30)

    quick, slow = feed.follow(None, pause=5), feed.follow(None, pause=5)
    for one in (quick, slow):
        await anext(one)
    monkeypatch.setattr("app.live.feed.seen_now", later)
    await add(outbox)
    await asyncio.wait_for(next_changes(quick), 3)
    monkeypatch.setattr("app.live.feed.seen_now", seen_now)
    await add(outbox, 1)

    for one in (quick, slow):
        await asyncio.wait_for(next_gap(one), 3)
    [lead_id] = await add(outbox, 2)
    for one in (quick, slow):
        told = await asyncio.wait_for(next_changes(one), 3)
        assert [one.id for one in told.changes] == [lead_id]
    await close([quick, slow])


async def test_where_the_store_was_away_there_is_a_gap_as_nobody_knows_what_it_kept(outbox: Outbox, feed: Feed) -> None:
    followed = feed.follow(None, pause=5)
    await anext(followed)
    read, times = outbox.books.read, iter([True])

    async def away(work: object) -> object:
        if next(times, False):
            raise StoreUnavailable("It is away.")
        return await read(work)  # type: ignore[arg-type]

    outbox.books.read = away  # type: ignore[method-assign, assignment]
    await asyncio.wait_for(next_gap(followed), 4)
    await close([followed])


async def next_gap(followed: AsyncIterator[News]) -> None:
    while not (await anext(followed)).is_gap:
        pass


async def next_changes(followed: AsyncIterator[News]) -> News:
    while not (news := await anext(followed)).changes:
        pass
    return news


async def close(followed: Sequence[AsyncIterator[News]]) -> None:
    for one in followed:
        await one.aclose()  # type: ignore[attr-defined]

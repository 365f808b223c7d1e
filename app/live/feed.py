"""The changes for all who follow them in this process: one small look at the store a second, while anybody does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from app.errors import StoreUnavailable, TooManyFollow
from app.lead import LeadState
from app.outbox import search
from app.outbox.books import Books
from app.outbox.changes import AT_ONCE, Change, Seen, changes, pages, seen_now
from app.outbox.outbox import Outbox
from app.outbox.records import Sought

EVERY: Final = 1.0
AT_MOST_EVERY: Final = 0.2
"""Seconds between two looks; the shorter one where this process itself has written."""
MOST, OF_PROGRAMS = 200, 100
"""How many follow at once; the last places are kept for pages, which people sit before."""
WAITING: Final = (LeadState.HELD, LeadState.SPAM, LeadState.DUPLICATE)
COUNTED: Final = 999


@dataclass(frozen=True, slots=True, eq=False)
class News:
    """What happened up to `seen`. `is_gap`: more than one would read through, or nobody knows what, as one comes from
    another store, or it was away.
    """

    seen: Seen
    changes: Sequence[Change] = ()
    is_gap: bool = False


@dataclass(slots=True, eq=False)
class Feed:
    """Hands out what changes. `waiting` is how many leads wait for a person, by state."""

    outbox: Outbox
    waiting: Mapping[LeadState, int] = field(default_factory=dict)
    is_closed: bool = False
    _last: tuple[Seen, News] | None = None
    _followers: int = 0
    _looking: asyncio.Task[None] | None = None
    _was_away: bool = False
    _breaks: int = 0
    _written: asyncio.Event = field(default_factory=asyncio.Event)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.outbox.on_commit = self._written.set

    def check_room(self, *, is_page: bool) -> None:
        """Raises TooManyFollow where as many follow as may."""
        most = MOST if is_page else OF_PROGRAMS
        if self._followers >= most:
            raise TooManyFollow(f"{most} pages and programs are kept up to date already: reload by hand.")

    async def follow(self, since: Seen | None, *, pause: float, most: int | None = None) -> AsyncGenerator[News]:
        """What changes after `since`, or from now on, until the feed is closed; without changes at once, and after
        each `pause` of silence, in seconds.

        Who would have to read more than `most` changes at once is told of a gap. Raises StoreUnavailable.
        """
        with self._following():
            _, latest = await self._latest()
            seen, breaks = since or latest.seen, self._breaks
            if seen.below > latest.seen.below and seen.below > (await self.outbox.books.read(seen_now)).below:
                seen = latest.seen
                yield News(seen, is_gap=True)
            yield News(seen)
            while not self.is_closed:
                arrived, (before, latest) = self._arrived, await self._latest()
                if self._breaks != breaks:
                    breaks = self._breaks
                    yield News(latest.seen, is_gap=True)
                elif latest.seen == seen:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(arrived.wait(), pause)
                        continue
                    yield News(seen)
                elif before == seen and not latest.is_gap:
                    yield latest
                else:
                    async for news in self._catch_up(seen, latest.seen, most):
                        yield news
                seen = latest.seen

    def close(self) -> None:
        """Ends what everybody follows."""
        self.is_closed = True
        self._stop_looking()
        self._arrived.set()

    async def _catch_up(self, since: Seen, until: Seen, most: int | None) -> AsyncIterator[News]:
        """Where somebody begins, or fell behind. Only with the last one all of it is seen."""
        if most is not None and len(await self._changes(since, until, most + 1)) > most:
            yield News(until, is_gap=True)
            return
        async for page in pages(self.outbox.books, since, until):
            yield News(since, page)
        yield News(until)

    @contextmanager
    def _following(self) -> Iterator[None]:
        self._followers += 1
        if self._looking is None and not self.is_closed:
            self._looking = asyncio.create_task(self._look())
        try:
            yield
        finally:
            self._followers -= 1
            if not self._followers:
                self._stop_looking()

    def _stop_looking(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            self._looking = self._last = None

    async def _look(self) -> None:
        """Until it is cancelled. Where the store cannot be read, all wait until it can."""
        while True:
            self._written.clear()
            try:
                await self._look_once()
            except StoreUnavailable:
                self._was_away = True
            await asyncio.sleep(AT_MOST_EVERY)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._written.wait(), EVERY - AT_MOST_EVERY)

    async def _look_once(self) -> tuple[Seen, News]:
        """The latest news, which stay the latest while nothing else happens, and what was seen before them.

        After a crash PostgreSQL gives numbers again of transactions that were seen and came to nothing, so that nobody
        knows what is new since: where the store was away, that is told as a gap.
        """
        now = await self.outbox.books.read(seen_now)
        seen = self._last[1].seen if self._last else now
        if is_break := self._was_away or now.below < seen.below:
            self._was_away, self._breaks, seen = False, self._breaks + 1, now
        found = await self._changes(seen, now, AT_ONCE + 1) if seen != now else []
        if self._last is None or found or is_break:
            self.waiting = await waiting(self.outbox.books)
            self._last = seen, News(now, found, is_gap=len(found) > AT_ONCE)
            self._arrived.set()
            self._arrived = asyncio.Event()
        return self._last

    async def _latest(self) -> tuple[Seen, News]:
        return self._last or await self._look_once()

    async def _changes(self, since: Seen, until: Seen, limit: int) -> list[Change]:
        return await self.outbox.books.read(partial(changes, since=since, until=until, limit=limit))


async def waiting(books: Books) -> dict[LeadState, int]:
    """How many leads wait for a person, by state, each up to COUNTED + 1, so that it is quick beside any number."""
    sought = (partial(search.count, sought=Sought(states=(state,)), most=COUNTED) for state in WAITING)
    return dict(zip(WAITING, await asyncio.gather(*map(books.read, sought)), strict=True))

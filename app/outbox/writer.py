"""One transaction at a time: whoever writes while another transaction commits shares the next one.

So a burst of submissions costs one fsync, not one each, and inside a process nothing ever waits for the store's lock.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.errors import StoreUnavailable
from app.logs import log
from app.outbox import turns

Item = TypeVar("Item")
Result = TypeVar("Result")
Work = Callable[[AsyncConnection], Awaitable[Result]]
"""Writes on an open transaction."""
Together = Callable[[AsyncConnection, Sequence[Item]], Awaitable[Sequence[Result]]]
"""Writes many items on an open transaction and returns a result for each, in order."""

MOST_AT_ONCE = 200
TRIES = 3
DEADLOCK = "40P01"
"""PostgreSQL's code for a transaction that it gave up for another's. Begun anew, it mostly gets through."""
SPOILT = (IntegrityError, DataError, ValueError, OverflowError)
"""Errors that one item of a batch is to blame for, such as a value that the store cannot hold."""


@dataclass(slots=True, eq=False)
class Waiting:
    """Something to write, and who awaits it: `work` by itself, or `item` together with others of the same `work`."""

    work: Any
    done: asyncio.Future[Any]
    item: Any = None
    shared: bool = False
    locks: str = ""


class Writer:
    """Runs every write of a process, in order, grouped into transactions."""

    def __init__(self, engine: AsyncEngine, on_commit: Callable[[], None]) -> None:
        self._engine = engine
        self._on_commit = on_commit
        self._queue: deque[Waiting] = deque()
        self._running: asyncio.Task[None] | None = None

    async def write(self, work: Work[Result], *, locks: str = "") -> Result:
        """What `work` returns, once it is committed; StoreUnavailable if it could not be.

        The caller's going away (a visitor who closes the page) does not undo the write. `locks` names a row that other
        processes lock too: a transaction takes such rows last, and in one order everywhere.
        """
        result: Result = await self._queued(Waiting(work, asyncio.get_running_loop().create_future(), locks=locks))
        return result

    async def write_together(self, work: Together[Item, Result], item: Item) -> Result:
        """As `write`; items that wait for the same `work` are handed to it at once."""
        result: Result = await self._queued(Waiting(work, asyncio.get_running_loop().create_future(), item, True))
        return result

    async def _queued(self, waiting: Waiting) -> Any:
        self._queue.append(waiting)
        self._start()
        return await asyncio.shield(waiting.done)

    async def close(self) -> None:
        """Waits until everything that was handed over is written."""
        while self._running is not None:
            await asyncio.wait([self._running])

    def _start(self) -> None:
        if self._running is None and self._queue:
            self._running = asyncio.create_task(self._drain())
            self._running.add_done_callback(self._stopped)

    def _stopped(self, task: asyncio.Task[None]) -> None:
        """Goes on with what came meanwhile, also after a fault in somebody's `work`."""
        self._running = None
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("write_failed", fault=type(fault).__name__, exc_info=fault)
        self._start()

    async def _drain(self) -> None:
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(len(self._queue), MOST_AT_ONCE))]
            try:
                _answer(batch, await self._commit(batch))
            except (SQLAlchemyError, OSError, ValueError, OverflowError) as error:
                await self._one_by_one(batch, error)
            finally:
                _fail(batch, None)

    async def _one_by_one(self, batch: list[Waiting], error: Exception) -> None:
        """If one item spoilt the transaction, or met another's locks, each has its own, and only a bad one fails."""
        if not _is_spoilt(error):
            return _fail(batch, error)
        for waiting in batch:
            await self._alone(waiting)
        return None

    async def _alone(self, waiting: Waiting) -> None:
        for left in reversed(range(TRIES)):
            try:
                return _answer([waiting], await self._commit([waiting]))
            except (SQLAlchemyError, OSError, ValueError, OverflowError) as error:
                if not left or getattr(getattr(error, "orig", None), "sqlstate", "") != DEADLOCK:
                    return _fail([waiting], error)
        return None

    async def _commit(self, batch: list[Waiting]) -> list[Any]:
        results: dict[Waiting, Any] = {}
        async with self._engine.begin() as connection:
            await turns.take(connection)
            for work in dict.fromkeys(waiting.work for waiting in batch if waiting.shared):
                mine = [waiting for waiting in batch if waiting.work == work]
                results |= zip(mine, await work(connection, [one.item for one in mine]), strict=True)
            for waiting in sorted(batch, key=lambda one: one.locks):
                if not waiting.shared:
                    results[waiting] = await waiting.work(connection)
        self._on_commit()
        return [results[waiting] for waiting in batch]


def _is_spoilt(error: Exception) -> bool:
    """Whether one item may be to blame, rather than the store. PostgreSQL's driver names few of its errors."""
    return isinstance(error, SPOILT) or (type(error) is DBAPIError and not error.connection_invalidated)


def _answer(batch: list[Waiting], results: list[Any]) -> None:
    for waiting, result in zip(batch, results, strict=True):
        if not waiting.done.done():
            waiting.done.set_result(result)


def _fail(batch: list[Waiting], error: Exception | None) -> None:
    """Tells whoever has no answer yet that nothing was stored."""
    for waiting in batch:
        if not waiting.done.done():
            failure = StoreUnavailable("Nothing was stored, so please send it again in a moment.")
            failure.__cause__ = error
            waiting.done.set_exception(failure)
            waiting.done.exception()  # which nobody has to hear where the caller has gone

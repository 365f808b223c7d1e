"""How often something happened within a time: in this process, or in Redis for all replicas.

While Redis is away this process counts for itself: nothing is ever refused, or waits, because of it.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

from limits.aio.storage import RedisStorage
from limits.errors import StorageError
from pydantic import SecretStr
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from app.logs import log

MOST_KEYS: Final = 50_000
PATIENCE: Final = 0.3
"""Seconds that Redis has for an answer."""
AGAIN_AFTER: Final = 5.0
"""Seconds until a Redis that did not answer is asked again."""

Found = TypeVar("Found")


class Windows(Protocol):
    """Moving windows as `limits` has them: whether one more has room, and since when there are how many."""

    async def acquire_entry(self, key: str, limit: int, expiry: int) -> bool: ...

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]: ...


class Memory:
    """Windows in this process. Of too many keys the ones that were idle for longest are forgotten."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._times: OrderedDict[str, list[float]] = OrderedDict()

    async def acquire_entry(self, key: str, limit: int, expiry: int) -> bool:
        times, now = self._within(key, expiry)
        if len(times) >= limit:
            return False
        times.append(now)
        self._times[key] = times
        self._times.move_to_end(key)
        if len(self._times) > MOST_KEYS:
            self._times.popitem(last=False)
        return True

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        times, now = self._within(key, expiry)
        return (times[0] if times else now), len(times)

    def _within(self, key: str, expiry: int) -> tuple[list[float], float]:
        """When it happened. What lies in the future was before the clock was set back."""
        times, now = self._times.get(key, []), self._clock()
        if times and (times[0] <= now - expiry or times[-1] > now):
            del times[bisect_right(times, now) :]
            del times[: bisect_right(times, now - expiry)]
        return times, now


class Counts:
    """Counts what happens; with the address of a Redis, together with every relay that uses the same one."""

    def __init__(self, redis: SecretStr | None = None, memory: Memory | None = None) -> None:
        self._memory = memory or Memory()
        self._redis = _redis(redis.get_secret_value()) if redis else None
        self._ask_again_at = 0.0

    async def take(self, key: str, limit: int, seconds: int) -> float:
        """0 where there is room for one more within so many seconds, which is counted; else how long until there is."""
        if await self._ask(lambda windows: windows.acquire_entry(key, limit, seconds)):
            return 0
        since, _ = await self._ask(lambda windows: windows.get_moving_window(key, limit, seconds))
        return max(since + seconds - time.time(), 0.001)

    async def number(self, key: str, limit: int, seconds: int) -> int:
        """How many were counted within so many seconds, at most `limit`."""
        return (await self.window(key, limit, seconds))[0]

    async def window(self, key: str, limit: int, seconds: int) -> tuple[int, float]:
        """The same, and in how many seconds the first of them counts no more."""
        since, number = await self._ask(lambda windows: windows.get_moving_window(key, limit, seconds))
        return number, max(since + seconds - time.time(), 0.0)

    async def close(self) -> None:
        """Lets go of Redis."""
        if self._redis is not None:
            await self._redis.bridge.get_connection().aclose()  # type: ignore[attr-defined] # limits does not type its bridge

    async def _ask(self, question: Callable[[Windows], Awaitable[Found]]) -> Found:
        if self._redis is not None and time.monotonic() >= self._ask_again_at:
            try:
                found = await question(self._redis)
            except StorageError as error:
                if not self._ask_again_at:
                    log.warning("rate_limit_store_away", error=type(error.storage_error).__name__)
                self._ask_again_at = time.monotonic() + AGAIN_AFTER
            else:
                if self._ask_again_at:
                    log.info("rate_limit_store_back")
                self._ask_again_at = 0.0
                return found
        return await question(self._memory)


def _redis(url: str) -> RedisStorage:
    """Windows in Redis. It connects when it is first asked, and does not try twice."""
    options = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE, "retry": Retry(NoBackoff(), 0)}
    return RedisStorage(
        f"async+{url}",
        wrap_exceptions=True,
        implementation="redispy",
        key_prefix="lead-relay",
        **options,  # type: ignore[arg-type] # options go on to redis, untyped
    )

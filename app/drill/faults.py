"""What a drill makes go wrong: one table, name → what does it, and says whether it struck."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from app.drill.processes import TIMEOUT_SECONDS, Ground, until

DISK_FULL: Final = "disk full"
STRIKE_SECONDS = 15
"""How long a fault waits for a request to strike."""


def by_wire(**fault: Any) -> Callable[[Ground], Awaitable[bool]]:
    """A fault of the sandbox's, in force until it has struck."""

    async def inject(ground: Ground) -> bool:
        async def has_struck() -> bool:
            return not await ground.control("GET", "/faults")

        await ground.control("POST", "/faults", {"times": 2, **fault})
        struck = await until(has_struck, STRIKE_SECONDS)
        await ground.control("DELETE", "/faults")
        return struck

    return inject


async def revoke_key(ground: Ground) -> bool:
    """AgencyHandy takes another key only, for longer than the relay waits until it tries again."""
    key = (await ground.control("GET", ""))["key"]
    await ground.control("PUT", "/key", {"key": "another-key"})
    await asyncio.sleep(1.5)
    await ground.control("PUT", "/key", {"key": key})
    return True


async def change_role(ground: Ground) -> bool:
    """The client role gets another id."""
    await ground.control("PUT", "/role")
    return True


async def outage(ground: Ground) -> bool:
    """AgencyHandy is killed, and comes back with what it had answered."""
    await ground.sandbox.restart(ground.http, pause=0.5)
    return True


async def hang(ground: Ground) -> bool:
    """AgencyHandy takes connections and answers nobody; what it was sent it carries out afterwards."""
    ground.sandbox.send(signal.SIGSTOP)
    await asyncio.sleep(TIMEOUT_SECONDS + 0.5)
    ground.sandbox.send(signal.SIGCONT)
    return True


async def fill_disk(ground: Ground) -> bool:
    """No relay can write to a file for a second. One that was just killed is waited for."""

    async def is_up() -> bool:
        return any(relay.is_up for relay in ground.relays)

    await until(is_up, STRIKE_SECONDS)
    struck = [limit_files(relay.pid, 0) for relay in ground.relays if relay.is_up]
    await asyncio.sleep(1)
    for relay in ground.relays:
        limit_files(relay.pid, None)
    return any(struck)


def limit_files(pid: int | None, size: int | None) -> bool:
    """Lets a process's files grow to so many bytes only, or as far as before; False where it is gone."""
    if sys.platform != "linux" or pid is None:
        return False
    import resource

    with suppress(ProcessLookupError):
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))
        return True
    return False


FAULTS: Final[dict[str, Callable[[Ground], Awaitable[bool]]]] = {
    "429": by_wire(kind="status", status=429),
    "429 with Retry-After": by_wire(kind="status", status=429, retry_after="1"),
    "reset": by_wire(kind="reset"),
    "reset, carried out": by_wire(kind="reset", carried_out=True),
    "garbage page": by_wire(kind="garbage"),
    "garbage page, carried out": by_wire(kind="garbage", carried_out=True),
    "gateway error, carried out": by_wire(kind="status", status=502, carried_out=True),
    "truncated answer": by_wire(kind="truncated", keep=1),
    "truncated answer, all carried out": by_wire(kind="truncated", keep=1, carried_out="all"),
    "late answer": by_wire(kind="delay", seconds=TIMEOUT_SECONDS + 0.5, times=1),
    "key revoked": revoke_key,
    "role changed": change_role,
    "outage": outage,
    "hanging": hang,
    DISK_FULL: fill_disk,
}

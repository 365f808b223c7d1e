"""What measurements stand on: a sandbox and a relay as processes, a hook that takes arrays, and invented people."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from app.config.settings import SQLITE
from app.drill.processes import Ground, client, running, until

ARRAY = 500
TOML = "[hooks.bulk]\nsource = 'json'\nopen = true\n"


@asynccontextmanager
async def stage(store: str = "", **settings: str) -> AsyncIterator[tuple[Ground, str]]:
    """A relay in front of a sandbox, and the address of its store."""
    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "relay.toml"
        config.write_text(TOML, encoding="utf-8")
        url = store or f"{SQLITE}{name}/relay.db"
        given = {"DATABASE_URL": url, "RELAY_CONFIG": str(config), "DELIVERY_REQUESTS_PER_SECOND": "1000"}
        async with running(Path(name), 1, {**given, **settings}) as ground:
            yield ground, url


async def post(ground: Ground, leads: int) -> None:
    """So many enquiries, in arrays, over a few connections."""
    gate = asyncio.Semaphore(4)
    async with client(60) as http:

        async def send(first: int) -> None:
            people = [person(number) for number in range(first, min(first + ARRAY, leads))]
            async with gate:
                answer = await http.post(f"{ground.relays[0].address}/hooks/bulk", json=people)
                answer.raise_for_status()

        await asyncio.gather(*(send(first) for first in range(0, leads, ARRAY)))


def person(number: int) -> dict[str, str]:
    """An enquiry of somebody who does not exist."""
    words = "Hello, I would like to know more about what you do, and what it costs."
    return {"name": f"Person No{number}", "email": f"p{number}@example.com", "message": words}


async def members(ground: Ground) -> int:
    """How many leads AgencyHandy has."""
    found: int = (await ground.control("GET", ""))["members"]
    return found


async def arrived(ground: Ground, leads: int, look: Callable[[], Any], seconds: float = 1800) -> None:
    """Waits until AgencyHandy has so many, and looks every half a second. SystemExit where that takes too long."""

    async def is_there() -> bool:
        look()
        await asyncio.sleep(0.5)
        return await members(ground) >= leads

    check: Callable[[], Awaitable[bool]] = is_there
    if not await until(check, seconds):
        raise SystemExit(f"only {await members(ground)} of {leads} arrived")

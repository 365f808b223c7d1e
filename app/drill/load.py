"""The visitors of a drill, who post until they are thanked, and the trouble that comes over the relay meanwhile."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import cycle

import httpx

from app.drill.faults import FAULTS
from app.drill.plan import KILL, MIDWAY, Drill, Event
from app.drill.processes import Ground
from app.errors import ConfigurationError, RelayError

CONNECTIONS = 32
TRY_AGAIN = {408, 425, 429}

Show = Callable[[str, int, int], None]
"""Told what is going on, how much of it is done, and of how much."""


class Load:
    """The visitors, and what goes wrong meanwhile. `acknowledged` is address → when, as seconds since the epoch."""

    def __init__(self, wanted: Drill, ground: Ground, show: Show) -> None:
        self.sent = 0
        self.acknowledged: dict[str, float] = {}
        self.injected: Counter[str] = Counter()
        self._wanted, self._ground, self._show = wanted, ground, show
        self._to_come = wanted.plan()
        self._moved = asyncio.Condition()
        self._victims = cycle(ground.relays)

    async def run(self) -> None:
        """Posts until everything is acknowledged. RelayError where that takes far too long."""
        seconds = 120 + self._wanted.leads / 20 + 20 * len(self._to_come)
        numbers = iter(range(self._wanted.leads))
        try:
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                for names in ({KILL}, {MIDWAY}, FAULTS):
                    group.create_task(self._disturb(names))
                for _ in range(CONNECTIONS):
                    group.create_task(self._visit(numbers))
        except TimeoutError as error:
            count = len(self.acknowledged)
            raise RelayError(f"After {seconds:.0f} s only {count} of {self.sent} posts were acknowledged.") from error

    async def _visit(self, numbers: Iterator[int]) -> None:
        """One connection's posts. They do not run far ahead of what is going wrong, so that it all hits something."""
        ahead = max(2 * CONNECTIONS, self._wanted.leads // 20)
        for number in numbers:
            await self._when(lambda: not self._to_come or len(self.acknowledged) < self._to_come[0].at + ahead)
            self.sent += 1
            email = f"visitor-{self._wanted.seed}-{number}@example.com"
            await self._post(number, {"name": f"Visitor No{number % 997}", "email": email})
            self.acknowledged[email] = time.time()
            self._show("posting", len(self.acknowledged), self._wanted.leads)
            await self._tell()

    async def _post(self, number: int, data: dict[str, str]) -> None:
        """Sends the same again, as a load balancer would to the next relay, until it is acknowledged."""
        relays = self._ground.relays
        visitor = {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}
        for relay in cycle(relays[number % len(relays) :] + relays[: number % len(relays)]):
            with suppress(httpx.HTTPError):
                url = f"{relay.address}/forms/{self._wanted.form}"
                if relay.is_up and _is_thanks(await self._ground.http.post(url, data=data, headers=visitor)):
                    return
            self._ground.check()
            await asyncio.sleep(0.1)

    async def _disturb(self, names: Iterable[str]) -> None:
        """Trouble of one kind, each when its time has come. The kinds don't wait for each other."""
        for event in [event for event in self._to_come if event.name in names]:
            await self._when(partial(self._is_time, event))
            self.injected[event.name] += await self._inject(event.name)
            self._to_come.remove(event)
            await self._tell()

    def _is_time(self, event: Event) -> bool:
        return len(self.acknowledged) >= event.at

    async def _inject(self, name: str) -> bool:
        """Whether it struck."""
        if name == KILL:
            await next(self._victims).restart(self._ground.http)
        elif name == MIDWAY:
            await run_command(self._wanted.midway or "")
        else:
            return await FAULTS[name](self._ground)
        return True

    async def _when(self, is_so: Callable[[], bool]) -> None:
        async with self._moved:
            await self._moved.wait_for(is_so)

    async def _tell(self) -> None:
        async with self._moved:
            self._moved.notify_all()


def _is_thanks(answer: httpx.Response) -> bool:
    """Whether the visitor need not try again. ConfigurationError where that would not help."""
    is_thanks = answer.is_success or answer.status_code == 303
    if not is_thanks and answer.status_code < 500 and answer.status_code not in TRY_AGAIN:
        raise ConfigurationError(f"{answer.url.path} answers {answer.status_code} to a post of name and email.")
    return is_thanks


async def run_command(command: str) -> None:
    """Runs the command of --midway to its end. RelayError where that is not a good one."""
    child = await asyncio.create_subprocess_shell(command, stdout=sys.stderr)
    try:
        if status := await child.wait():
            raise RelayError(f"--midway: the command ended with {status}.")
    finally:
        with suppress(ProcessLookupError):
            child.kill()

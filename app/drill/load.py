"""The visitors of a drill, who post until they are thanked, and the trouble that comes over the relay meanwhile."""

from __future__ import annotations

import asyncio
import shlex
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import cycle, groupby

import httpx

from app.drill.faults import FAULTS, recovered
from app.drill.plan import KILL, MIDWAY, Drill, Event
from app.drill.processes import Ground, client, together
from app.errors import ConfigurationError, RelayError

CONNECTIONS = 32
MIDWAY_SECONDS = 120
RECOVERY_SECONDS = 10
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
        self._plan = wanted.plan()
        self._reached = {event.at: asyncio.Event() for event in self._plan}
        self._over = {event: asyncio.Event() for event in self._plan}
        self._ahead = max(2 * CONNECTIONS, wanted.leads // 20)
        self._victims = cycle(ground.relays)

    async def run(self) -> None:
        """Posts until everything is acknowledged. RelayError where that takes far too long."""
        seconds = 120 + self._wanted.leads / 20 + 20 * len(self._plan)
        numbers = iter(range(self._wanted.leads))
        lanes = groupby(sorted(self._plan, key=_lane), _lane)
        visitors = [self._visit(numbers) for _ in range(CONNECTIONS)]
        try:
            async with asyncio.timeout(seconds):
                await together([*visitors, *(self._disturb(list(events)) for _, events in lanes)])
        except TimeoutError as error:
            count = len(self.acknowledged)
            raise RelayError(f"After {seconds:.0f} s only {count} of {self.sent} posts were acknowledged.") from error

    async def _visit(self, numbers: Iterator[int]) -> None:
        """One connection's posts. They do not run far ahead of what is going wrong, so that it all hits something."""
        async with client(10) as http:
            for number in numbers:
                for event, over in self._over.items():
                    if event.at + self._ahead <= number:
                        await over.wait()
                self.sent += 1
                email = f"visitor-{self._wanted.seed}-{number}@example.com"
                await self._post(http, number, {"name": f"Visitor No{number % 997}", "email": email})
                self.acknowledged[email] = time.time()
                self._show("posting", len(self.acknowledged), self._wanted.leads)
                if (reached := self._reached.get(len(self.acknowledged))) is not None:
                    reached.set()

    async def _post(self, http: httpx.AsyncClient, number: int, data: dict[str, str]) -> None:
        """Sends the same again, as a load balancer would to the next relay, until it is acknowledged."""
        relays = self._ground.relays
        visitor = {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}
        for relay in cycle(relays[number % len(relays) :] + relays[: number % len(relays)]):
            with suppress(httpx.HTTPError):
                answer = await http.post(f"{relay.address}/forms/{self._wanted.form}", data=data, headers=visitor)
                if answer.is_success or answer.status_code == 303:
                    return
                if answer.status_code < 500 and answer.status_code not in TRY_AGAIN:
                    raise ConfigurationError(
                        f"The form {self._wanted.form} answers {answer.status_code} to a post of name and email."
                    )
            self._ground.check()
            await asyncio.sleep(0.1)

    async def _disturb(self, events: list[Event]) -> None:
        """One kind of trouble, each when its time has come."""
        for event in events:
            await self._reached[event.at].wait()
            await asyncio.sleep(event.after)
            self.injected[event.name] += await self._inject(event.name)
            self._over[event].set()

    async def _inject(self, name: str) -> bool:
        """Does it, and waits until the relay is over it; whether it struck."""
        if name == KILL:
            await next(self._victims).restart(self._ground.http)
            return True
        if name == MIDWAY:
            return await run_command(self._wanted.midway or "")
        struck = await FAULTS[name](self._ground)
        await recovered(self._ground, RECOVERY_SECONDS)
        return struck


async def run_command(command: str) -> bool:
    """Runs the command of --midway to its end. RelayError where that is not reached, or not a good one."""
    try:
        child = await asyncio.create_subprocess_exec(*shlex.split(command), stdout=sys.stderr)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"--midway: {error}") from error
    try:
        status = await asyncio.wait_for(child.wait(), MIDWAY_SECONDS)
    except TimeoutError as error:
        raise RelayError(f"--midway: the command is not done after {MIDWAY_SECONDS} s.") from error
    finally:
        with suppress(ProcessLookupError):
            child.kill()
    if status:
        raise RelayError(f"--midway: the command ended with {status}.")
    return True


def _lane(event: Event) -> str:
    """What goes wrong one after the other: kills and faults don't wait for each other."""
    return event.name if event.name in {KILL, MIDWAY} else ""

"""The loop: look, tell, pass leads on, do chores. Every process looks; the one that has the duty does the rest."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from app.alerts.conditions import DAY, spelled, troubles
from app.alerts.measures import measures
from app.alerts.second_road import Road, pass_on, roads
from app.alerts.tell import Target, people
from app.config.relay_toml import RelayConfig
from app.errors import StoreUnavailable
from app.logs import log
from app.metrics import Metrics
from app.outbox.facts import facts_of, note_alerts
from app.outbox.outbox import Outbox
from app.outbox.records import Alert, Facts

Chore = Callable[[datetime], Awaitable[None]]

DUTY = timedelta(seconds=55)
WHOLE_EVERY = timedelta(hours=1)
DRAIN_SECONDS = 5


class Watch:
    """`folder` is where the store's file is, whose disk may fill up, as may that of visitors' files.

    `workspaces` are those that are delivered to.

    What is over counts as over after `quiet`, so that what comes and goes is told once. `chores` are done each round
    by the one process that acts.
    """

    def __init__(
        self,
        outbox: Outbox,
        config: RelayConfig,
        metrics: Metrics,
        clock: Callable[[], datetime],
        *,
        workspaces: Collection[str],
        folder: Path | None,
        chores: Sequence[Chore] = (),
        every: timedelta = timedelta(seconds=15),
        quiet: timedelta = timedelta(minutes=5),
    ) -> None:
        self._outbox, self._config, self._metrics, self._clock = outbox, config, metrics, clock
        self._workspaces, self._chores = workspaces, chores
        self._folders = [one for one in (folder, outbox.files.folder) if one]
        self._every, self._quiet = every, quiet
        self._ignored = {"sandbox"} - {outbox.workspace_name}
        named = people(config)
        self._everybody = [*chain.from_iterable(named.values())]
        self._targets, self._roads = named["alerts.to"], roads(config, named, self._ignored)
        self._id = outbox.new_id()
        self._facts = Facts(clock())
        self._whole_at: datetime | None = None
        self._troubles: dict[str, str] = {}
        self._seen: dict[str, datetime] = {}
        self._stopping = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Runs the loop; at the end lets another process take over at once."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self._stopping.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(task, DRAIN_SECONDS)
            with suppress(StoreUnavailable):
                await self._outbox.take_duty("watch", self._id, self._clock(), self._clock())

    async def figures(self) -> bytes:
        """What /metrics shows. Raises StoreUnavailable."""
        await self._look()
        return self._metrics.text(measures(self._facts, self._troubles, self._config, self._workspaces))

    async def look(self) -> tuple[Facts, Mapping[str, str]]:
        """What there is, and what is wrong by its name, as of now. Raises StoreUnavailable."""
        await self._look()
        return self._facts, self._troubles

    async def _run(self) -> None:
        while not self._stopping.is_set():
            await self.round()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._every.total_seconds())

    async def round(self) -> None:
        """One look, and what follows from it. Nothing that goes wrong in one step keeps the others from their turn."""
        await _guarded("look", self._look())
        await _guarded("tell", self._do(self._tell))
        await _guarded("pass_on", self._do(self._pass_on))
        for chore in self._chores:
            await _guarded("chore", self._do(chore))

    async def _do(self, chore: Chore) -> None:
        """The duty may have run out while something else took its time, so it is taken for each."""
        now = self._clock()
        if await self._outbox.take_duty("watch", self._id, now, now + DUTY):
            await chore(now)

    async def _look(self) -> None:
        """Reads what there is, the books of every day at first and hourly, else of the last two."""
        now = self._clock()
        is_whole = self._whole_at is None or not timedelta() <= now - self._whole_at < WHOLE_EVERY
        since = 0 if is_whole else int(now.timestamp()) // DAY - 1
        among = partial(facts_of, endpoints=self._config.names, names=self._workspaces, ignored=self._ignored)
        waits = {"fetching": self._config.fetching, "before": now - self._config.alerts.after}
        found = await self._outbox.books.read(partial(among, now=now, since=since, **waits))
        free = min((shutil.disk_usage(existing(one)).free for one in self._folders), default=None)
        deaf = {one.label: one.missed for one in self._everybody if one.missed}
        renewed = self._facts.balance.renewed(since, found.balance)
        self._facts = replace(found, balance=renewed, disk_free=free, deaf=deaf)
        self._whole_at = now if is_whole else self._whole_at
        self._troubles = troubles(self._facts, self._config)

    async def _tell(self, now: datetime) -> None:
        """Tells what is new, still so or over, and keeps that as soon as anybody heard it."""
        if self._whole_at is None:
            return
        told = await self._outbox.books.alerts()
        over = self._over(told, now)
        said = news(self._troubles, told, over, now, self._config.alerts.every)
        if not await self._is_heard(said, now):
            return
        if said:
            since = {key: told[key].since if key in told else now for key in said}
            changed = [Alert(key, since[key], now, words) for key, words in self._troubles.items() if key in said]
            await self._outbox.write(partial(note_alerts, changed=changed, gone=over))
        for key in over:
            log.info("trouble_over", trouble=key)
            del self._seen[key]

    def _over(self, told: Mapping[str, Alert], now: datetime) -> list[str]:
        """What has been over for long enough. What is new is logged, whoever else is told."""
        for key in self._troubles.keys() - self._seen.keys():
            log.warning("trouble", trouble=key)
        self._seen = dict.fromkeys(told, now) | self._seen | dict.fromkeys(self._troubles, now)
        return [key for key, at in self._seen.items() if key not in self._troubles and now - at >= self._quiet]

    async def _is_heard(self, said: Mapping[str, str], now: datetime) -> bool:
        """Whether anybody took it; who did not is owed it. What nobody took, the next round says anew."""
        taken = await asyncio.gather(*(self._send(target, {**target.owed, **said}, now) for target in self._targets))
        for target, was in zip(self._targets, taken, strict=True):
            target.owed = {} if was else {**target.owed, **(said if any(taken) else {})}
        return any(taken) or not taken or not said

    async def _send(self, target: Target, said: Mapping[str, str], now: datetime) -> bool:
        """Everything in one message; whether it was taken."""
        count = sum(key in self._troubles for key in said)
        title = f"{count} thing{'s need' if count > 1 else ' needs'} you" if count else "all clear"
        return bool(said) and await target.send(f"Lead Relay: {title}", "\n\n".join(said.values()), now)

    async def _pass_on(self, now: datetime) -> None:
        await asyncio.gather(*(self._pass_on_by(road, now) for road in self._roads))

    async def _pass_on_by(self, road: Road, now: datetime) -> None:
        after, ways = self._config.alerts.after, self._facts.workspaces
        self._metrics.passed_on.inc(await pass_on(road, self._outbox, now, after, ways))


def news(
    troubles: Mapping[str, str], told: Mapping[str, Alert], over: Collection[str], now: datetime, every: timedelta
) -> dict[str, str]:
    """What there is to say of each trouble: what is new, what still is so after `every`, and what is over."""
    said = {key: words for key, words in troubles.items() if key not in told}
    for key, alert in told.items():
        if key in over:
            said[key] = f"Over after {spelled(now - alert.since)}, nothing to do: {alert.words}"
        elif key in troubles and abs(now - alert.told_at) >= every:
            said[key] = f"Still so after {spelled(now - alert.since)}: {troubles[key]}"
    return said


def existing(folder: Path) -> Path:
    """The folder, or the one that it will be made in."""
    return next(one for one in (folder, *folder.absolute().parents) if one.exists())


async def _guarded(step: str, doing: Coroutine[Any, Any, None]) -> None:
    fault: BaseException | None = (await asyncio.gather(doing, return_exceptions=True))[0]
    if isinstance(fault, StoreUnavailable):
        log.error("store_unavailable", step=step, why=str(fault.__cause__ or fault))
    elif fault is not None:
        log.error("watch_failed", step=step, fault=type(fault).__name__, exc_info=fault)

"""The loop: look, tell, pass leads on, do chores. Every process looks; only the holder of the duty does the rest."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.alerts.conditions import STORE, Trouble, troubles
from app.alerts.measures import measures
from app.alerts.news import news
from app.alerts.second_road import SecondRoad
from app.alerts.tell import Log, Target, people
from app.endpoints import RelayConfig
from app.errors import StoreUnavailable
from app.logs import log
from app.metrics import Metrics
from app.outbox.facts import note_alerts
from app.outbox.outbox import Outbox
from app.outbox.records import Alert, Facts

Chore = Callable[[datetime], Awaitable[None]]

DUTY = timedelta(seconds=55)
WHOLE_EVERY = timedelta(hours=1)
DAY = 86400
DRAIN_SECONDS = 5
FAR = datetime.max.replace(tzinfo=UTC)


class Watch:
    """`folder` is where the store's file is, whose disk may fill up; `workspaces` those that are delivered to.

    What is over counts as over after `quiet`, so that what comes and goes is told once; each target gets at most one
    message in `pause`. `chores` are done each round by the one process that acts.
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
        pause: timedelta = timedelta(minutes=1),
    ) -> None:
        self._outbox, self._config, self._metrics, self._clock = outbox, config, metrics, clock
        self._workspaces, self._folder, self._chores = workspaces, folder, chores
        self._every, self._quiet, self._pause = every, quiet, pause
        self._ignored = {"sandbox"} - {outbox.workspace_name}
        named = people(config)
        self._targets: tuple[Log | Target, ...] = (Log(), *named.to)
        self._second_road = SecondRoad(outbox, named, self._ignored, metrics.passed_on)
        self._id = outbox.new_id()
        self._facts = Facts(clock())
        self._whole_at: datetime | None = None
        self._troubles: dict[str, Trouble] = {}
        self._failing_since: datetime | None = None
        self._is_on_duty = False
        self._told: dict[str, Alert] = {}
        self._gone: dict[str, datetime] = {}
        self._last: dict[str, datetime] = {}
        self._stopping = asyncio.Event()
        self._is_running = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Runs the loop; at the end lets another process take over at once."""
        task = asyncio.create_task(self._run())
        self._is_running = True
        try:
            yield
        finally:
            self._stopping.set()
            await asyncio.wait([task], timeout=DRAIN_SECONDS)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            if self._is_on_duty:
                with suppress(StoreUnavailable):
                    await self._outbox.take_duty("watch", self._id, self._clock(), self._clock())

    async def figures(self) -> bytes:
        """What /metrics shows: as of the last round, or of now where there are none. Raises StoreUnavailable."""
        if not self._is_running or self._whole_at is None:
            await self._look()
        return self._metrics.text()

    async def _run(self) -> None:
        while not self._stopping.is_set():
            await self.round()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._every.total_seconds())

    async def round(self) -> None:
        """One look, and what follows from it. Nothing that goes wrong in one step keeps the others from their turn."""
        await self._guarded("look", self._look_and_take_duty())
        if self._is_on_duty:
            await self._guarded("tell", self._tell_all())
            await self._guarded("pass_on", self._do(self._pass_on))
            for chore in self._chores:
                await self._guarded("chore", self._do(chore))

    async def _guarded(self, step: str, doing: Coroutine[Any, Any, None]) -> None:
        fault: BaseException | None = (await asyncio.gather(doing, return_exceptions=True))[0]
        if isinstance(fault, StoreUnavailable):
            log.error("store_unavailable", step=step, why=str(fault.__cause__ or fault))
        elif fault is not None:
            log.error("watch_failed", step=step, fault=type(fault).__name__, exc_info=fault)

    async def _look_and_take_duty(self) -> None:
        """While the store cannot be used, whoever had the duty goes on with what it knows."""
        now = self._clock()
        try:
            await self._look()
            await self._take_duty()
            self._failing_since = None
        except StoreUnavailable:
            self._failing_since = self._failing_since or now
            if now - self._failing_since >= self._pause:
                self._troubles = {**self._troubles, STORE.key: STORE}
            raise

    async def _look(self) -> None:
        """Reads what there is, everything at first and hourly, and shows it."""
        now = self._clock()
        is_whole = self._whole_at is None or not timedelta() <= now - self._whole_at < WHOLE_EVERY
        since = 0 if is_whole else int(now.timestamp()) // DAY - 1
        recent = await self._outbox.books.balance(since)
        facts = await self._outbox.books.facts(now, [one.name for one in self._config.endpoints()], self._ignored)
        self._facts = replace(
            facts,
            balance=self._facts.balance.renewed(since, recent),
            workspaces={name: way for name, way in facts.workspaces.items() if name in self._workspaces},
            disk_free=shutil.disk_usage(self._folder).free if self._folder else None,
        )
        self._whole_at = now if is_whole else self._whole_at
        self._troubles = troubles(self._facts, self._config)
        self._metrics.show(measures(self._facts, self._troubles.values(), self._config, self._workspaces))

    async def _take_duty(self) -> None:
        """What was told is read when the duty begins; from then on nobody else writes it."""
        now = self._clock()
        is_mine = await self._outbox.take_duty("watch", self._id, now, now + DUTY)
        if is_mine and not self._is_on_duty:
            self._told = await self._outbox.books.alerts()
            ids = {target.id for target in self._targets}
            await self._keep({}, [one.name for _, target, one in self._told_to() if target not in ids])
        self._is_on_duty = is_mine

    async def _tell_all(self) -> None:
        now = self._clock()
        gone = (one.name for key, _, one in self._told_to() if key not in self._troubles)
        self._gone = {name: self._gone.get(name, now) for name in gone}
        results = await asyncio.gather(*(self._tell(target, now) for target in self._targets))
        changed = {alert.name: alert for alerts, _ in results for alert in alerts}
        await self._keep(changed, [name for _, gone in results for name in gone])

    def _told_to(self) -> Iterator[tuple[str, str, Alert]]:
        """Each alert with the trouble's key and the target's id, which its name is made of."""
        for name, alert in self._told.items():
            key, _, target = name.partition(" @")
            yield key, target, alert

    async def _tell(self, target: Log | Target, now: datetime) -> tuple[list[Alert], list[str]]:
        """What has to be kept of it, and what can be forgotten."""
        suffix = f" @{target.id}" if target.id else ""
        told = {key: one for key, of, one in self._told_to() if of == target.id}
        over = [key for key in told if now - self._gone.get(key + suffix, FAR) >= self._quiet]
        found = news(self._troubles, told, over, now, self._config.alerts.every)
        unheard = [key + suffix for key, one in told.items() if key not in self._troubles and one.told_at is None]
        rested = target.id not in self._last or not timedelta() <= now - self._last[target.id] < self._pause
        taken = bool(found) and rested and await target.tell(found)
        if taken:
            self._last[target.id] = now
        changed = [
            Alert(one.key + suffix, told[one.key].since if one.key in told else now, now if taken else None, one.words)
            for one in found.new
        ]
        changed += [Alert(one.key + suffix, since, now, one.words) for one, since in found.still if taken]
        return changed, [*unheard, *(one.name for one in found.over if taken)]

    async def _keep(self, changed: dict[str, Alert], gone: Sequence[str]) -> None:
        """In memory first: where the store cannot keep it, at least nobody is told again in each round."""
        fresh = [one for one in changed.values() if self._told.get(one.name) != one]
        self._told.update(changed)
        self._told = {name: one for name, one in self._told.items() if name not in gone}
        if fresh or gone:
            await self._outbox.write(lambda connection: note_alerts(connection, fresh, gone))

    async def _pass_on(self, now: datetime) -> None:
        await self._second_road.turn(now, self._config.alerts.after, self._facts.workspaces)

    async def _do(self, chore: Chore) -> None:
        """The duty may have run out while something else took its time."""
        await self._take_duty()
        if self._is_on_duty:
            await chore(self._clock())

"""The loop: claim, send, decide, settle, wait. Nothing here knows HTTP or SQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

from app.delivery.contract import Answer
from app.delivery.destination import Destination
from app.delivery.policy import Decision, Policy, back
from app.errors import DestinationError, StoreUnavailable
from app.logs import log
from app.outbox.outbox import Outbox
from app.outbox.records import Attempt, QueuedLead

LEASE = timedelta(seconds=10)
RENEW_EVERY = timedelta(seconds=3)
LOOK_EVERY = timedelta(seconds=1)
MAX_ANSWER = 2000


class Worker:
    """Delivers one workspace's leads. `start` it, `wake` it when something is due, `stop` it to drain."""

    def __init__(
        self,
        outbox: Outbox,
        destination: Destination,
        policy: Policy,
        clock: Callable[[], datetime],
        *,
        batch: int = 50,
        per_second: float = 10,
    ) -> None:
        self._outbox = outbox
        self._destination = destination
        self._policy = policy
        self._clock = clock
        self._batch = batch
        self._pause = 1 / per_second
        self._free_at = 0.0
        self._reclaim_at: datetime | None = None
        self._stopping = False
        self._in_hand: list[QueuedLead] = []
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Runs the loop in the background."""
        self._task = asyncio.create_task(self._run())

    def wake(self) -> None:
        """Something may be due."""
        self._woken.set()

    async def stop(self) -> None:
        """Finishes what is under way; takes nothing new."""
        self._stopping = True
        self.wake()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            try:
                busy = await self.turn()
            except StoreUnavailable as error:
                log.error("store_unavailable", why=str(error.__cause__ or error))
                busy = False
            except Exception as fault:  # noqa: BLE001 - the loop outlives any fault, which its leads record
                log.exception("turn_failed")
                busy = await self._set_aside(fault)
            if not busy:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), LOOK_EVERY.total_seconds())

    async def turn(self) -> bool:
        """One round; whether there may be more to do at once."""
        now = self._clock()
        await self._take_back(now)
        if self._destination.closed_until() is not None or not await self._destination.ready():
            return False
        if not await self._something_is_due(now):
            return False
        limit = self._batch if self._destination.is_open else None
        now = self._clock()
        self._in_hand = await self._outbox.claim(self._destination.workspace.name, now, now + LEASE, limit)
        if not self._in_hand:
            return False
        async with self._kept(self._in_hand):
            await self._deliver(self._in_hand)
        self._in_hand = []
        return True

    async def _take_back(self, now: datetime) -> None:
        """Every few seconds, the leads of workers that are gone."""
        if self._reclaim_at is not None and now < self._reclaim_at:
            return
        self._reclaim_at = now + RENEW_EVERY
        if await self._outbox.books.has_expired_leases(now) and (count := await self._outbox.reclaim(now)):
            log.warning("leases_expired", leads=count)

    async def _something_is_due(self, now: datetime) -> bool:
        due = await self._outbox.books.next_due(self._destination.workspace.name)
        return due is not None and due <= now

    async def _deliver(self, leads: Sequence[QueuedLead], *, role_is_fresh: bool = False) -> None:
        """Sends the leads, settles what the answer decides, and sends again what it leaves open."""
        await self._pace()
        answer = await self._destination.send([lead.lead for lead in leads])
        decision = self._policy.decide(answer, leads, self._clock(), role_is_fresh=role_is_fresh)
        await self._settle(leads, answer, decision)
        if decision.refresh_role:
            await self._refresh_role()
            role_is_fresh = True
        else:
            await self._destination.note(decision)
        for group in decision.again:
            if self._stopping or self._destination.closed_until() is not None:
                await self._give_back(group)
            else:
                await self._deliver(group, role_is_fresh=role_is_fresh)

    async def _settle(self, leads: Sequence[QueuedLead], answer: Answer, decision: Decision) -> None:
        now = self._clock()
        tries = [
            Attempt(lead.id, now, decision.outcome, answer.status, answer.text[:MAX_ANSWER], answer.duration_ms)
            for lead in leads
        ]
        await self._outbox.settle(decision.settlements, tries, now)
        for settlement in decision.settlements:
            log.info(
                "lead_settled", lead=settlement.lead_id, state=settlement.state.value, outcome=decision.outcome.value
            )

    async def _set_aside(self, fault: Exception) -> bool:
        """Lets leads that met a fault of our own try again later, then alone, and holds one that meets it again."""
        leads, self._in_hand = self._in_hand, []
        now = self._clock()
        with suppress(StoreUnavailable):
            await self._outbox.settle([self._policy.faulty(lead, now, type(fault).__name__) for lead in leads], (), now)
        return False

    async def _give_back(self, leads: Sequence[QueuedLead]) -> None:
        """Leaves for later what could not be sent again now, the way being closed meanwhile."""
        now = self._clock()
        await self._outbox.settle([back(lead, now, lead.attempts) for lead in leads], (), now)

    async def _refresh_role(self) -> None:
        """Asks for the role anew. Where that fails too, the second refusal counts."""
        try:
            await self._destination.resolve()
        except DestinationError as error:
            log.warning("role_not_refreshed", why=str(error))

    async def _pace(self) -> None:
        """Keeps to the requests per second that the settings allow."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._free_at - loop.time()))
        self._free_at = max(self._free_at, loop.time()) + self._pause

    @asynccontextmanager
    async def _kept(self, leads: Sequence[QueuedLead]) -> AsyncIterator[None]:
        """Renews the leads' lease for as long as they are being worked on."""
        renewing = asyncio.create_task(self._renew([lead.id for lead in leads]))
        try:
            yield
        finally:
            renewing.cancel()
            with suppress(asyncio.CancelledError, StoreUnavailable):
                await renewing

    async def _renew(self, lead_ids: list[str]) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY.total_seconds())
            with suppress(StoreUnavailable):
                await self._outbox.renew(lead_ids, self._clock() + LEASE)

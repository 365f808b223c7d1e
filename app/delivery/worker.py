"""The loop: claim, send, decide, settle, wait. Nothing here knows HTTP or SQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

from app.delivery.contract import Answer
from app.delivery.destination import Destination
from app.delivery.outcomes import LONGEST_RETRY_AFTER, Outcome, without_own_words
from app.delivery.policy import LONGEST_WAIT, SUSPECT_AFTER, Decision, Policy, back, requests_of
from app.errors import DestinationError, StoreUnavailable
from app.logs import log
from app.outbox.outbox import Outbox
from app.outbox.records import Attempt, QueuedLead

LEASE = timedelta(seconds=10)
RENEW_EVERY = timedelta(seconds=3)
LOOK_EVERY = timedelta(seconds=1)
SET_BACK = timedelta(seconds=2)
MAX_ANSWER = 2000
OF_NOBODY = frozenset((Outcome.BUSY, Outcome.ACCESS, Outcome.NOT_SENT))
"""What is mostly answered before anybody has looked at a lead."""


class Worker:
    """Delivers one workspace's leads. `wake` it when something is due."""

    def __init__(
        self,
        outbox: Outbox,
        destination: Destination,
        policy: Policy,
        clock: Callable[[], datetime],
        *,
        batch: int = 50,
        on_attempt: Callable[[str, int], None] = lambda outcome, leads: None,
    ) -> None:
        self._outbox = outbox
        self.destination = destination
        self._policy = policy
        self._clock = clock
        self._batch = batch
        self._on_attempt = on_attempt
        self._reclaim_at = 0.0
        self._last_seen: datetime | None = None
        self._stopping = asyncio.Event()
        self._in_hand: list[QueuedLead] = []
        self._woken = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Opens the destination and runs the loop; at the end finishes what is under way and takes nothing new."""
        try:
            await self.destination.open()
            task = asyncio.create_task(self._run())
            try:
                yield
            finally:
                self._stopping.set()
                self.wake()
                await task
        finally:
            await self.destination.close()

    def wake(self) -> None:
        """Something may be due."""
        self._woken.set()

    async def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.clear()
            try:
                busy = await self.turn()
            except StoreUnavailable as error:
                log.error("store_unavailable", why=str(error.__cause__ or error))
                busy = False
            except Exception as fault:  # noqa: BLE001 - the loop outlives any fault, which its leads record
                log.exception("turn_failed")
                await self._set_aside(fault)
                busy = False
            if not busy:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), LOOK_EVERY.total_seconds())

    async def turn(self) -> bool:
        """One round; whether there may be more to do at once."""
        await self._watch_the_clock()
        await self._take_back()
        if not await self._may_go():
            return False
        limit = None if self.destination.workspace.is_troubled else self._batch
        now = self._clock()
        self._in_hand = await self._outbox.claim(self.destination.workspace.name, now, now + LEASE, limit)
        if not self._in_hand:
            return False
        async with self._kept(self._in_hand[0].claim):
            await self._side_by_side(requests_of(self._in_hand), is_first=limit is None)
        self._in_hand = []
        return True

    async def _watch_the_clock(self) -> None:
        """Leads of a clock that was set back would wait until it is again as late as it was."""
        now = self._clock()
        if self._last_seen is None:
            await self._outbox.hurry(self.destination.workspace.name, now, beyond=LONGEST_RETRY_AFTER + LONGEST_WAIT)
        last_seen = self._last_seen or await self._outbox.books.newest() or now
        if last_seen - now > SET_BACK:
            log.warning("clock_set_back", seconds=round((last_seen - now).total_seconds()))
            await self.destination.forget_times()
        self._last_seen = now

    async def _take_back(self) -> None:
        """Every few seconds, the leads of workers that are gone."""
        if asyncio.get_running_loop().time() < self._reclaim_at:
            return
        self._reclaim_at = asyncio.get_running_loop().time() + RENEW_EVERY.total_seconds()
        await self.destination.look()
        now = self._clock()
        if await self._outbox.books.has_lost_leases(now) and (count := await self._outbox.reclaim(now)):
            log.warning("leases_expired", leads=count)

    async def _may_go(self) -> bool:
        """Whether a lead is due and the way takes it. A closed way is tried for nobody, but may open by itself."""
        way = self.destination
        due = await self._outbox.books.next_due(way.workspace.name)
        if due is not None and due <= self._clock():
            return await way.may_send()
        nobody_waits = due is None
        if way.workspace.paused or not way.is_known:
            nobody_waits = await way.may_send() and nobody_waits
        if nobody_waits and (way.workspace.paused or way.workspace.failures):
            await way.reopen()
        return False

    async def _deliver(
        self, leads: Sequence[QueuedLead], *, role_is_fresh: bool = False, is_first: bool = False
    ) -> None:
        """Sends the leads, settles what the answer decides, and sends again, side by side, what it leaves open.

        Only what is sent `is_first` may try a way that is closed.
        """
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), await self.destination.take_turn())
        if self._stopping.is_set() or (self.destination.is_closed() and not is_first):
            return await self._give_back(leads)
        answer = await self.destination.send([lead.lead for lead in leads])
        decision = await self._decide(answer, leads, role_is_fresh=role_is_fresh)
        await self._settle(leads, answer, decision)
        if decision.refresh_role:
            await self._refresh_role()
        else:
            await self.destination.note(decision, is_probe=is_first)
        renewed = decision.refresh_role
        await self._side_by_side(decision.again, role_is_fresh=role_is_fresh or renewed, is_first=is_first and renewed)
        return None

    async def _side_by_side(self, groups: Sequence[Sequence[QueuedLead]], **how: bool) -> None:
        done = await asyncio.gather(*(self._deliver(group, **how) for group in groups), return_exceptions=True)
        for failed in filter(None, done):
            raise failed

    async def _decide(self, answer: Answer, leads: Sequence[QueuedLead], *, role_is_fresh: bool) -> Decision:
        proven = False
        if self._policy.classify(answer, leads) is Outcome.ACCESS:
            suspect = len(leads) == 1 and leads[0].attempts >= SUSPECT_AFTER
            proven = await self.destination.proves_access([lead.lead for lead in leads], are_suspect=suspect)
        return self._policy.decide(
            answer,
            leads,
            self._clock(),
            role_is_fresh=role_is_fresh,
            access_is_proven=proven,
            is_probe=bool(self.destination.workspace.paused),
        )

    async def _settle(self, leads: Sequence[QueuedLead], answer: Answer, decision: Decision) -> None:
        now, words = self._clock(), kept_of(answer, decision.outcome, leads)
        tries = [Attempt(lead.id, now, decision.outcome, answer.status, words, answer.duration_ms) for lead in leads]
        await self._outbox.settle(decision.settlements, tries, now)
        self._on_attempt(decision.outcome.value, len(leads))
        for settlement in decision.settlements:
            log.info(
                "lead_settled", lead=settlement.lead_id, state=settlement.state.value, outcome=decision.outcome.value
            )

    async def _set_aside(self, fault: Exception) -> None:
        """Lets leads that met a fault of our own try again later, then alone, and holds one that meets it again."""
        leads, self._in_hand = self._in_hand, []
        now = self._clock()
        with suppress(StoreUnavailable):
            await self._outbox.settle([self._policy.faulty(lead, now, type(fault).__name__) for lead in leads], (), now)

    async def _give_back(self, leads: Sequence[QueuedLead]) -> None:
        """Leaves for later what could not be sent again now, the way being closed meanwhile."""
        now = self._clock()
        await self._outbox.settle([back(lead, now, lead.attempts) for lead in leads], (), now)

    async def _refresh_role(self) -> None:
        """Asks for the role anew. Where that fails too, the second refusal counts."""
        try:
            await self.destination.resolve()
        except DestinationError as error:
            log.warning("role_not_refreshed", why=str(error))

    @asynccontextmanager
    async def _kept(self, claim: str) -> AsyncIterator[None]:
        """Renews the claim's lease for as long as its leads are being worked on."""
        renewing = asyncio.create_task(self._renew(claim))
        try:
            yield
        finally:
            renewing.cancel()
            with suppress(asyncio.CancelledError, StoreUnavailable):
                await renewing

    async def _renew(self, claim: str) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY.total_seconds())
            with suppress(StoreUnavailable):
                await self._outbox.renew(claim, self._clock() + LEASE)


def kept_of(answer: Answer, outcome: Outcome, leads: Sequence[QueuedLead]) -> str:
    """What each lead's attempt keeps of an answer: of one to several nothing that tells of them.

    Else whoever of them is erased would stand with the others.
    """
    words = answer.text[:MAX_ANSWER]
    is_of_them = outcome not in OF_NOBODY or without_own_words(words, [one.lead for one in leads]) != words
    return "" if len(leads) > 1 and answer.status is not None and is_of_them else words

"""One workspace's way to AgencyHandy: its company and client role, and whether it is open.

Both ids are resolved at start and kept in memory and in the store, so that a start while AgencyHandy is down delivers
as soon as it is back; they are asked for again daily, and when AgencyHandy refuses the role or the key. How the way
stands (pause, failures in a row, the next free moment) is in the store, for all replicas alike.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from app.delivery.agencyhandy import AgencyHandy
from app.delivery.contract import Answer
from app.delivery.outcomes import Outcome
from app.delivery.policy import Decision, Health, Policy
from app.errors import AccessRefused, Ambiguous, DestinationError
from app.lead import Lead
from app.logs import log
from app.outbox.outbox import Outbox
from app.outbox.records import Workspace

STALE_AFTER = timedelta(days=1)
ASK_AGAIN_AFTER = timedelta(minutes=10)
PROVEN_FOR = timedelta(seconds=60)
"""For how long a success speaks for the key: a refusal soon after it may be about the leads."""
VERIFIED_FOR = timedelta(seconds=10)
LONGEST_QUEUE = 1000
"""A free moment after more requests than this was reckoned before the clock was set back."""
START_SECONDS = 1
"""For how long a start waits for AgencyHandy; the worker asks on."""
LONG_AGO = timedelta(days=365)

Clock = Callable[[], datetime]


class Destination:
    """A workspace as the worker uses it. `workspace` is what the store was last seen to know of it."""

    def __init__(
        self,
        name: str,
        agencyhandy: AgencyHandy,
        outbox: Outbox,
        policy: Policy,
        clock: Clock,
        *,
        company_id: str | None = None,
        per_second: float = 10,
    ) -> None:
        self._agencyhandy = agencyhandy
        self._outbox = outbox
        self._policy = policy
        self._clock = clock
        self._company_id = company_id
        self._per_second = per_second
        self._identity = f"{agencyhandy.base_url} {company_id or ''} {agencyhandy.key_digest}"
        self._ask_again: datetime | None = None
        self._succeeded_at = self._verified_at = clock() - LONG_AGO
        self._suspect = ""
        self.workspace = Workspace(name)

    async def open(self) -> None:
        """Takes what the store remembers, and asks AgencyHandy. Ambiguous where a person has to choose first.

        A way that was closed is tried at once; what belongs to another key or company is forgotten.
        """

        def adopt(known: Workspace) -> Workspace:
            if known.destination != self._identity:
                return Workspace(known.name, destination=self._identity)
            return replace(known, not_before=None) if known.is_troubled else known

        before, self.workspace = await self._outbox.change_workspace(self.workspace.name, adopt)
        if before.destination != self._identity:
            await self._outbox.hurry(self.workspace.name, self._clock())
        try:
            async with asyncio.timeout(START_SECONDS):
                await self.resolve()
        except Ambiguous:
            if not self.is_known:
                raise
            log.warning("destination_ambiguous", kept_company=self.workspace.company_id)
        except TimeoutError:
            log.warning("destination_slow", seconds=START_SECONDS)
        except DestinationError as error:
            await self._note_trouble(error)

    async def close(self) -> None:
        """Lets go of AgencyHandy."""
        await self._agencyhandy.close()

    @property
    def is_known(self) -> bool:
        """Whether company and role are known."""
        return bool(self.workspace.company_id and self.workspace.role_id)

    @property
    def state(self) -> str:
        """In one word: ready, unresolved (company or role unknown), failing, or paused."""
        if self.workspace.paused or self.workspace.stopped_by:
            return "paused"
        if not self.is_known:
            return "unresolved"
        return "failing" if self.workspace.failures else "ready"

    @property
    def _interval(self) -> timedelta:
        """The time between two requests: as a person set it, else as the settings say."""
        return timedelta(seconds=1 / (self.workspace.per_second or self._per_second))

    def is_closed(self) -> bool:
        """Whether nothing may be sent just now, as far as is known."""
        until = self.workspace.not_before
        return until is not None and until > self._clock()

    async def look(self) -> None:
        """Takes what the replicas know."""
        self.workspace = await self._outbox.books.workspace(self.workspace.name)

    async def may_send(self) -> bool:
        """Whether a request may go out now: looks at what the replicas know, and resolves what is unknown or old.

        Of a closed way only one process makes the next try.
        """
        await self.look()
        if self.workspace.stopped_by or not self._is_mine(self.workspace) or self.is_closed():
            return False
        if self.workspace.is_troubled and not await self._take_probe():
            return False
        now = self._clock()
        resolved = self.workspace.resolved_at
        must = not self.is_known or bool(self.workspace.paused) or resolved is None
        if not must and resolved is not None and now - resolved < STALE_AFTER:
            return True
        if not must and self._ask_again is not None and now < self._ask_again:
            return True
        self._ask_again = now + ASK_AGAIN_AFTER
        try:
            await self.resolve()
        except DestinationError as error:
            if not must:
                log.warning("role_not_refreshed", why=str(error))
                return True
            await self._note_trouble(error)
            return False
        return True

    async def resolve(self) -> None:
        """Asks AgencyHandy for company and role, and keeps them. Raises DestinationError."""
        company = self._company_id or await self._agencyhandy.company_id()
        role = await self._agencyhandy.client_role_id(company)
        if (company, role) != (self.workspace.company_id, self.workspace.role_id):
            log.info("destination_resolved", workspace=self.workspace.name, company=company, role=role)
        now = self._clock()

        def know(known: Workspace) -> Workspace:
            found = replace(known, company_id=company, role_id=role, resolved_at=now)
            return found if self._is_mine(known) else known

        await self._change(know)

    async def proves_access(self, leads: list[Lead], *, are_suspect: bool) -> bool:
        """Whether AgencyHandy, which has just refused access, takes the key all the same: then it is the leads.

        Asked only where there is reason to think so: others were taken a moment ago, or the lead failed before.
        """
        now = self._clock()
        if not are_suspect and now - self._succeeded_at > PROVEN_FOR:
            return False
        if now - self._verified_at < VERIFIED_FOR:
            return True
        try:
            await self.resolve()
        except DestinationError:
            return False
        self._verified_at = now
        log.warning("leads_refused_not_the_key", workspace=self.workspace.name, leads=len(leads))
        return True

    async def send(self, leads: list[Lead]) -> Answer:
        """One request to AgencyHandy."""
        return await self._agencyhandy.create_leads(leads, self.workspace.company_id, self.workspace.role_id)

    async def take_turn(self) -> float:
        """Seconds until a request may go out: all replicas together keep to the requests per second allowed."""
        now = self._clock()

        def take(known: Workspace) -> Workspace:
            free = known.free_at or now
            start = now if free - now > LONGEST_QUEUE * self._interval else max(free, now)
            return replace(known, free_at=start + self._interval)

        after = await self._change(take)
        return (after.free_at - self._interval - now).total_seconds() if after.free_at else 0.0

    async def note(self, decision: Decision, *, is_probe: bool = False) -> None:
        """Keeps what an answer says of the way; when that opens again, every waiting lead becomes due.

        `is_probe`: it was the one request that tried the closed way.
        """
        if decision.outcome in {Outcome.CREATED, Outcome.TAKEN, Outcome.REFUSED, Outcome.APART}:
            self._succeeded_at = self._clock()
        lately = self._clock() - self._succeeded_at < PROVEN_FOR
        is_old_news = bool(decision.suspect) and (lately or decision.suspect == self._suspect)
        self._suspect = decision.suspect
        is_plain = decision.health is Health.WELL and not (self.workspace.failures or self.workspace.paused)
        if is_plain or (is_old_news and not self.workspace.is_troubled):
            return
        await self._change(lambda known: self._policy.after(known, decision, self._clock(), is_probe=is_probe))

    def _is_mine(self, known: Workspace) -> bool:
        """Whether no process with another key or company has taken over the workspace."""
        return known.destination == self._identity

    async def reopen(self) -> None:
        """Ends a pause, or a row of failures, that no lead is left to try out."""
        await self.note(Decision(Outcome.NOT_SENT, Health.WELL))

    async def forget_times(self) -> None:
        """The clock was set back: what was to wait until a moment of the faster clock goes on now."""
        now = self._clock()
        self._succeeded_at = self._verified_at = now - LONG_AGO
        await self._change(lambda known: replace(known, not_before=None, free_at=None))
        await self._outbox.hurry(self.workspace.name, now)

    async def _take_probe(self) -> bool:
        """Whether this process is the one to try a closed way; another may when it does not hear of it."""
        now = self._clock()
        is_mine = False

        def take(known: Workspace) -> Workspace:
            nonlocal is_mine
            is_mine = known.not_before is None or known.not_before <= now
            return replace(known, not_before=now + self._policy.probe_every) if is_mine else known

        await self._change(take)
        return is_mine

    async def _note_trouble(self, error: DestinationError) -> None:
        """Keeps that the ids could not be had."""
        closed = isinstance(error, AccessRefused | Ambiguous)
        log.error("destination_not_resolved", workspace=self.workspace.name, why=str(error))
        outcome = Outcome.ACCESS if closed else Outcome.NOT_SENT
        health = Health.CLOSED if closed else Health.FAILING
        await self.note(Decision(outcome, health, words=str(error)), is_probe=True)

    async def _change(self, change: Callable[[Workspace], Workspace]) -> Workspace:
        before, after = await self._outbox.change_workspace(self.workspace.name, change, hurry_at=self._clock())
        self.workspace = after
        if before.is_troubled and not after.is_troubled:
            log.info("destination_back", workspace=after.name, after_failures=before.failures)
        elif after.is_troubled and not before.is_troubled:
            log.error("destination_closed", workspace=after.name, paused=bool(after.paused), failures=after.failures)
        return after

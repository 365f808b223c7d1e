"""One workspace's way to AgencyHandy: its company and client role, and whether it is open.

Both ids are resolved at start and kept in memory and in the store, so that a start while AgencyHandy is down delivers
as soon as it is back; they are asked for again daily, and when AgencyHandy refuses the role.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from app.delivery.agencyhandy import AgencyHandy
from app.delivery.contract import Answer
from app.delivery.policy import Decision, Health, Outcome, Policy, is_open
from app.errors import AccessRefused, Ambiguous, DestinationError
from app.lead import Lead
from app.logs import log
from app.outbox.outbox import Outbox
from app.outbox.records import Workspace

STALE_AFTER = timedelta(days=1)
ASK_AGAIN_AFTER = timedelta(minutes=10)
START_SECONDS = 1
"""For how long a start waits for AgencyHandy; the worker asks on."""

Clock = Callable[[], datetime]


class Destination:
    """A workspace as the worker uses it. `workspace` is what is known; changes are stored before they count."""

    def __init__(
        self, agencyhandy: AgencyHandy, outbox: Outbox, policy: Policy, clock: Clock, company_id: str | None = None
    ) -> None:
        self._agencyhandy = agencyhandy
        self._outbox = outbox
        self._policy = policy
        self._clock = clock
        self._company_id = company_id
        self._identity = f"{agencyhandy.base_url} {company_id or ''}".strip()
        self._ask_again: datetime | None = None
        self._suspect = ""
        self.workspace = Workspace(outbox.workspace_name)

    async def open(self) -> None:
        """Takes what the store remembers, and asks AgencyHandy. Ambiguous where a person has to choose first."""
        known = await self._outbox.workspace()
        if known.destination != self._identity:
            known = Workspace(known.name, destination=self._identity)
        self.workspace = replace(known, failures=0, paused="", not_before=None)
        await self._outbox.save_workspace(self.workspace)
        if known.failures or known.paused:
            await self._outbox.hurry(known.name, self._clock())
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
            await self.note_trouble(error)

    async def close(self) -> None:
        """Lets go of AgencyHandy."""
        await self._agencyhandy.close()

    @property
    def is_known(self) -> bool:
        """Whether company and role are known."""
        return bool(self.workspace.company_id and self.workspace.role_id)

    @property
    def is_open(self) -> bool:
        """Whether leads go out as they come."""
        return is_open(self.workspace)

    @property
    def state(self) -> str:
        """In one word: ready, unresolved (company or role unknown), failing, or paused."""
        if self.workspace.paused:
            return "paused"
        if not self.is_known:
            return "unresolved"
        return "failing" if self.workspace.failures else "ready"

    def closed_until(self) -> datetime | None:
        """When the next request may go out, where that is later than now."""
        until = self.workspace.not_before
        return until if until is not None and until > self._clock() else None

    async def ready(self) -> bool:
        """Whether leads can be sent: resolves what is unknown, and what is a day old, without needing the latter."""
        now = self._clock()
        resolved = self.workspace.resolved_at
        if self.is_known and resolved is not None and now - resolved < STALE_AFTER:
            return True
        if self.is_known and self._ask_again is not None and now < self._ask_again:
            return True
        self._ask_again = now + ASK_AGAIN_AFTER
        try:
            await self.resolve()
        except DestinationError as error:
            if self.is_known:
                log.warning("role_not_refreshed", why=str(error))
                return True
            await self.note_trouble(error)
            return False
        return True

    async def resolve(self) -> None:
        """Asks AgencyHandy for company and role, and keeps them. Raises DestinationError."""
        company = self._company_id or await self._agencyhandy.company_id()
        role = await self._agencyhandy.client_role_id(company)
        if (company, role) != (self.workspace.company_id, self.workspace.role_id):
            log.info("destination_resolved", company=company, role=role)
        self.workspace = replace(self.workspace, company_id=company, role_id=role, resolved_at=self._clock())
        await self._outbox.save_workspace(self.workspace)

    async def send(self, leads: list[Lead]) -> Answer:
        """One request to AgencyHandy."""
        return await self._agencyhandy.create_leads(leads, self.workspace.company_id, self.workspace.role_id)

    async def note(self, decision: Decision) -> None:
        """Keeps what an answer says of the way; when that opens again, every waiting lead becomes due."""
        before = self.workspace
        is_old_news = decision.suspect and decision.suspect == self._suspect
        self._suspect = decision.suspect
        if is_old_news and is_open(before):
            return
        after = self._policy.after(before, decision, self._clock())
        if after == before:
            return
        self.workspace = after
        await self._outbox.save_workspace(after)
        if is_open(after) and not is_open(before):
            log.info("destination_back", after_failures=before.failures)
            await self._outbox.hurry(after.name, self._clock())
        elif is_open(before) and not is_open(after):
            log.error("destination_closed", paused=bool(after.paused), failures=after.failures)

    async def note_trouble(self, error: DestinationError) -> None:
        """Keeps that the ids could not be had."""
        closed = isinstance(error, AccessRefused | Ambiguous)
        log.error("destination_not_resolved", why=str(error))
        outcome = Outcome.ACCESS if closed else Outcome.NOT_SENT
        await self.note(Decision(outcome, Health.CLOSED if closed else Health.FAILING, words=str(error)))

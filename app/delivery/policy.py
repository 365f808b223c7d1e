"""(answer, leads, now) → what becomes of each lead. Pure; the decision table of docs/delivery.md, and tested as one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from app.delivery.contract import Answer, full_name, words_of
from app.delivery.outcomes import Outcome, outcome_of, retry_after
from app.lead import LeadState, Reason
from app.outbox.records import BREAKER_AFTER, QueuedLead, Settlement, ToFetch, Workspace

FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=30)
SUSPECT_AFTER = 2
"""A lead that failed this often is sent by itself, so that it cannot spoil other leads' request."""
FEWEST_TRIES = 20
"""However old a lead is, it is not given up before it was tried this often: it may only have waited, or been held."""
FAULTY_TRIES = 5
"""How often a lead is tried that meets a fault of the relay's own."""
INDEX = re.compile(r"(?<![\w.])(\d{1,3})\.[a-z]\w*|\[(\d{1,3})\]", re.IGNORECASE)
"""How validators name one of an array: `3.email must be …`, `[3].email`."""

Jitter = Callable[[float, float], float]
"""Seconds to wait, between the least and the most: full jitter is `random.uniform`."""


class Health(StrEnum):
    """What an answer says of the way to AgencyHandy."""

    WELL = "well"
    FAILING = "failing"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of the leads that were sent.

    `settlements` are final for now; `again` are groups to send at once, each as one request; `refresh_role` first asks
    for the role anew. `wait` is how long AgencyHandy wants to be left alone, `words` what it said. `suspect` is the
    lead that failed by itself, and had before: failing again, it says little about AgencyHandy.
    """

    outcome: Outcome
    health: Health
    settlements: tuple[Settlement, ...] = ()
    again: tuple[tuple[QueuedLead, ...], ...] = ()
    refresh_role: bool = False
    wait: timedelta | None = None
    words: str = ""
    suspect: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """How patient the relay is. `taken` recognises a taken e-mail's answer beside the built-in words."""

    jitter: Jitter
    give_up_after: timedelta = timedelta(hours=72)
    taken: re.Pattern[str] | None = None
    probe_every: timedelta = timedelta(seconds=60)

    def classify(self, answer: Answer, leads: Sequence[QueuedLead] = ()) -> Outcome:
        """What an answer to these leads is taken for."""
        return outcome_of(answer, [lead.lead for lead in leads], self.taken)

    def decide(
        self,
        answer: Answer,
        leads: Sequence[QueuedLead],
        now: datetime,
        *,
        role_is_fresh: bool = False,
        access_is_proven: bool = False,
        is_probe: bool = False,
    ) -> Decision:
        """The row of the table that the answer falls under, for one lead or for several.

        `access_is_proven`: AgencyHandy takes the key all the same, so that it is these leads that it will not have.
        `is_probe`: it tries a paused way, for which the key has just been accepted; another lead may try it next.
        """
        outcome = self.classify(answer, leads)
        words = words_of(answer)
        is_refusal = outcome in {Outcome.TAKEN, Outcome.REFUSED}
        blames_leads = (
            is_refusal
            or (outcome is Outcome.ACCESS and access_is_proven)
            or (outcome is Outcome.ROLE and role_is_fresh)
        )
        if blames_leads and len(leads) > 1:
            called = Outcome.APART if is_refusal else outcome
            return Decision(called, Health.WELL, again=parted(leads, answer.text), words=words)
        match outcome:
            case Outcome.CREATED:
                return self._created(answer, leads, now)
            case Outcome.TAKEN:
                return Decision(outcome, Health.WELL, (_taken(leads[0], words),), words=words)
            case Outcome.REFUSED:
                return Decision(outcome, Health.WELL, (_held(leads[0], f"{Reason.REFUSED}: {words}"),), words=words)
            case Outcome.ROLE if not role_is_fresh:
                return Decision(outcome, Health.WELL, again=(tuple(leads),), refresh_role=True, words=words)
            case Outcome.ACCESS if access_is_proven:
                again = self._later(leads[0], now, None, words, unknown=False)
                return Decision(outcome, Health.WELL, (again,), words=words)
            case Outcome.ACCESS:
                due = now + self.probe_every if is_probe else now
                waiting = tuple(back(lead, due, lead.attempts) for lead in leads)
                return Decision(outcome, Health.CLOSED, waiting, words=words)
        wait = retry_after(answer.retry_after, now)
        unknown = outcome is Outcome.UNKNOWN or (answer.status or 0) >= 500  # a gateway may answer for what was done
        later = tuple(self._later(lead, now, wait, words, unknown=unknown) for lead in leads)
        alone = leads[0].attempts >= SUSPECT_AFTER and outcome is not Outcome.NOT_SENT and wait is None
        suspect = leads[0].id if alone else ""
        return Decision(outcome, Health.FAILING, later, wait=wait, words=words, suspect=suspect)

    def _created(self, answer: Answer, leads: Sequence[QueuedLead], now: datetime) -> Decision:
        """Who is in `createdMembers` is delivered. Who is not may be created or left out: sent again, alone."""
        member_of, rest = match_members(leads, answer)
        delivered = tuple(
            Settlement(lead.id, lead.claim, LeadState.DELIVERED, member_id=member_of[lead.id], attempts=lead.attempts)
            for lead in leads
            if lead.id in member_of
        )
        if len(leads) == 1 and rest:
            words = "AgencyHandy said that it created leads, but did not name this one"
            return Decision(
                Outcome.UNKNOWN, Health.WELL, (self._later(rest[0], now, None, words, unknown=True),), words=words
            )
        return Decision(Outcome.CREATED, Health.WELL, delivered, tuple((replace(lead, unknown=True),) for lead in rest))

    def _later(
        self, lead: QueuedLead, now: datetime, wait: timedelta | None, words: str, *, unknown: bool
    ) -> Settlement:
        """Back into the queue: after what AgencyHandy asked for, or exponential back-off with full jitter."""
        due = self.again(lead, now, wait)
        if due is None:
            return _held(lead, f"{Reason.GAVE_UP}: {words}")
        return back(replace(lead, unknown=lead.unknown or unknown), due, lead.attempts + 1)

    def again(self, lead: QueuedLead | ToFetch, now: datetime, wait: timedelta | None) -> datetime | None:
        """When a failed lead is tried again; None where that has gone on for long enough."""
        if now - lead.received_at >= self.give_up_after and lead.attempts + 1 >= FEWEST_TRIES:
            return None
        most = min(FIRST_WAIT * 2 ** min(lead.attempts, 20), LONGEST_WAIT)
        return now + (wait or timedelta(seconds=self.jitter(0, most.total_seconds())))

    def faulty(self, lead: QueuedLead, now: datetime, fault: str) -> Settlement:
        """A lead that met a fault of the relay's own: again later, its outcome unknown; held when that goes on."""
        if lead.attempts + 1 >= FAULTY_TRIES:
            return _held(lead, f"{Reason.GAVE_UP}: {fault} in the relay, see its log")
        return self._later(lead, now, None, fault, unknown=True)

    def after(self, workspace: Workspace, decision: Decision, now: datetime, *, is_probe: bool = False) -> Workspace:
        """How the way to AgencyHandy stands after an answer: open, waiting after failures in a row, or paused.

        Of a closed way only the failure of a probe counts, not of what was under way as it closed.
        """
        if decision.health is Health.WELL:
            until = None if workspace.is_troubled else workspace.not_before
            return replace(workspace, failures=0, paused="", not_before=until)
        if decision.health is Health.FAILING and workspace.is_troubled and not is_probe:
            until = now + (decision.wait or timedelta())
            return replace(workspace, not_before=max(until, workspace.not_before or until))
        if decision.health is Health.CLOSED:
            return replace(workspace, paused=decision.words or decision.outcome, not_before=now + self.probe_every)
        failures = workspace.failures + 1
        wait = decision.wait
        if not wait and failures >= BREAKER_AFTER:
            wait = min(FIRST_WAIT * 2 ** min(failures - BREAKER_AFTER, 20), self.probe_every)
        return replace(workspace, failures=failures, not_before=now + wait if wait else None)


def requests_of(leads: Sequence[QueuedLead]) -> list[tuple[QueuedLead, ...]]:
    """Claimed leads as requests: together, but for those whose fate is unknown, or that failed twice."""
    alone = [lead for lead in leads if lead.unknown or lead.attempts >= SUSPECT_AFTER]
    together = tuple(lead for lead in leads if lead not in alone)
    return [*([together] if together else []), *((lead,) for lead in alone)]


def parted(leads: Sequence[QueuedLead], text: str) -> tuple[tuple[QueuedLead, ...], ...]:
    """A refused batch as groups to send at once: whom the answer names, by address or place, apart from the rest.

    Where it names nobody, or everybody, each lead goes alone: so nobody waits for more than one further round trip.
    """
    spelled = text.casefold()
    places = {int(first or second) for first, second in INDEX.findall(text)}
    named = {lead.id for place, lead in enumerate(leads) if place in places or lead.lead.email.casefold() in spelled}
    rest = tuple(lead for lead in leads if lead.id not in named)
    if not named or not rest:
        return tuple((lead,) for lead in leads)
    return rest, *((lead,) for lead in leads if lead.id in named)


def match_members(leads: Sequence[QueuedLead], answer: Answer) -> tuple[dict[str, str], list[QueuedLead]]:
    """Lead id → member id by name, in order; and the leads that the answer does not tell of for certain.

    A name that more leads than members carry tells of none of them.
    """
    members: dict[str, list[str]] = {}
    for member in answer.members or ():
        members.setdefault(_spelled(member.name), []).append(member.id)
    carriers: dict[str, list[QueuedLead]] = {}
    for lead in leads:
        carriers.setdefault(_spelled(full_name(lead.lead)), []).append(lead)
    found: dict[str, str] = {}
    for name, called in carriers.items():
        if len(ids := members.get(name, [])) >= len(called):
            found |= {lead.id: id_ for lead, id_ in zip(called, ids, strict=False)}
    return found, [lead for lead in leads if lead.id not in found]


def _taken(lead: QueuedLead, words: str) -> Settlement:
    """After an unknown outcome the e-mail is taken because the lead did arrive."""
    state = LeadState.DELIVERED if lead.unknown else LeadState.DUPLICATE
    known = "AgencyHandy has this e-mail address, after a try that may have brought it there"
    reason = known if lead.unknown else f"{Outcome.TAKEN}: {words}"
    return Settlement(lead.id, lead.claim, state, reason, attempts=lead.attempts, unknown=lead.unknown)


def _held(lead: QueuedLead, reason: str) -> Settlement:
    return Settlement(lead.id, lead.claim, LeadState.HELD, reason, attempts=lead.attempts + 1, unknown=lead.unknown)


def back(lead: QueuedLead, due: datetime, attempts: int) -> Settlement:
    """A claimed lead back in the queue."""
    waiting = Settlement(lead.id, lead.claim, LeadState.PENDING, next_attempt_at=due)
    return replace(waiting, attempts=attempts, unknown=lead.unknown)


def _spelled(name: str) -> str:
    return " ".join(name.casefold().split())

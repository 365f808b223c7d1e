"""Counts over time, for charts. Each function works on an open connection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Final

from sqlalchemy import BigInteger, ColumnElement, case, func, literal_column, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection
from ulid import ULID

from app.lead import LeadState, Reason
from app.outbox.columns import EPOCH
from app.outbox.records import Attempt
from app.outbox.tables import IS_QUARANTINED, attempts, leads, submissions

HOUR, DAY, MILLISECOND = timedelta(hours=1), timedelta(days=1), timedelta(milliseconds=1)
SHIFT = timedelta(minutes=30)
"""Clocks are set at a full or half hour, UTC."""


@dataclass(frozen=True, slots=True)
class Span:
    """How far back one looks, and in which steps; the last step is the one that is under way."""

    words: str
    back: timedelta
    step: timedelta


SPANS: Final[Mapping[str, Span]] = {
    "24h": Span("24 hours", DAY - HOUR, HOUR),
    "7d": Span("7 days", 7 * DAY - 6 * HOUR, 6 * HOUR),
    "30d": Span("30 days", 29 * DAY, DAY),
}
"""What is counted alike at the desk, by the API and on the command line."""
GOOD = frozenset(("created", "e-mail taken", "sent apart"))
"""Outcomes of tries that nobody has to look at."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Leads by (the step of time they came in, endpoint, the state they are in now). Steps begin at `starts`."""

    starts: tuple[datetime, ...]
    counts: Mapping[tuple[datetime, str, LeadState], int] = field(default_factory=dict)

    def of_state(self, state: LeadState) -> list[int]:
        """How many of each step are in a state."""
        return self._along(lambda _, its: its is state)

    def of_endpoint(self, endpoint: str) -> list[int]:
        """How many of each step came to an endpoint."""
        return self._along(lambda its, _: its == endpoint)

    def total(self) -> int:
        """All that came in."""
        return sum(self.counts.values())

    def _along(self, wanted: Callable[[str, LeadState], bool]) -> list[int]:
        found = dict.fromkeys(self.starts, 0)
        for (start, endpoint, state), count in self.counts.items():
            if start in found and wanted(endpoint, state):
                found[start] += count
        return list(found.values())


@dataclass(frozen=True, slots=True)
class Answers:
    """How AgencyHandy answered lately: tries by outcome, the median duration in milliseconds, the last that failed."""

    outcomes: Mapping[str, int] = field(default_factory=dict)
    median_ms: int | None = None
    last_failure: Attempt | None = None


async def flow(
    connection: AsyncConnection, since: datetime, step: timedelta, now: datetime, zone: tzinfo = UTC
) -> Flow:
    """What came in from then on, by steps of a zone's clock. `since` is rounded down to a step.

    Where clocks are set back, one step has all that came while they showed its times twice; where they are set
    forward, one has nothing. The outer steps have what clocks then showed, or show, beyond them.
    """
    first, last = ((at.astimezone(zone).replace(tzinfo=UTC) - EPOCH) // step for at in (since, now))

    def start(number: int) -> datetime:
        return (EPOCH + number * step).replace(tzinfo=zone)

    place = _on_the_clock(zone, start(first), now) // _number(step // MILLISECOND)
    found = select(place.label("place"), leads.c.endpoint, leads.c.state, func.count())
    found = found.where(leads.c.received_at >= start(first)).group_by(place, leads.c.endpoint, leads.c.state)
    counts = Counter[tuple[datetime, str, LeadState]]()
    for at, endpoint, state, count in await connection.execute(found):
        within = min(max(int(at), first), last)
        counts[start(within), endpoint, LeadState(state)] += count
    return Flow(tuple(start(number) for number in range(first, last + 1)), counts)


def _on_the_clock(zone: tzinfo, since: datetime, now: datetime) -> ColumnElement[int]:
    """What a zone's clock showed when a lead came in, as milliseconds since it showed 1970."""
    received = type_coerce(leads.c.received_at, BigInteger)
    times = [EPOCH + number * SHIFT for number in range((since - EPOCH) // SHIFT, (now - EPOCH) // SHIFT + 2)]
    ahead = [at.astimezone(zone).utcoffset() or timedelta() for at in times]
    changes = [(at, before) for at, (before, after) in zip(times[1:], pairwise(ahead), strict=True) if before != after]
    shown = [(received < _number((at - EPOCH) // MILLISECOND), _number(by // MILLISECOND)) for at, by in changes]
    today = _number(ahead[-1] // MILLISECOND)
    return received + (case(*shown, else_=today) if shown else today)


def _number(value: int) -> ColumnElement[int]:
    """As it stands in the statement: PostgreSQL takes two parameters for two expressions."""
    return literal_column(str(value), BigInteger)


async def answers(connection: AsyncConnection, since: datetime, most: int = 1000) -> Answers:
    """Of the newest tries since then, at most so many."""
    columns = (attempts.c.lead_id, attempts.c.at, attempts.c.outcome, attempts.c.status, attempts.c.duration_ms)
    lately = select(*columns).where(attempts.c.id >= str(ULID.from_datetime(since)))
    found = list(await connection.execute(lately.order_by(attempts.c.id.desc()).limit(most)))
    durations = sorted(row.duration_ms for row in found)
    outcomes = Counter(row.outcome for row in found)
    failed = next((row for row in found if row.outcome not in GOOD), None)
    last = Attempt(failed.lead_id, failed.at, failed.outcome, failed.status, "", failed.duration_ms) if failed else None
    return Answers(outcomes, durations[len(durations) // 2] if durations else None, last)


async def states_of(connection: AsyncConnection, endpoint: str, most: int) -> dict[LeadState, int]:
    """How many of an endpoint's leads are in each state that there are any in; of the newest ones, at most so many."""
    newest = select(leads.c.state).where(leads.c.endpoint == endpoint).order_by(leads.c.id.desc()).limit(most)
    its = newest.subquery().c.state
    counted = {row[0]: row[1] for row in await connection.execute(select(its, func.count()).group_by(its))}
    return {state: counted[state.value] for state in LeadState if state.value in counted}


async def last_unproved(connection: AsyncConnection, endpoints: Collection[str]) -> dict[str, datetime]:
    """Endpoint → when a request with a wrong secret or signature came to it last, of those that are kept."""
    its, reasons = submissions.c, [f"{Reason.SIGNATURE} {name}" for name in endpoints]
    found = select(its.endpoint, func.max(its.received_at)).where(IS_QUARANTINED, its.quarantine.in_(reasons))
    return {row[0]: row[1] for row in await connection.execute(found.group_by(its.endpoint))}


async def strangers(connection: AsyncConnection, most: int = 50) -> list[tuple[str, int, datetime]]:
    """Names that relay.toml does not have, how many requests to each are kept, and the last one's time."""
    its, last = submissions.c, func.max(submissions.c.received_at)
    found = select(its.endpoint, func.count(), last).where(IS_QUARANTINED, its.quarantine == Reason.UNKNOWN_ENDPOINT)
    found = found.group_by(its.endpoint).order_by(last.desc()).limit(most)
    return [(row[0], row[1], row[2]) for row in await connection.execute(found)]

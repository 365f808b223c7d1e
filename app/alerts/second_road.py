"""The second road: a lead that does not reach AgencyHandy is sent to people itself, once, whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.alerts.conditions import leads as counted
from app.alerts.tell import People, Target
from app.lead import FIELDS, LeadState, Reason
from app.logs import log
from app.outbox.facts import mark_passed_on
from app.outbox.outbox import Outbox
from app.outbox.records import StoredLead, Workspace

BUNDLE = 20
MOST_OF_A_BODY = 2000
BREATH = timedelta(minutes=1)
"""After a message that was not full the next one waits, so that an outage makes bundles."""
RULE = "\n\n" + "-" * 40 + "\n\n"


@dataclass(slots=True)
class Road:
    """To whom the leads of some endpoints go, or of all others."""

    targets: tuple[Target, ...]
    endpoints: tuple[str, ...]
    others: bool = False
    not_before: datetime | None = None


class SecondRoad:
    """Sends what is stuck, a bundle a round for each road."""

    def __init__(self, outbox: Outbox, people: People, ignored: Collection[str], count: Callable[[int], None]) -> None:
        self._outbox = outbox
        self._ignored = ignored
        self._count = count
        self._unmarked: set[str] = set()
        by_targets: dict[tuple[str, ...], Road] = {}
        for name, targets in people.by_endpoint.items():
            road = by_targets.setdefault(tuple(one.id for one in targets), Road(targets, ()))
            road.endpoints += (name,)
        others = Road(people.leads_to, tuple(people.by_endpoint), others=True)
        self._roads = [*by_targets.values(), *([others] if people.leads_to else [])]

    async def turn(self, now: datetime, after: timedelta, ways: Mapping[str, Workspace]) -> None:
        """One bundle on each road. `ways` tells why a lead waits."""
        await asyncio.gather(*(self._send(road, now, after, ways) for road in self._roads))

    async def _send(self, road: Road, now: datetime, after: timedelta, ways: Mapping[str, Workspace]) -> None:
        if road.not_before is not None and now < road.not_before < now + 2 * BREATH:
            return
        find = self._outbox.books.stuck
        stuck = await find(now - after, road.endpoints, self._ignored, others=road.others, limit=BUNDLE)
        room = min(target.room for target in road.targets)
        texts: list[str] = []
        ids = {lead.id for lead in stuck if lead.id in self._unmarked}
        for lead in stuck:
            text = bounded(await self._text(lead, ways), room, lead.id)
            if lead.id not in ids and sum(map(len, texts)) + len(text) <= room:
                texts.append(text)
                ids.add(lead.id)
        if texts and not any(await asyncio.gather(*(one.send(*message(texts)) for one in road.targets))):
            return
        if ids:
            self._unmarked |= ids
            await self._outbox.write(lambda connection: mark_passed_on(connection, ids, now))
            self._unmarked -= ids
            self._count(len(texts))
            log.info("leads_passed_on", leads=sorted(ids))
        road.not_before = now + BREATH if texts and len(ids) == len(stuck) < BUNDLE else None

    async def _text(self, lead: StoredLead, ways: Mapping[str, Workspace]) -> str:
        raw = ""
        if lead.lead.reason.startswith(Reason.UNREADABLE):
            submission = await self._outbox.books.submission(lead.submission_id)
            raw = submission.body[:MOST_OF_A_BODY].decode("utf-8", "replace") if submission else ""
        return "\n".join(lines(lead, ways.get(lead.workspace, Workspace(lead.workspace)), raw))


def message(texts: Sequence[str]) -> tuple[str, str]:
    """Title and body of a bundle."""
    intro = (
        "These did not reach AgencyHandy yet, so here they are: please answer them yourself. None is lost, and the "
        "relay keeps trying those that wait; so look into AgencyHandy before you enter one there."
    )
    return f"Lead Relay: {counted(len(texts))} for you", RULE.join((intro, *texts))


def lines(lead: StoredLead, way: Workspace, raw: str) -> Iterator[str]:
    """All that is known of a lead, a line each."""
    one = lead.lead
    yield f"Lead {lead.id}, received {lead.received_at:%Y-%m-%d %H:%M} UTC at {lead.endpoint}"
    yield f"Why you get it: {why(lead, way)}"
    yield from (
        f"{name}: {value}" for name, column in FIELDS.items() if (value := getattr(one, column)) not in {"", None}
    )
    yield from (f"{extra.label or extra.key}: {extra.value}" for extra in one.extra)
    yield from (f"{name}: {value}" for name, value in one.utm.items())
    if raw:
        yield f"As it was sent:\n{raw}"


def why(lead: StoredLead, way: Workspace) -> str:
    """In plain words."""
    if lead.lead.state is LeadState.HELD:
        return f"it is held for you ({lead.lead.reason})"
    if way.paused:
        return f"AgencyHandy does not let the relay in ({way.paused})"
    tries = f"tried {lead.attempts} times" if lead.attempts else "not tried yet"
    return f"AgencyHandy has not confirmed it; {tries}, the way there failed {way.failures} times in a row"


def bounded(text: str, room: int, lead_id: str) -> str:
    """Cut where the service takes only short messages."""
    rest = f" … cut here; lead-relay leads show {lead_id} has all of it"
    return text if len(text) <= room else text[: room - len(rest)] + rest

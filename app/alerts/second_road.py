"""The second road: a lead that does not reach AgencyHandy is sent to people itself, once, whole."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from app.alerts.conditions import leads as counted
from app.alerts.tell import Target
from app.config.relay_toml import RelayConfig
from app.lead import FIELDS, LeadState, Reason
from app.logs import log
from app.outbox.facts import mark_passed_on, stuck
from app.outbox.outbox import Outbox
from app.outbox.records import StoredLead, Workspace

BUNDLE = 20
MOST_OF_A_LEAD = 10_000
MOST_OF_A_BODY = 2000
RULE = "\n\n" + "-" * 40 + "\n\n"
INTRO = (
    "These did not reach AgencyHandy yet, so here they are: please answer them yourself. None is lost, and the relay "
    "keeps trying those that wait; so look into AgencyHandy before you enter one there."
)


@dataclass(slots=True)
class Road:
    """To whom leads of `endpoint` go; without one, of all but `others`. Hooks that are `fetching` people get a while
    for it. `unmarked` were sent, which is not yet kept.
    """

    targets: Sequence[Target]
    ignored: Collection[str]
    endpoint: str | None = None
    others: Collection[str] = ()
    fetching: Collection[str] = ()
    unmarked: set[str] = field(default_factory=set)


def roads(config: RelayConfig, named: Mapping[str, Sequence[Target]], ignored: Collection[str]) -> list[Road]:
    """One for each endpoint that names its own people, and one for all the others; without `ignored` workspaces."""
    own = {one.name: named[f"{one.table}.leads_to"] for one in config.endpoints() if one.leads_to}
    return [
        Road(named["alerts.leads_to"], ignored, others=own, fetching=config.fetching),
        *(Road(targets, ignored, name, fetching=config.fetching) for name, targets in own.items()),
    ]


async def pass_on(road: Road, outbox: Outbox, now: datetime, after: timedelta, ways: Mapping[str, Workspace]) -> int:
    """Sends a bundle of what is held, or waits for longer than `after`; how many. `ways` tells why a lead waits."""
    which = partial(stuck, endpoint=road.endpoint, others=road.others, ignored=road.ignored, fetching=road.fetching)
    found = await outbox.books.read(partial(which, before=now - after, limit=BUNDLE))
    fresh = [lead for lead in found if lead.id not in road.unmarked]
    if fresh:
        texts = [await _text(lead, outbox, ways.get(lead.workspace, Workspace(lead.workspace))) for lead in fresh]
        title, body = f"Lead Relay: {counted(len(fresh))} for you", RULE.join((INTRO, *texts))
        if not any(await asyncio.gather(*(target.send(title, body, now) for target in road.targets))):
            return 0
    if found:
        road.unmarked |= {lead.id for lead in fresh}
        await outbox.write(partial(mark_passed_on, ids=[lead.id for lead in found], now=now))
        road.unmarked.clear()
        log.info("leads_passed_on", leads=[lead.id for lead in fresh])
    return len(fresh)


async def _text(lead: StoredLead, outbox: Outbox, way: Workspace) -> str:
    raw = ""
    if lead.lead.reason.startswith(Reason.UNREADABLE):
        submission = await outbox.books.submission(lead.submission_id)
        raw = submission.body[:MOST_OF_A_BODY].decode("utf-8", "replace") if submission else ""
    files = [one.attachment.name for one in await outbox.books.attachments(lead.submission_id)]
    text = "\n".join(_lines(lead, way, raw, files))
    rest = f" … cut here; lead-relay leads show {lead.id} has all of it"
    return text if len(text) <= MOST_OF_A_LEAD else text[:MOST_OF_A_LEAD] + rest


def _lines(lead: StoredLead, way: Workspace, raw: str, files: Sequence[str]) -> Iterator[str]:
    """All that is known of a lead, a line each."""
    one = lead.lead
    yield f"Lead {lead.id}, received {lead.received_at:%Y-%m-%d %H:%M} UTC at {lead.endpoint}"
    yield f"Why you get it: {_why(lead, way)}"
    values = ((name, getattr(one, column)) for name, column in FIELDS.items())
    yield from (f"{name}: {value}" for name, value in values if value not in {"", None})
    yield from (f"{extra.called}: {extra.value}" for extra in one.extra)
    yield from (f"{name}: {value}" for name, value in one.utm.items())
    if files:
        yield f"Attached: {', '.join(files)} (lead-relay leads files {lead.id} --to FOLDER gets them)"
    if raw:
        yield f"As it was sent:\n{raw}"


def _why(lead: StoredLead, way: Workspace) -> str:
    if lead.lead.state is LeadState.HELD:
        return f"it is held for you ({lead.lead.reason})"
    if way.paused:
        return f"AgencyHandy does not let the relay in ({way.paused})"
    tries = f"tried {lead.attempts} times" if lead.attempts else "not tried yet"
    return f"AgencyHandy has not confirmed it; {tries}, the way there failed {way.failures} times in a row"

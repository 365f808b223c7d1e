"""What is wrong now, as one table: where it is so, and what people are told. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from app.config.relay_toml import RelayConfig
from app.lead import Reason, kind_of
from app.outbox.records import Facts

MIB = 1024 * 1024
DAY = 86400
LONGER = 1.5
DEAF_AFTER = 5
SHORTEST_SILENCE = timedelta(hours=1)
"""Silence that was learned counts when it is so many times the longest that there was, and never before an hour."""

Found = Iterator[tuple[str, Mapping[str, object]]]
"""Each place where it is so, with what its words need."""


def _waiting(facts: Facts, config: RelayConfig) -> Found:
    return ((name, more) for name, more in _late(facts, config) if name not in facts.unserved)


def _unserved(facts: Facts, config: RelayConfig) -> Found:
    return ((name, more) for name, more in _late(facts, config) if name in facts.unserved)


def _late(facts: Facts, config: RelayConfig) -> Found:
    """A lead that came when the clock was ahead is late too, as nobody knows since when it waits."""
    for workspace, since in facts.waiting.items():
        if (age := abs(facts.at - since)) > config.alerts.after:
            yield workspace, {"age": spelled(age)}


def _paused(facts: Facts, _: RelayConfig) -> Found:
    for name, way in facts.workspaces.items():
        if way.paused:
            yield name, {"said": way.paused}


def _stopped(facts: Facts, _: RelayConfig) -> Found:
    for name, way in facts.workspaces.items():
        if way.stopped_by:
            yield name, {"who": way.stopped_by}


def _held(facts: Facts, _: RelayConfig) -> Found:
    counted: Counter[str] = Counter()
    for reason, count in facts.held.items():
        counted[kind_of(reason)] += count
    yield from ((reason, {"count": leads(count)}) for reason, count in sorted(counted.items()))


def _quarantined(facts: Facts, config: RelayConfig) -> Found:
    for reason, count in facts.quarantined.items():
        if count > config.alerts.quarantine:
            yield reason, {"count": leads(count, "request")}


def _unsigned(facts: Facts, _: RelayConfig) -> Found:
    for reason, count in facts.distrusted.items():
        if reason.startswith(start := f"{Reason.SIGNATURE} "):
            yield reason.removeprefix(start), {"count": leads(count, "request")}


def _unknown(facts: Facts, _: RelayConfig) -> Found:
    if count := facts.distrusted.get(Reason.UNKNOWN_ENDPOINT):
        yield "others", {"count": leads(count, "request")}


def _dropped(facts: Facts, _: RelayConfig) -> Found:
    today = int(facts.at.timestamp()) // DAY
    for (day, endpoint, what), count in facts.balance.counts.items():
        if (day, what) == (today, "dropped"):
            yield endpoint, {"count": leads(count)}


def _disk(facts: Facts, config: RelayConfig) -> Found:
    if facts.disk_free is not None and facts.disk_free < config.alerts.disk_mib * MIB:
        yield "", {"mib": facts.disk_free // MIB}


def _deaf(facts: Facts, _: RelayConfig) -> Found:
    for label, count in facts.deaf.items():
        if count >= DEAF_AFTER:
            yield label, {"count": count}


def _silent(facts: Facts, config: RelayConfig) -> Found:
    for endpoint in config.endpoints():
        last, longest = facts.last_seen.get(endpoint.name, (None, None))
        learned = max(longest * LONGER, SHORTEST_SILENCE) if longest is not None else None
        limit, since = endpoint.expect_every or learned, last or facts.began
        if limit is not None and since is not None and facts.at - since > limit:
            came = f"the last came {spelled(facts.at - last)} ago" if last else "none ever came"
            yield endpoint.name, {"came": came, "limit": spelled(limit), "address": endpoint.path}


def _differing(facts: Facts, _: RelayConfig) -> Found:
    for (day, endpoint), count in facts.balance.differences().items():
        date = datetime.fromtimestamp(day * DAY, UTC).date()
        yield f"{endpoint} {date}", {"what": f"{leads(abs(count))} {'missing' if count > 0 else 'too many'}"}


CONDITIONS: Mapping[str, tuple[Callable[[Facts, RelayConfig], Found], str]] = {
    "waiting": (_waiting, """\
        Leads do not get through: for {place} the oldest has waited {age}. None is lost, and the relay keeps trying.
        Look at what else is said here, and whether AgencyHandy is up."""),
    "unserved": (_unserved, """\
        Nobody delivers the leads of {place}: relay.toml has no such workspace, or for default there is no
        AGENCYHANDY_API_KEY. The oldest has waited {age}. Put it back; or mark each as spam and then read it again
        (lead-relay leads spam, then remap), which gives it to the workspace that its form or hook has today."""),
    "paused": (_paused, """\
        AgencyHandy does not let the relay in for {place}, so its leads wait. It said: {said}. If it is the key,
        put the new one into the settings and start the relay again (lead-relay check tells more); if it is put right at
        AgencyHandy, press Check now at the desk, under Destination."""),
    "stopped": (_stopped, """\
        Delivery for {place} was paused by {who}, so its leads wait. None is lost; resume it at the desk, under
        Destination."""),
    "held": (_held, """\
        {count} held: {place}. Only you can put that right, at the desk under Held (lead-relay leads list --state
        held)."""),
    "quarantine": (_quarantined, """\
        {count} went into quarantine within the last hour: {place}. If a provider's secret or address
        was changed, change it in relay.toml too; what is kept is not lost, but the oldest go first."""),
    "signature": (_unsigned, """\
        {count} with a wrong secret or signature came to {place} within the last hour. Compare the secret at the
        provider with that in relay.toml. What came is held (lead-relay leads list --state held): send what is good,
        discard the rest."""),
    "unknown": (_unknown, """\
        {count} came within the last hour to addresses that relay.toml does not name. Look whether a website or provider
        of yours posts to a wrong address. What came is held (lead-relay leads list --state held): add its name to
        relay.toml and read it again (lead-relay leads remap, or remap --as NAME), or discard it."""),
    "dropped": (_dropped, """\
        The quarantine is full, and {count} of {place} had to make room today. Raise QUARANTINE_ROWS and
        QUARANTINE_MIB, and find out who sends so much."""),
    "disk": (_disk, """\
        The disk is nearly full: {mib} MiB are left for the store. Make room; a full disk takes nothing in."""),
    "deaf": (_deaf, """\
        {place} has not taken the last {count} messages, so whoever it is does not hear of trouble, or gets no leads.
        Compare the address and its password in relay.toml with the service: lead-relay alerts test tries it."""),
    "silent": (_silent, """\
        Nothing comes in at {place}: {came}, and it is never silent for more than {limit}. Send a test through the
        website or the provider, and look whether it still posts to {address}, with the same secret."""),
    "books": (_differing, """\
        The books do not balance for {place} (UTC): {what}. Somebody or something changed the store past the relay.
        Keep a copy of it as it is, and compare with your backup."""),
}  # fmt: skip
"""Each condition's name → where it is so, and what people are told. `{place}` is where.

What stands in brackets is how the same is done on the command line; the desk leaves it out.
"""


def troubles(facts: Facts, config: RelayConfig) -> dict[str, str]:
    """All that is wrong now: its name and place, in which there is nothing personal → what to do about it."""
    return {
        f"{name} {place}".strip(): " ".join(words.split()).format(place=place, **more)
        for name, (find, words) in CONDITIONS.items()
        for place, more in find(facts, config)
    }


def leads(count: int, what: str = "lead") -> str:
    """`1 lead`, `2 leads`, `2 requests`."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def spelled(time: timedelta) -> str:
    """A time in its two largest units: `3 d 4 h`, `20 min`, `12 s`."""
    seconds = max(round(time.total_seconds()), 0)
    sizes = (("d", seconds // 86400), ("h", seconds // 3600 % 24), ("min", seconds // 60 % 60), ("s", seconds % 60))
    parts = [f"{count} {unit}" for unit, count in sizes if count]
    return " ".join(parts[:2]) or "0 s"

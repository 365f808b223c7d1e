"""A request that is only looked at: what it would become, and why. Pure; the API and the command line show it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from app.config.endpoints import Endpoint, Hook, trusted
from app.config.relay_toml import RelayConfig
from app.errors import ConfigurationError, SignatureRefused
from app.lead import FIELDS, Entry, Field, Lead
from app.mapping import rules
from app.mapping.called import role_of
from app.reader import Reading, read
from app.sources.base import Inbound

DROPPED = frozenset(("secret", "control"))
MOST_TRIED = 4000
"""Letters of a mapping that is tried: anybody with a token may, and each rule costs time."""


@dataclass(frozen=True, slots=True)
class FieldShown:
    """A lead's field: its value, which field or rule it comes from, why, how surely (0–160), and the runner-up."""

    field: str
    value: str | int | None
    origin: str
    why: str
    score: int | None
    runner_up: str


@dataclass(frozen=True, slots=True)
class LeadShown:
    """One person's lead. `dropped` are fields that are not kept, with what they are: a secret, or a form's control."""

    state: str
    reason: str
    lead: Mapping[str, str | int | None]
    fields: tuple[FieldShown, ...]
    utm: Mapping[str, str]
    extra: Mapping[str, str]
    dropped: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a request would become. The leads are shown as if its sender had proved itself.

    `verified`: whether it has, None where nobody has to; `problem`: why its leads would be held; `note`: why there are
    none; `repeat_by`: whether a repeat is known by its `id` or its `content`.
    """

    endpoint: str
    source: str
    verified: bool | None
    problem: str
    note: str
    event_id: str | None
    repeat_by: str
    leads: tuple[LeadShown, ...]


def look(
    config: RelayConfig, name: str | None, inbound: Inbound, now: datetime, mapping: rules.Rules | None = None
) -> Preview:
    """What a request to the form or hook of that name would become, with another mapping if one is given.

    Without a name it is read as an open hook of source `auto` would. Raises ConfigurationError.
    """
    endpoint = _endpoint(config, name)
    if mapping is not None:
        if sum(len(one) for alternatives in mapping.values() for one in alternatives) > MOST_TRIED:
            raise ConfigurationError(f"mapping: at most {MOST_TRIED:,} letters of rules are tried")
        rules.check(mapping, endpoint.name)
        endpoint = endpoint.model_copy(update={"mapping": mapping})
    reading, is_refused = read(inbound, endpoint, now), False
    problem = str(reading.problem or "")
    if isinstance(reading.problem, SignatureRefused):
        is_refused, reading = True, read(inbound, trusted(endpoint), now)
    has_secrets = isinstance(endpoint, Hook) and not endpoint.open
    return _preview(reading, verified=not is_refused if has_secrets else None, problem=problem)


def as_typed(inbound: Inbound, endpoint: Endpoint, now: datetime, place: int) -> tuple[Field, ...]:
    """The fields of the person at that place in a request, without those that are not kept; () where nobody is."""
    entries = read(inbound, trusted(endpoint), now).entries
    found = entries[place].fields if place < len(entries) else ()
    return tuple(one for one in found if role_of(one.key, one.label) not in DROPPED)


def fields_of(lead: Lead) -> Iterator[FieldShown]:
    """The fields that have a value, or are known to have a wrong one."""
    for name, ours in FIELDS.items():
        whole = lead.origins.get("full_name") if ours.endswith("_name") else None
        origin, value = lead.origins.get(ours, whole), getattr(lead, ours)
        if origin is not None:
            yield FieldShown(name, value, origin.key, origin.why, origin.score, origin.runner_up)
        elif value not in {"", None}:
            yield FieldShown(name, value, "default", "", None, "")


def lead_shown(lead: Lead, entry: Entry | None = None) -> LeadShown:
    """A lead, and what of the entry that it was made of is not kept."""
    used = {origin.key for origin in lead.origins.values()}
    roles = (
        {one.key: role_of(one.key, one.label) for one in entry.fields if used.isdisjoint((one.key, one.label))}
        if entry
        else {}
    )
    return LeadShown(
        state=lead.state.value,
        reason=lead.reason,
        lead=lead.by_name,
        fields=tuple(fields_of(lead)),
        utm=dict(lead.utm),
        extra=lead.extra_by_name,
        dropped={key: role for key, role in roles.items() if role in DROPPED},
    )


def _endpoint(config: RelayConfig, name: str | None) -> Endpoint:
    if name is None:
        return Hook(name="any", source="auto", open=True, region=config.region)
    if (found := config.called(name)) is None:
        names = ", ".join(config.names) or "none"
        raise ConfigurationError(f"There is no form or hook {name!r} in relay.toml; there are: {names}.")
    return found


def _preview(reading: Reading, *, verified: bool | None, problem: str) -> Preview:
    submission = reading.submission
    entries = (*reading.entries, *(None for _ in submission.leads))
    return Preview(
        endpoint=submission.endpoint,
        source=submission.source,
        verified=verified,
        problem=problem,
        note=submission.note,
        event_id=submission.event_id,
        repeat_by="id" if submission.fingerprint_expires is None else "content",
        leads=tuple(lead_shown(lead, entry) for lead, entry in zip(submission.leads, entries, strict=False)),
    )

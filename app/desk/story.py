"""A lead's story in plain words: where it stands and what to do about it, and all that happened to it, in order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.delivery.contract import Answer, words_of
from app.lead import LeadState, Reason, kind_of
from app.outbox.acts import ACTS, STOPPED
from app.outbox.records import Attempt, Deed, StoredLead, StoredSubmission, Workspace
from app.outbox.stats import GOOD
from app.sources.trees import clean

OUTCOMES: Final[Mapping[str, str]] = {
    "created": "AgencyHandy took it",
    "e-mail taken": "AgencyHandy said that it has this e-mail address already",
    "role refused": "AgencyHandy refused the client role; it is asked for anew",
    "refused": "AgencyHandy refused this lead",
    "sent apart": "AgencyHandy refused one of the leads that were sent together with it, so each goes apart",
    "access refused": "AgencyHandy did not let the relay in",
    "busy": "AgencyHandy asked to come back later",
    "not sent": "AgencyHandy could not be reached",
    "unknown": "No clear answer came: it may have arrived or not",
}
"""A try's outcome in words, by what delivery calls it."""
SHORT: Final[Mapping[str, str]] = {
    "created": "taken",
    "e-mail taken": "with an address that it has already",
    "role refused": "with the client role refused",
    "sent apart": "sent apart after another was refused",
    "access refused": "not let in",
    "busy": "asked to come later",
    "not sent": "not reached",
    "unknown": "without a clear answer",
}
"""The same where tries are counted, if its name is not plain by itself."""
STANDS: Final[Mapping[LeadState, str]] = {
    LeadState.PENDING: "It is on its way to AgencyHandy: nothing to do.",
    LeadState.SENDING: "It is being sent to AgencyHandy at this moment.",
    LeadState.DELIVERED: "AgencyHandy has this lead.",
    LeadState.DUPLICATE: (
        "AgencyHandy has this e-mail address already and takes no second lead with it, so nobody there hears of this "
        "message. Read it, answer it, then press Done."
    ),
    LeadState.HELD: "It was not sent, and waits for you.",
    LeadState.SPAM: "It looks like spam, so it was not sent. If it is not, press Send.",
    LeadState.DISCARDED: "It was put away.",
    LeadState.ERASED: "What it said was deleted for good.",
}
ADVICE: Final[Mapping[str, str]] = {
    Reason.SIGNATURE: (
        "Whoever sent it did not prove who they are: compare the secret in relay.toml with the provider's, then press "
        "Read again. If you know the sender, press Send."
    ),
    Reason.UNKNOWN_ENDPOINT: (
        "Choose which form or hook it was meant for, and press Read again; or add that to relay.toml first."
    ),
    Reason.UNREADABLE: "The request could not be read; look at it as it came. If a person is in it, edit and send.",
    Reason.NO_EMAIL: "Without an e-mail address AgencyHandy takes no lead: add one with Edit and send.",
    Reason.NEEDS_FETCHING: "The provider told only an id; it is fetched by itself where relay.toml says how.",
    Reason.NOT_NEW: "The provider says that this is no new lead. If it is one, press Send.",
    Reason.REFUSED: "Change what AgencyHandy did not like with Edit and send.",
    Reason.GAVE_UP: "AgencyHandy could not be reached for too long. When it can be again, press Send.",
    Reason.IMPORTED: "It was imported with the wish to hold it. When it may go out, press Send.",
    Reason.TEST: "It is a test that was sent from the desk: discard it when you have seen it.",
}
"""What to do about a lead that is held, by the first words of its reason."""
WHY: Final[Mapping[str, str]] = {
    Reason.SIGNATURE: "wrong secret or signature",
    Reason.UNKNOWN_ENDPOINT: "not a form or hook of yours",
    Reason.UNREADABLE: "could not be read",
    Reason.NO_EMAIL: "no e-mail address",
    Reason.NEEDS_FETCHING: "its answers are still to be fetched",
    Reason.REFUSED: "AgencyHandy refused it",
    Reason.GAVE_UP: "could not be delivered for too long",
    Reason.IMPORTED: "imported, to be held",
    Reason.TEST: "a test from the desk",
    "e-mail taken": "AgencyHandy has the address already",
    "honeypot": "filled in a field that people do not see",
}
"""What the first words of a reason mean, where they are not plain by themselves."""

PRESS_FIRST: Final[Mapping[str, tuple[str, ...]]] = {
    Reason.SIGNATURE: ("remap", "release"),
    Reason.UNKNOWN_ENDPOINT: ("remap",),
    Reason.UNREADABLE: ("edit",),
    Reason.NO_EMAIL: ("edit",),
    Reason.REFUSED: ("edit",),
    Reason.TEST: ("discard",),
}
"""The acts that help a lead that is held, by the first words of its reason."""
PRESS: Final[Mapping[LeadState, tuple[str, ...]]] = {
    LeadState.SPAM: ("release",),
    LeadState.DUPLICATE: ("discard",),
}


DONE: Final[Mapping[str, str]] = {name: act.done for name, act in ACTS.items()} | {"release": "to be sent"}
"""How the desk says what somebody did; what is not in it is said as it is called."""


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the timeline: when, what happened, more about it, and words that somebody else said."""

    at: datetime
    what: str
    more: str = ""
    said: str = ""
    kind: str = ""


def stands(lead: StoredLead, way: Workspace | None = None) -> str:
    """Where a lead stands, `way` being that to AgencyHandy, and what to press, in a sentence or two."""
    state, kind = lead.lead.state, kind_of(lead.lead.reason)
    if state is LeadState.PENDING and way is not None and (why := waits_for(way)):
        return why
    return f"{STANDS[state]} {advice(state, kind)}".strip()


def waits_for(way: Workspace) -> str:
    """Why leads wait that are to be sent; "" where they need not wait for anything."""
    if way.stopped_by:
        return f"It waits, as delivery was paused by {way.stopped_by}. Resume it under Destination."
    if way.paused:
        return "It waits, as AgencyHandy does not let the relay in. Destination says why, and what to do."
    if way.failures:
        return "It waits, as AgencyHandy does not take leads at the moment. It is tried again by itself."
    return ""


def in_words(reason: str) -> str:
    """A reason as a person says it; what AgencyHandy said, and all details, stay as they are."""
    kind = kind_of(reason)
    return WHY.get(kind, kind) + reason[len(kind) :]


def first_acts(state: LeadState, kind: str) -> tuple[str, ...]:
    """What to press first for leads of a state that are so for a kind of reason, the best of it first."""
    return PRESS_FIRST.get(kind, ("release", "edit")) if state is LeadState.HELD else PRESS.get(state, ())


def advice(state: LeadState, kind: str) -> str:
    """What to do about leads of a state that are so for a kind of reason; empty where that says it all."""
    return ADVICE.get(kind, "") if state is LeadState.HELD else ""


def timeline(
    lead: StoredLead, submission: StoredSubmission | None, tries: list[Attempt], deeds: list[Deed], now: datetime
) -> list[Event]:
    """All that happened to a lead, the first one first, and what is to come."""
    found = [*_beginning(lead, submission), *map(_tried, tries), *map(_done, deeds)]
    return [*sorted(found, key=lambda event: event.at), *_end(lead, now)]


def _beginning(lead: StoredLead, submission: StoredSubmission | None) -> Iterator[Event]:
    read_as = f"read as {submission.source}" if submission and submission.source else ""
    yield Event(lead.received_at, f"Received at {lead.endpoint}", read_as, kind="received")
    if submission is not None and submission.repeats:
        again = "once" if submission.repeats == 1 else f"{submission.repeats:,} times"
        yield Event(lead.received_at, f"It came {again} more, and was recognised")
    if lead.settled_at is None and lead.lead.state in STOPPED:
        yield Event(lead.received_at, _called(lead), in_words(lead.lead.reason), kind=lead.lead.state.value)


def _tried(one: Attempt) -> Event:
    words = "" if one.outcome in GOOD else clean(words_of(Answer(one.status, one.answer)))
    what = f"{OUTCOMES.get(one.outcome, one.outcome)}{': ' if words else ''}{words}"
    more = f"{f'HTTP {one.status}, ' if one.status else ''}{one.duration_ms:,} ms"
    return Event(one.at, what, more, laid_out(one.answer), one.outcome.replace(" ", "-"))


def _done(deed: Deed) -> Event:
    return Event(deed.at, f"{deed.who}: {DONE.get(deed.what, deed.what)}", deed.words, kind="by-hand")


def _end(lead: StoredLead, now: datetime) -> Iterator[Event]:
    state = lead.lead.state
    if state is LeadState.PENDING and lead.next_attempt_at > max(now, lead.received_at):
        yield Event(lead.next_attempt_at, "It is tried again")
    elif lead.settled_at is not None:
        is_member = state is LeadState.DELIVERED and lead.member_id
        more = f"member {lead.member_id}" if is_member else in_words(lead.lead.reason)
        yield Event(lead.settled_at, _called(lead), more, kind=state.value)


def _called(lead: StoredLead) -> str:
    return lead.lead.state.value.capitalize()


def laid_out(answer: str) -> str:
    """An answer as a person reads it: JSON with its lines indented, all else as it is."""
    try:
        return clean(json.dumps(json.loads(answer), indent=2, ensure_ascii=False))
    except (ValueError, RecursionError):
        return answer

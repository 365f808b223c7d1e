"""What a person may do to leads, as one table, and what speaks against it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.errors import ActRefused
from app.lead import FIELDS, LeadState, Reason
from app.mapping import people
from app.outbox.records import Role
from app.sources.trees import clean

A_STEP: Final = 50
"""So many leads of an act on many share a commit."""
STOPPED: Final = frozenset((LeadState.HELD, LeadState.SPAM, LeadState.DUPLICATE))
PUT_AWAY: Final = frozenset((LeadState.DISCARDED,))
SETTLED: Final = frozenset(LeadState) - {LeadState.SENDING, LeadState.ERASED}


@dataclass(frozen=True, slots=True)
class Act:
    """The states it may be done in, the state that comes of it (None: the same), how that is said, what the act is,
    and the least that somebody at the desk has to be. `also`: states it may be done in that nobody means who names
    neither the lead nor its state.
    """

    states: frozenset[LeadState]
    becomes: LeadState | None
    done: str
    help: str
    needs: Role = Role.WORK
    also: frozenset[LeadState] = frozenset()


ACTS: Final[Mapping[str, Act]] = {
    "release": Act(
        STOPPED,
        LeadState.PENDING,
        "released",
        "Send leads that are held, spam or duplicates, or were discarded.",
        also=PUT_AWAY,
    ),
    "resend": Act(
        frozenset((LeadState.DELIVERED, LeadState.DUPLICATE)),
        LeadState.PENDING,
        "to be sent again",
        "Send leads again that AgencyHandy has had, as after they were deleted there.",
    ),
    "edit": Act(
        STOPPED | {LeadState.PENDING},
        LeadState.PENDING,
        "edited",
        "Change fields of leads, and send them.",
        also=PUT_AWAY,
    ),
    "remap": Act(
        STOPPED,
        LeadState.PENDING,
        "read again",
        "Read the requests of stopped leads again, as relay.toml maps them today.",
    ),
    "spam": Act(
        STOPPED - {LeadState.SPAM} | {LeadState.PENDING},
        LeadState.SPAM,
        "marked as spam",
        "Mark leads as spam: they are kept, not sent.",
    ),
    "discard": Act(
        SETTLED - {LeadState.DISCARDED},
        LeadState.DISCARDED,
        "discarded",
        "Put leads away. They are kept, and can be sent later.",
    ),
    "erase": Act(
        SETTLED,
        LeadState.ERASED,
        "erased",
        "Delete what leads say, for good, and the requests they came in. AgencyHandy keeps what it has.",
        Role.ADMIN,
    ),
    "export": Act(
        frozenset(LeadState),
        LeadState.PENDING,
        "exported",
        "Write leads with all their fields into a file.",
        Role.ADMIN,
    ),
}


def why_not(what: str, row: Any, email: str | None = None, chosen_in: Collection[str] | None = None) -> str:
    """Why an act may not be done to the lead of a row (None: there is none), which gets a new address; "": it may.

    `chosen_in`: the states that its person saw it in, or chose by.
    """
    if row is None:
        return "there is no such lead"
    if row.state == LeadState.SENDING:
        return "it is being sent at this moment: try again when that is done"
    if why := not_in(what, row.state, chosen_in):
        return why
    if ACTS[what].becomes is not LeadState.PENDING:
        return ""
    if row.quarantine == Reason.UNKNOWN_ENDPOINT:
        return f"no form or hook is called {row.endpoint}: have it read again as one that there is"
    return "" if email or row.email else "it has no e-mail address, without which AgencyHandy takes no lead: edit it"


def not_in(what: str, state: str, chosen_in: Collection[str] | None = None) -> str:
    """Why an act may not be done in a state, or not any more; "": it may."""
    act = ACTS[what]
    if state not in act.states | act.also:
        return f"it is {state}"
    return f"it is {state} by now" if chosen_in is not None and state not in chosen_in else ""


def addresses(given: Sequence[str]) -> list[str]:
    """E-mail addresses as the list of senders has them. ActRefused where one is none."""
    found = {one: people.email(one).casefold() for one in given}
    if wrong := next((one for one, address in found.items() if not address), ""):
        raise ActRefused(f"{wrong}: this is not a valid e-mail address")
    return list(dict.fromkeys(found.values()))


def checked(changes: Mapping[str, str]) -> dict[str, Any]:
    """Fields as the store has them, from AgencyHandy's names and what a person typed. ActRefused where it cannot be."""
    if strange := [name for name in changes if name not in FIELDS] or ([] if changes else ["nothing"]):
        raise ActRefused(f"there is no field {strange[0]}; there are: {', '.join(FIELDS)}")
    values: dict[str, Any] = {FIELDS[name]: clean(value).strip() for name, value in changes.items()}
    if "email" in values:
        values["email"] = people.email(values["email"])
        if not values["email"]:
            raise ActRefused("email: this is not a valid e-mail address")
    if (position := values.get("position_in_board")) is not None:
        if position and not (position.isascii() and position.isdigit() and len(position) < 10):
            raise ActRefused("positionInBoard: expected a whole number")
        values["position_in_board"] = int(position) if position else None
    return values

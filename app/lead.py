"""The values that flow through the relay. Frozen; no I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class LeadState(StrEnum):
    """Where a lead stands."""

    PENDING = "pending"
    SENDING = "sending"
    DELIVERED = "delivered"
    DUPLICATE = "duplicate"
    HELD = "held"
    SPAM = "spam"
    DISCARDED = "discarded"
    ERASED = "erased"


MEANING = {
    LeadState.PENDING: "waiting for its turn to be sent",
    LeadState.SENDING: "claimed by a worker, its request under way",
    LeadState.DELIVERED: "AgencyHandy has it",
    LeadState.DUPLICATE: "AgencyHandy already had this e-mail address",
    LeadState.HELD: "waiting for a person; the reason says why",
    LeadState.SPAM: "judged to be spam: kept, never sent unless released",
    LeadState.DISCARDED: "put away by a person",
    LeadState.ERASED: "its contents were deleted, by request or after its time",
}
"""Every state in one line, for pages, documents and the command line."""


MARKS = {
    LeadState.PENDING: "◷",
    LeadState.SENDING: "◷",
    LeadState.DELIVERED: "✓",
    LeadState.DUPLICATE: "≡",
    LeadState.HELD: "!",
    LeadState.SPAM: "⊘",
    LeadState.DISCARDED: "–",
    LeadState.ERASED: "–",
}
"""The sign of each state: colour is never the only one."""


class Reason(StrEnum):
    """Why a lead is held. What AgencyHandy said, or more detail, may follow after a colon."""

    SIGNATURE = "signature"
    UNKNOWN_ENDPOINT = "unknown endpoint"
    UNREADABLE = "unreadable"
    NO_EMAIL = "no e-mail"
    NEEDS_FETCHING = "needs fetching"
    NOT_NEW = "no new lead"
    REFUSED = "refused"
    GAVE_UP = "gave up"
    IMPORTED = "imported"
    TEST = "test"


KIND = re.compile(r".+?(?=[:;]| \d|$)")


def kind_of(reason: str) -> str:
    """What a reason has in common with others like it: `refused` of `refused: …`; nothing that anybody typed."""
    found = KIND.match(reason)
    return found[0] if found else ""


FIELDS = {
    "firstName": "first_name",
    "lastName": "last_name",
    "email": "email",
    "contactNo": "contact_no",
    "message": "message",
    "source": "source",
    "status": "status",
    "positionInBoard": "position_in_board",
}
"""A lead's fields: AgencyHandy's name, which relay.toml and the command line use, → `Lead`'s and the store's."""


@dataclass(frozen=True, slots=True)
class Field:
    """One value somebody sent: `key` its path in the body, `label` what was asked, `kind` what the source says it is.

    `kind` is "" or one of: email, phone, text, long_text, choice, number, date, file, hidden, variable.
    """

    key: str
    value: str
    label: str = ""
    kind: str = ""

    @property
    def called(self) -> str:
        """What a person knows it by."""
        return self.label or self.key


@dataclass(frozen=True, slots=True)
class Entry:
    """What was sent about one person: flat `fields` for inference, the structured `data` for JMESPath rules."""

    fields: tuple[Field, ...]
    data: Any = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Why a lead's field has its value: the field it came from, in words, and the runner-up's key."""

    key: str
    why: str
    score: int = 100
    runner_up: str = ""


@dataclass(frozen=True, slots=True)
class Lead:
    """One person for AgencyHandy. Empty strings are unknown; fallbacks are applied when it is sent.

    `contact_no` is E.164 where the number allows, else as typed. `extra` is all that was sent and is in no other field,
    `dropped` the number of passwords, cards and the like among it that are not kept. `to_fetch` is the provider's id of
    somebody of whom it sent no more than that. `suspicions` say what speaks for spam, also where that was not enough.
    """

    first_name: str = ""
    last_name: str = ""
    email: str = ""
    contact_no: str = ""
    message: str = ""
    source: str = ""
    status: str = ""
    position_in_board: int | None = None
    utm: Mapping[str, str] = field(default_factory=dict)
    extra: tuple[Field, ...] = ()
    origins: Mapping[str, Origin] = field(default_factory=dict)
    state: LeadState = LeadState.PENDING
    reason: str = ""
    to_fetch: str = ""
    dropped: int = 0
    suspicions: tuple[str, ...] = ()

    @property
    def by_name(self) -> dict[str, str | int | None]:
        """Its fields by AgencyHandy's names."""
        return {name: getattr(self, ours) for name, ours in FIELDS.items()}

    @property
    def texts(self) -> dict[str, str]:
        """The same as a person types them: nothing is an empty text."""
        return {name: "" if value is None else str(value) for name, value in self.by_name.items()}

    @property
    def extra_by_name(self) -> dict[str, str]:
        """`extra` by what its fields are called; of several that are called the same, the later ones with a number."""
        found: dict[str, str] = {}
        for one in self.extra:
            name, number = one.called, 2
            while name in found:
                name, number = f"{one.called} {number}", number + 1
            found[name] = one.value
        return found

    @property
    def is_suspect(self) -> bool:
        """Whether it is spam for its suspicions, which reading its request again does not find."""
        is_spam = self.state is LeadState.SPAM and bool(self.suspicions)
        return is_spam and self.reason == "; ".join(self.suspicions)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a submission: the field it was in, what its sender called it, what it is by its contents.

    `size` is in bytes, `sha256` of the contents, `file` its name in the attachments' folder, made by chance.
    """

    field: str
    name: str
    media_type: str
    size: int
    sha256: str
    file: str


@dataclass(frozen=True, slots=True)
class Submission:
    """One accepted request, with the leads it became.

    `body` is the raw bytes, `headers` those that matter later (never credentials), `event_id` the sender's own id for
    it, `note` why it made no lead, `fingerprint` what a repeat of it would have in common with it, `quarantine` why the
    request itself was not trusted or understood, `workspace` whose leads they are; empty: the relay's own. `due` is
    when they are to be sent, if not at once.
    """

    endpoint: str
    source: str
    received_at: datetime
    headers: Mapping[str, str]
    body: bytes
    event_id: str | None = None
    fingerprint: str = ""
    fingerprint_expires: datetime | None = None
    note: str = ""
    quarantine: str = ""
    workspace: str = ""
    leads: tuple[Lead, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    due: datetime | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a sender is told: the submission's id, its leads' ids and states, and whether it was a repeat."""

    id: str
    leads: tuple[tuple[str, LeadState], ...]
    repeat: bool = False

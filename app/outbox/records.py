"""What goes into the outbox's rows and comes out of them, as values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from app.lead import Attachment, Lead, LeadState

DEFAULT_WORKSPACE = "default"
BREAKER_AFTER = 5
"""So many failed requests in a row, and only one lead at a time tries the way."""


@dataclass(frozen=True, slots=True)
class QueuedLead:
    """A lead as a worker claims it. `unknown`: an earlier try may have been carried out without our hearing of it.

    `claim` is the claim that holds it, which alone may renew and settle it.
    """

    id: str
    lead: Lead
    received_at: datetime
    attempts: int = 0
    unknown: bool = False
    claim: str = ""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What becomes of a claimed lead: its state and why; when it is due again, where that is `pending`."""

    lead_id: str
    claim: str
    state: LeadState
    reason: str = ""
    member_id: str = ""
    next_attempt_at: datetime | None = None
    attempts: int = 0
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class ToFetch:
    """A lead of whom the provider told `id` only, in the submission `notice_id`, which `source` read."""

    lead_id: str
    id: str
    notice_id: str
    source: str
    endpoint: str
    workspace: str
    received_at: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to deliver a lead: when, what it was taken for, AgencyHandy's bounded words, milliseconds."""

    lead_id: str
    at: datetime
    outcome: str
    status: int | None
    answer: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Workspace:
    """One AgencyHandy company: its ids, and how the way there is. `destination` says what the ids are valid for."""

    name: str = DEFAULT_WORKSPACE
    company_id: str = ""
    role_id: str = ""
    resolved_at: datetime | None = None
    destination: str = ""
    failures: int = 0
    paused: str = ""
    not_before: datetime | None = None
    free_at: datetime | None = None
    stopped_by: str = ""
    per_second: float | None = None

    @property
    def is_troubled(self) -> bool:
        """Whether leads do not go out as they come: one at a time tries the way."""
        return bool(self.paused) or self.failures >= BREAKER_AFTER


@dataclass(frozen=True, slots=True)
class StoredLead:
    """A lead with its place in the books."""

    id: str
    submission_id: str
    endpoint: str
    workspace: str
    lead: Lead
    received_at: datetime
    attempts: int
    unknown: bool
    next_attempt_at: datetime
    settled_at: datetime | None
    member_id: str


@dataclass(frozen=True, slots=True)
class Sought:
    """Which leads are meant: those of which all is true that is given here.

    `words` begin words that stand in them; `states`: any of them; `since` and `until` bound when they came in;
    `why` is a kind of reason (`kind_of`).
    """

    words: str = ""
    states: tuple[LeadState, ...] = ()
    endpoint: str = ""
    source: str = ""
    workspace: str = ""
    since: datetime | None = None
    until: datetime | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class StoredSubmission:
    """A submission as it is kept."""

    id: str
    endpoint: str
    source: str
    received_at: datetime
    event_id: str | None
    note: str
    headers: dict[str, Any]
    body: bytes
    repeats: int


@dataclass(frozen=True, slots=True)
class StoredAttachment:
    """A file that came with a submission, as it is kept."""

    id: str
    submission_id: str
    attachment: Attachment


@dataclass(frozen=True, slots=True)
class AllowedSender:
    """An e-mail address whose leads are never spam, since when, and who said so."""

    address: str
    since: datetime
    who: str


@dataclass(frozen=True, slots=True)
class Deed:
    """What a person did, to which lead if to one; `words` name fields, never their values."""

    at: datetime
    who: str
    what: str
    lead_id: str
    words: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Balance:
    """Leads by (day since 1970, endpoint, what): `accepted` and `dropped` by the ledger, and by their rows each state.

    The books balance where all that was accepted is in some state, or was dropped.
    """

    counts: Mapping[tuple[int, str, str], int] = field(default_factory=dict)

    def renewed(self, since: int, recent: Balance) -> Balance:
        """With the days from `since` on as `recent` has them."""
        older = {key: count for key, count in self.counts.items() if key[0] < since}
        return Balance({**older, **recent.counts})

    def differences(self) -> dict[tuple[int, str], int]:
        """(day, endpoint) → how many leads more were accepted than are accounted for, where that is not 0."""
        found: dict[tuple[int, str], int] = {}
        for (day, endpoint, what), count in self.counts.items():
            found[day, endpoint] = found.get((day, endpoint), 0) + (count if what == "accepted" else -count)
        return {place: count for place, count in sorted(found.items()) if count}


@dataclass(frozen=True, slots=True)
class Facts:
    """What could be wrong.

    `waiting`: workspace → since when the oldest lead is on its way; `unserved`: those of them that nobody delivers to.
    `held`: reason → leads. `quarantined`: reason and
    endpoint → requests of the last hour; `distrusted`: those of them that nobody has dealt with. `last_seen`:
    endpoint → when it last was sent something by somebody trusted, and its longest silence, where there was enough to
    tell. `began`: when anything was stored first. `deaf`: who of those to be told → how many messages
    were not taken since the last one that was.
    """

    at: datetime
    balance: Balance = Balance()
    waiting: Mapping[str, datetime] = field(default_factory=dict)
    unserved: Collection[str] = ()
    workspaces: Mapping[str, Workspace] = field(default_factory=dict)
    held: Mapping[str, int] = field(default_factory=dict)
    quarantined: Mapping[str, int] = field(default_factory=dict)
    distrusted: Mapping[str, int] = field(default_factory=dict)
    last_seen: Mapping[str, tuple[datetime, timedelta | None]] = field(default_factory=dict)
    began: datetime | None = None
    disk_free: int | None = None
    deaf: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that is wrong, by its name and place: since when, when people were last told, and in which words."""

    name: str
    since: datetime
    told_at: datetime
    words: str


class Role(StrEnum):
    """What an operator may do at the desk; each may what those before it may."""

    VIEW = "view"
    WORK = "work"
    ADMIN = "admin"

    def covers(self, other: Role) -> bool:
        """Whether it includes another."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(other)


MAY = {
    Role.VIEW: "see everything",
    Role.WORK: "also put leads right: send again, edit, release, discard, try a mapping",
    Role.ADMIN: "also erase and export leads, pause delivery, and see who did what",
}
"""Each role in words, for pages, documents and the command line."""


SCOPES = {
    "leads:read": "list, search and see leads",
    "leads:write": "send leads in, and act on them",
    "submissions:read": "see the requests that leads came in",
    "stats:read": "see endpoints and counts",
    "events:read": "hear what becomes of leads as it happens",
    "preview": "try what a request would become",
    "admin": "everything",
}
"""What a token of the API may do, in words."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody who may use the desk. `password` is a hash; sessions from before `sessions_from` are over."""

    name: str
    role: Role
    password: str
    since: datetime
    sessions_from: datetime


@dataclass(frozen=True, slots=True)
class Token:
    """A program that may use the API: what for, what it may do, since when and by whom. Its token is kept as a hash."""

    id: str
    name: str
    digest: str
    scopes: tuple[str, ...]
    since: datetime
    who: str

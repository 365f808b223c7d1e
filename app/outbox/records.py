"""What goes into the outbox's rows and comes out of them, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.lead import Lead, LeadState

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
class Deed:
    """What a person did, to which lead if to one; `words` name fields, never their values."""

    at: datetime
    who: str
    what: str
    lead_id: str
    words: str

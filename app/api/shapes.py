"""What the API answers with: the shapes of its JSON. Times are ISO 8601, UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from app.lead import FIELDS, LeadState
from app.outbox.records import Attempt, Deed, StoredAttachment, StoredLead, StoredSubmission
from app.preview import fields_of

ID = "01JD5V6Y1V0X2Z4Q8R6T7W9A3B"
WHEN = "2026-11-24T09:30:00Z"


class Shape(BaseModel):
    """Named as AgencyHandy names a lead's fields: `receivedAt`."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True)


class Standing(Shape):
    """A lead's id and where it stands; the reason says why it is held, spam or a duplicate."""

    id: str
    state: LeadState
    reason: str = ""


class Accepted(Shape):
    """What was stored: the submission's id, and its leads in the order they were sent in. `repeat`: it was there."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"id": ID, "leads": [{"id": ID, "state": "pending", "reason": ""}], "repeat": False}
        }
    )

    id: str
    leads: list[Standing]
    repeat: bool


class Lead(Standing):
    """A lead: its fields, what was sent besides, and its place in the books."""

    submission_id: str
    endpoint: str
    workspace: str
    received_at: datetime
    first_name: str
    last_name: str
    email: str
    contact_no: str
    message: str
    source: str
    status: str
    position_in_board: int | None
    utm: dict[str, str]
    extra: dict[str, str]
    attempts: int
    next_attempt_at: datetime | None
    settled_at: datetime | None
    member_id: str | None

    @classmethod
    def values(cls, one: StoredLead) -> dict[str, Any]:
        """The fields of a stored lead."""
        of = one.lead
        is_waiting = of.state is LeadState.PENDING
        return {
            **{name: getattr(one, name) for name in ("id", "submission_id", "endpoint", "workspace", "received_at")},
            **{name: getattr(of, name) for name in (*FIELDS.values(), "state", "reason")},
            "utm": dict(of.utm),
            "extra": {field.label or field.key: field.value for field in of.extra},
            "attempts": one.attempts,
            "next_attempt_at": one.next_attempt_at if is_waiting else None,
            "settled_at": one.settled_at,
            "member_id": one.member_id or None,
        }

    @classmethod
    def of(cls, one: StoredLead) -> Self:
        """A stored lead."""
        return cls(**cls.values(one))


class OriginOf(Shape):
    """Why a field has its value: what it came from, in words, how surely (0-160), and what came second."""

    origin: str
    why: str
    score: int | None
    runner_up: str


class Try(Shape):
    """A try to deliver: when, what it was taken for, AgencyHandy's status and bounded answer, milliseconds."""

    at: datetime
    outcome: str
    status: int | None
    answer: str
    duration_ms: int


class Act(Shape):
    """What a person or a program did: when, who, what; `words` name fields, never their values."""

    at: datetime
    who: str
    what: str
    words: str


class File(Shape):
    """A file that came with the request: the field it was in, its sender's name for it, bytes, and their SHA-256."""

    id: str
    field: str
    name: str
    media_type: str
    size: int
    sha256: str

    @classmethod
    def of(cls, one: StoredAttachment) -> File:
        """A stored file."""
        of = one.attachment
        return cls(id=one.id, field=of.field, name=of.name, media_type=of.media_type, size=of.size, sha256=of.sha256)


class WholeLead(Lead):
    """A lead with all that happened to it."""

    origins: dict[str, OriginOf]
    suspicions: list[str]
    repeats: int
    tries: list[Try]
    trail: list[Act]
    attachments: list[File]

    @classmethod
    def whole(
        cls,
        one: StoredLead,
        submission: StoredSubmission | None,
        tries: list[Attempt],
        deeds: list[Deed],
        files: list[StoredAttachment],
    ) -> WholeLead:
        """A stored lead with its submission, tries, deeds and files."""
        return cls(
            **cls.values(one),
            origins={found.field: OriginOf.model_validate(found) for found in fields_of(one.lead)},
            suspicions=list(one.lead.suspicions),
            repeats=submission.repeats if submission else 0,
            tries=[Try.model_validate(attempt) for attempt in tries],
            trail=[Act.model_validate(deed) for deed in reversed(deeds)],
            attachments=[File.of(file) for file in files],
        )


class Submission(Shape):
    """A request that was accepted: where it came in, how it was read, the sender's id, why it made no lead."""

    id: str
    endpoint: str
    source: str
    received_at: datetime
    event_id: str | None
    note: str
    repeats: int


class WholeSubmission(Submission):
    """A request as it was sent, and what it became. A body that is no UTF-8 has � in place of what cannot be read."""

    headers: dict[str, str]
    body: str
    leads: list[Standing]
    attachments: list[File]


class LeadPage(Shape):
    """Leads, the newest first; `next` is the cursor of the page after, null on the last one."""

    data: list[Lead]
    next: str | None


class SubmissionPage(Shape):
    """Submissions, the newest first; `next` is the cursor of the page after, null on the last one."""

    data: list[Submission]
    next: str | None


class EndpointShape(Shape):
    """A form or hook: its address, when it last was sent something, for how many seconds it has been silent since,
    its longest silence of the last 200 submissions, and what is wrong with that, if anything.
    """

    name: str
    kind: str
    source: str
    address: str
    last_received_at: datetime | None
    silent_seconds: int | None
    longest_silence_seconds: int | None
    trouble: str


class Endpoints(Shape):
    """Every form and hook of relay.toml."""

    data: list[EndpointShape]


class Answers(Shape):
    """How AgencyHandy answered in the last 24 hours: of at most 1,000 tries, how many by outcome; the median time."""

    outcomes: dict[str, int]
    median_ms: int | None


class Stats(Shape):
    """Leads by the time they came in and the state they are in now: of each state a number for each of `starts`.

    `counts` are all leads there are, `oldestWaitingAt` since when the oldest is on its way, `troubles` what is wrong.
    """

    span: str
    step_seconds: int
    starts: list[datetime]
    series: dict[LeadState, list[int]]
    received: int
    counts: dict[LeadState, int]
    oldest_waiting_at: datetime | None
    troubles: dict[str, str]
    answers: Answers

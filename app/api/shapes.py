"""What the API answers with: the shapes of its JSON. Times are ISO 8601, UTC."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from app.lead import LeadState
from app.outbox.records import StoredAttachment, StoredLead

ID = "01JD5V6Y1V0X2Z4Q8R6T7W9A3B"
Ulid = Annotated[str, Field(examples=[ID])]
WHEN = "2026-11-24T09:30:00Z"
Time = Annotated[datetime, Field(examples=[WHEN])]


class Shape(BaseModel):
    """Named as AgencyHandy names a lead's fields: `receivedAt`."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, from_attributes=True)


class Standing(Shape):
    """A lead's id and where it stands; the reason says why it is held, spam or a duplicate."""

    id: Ulid
    state: LeadState
    reason: str


class Accepted(Shape):
    """What was stored: the submission's id, and its leads in the order they were sent in. `repeat`: it was there."""

    id: Ulid
    leads: list[Standing]
    repeat: bool


class Lead(Standing):
    """A lead: its fields, what was sent besides, and its place in the books.

    `attempts` are those that came to nothing; `nextAttemptAt` counts while it waits.
    """

    submission_id: Ulid
    endpoint: str
    workspace: str
    received_at: Time
    first_name: str
    last_name: str
    email: Annotated[str, Field(examples=["ada@example.com"])]
    contact_no: str
    message: str
    source: str
    status: str
    position_in_board: int | None
    utm: dict[str, str]
    extra: dict[str, str]
    attempts: int
    next_attempt_at: Time
    settled_at: Time | None
    member_id: str


class Try(Shape):
    """A try to deliver: when, what it was taken for, AgencyHandy's status and bounded answer, milliseconds."""

    at: Time
    outcome: str
    status: int | None
    answer: str
    duration_ms: int


class Act(Shape):
    """What a person or a program did: when, who, what; `words` name fields, never their values."""

    at: Time
    who: str
    what: str
    words: str


class File(Shape):
    """A file that came with the request: the field it was in, its sender's name for it, bytes, and their SHA-256."""

    id: Ulid
    field: str
    name: str
    media_type: str
    size: int
    sha256: str


class Origin(Shape):
    """A field: its value, the field or rule it comes from, why, how surely (0-160), and what came second."""

    field: str
    value: str | int | None
    origin: str
    why: str
    score: int | None
    runner_up: str


class WholeLead(Lead):
    """A lead with where its fields come from, and all that happened to it."""

    fields: list[Origin]
    suspicions: list[str]
    repeats: int
    tries: list[Try]
    trail: list[Act]
    attachments: list[File]


class Submission(Shape):
    """A request that was accepted: where it came in, how it was read, the sender's id, why it made no lead."""

    id: Ulid
    endpoint: str
    source: str
    received_at: Time
    event_id: str | None
    note: str
    repeats: int


class WholeSubmission(Submission):
    """A request as it was sent, and what it became. A body that is no UTF-8 has � in place of what cannot be read."""

    headers: dict[str, str]
    body: str
    leads: list[Standing]
    attachments: list[File]


class Page(Shape):
    """A part of a list, the newest first; `next` is the cursor of the part after it, null on the last one."""

    next: str | None


class LeadPage(Page):
    """Leads, the newest first."""

    data: list[Lead]


class SubmissionPage(Page):
    """Submissions, the newest first."""

    data: list[Submission]


class EndpointShape(Shape):
    """A form or hook: its address, when it last was sent something, for how many seconds it has been silent since,
    its longest silence of the last 200 submissions, and what is wrong with that, if anything.
    """

    name: str
    kind: str
    source: str
    address: str
    last_received_at: Time | None
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
    starts: list[Time]
    series: dict[LeadState, list[int]]
    received: int
    counts: dict[LeadState, int]
    oldest_waiting_at: Time | None
    troubles: dict[str, str]
    answers: Answers


def values_of(one: StoredLead) -> dict[str, Any]:
    """A stored lead's values, by the names of a Lead here."""
    both = {field.name: getattr(part, field.name) for part in (one, one.lead) for field in fields(part)}
    return {**both, "extra": one.lead.extra_by_name}


def files_of(found: list[StoredAttachment]) -> list[File]:
    """Stored files."""
    return [File.model_validate({"id": one.id, **asdict(one.attachment)}) for one in found]

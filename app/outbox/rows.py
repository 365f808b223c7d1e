"""Values ↔ rows."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from app.lead import FIELDS, Attachment, Field, Lead, LeadState, Origin, Submission
from app.outbox.records import QueuedLead, Settlement, StoredAttachment, StoredLead, StoredSubmission


def of_submission(id_: str, submission: Submission) -> dict[str, Any]:
    """The row of a submission."""
    return {
        "id": id_,
        "endpoint": submission.endpoint,
        "source": submission.source,
        "received_at": submission.received_at,
        "event_id": submission.event_id,
        "note": submission.note,
        "quarantine": submission.quarantine,
        "headers": dict(submission.headers),
        "body": submission.body,
        "repeats": 0,
    }


def of_attachment(id_: str, submission_id: str, attachment: Attachment) -> dict[str, Any]:
    """The row of a file that came with a submission."""
    return {"id": id_, "submission_id": submission_id, **asdict(attachment)}


def of_lead(id_: str, submission_id: str, workspace: str, submission: Submission, lead: Lead) -> dict[str, Any]:
    """The row of a lead as it is accepted: due at once, where it is pending and its submission says no other time."""
    return {
        "id": id_,
        "submission_id": submission_id,
        "endpoint": submission.endpoint,
        "workspace": workspace,
        "state": lead.state.value,
        "reason": lead.reason,
        **{column: getattr(lead, column) for column in FIELDS.values()},
        "details": {
            "utm": dict(lead.utm),
            "extra": [asdict(field) for field in lead.extra],
            "origins": {target: asdict(origin) for target, origin in lead.origins.items()},
            "suspicions": list(lead.suspicions),
        },
        "received_at": submission.received_at,
        "next_attempt_at": submission.due or submission.received_at,
        "attempts": 0,
        "unknown": False,
        "member_id": "",
        "to_fetch": lead.to_fetch or None,
    }


def of_settlement(one: Settlement, now: datetime) -> dict[str, Any]:
    """What the outbox's SETTLE statement is given."""
    return {
        "lead_id": one.lead_id,
        "by_claim": one.claim,
        "new_state": one.state.value,
        "new_reason": one.reason,
        "new_member_id": one.member_id,
        "due_at": one.next_attempt_at,
        "new_attempts": one.attempts,
        "new_unknown": one.unknown,
        "now_settled_at": None if one.state is LeadState.PENDING else now,
    }


def to_lead(row: Row[Any]) -> Lead:
    """The person of a lead's row."""
    details = row.details
    return Lead(
        **{column: getattr(row, column) for column in FIELDS.values()},
        utm=details.get("utm", {}),
        extra=tuple(Field(**field) for field in details.get("extra", ())),
        origins={target: Origin(**origin) for target, origin in details.get("origins", {}).items()},
        state=LeadState(row.state),
        reason=row.reason,
        to_fetch=row.to_fetch or "",
        suspicions=tuple(details.get("suspicions", ())),
    )


def to_queued(row: Row[Any], claim: str) -> QueuedLead:
    """A claimed lead's row, for the worker."""
    return QueuedLead(row.id, to_lead(row), row.received_at, row.attempts, row.unknown, claim)


def to_stored(row: Row[Any]) -> StoredLead:
    """A lead's row, for a person."""
    columns = (field.name for field in fields(StoredLead) if field.name != "lead")
    return StoredLead(lead=to_lead(row), **{column: getattr(row, column) for column in columns})


def to_submission(row: Row[Any]) -> StoredSubmission:
    """A submission's row, for a person."""
    return StoredSubmission(**{field.name: getattr(row, field.name) for field in fields(StoredSubmission)})


def to_attachment(row: Row[Any]) -> StoredAttachment:
    """A file's row, for a person."""
    columns = (field.name for field in fields(Attachment))
    return StoredAttachment(row.id, row.submission_id, Attachment(**{name: getattr(row, name) for name in columns}))

"""Leads as they leave the store: JSON for programs, CSV for spreadsheets; alike from desk and command line."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict
from io import StringIO
from typing import Any, Final

from app.lead import Lead
from app.outbox.records import Attempt, StoredAttachment, StoredLead, StoredSubmission
from app.preview import fields_of
from app.sheets.sheet import cell

MARK: Final = "\ufeff"
"""By it a spreadsheet knows that a file is UTF-8. Programs trip over it: what goes into a pipe has none."""


def lead_json(one: Lead) -> dict[str, Any]:
    """A lead's fields as AgencyHandy calls them, with what it has no field for."""
    return {
        "state": one.state.value,
        "reason": one.reason,
        **one.by_name,
        "utm": dict(one.utm),
        "extra": one.extra_by_name,
    }


def stored_json(one: StoredLead) -> dict[str, Any]:
    """A stored lead with all its fields, the most telling first: a line of `leads list --json`, a row of an export."""
    fields = lead_json(one.lead)
    return {
        "id": one.id,
        "state": fields["state"],
        "endpoint": one.endpoint,
        **{name: fields[name] for name in ("firstName", "lastName", "email", "contactNo")},
        "memberId": one.member_id or None,
        "receivedAt": one.received_at.isoformat(),
        "workspace": one.workspace,
        **fields,
    }


def whole_json(
    one: StoredLead, submission: StoredSubmission | None, tries: list[Attempt], files: list[StoredAttachment]
) -> dict[str, Any]:
    """A stored lead with all that happened to it: `leads show --json`."""
    return {
        **stored_json(one),
        "why": _why(one.lead),
        "repeats": submission.repeats if submission else 0,
        "suspicions": one.lead.suspicions,
        "attempts": [_attempt(attempt) for attempt in tries],
        "attachments": [{"id": file.id, **asdict(file.attachment)} for file in files],
    }


def as_csv(found: Sequence[StoredLead], *, has_head: bool) -> str:
    """Rows of a table, every cell quoted; before the first of them the columns' names, where it `has_head`."""
    out = StringIO()
    table, rows = csv.writer(out, quoting=csv.QUOTE_ALL), [stored_json(lead) for lead in found]
    table.writerows([row.keys() for row in rows[:has_head]])
    table.writerows(map(_cell, row.values()) for row in rows)
    return out.getvalue()


def _cell(value: Any) -> str:
    """A value as `import` and a spreadsheet read it; several together as JSON."""
    if isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False) if value else ""
    return cell(value)


def _why(one: Lead) -> dict[str, dict[str, str]]:
    found = (field for field in fields_of(one) if field.score is not None)
    return {field.field: {"from": field.origin, "why": field.why, "nextBest": field.runner_up} for field in found}


def _attempt(one: Attempt) -> dict[str, Any]:
    return {
        "at": one.at.isoformat(),
        "outcome": one.outcome,
        "status": one.status,
        "answer": one.answer,
        "durationMs": one.duration_ms,
    }

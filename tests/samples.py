"""The requests that providers send, from tests/payloads: what each holds, and whether a lead is the one expected."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.delivery.contract import NO_NAME
from app.lead import Lead

PAYLOADS = Path(__file__).parent / "payloads"
PERSON = ("firstName", "lastName", "email", "contactNo")


@dataclass(frozen=True)
class Sample:
    """One request, and the lead that a careful person would make of it, or `{"spam": true}`; a list for an array."""

    name: str
    provider: str
    content_type: str
    headers: Mapping[str, str]
    body: bytes
    expected: Any
    secret: str = ""
    kind: str = "lead"

    @property
    def people(self) -> tuple[Mapping[str, Any], ...]:
        """Whom it is about, in order; nobody where it is spam."""
        found = self.expected if isinstance(self.expected, list) else [self.expected]
        return tuple(one for one in found if not one.get("spam"))

    @property
    def is_spam(self) -> bool:
        return not self.people


def samples(*patterns: str) -> list[Sample]:
    """The samples whose file matches one of the patterns, such as `sites/form-*` or `builders/typeform-*`."""
    files = sorted({file for pattern in patterns for file in PAYLOADS.glob(f"{pattern}.json")})
    assert files, f"no sample is called {' or '.join(patterns)}"
    return [_sample(file) for file in files]


def differences(sample: Sample, leads: Iterable[Lead | Mapping[str, Any]]) -> list[str]:
    """How leads differ from those expected, in words; none is all well.

    A lead is the reader's, or a mapping as AgencyHandy gets it: that has no message and no campaign to compare.
    """
    found = [_spelled(lead) for lead in leads]
    if len(found) != len(sample.people):
        return [f"{sample.name}: {len(found)} leads, not {len(sample.people)}"]
    return [
        f"{sample.name}: {field} is {lead[field]!r}, not {expected.get(field)!r}"
        for expected, lead in zip(sample.people, found, strict=True)
        for field in lead
        if not _agree(field, lead[field], expected.get(field))
    ]


def _sample(file: Path) -> Sample:
    given = json.loads(file.read_text(encoding="utf-8"))
    return Sample(
        name=file.stem,
        provider=given["provider"],
        content_type=given["content_type"],
        headers=given["headers"],
        body=given["body"].encode(),
        expected=given["expected"],
        secret=(given["signature"] or {}).get("example_secret", ""),
        kind=given.get("kind", "lead"),
    )


def _spelled(lead: Lead | Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(lead, Lead):
        person = {field: lead.get(field) for field in PERSON}
        return {field: None if value == NO_NAME else value for field, value in person.items()}
    values = (lead.first_name, lead.last_name, lead.email, lead.contact_no)
    return {**dict(zip(PERSON, values, strict=True)), "message": lead.message, "utm": dict(lead.utm)}


def _agree(field: str, found: Any, expected: Any) -> bool:
    if field == "utm":
        return bool(found == (expected or {}))
    one, other = (" ".join(str(value or "").split()) for value in (found, expected))
    if field == "contactNo":
        return _same_number(one, other)
    return one == other if field == "message" else one.casefold() == other.casefold()


def _same_number(one: str, other: str) -> bool:
    """Digits agree, or the national number ends the international one."""
    digits, others = (re.sub(r"\D", "", number) for number in (one, other))
    if digits == others:
        return True
    shorter, longer = sorted((digits.lstrip("0"), others.lstrip("0")), key=len)
    return len(shorter) >= 7 and longer.endswith(shorter)

"""The requests that providers send, from tests/payloads: what each holds, and whether a lead is the one expected.

`bench/mapping.py` judges any folder of such files by the same rules.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from app.config.endpoints import Hook
from app.delivery.contract import NO_NAME
from app.lead import Lead, LeadState
from app.reader import read
from app.sources import SOURCES, source_of
from app.sources.base import Credentials, Inbound
from app.sources.signatures import token

PAYLOADS = Path(__file__).parent / "payloads"
NOW = datetime(2026, 5, 19, 8, 45, tzinfo=UTC)
PERSON = ("firstName", "lastName", "email", "contactNo")
FIELDS = (*PERSON, "message", "event_id")
MOMENT = re.compile(r"(?<!\d)1[6-9]\d{8}(?:\d{3})?(?!\d)")
NO_NEW_LEAD = {"test", "cancellation", "handshake", "no_contact"}


@dataclass(frozen=True)
class Sample:
    """One request, and the lead that a careful person would make of it, or its verdict; a list for an array.

    `now` is the time that its signature was made at, `alternatives` are other splits that are as good; `signature` is
    the file's own word on how it is signed, `dropped` the paths of what is not to be kept.
    """

    name: str
    provider: str
    content_type: str
    headers: Mapping[str, str]
    body: bytes
    expected: Any
    secret: str = ""
    kind: str = "lead"
    alternatives: tuple[Any, ...] = ()
    method: str = "POST"
    url: str = ""
    query: Mapping[str, str] | None = None
    now: datetime = NOW
    signature: Mapping[str, Any] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()

    @property
    def people(self) -> tuple[Mapping[str, Any], ...]:
        """Whom it is about, in order; nobody where it is spam."""
        return people_of(self.expected)

    @property
    def is_spam(self) -> bool:
        return isinstance(self.expected, dict) and bool(self.expected.get("spam"))

    @property
    def inbound(self) -> Inbound:
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.content_type:
            headers.setdefault("content-type", self.content_type)
        return Inbound(self.body, headers, dict(self.query or {}), self.method, self.url)


def samples(*patterns: str) -> list[Sample]:
    """The samples whose file matches one of the patterns, such as `sites/form-*` or `builders/typeform-*`."""
    files = sorted({file for pattern in patterns for file in PAYLOADS.glob(f"{pattern}.json")})
    assert files, f"no sample is called {' or '.join(patterns)}"
    return [_sample(file) for file in files]


def read_samples(folder: Path) -> list[Sample]:
    """Every sample in a folder and those below it."""
    return [_sample(file) for file in sorted(folder.rglob("*.json"))]


def judge(sample: Sample, *, as_auto: bool = False) -> list[str]:
    """What is wrong with what the sample becomes, in words; nothing is wholly right.

    Its source is the one of its provider's name, where there is one, else `auto`.
    """
    named = "auto" if as_auto or sample.provider not in SOURCES else sample.provider
    source = source_of(named, sample.inbound)
    if isinstance(sample.expected, dict) and sample.expected.get("verification"):
        reply = source.handshake(sample.inbound, Credentials((sample.secret,) if sample.secret else ()))
        if reply is None and sample.method != "POST" and not sample.expected.get("respond_with"):
            return []  # a hook that is asked nothing else says 200
        return [] if reply and _answers(reply.text, reply.headers, sample.expected) else [f"handshake: {reply}"]
    proves = bool(sample.secret) and (source.verify is not token or named != "auto")
    hook = Hook.model_validate(
        {"name": "sample", "source": named, "secrets": [sample.secret] if proves else [], "open": not proves}
    )
    reading = read(sample.inbound, hook, sample.now)
    if reading.problem is not None:
        return [f"refused: {reading.problem}"]
    leads = reading.submission.leads
    if sample.is_spam:
        return [] if leads and {lead.state for lead in leads} == {LeadState.SPAM} else ["it is not taken for spam"]
    wished = [sample.expected, *sample.alternatives]
    if sample.kind in NO_NEW_LEAD or (isinstance(sample.expected, dict) and sample.expected.get("ignored")):
        sent = [lead for lead in leads if lead.state is LeadState.PENDING]
        return [f"a lead would be delivered: {sent[0].email}"] if sent else []
    if sample.kind == "partial" and not any(lead.state is LeadState.PENDING for lead in leads):
        return []
    found = [_compared(people_of(one), leads, reading.submission.event_id, wished_id=_id_of(one)) for one in wished]
    return min(found, key=len)


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


def people_of(expected: Any) -> tuple[Mapping[str, Any], ...]:
    """The people in what is expected; one of whom nothing is known is nobody."""
    found = expected if isinstance(expected, list) else [expected]
    return tuple(one for one in found if any(one.get(name) for name in (*PERSON, "message")))


def _compared(
    people: tuple[Mapping[str, Any], ...], leads: tuple[Lead, ...], event_id: str | None, wished_id: str | None
) -> list[str]:
    wrong = []
    if (event_id or None) != wished_id:
        wrong.append(f"event_id is {event_id!r}, not {wished_id!r}")
    known = [lead for lead in leads if any((lead.email, lead.contact_no, lead.first_name, lead.message))]
    if len(known) != len(people):
        return [*wrong, f"{len(known)} leads, not {len(people)}"]
    for expected, lead in zip(people, known, strict=True):
        state = LeadState.PENDING if expected.get("email") else LeadState.HELD
        if lead.state is not state:
            wrong.append(f"its state is {lead.state.value} ({lead.reason}), not {state.value}")
        spelled = _spelled(lead)
        wrong += [
            f"{field} is {spelled[field]!r}, not {expected.get(field)!r}"
            for field in (*PERSON, "message")
            if not _agree(field, spelled[field], expected.get(field))
        ]
    return wrong


def _id_of(expected: Any) -> str | None:
    first = expected[0] if isinstance(expected, list) and expected else expected
    given = first.get("event_id") if isinstance(first, dict) else None
    return None if given is None else str(given)


def _answers(text: str, headers: Mapping[str, str], expected: Mapping[str, Any]) -> bool:
    wished = expected.get("respond_with")
    if isinstance(wished, str) and wished.startswith("{"):
        wished = json.loads(wished)
    if isinstance(wished, dict):
        with_headers = all(text_ in headers.values() for text_ in wished.values())
        return with_headers or (text.startswith("{") and json.loads(text) == wished)
    return wished is None or str(wished) == text or str(wished) in headers.values()


def _sample(file: Path) -> Sample:
    given = json.loads(file.read_text(encoding="utf-8"))
    signature = given.get("signature") or {}
    address = given.get("url") or signature.get("example_url") or ""
    query = given.get("query") or urlsplit(address).query
    headers = given.get("headers") or {}
    return Sample(
        name=file.stem,
        provider=given["provider"],
        content_type=given.get("content_type") or "",
        headers=headers,
        body=(given.get("body") or "").encode(),
        expected=given["expected"],
        secret=signature.get("example_secret") or "",
        kind=given.get("kind") or "lead",
        alternatives=tuple(given.get("alternatives", ())),
        method=given.get("method") or "POST",
        url=address,
        query=query if isinstance(query, dict) else dict(parse_qsl(query)),
        now=_moment(signature, headers),
        signature=signature,
        dropped=tuple(given.get("dropped", ())),
    )


def _moment(signature: Mapping[str, Any], headers: Mapping[str, str]) -> datetime:
    """When it was signed: at the time that stands beside the signature, or in a header."""
    for text in map(str, (signature.get("timestamp", ""), *signature.values(), *headers.values())):
        if (found := MOMENT.search(text)) is not None:
            return datetime.fromtimestamp(int(found[0][:10]), UTC)
    return NOW


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
    digits, others = (re.sub(r"\D", "", unicodedata.normalize("NFKC", number)) for number in (one, other))
    if digits == others:
        return True
    shorter, longer = sorted((digits.lstrip("0"), others.lstrip("0")), key=len)
    return len(shorter) >= 7 and longer.endswith(shorter)

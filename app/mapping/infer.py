"""Finds the lead's fields in what somebody sent, without configuration.

Every field is scored for every target: what it is called (`called.py`), what its source says it is, and what its value
looks like. The best pairs are taken first. A score under `ENOUGH` is no match: better a field left among the extras
than a wrong name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit

from app.lead import Field
from app.mapping import people
from app.mapping.called import SURELY, TARGETS, campaign_of, meanings_of, names_a_page, role_of

ENOUGH = 40
UNTICKED = frozenset(("", "0", "no", "off", "false"))
NEVER_MAPPED = frozenset(("variable", "file"))
NO_NAMES = frozenset(("choice", "email", "phone"))
SURE_SOURCE = 90
MAX_ADDRESS = 4000
LONG_TEXT = 2000


@dataclass(frozen=True, slots=True)
class Match:
    """A field that may be the target, the value it gives, how surely (0–160), and why, in words."""

    target: str
    field: Field
    value: str
    score: int
    why: str


@dataclass(slots=True)
class Findings:
    """What a submission's fields are: the best match and the runner-up of each target, and the rest by what it is.

    `mistyped` is a field for an e-mail address that holds none.
    """

    best: dict[str, Match] = field(default_factory=dict)
    runner_up: dict[str, Match] = field(default_factory=dict)
    utm: dict[str, str] = field(default_factory=dict)
    extra: list[Field] = field(default_factory=list)
    honeypot: Field | None = None
    mistyped: Field | None = None


def infer(fields: Iterable[Field], without: Collection[str] = ()) -> Findings:
    """Sorts the fields: for the lead, campaign, robots, secrets (which are not kept), and everything else.

    Targets in `without` are not looked for.
    """
    findings = Findings()
    matches: list[Match] = []
    visited: dict[str, str] = {}
    for one in fields:
        role = role_of(one.key, one.label)
        visited = visited or _visited(one)
        if role == "honeypot":
            if one.value.strip().casefold() not in UNTICKED:
                findings.honeypot = findings.honeypot or one
        elif (name := campaign_of(role)) and name not in findings.utm and not people.is_nothing(one.value):
            findings.utm[name] = one.value.strip()
        elif role not in {"control", "secret"}:
            findings.extra.append(one)
            if not name:
                matches.extend(_matches(one, without, findings))
    findings.utm = findings.utm or visited
    _take_best(findings, matches)
    return findings


def means_email(key: str) -> bool:
    """Whether a field of this key is for an e-mail address, whatever it holds."""
    return meanings_of(key, "", "").get("email", (0, ""))[0] >= SURELY


def is_control(key: str) -> bool:
    """Whether a field of this key steers a form service, or is a trap for robots: nothing of the visitor's."""
    return role_of(key, "") in {"control", "honeypot"}


def _visited(one: Field) -> dict[str, str]:
    """The campaign in the query of a page's address, where the field holds one."""
    if not one.value.startswith(("http://", "https://")) or not names_a_page(one.key, one.label):
        return {}
    try:
        pairs = parse_qsl(urlsplit(one.value[:MAX_ADDRESS]).query, max_num_fields=100)
    except ValueError:
        return {}
    named = {campaign_of(role_of(key, "")): value for key, value in reversed(pairs)}
    return {name: value for name, value in named.items() if name and "\x00" not in value}


def _take_best(findings: Findings, matches: list[Match]) -> None:
    """The surest pair first; a field serves one target. What was not taken stays among the extras."""
    taken: set[int] = set()
    for match in sorted(matches, key=lambda match: -match.score):
        if match.target not in findings.best and id(match.field) not in taken:
            findings.best[match.target] = match
            taken.add(id(match.field))
        elif match.target in findings.best:
            findings.runner_up.setdefault(match.target, match)
    findings.extra = [one for one in findings.extra if id(one) not in taken]


def _matches(one: Field, without: Collection[str], findings: Findings) -> Iterator[Match]:
    """The targets that a field may be. Notes an e-mail field without an address in passing."""
    if one.kind in NEVER_MAPPED or people.is_nothing(one.value):
        return
    value = one.value.strip()
    named = meanings_of(one.key, one.label, one.kind)
    for target in TARGETS:
        if target in without:
            continue
        called, name = named.get(target, (0, ""))
        given, score, why = _weighed(target, one.kind, value, called)
        if score >= ENOUGH:
            yield Match(target, one, given, score, f"{name!r} means {_spoken(target)}" if name else why)
        elif target == "email" and called >= SURELY and findings.mistyped is None:
            findings.mistyped = one


def _weighed(target: str, kind: str, value: str, called: int) -> tuple[str, int, str]:
    """What the value gives the target, the score after a look at it, and the reason where it is not the name."""
    if target == "email":
        return _weighed_email(kind, value, called)
    if target == "contact_no":
        return _weighed_phone(kind, value, called)
    if target == "message":
        return _weighed_message(kind, value, called)
    if target == "source":
        return value, called if called >= SURE_SOURCE and len(value) <= 100 and "@" not in value else 0, ""
    is_name = called >= ENOUGH and kind not in NO_NAMES and people.looks_like_name(value)
    return value, called if is_name else 0, ""


def _weighed_email(kind: str, value: str, called: int) -> tuple[str, int, str]:
    address = people.email(value)
    if not address:
        return "", 0, ""
    if kind == "email":
        return address, max(called + 60, 100 if called >= 0 else 0), "it asked for an e-mail address"
    alone = 45 if " " not in value and called >= 0 else 0
    return address, max(called + 10, alone), "its value is an e-mail address"


def _weighed_phone(kind: str, value: str, called: int) -> tuple[str, int, str]:
    if not people.looks_like_phone(value):
        return "", 0, ""
    said = 90 if kind == "phone" else 0
    alone = 41 if value.startswith("+") and called >= 0 else 0
    return value, max(called, said, alone), "its value is a phone number"


def _weighed_message(kind: str, value: str, called: int) -> tuple[str, int, str]:
    many = len(value[:LONG_TEXT].split())
    said = 55 if kind == "long_text" else 0
    alone = 41 if kind in {"", "text"} and many >= 8 and "://" not in value else 0
    return value, max(called, said, alone) + (10 if called and many > 3 else 0), "it is a longer text"


def _spoken(target: str) -> str:
    return {"contact_no": "phone", "email": "e-mail"}.get(target, target.replace("_", " "))

"""Finds the lead's fields in what somebody sent, without configuration.

Every field is scored for every target: what it is called (`called.py`), what its source says it is, and what its value
looks like (`weighed.py`). The best pairs are taken first; then `neighbours.py` looks at what stands beside them. A
score under `ENOUGH` is no match: better a field left among the extras than a wrong name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from urllib.parse import parse_qsl, urlsplit

from app.lead import Field
from app.mapping import people
from app.mapping.called import (
    NAMES,
    SURELY,
    TARGETS,
    campaign_of,
    last_of,
    meanings_of,
    names_a_page,
    role_of,
)
from app.mapping.contact import is_sites_own
from app.mapping.findings import Findings
from app.mapping.neighbours import expand_list, look_around
from app.mapping.values import is_payment
from app.mapping.vocabulary import vocabulary, words
from app.mapping.weighed import ENOUGH, Match, spoken, weighed

SHORT_NAME = 5
ROBOTS = frozenset(("human", "humans", "robot", "robots", "bot", "bots", "spam", "spammer"))
UNTICKED = frozenset(("", "0", "no", "off", "false"))
NEVER_MAPPED = frozenset(("variable", "file"))
AT_HOME = 8
CLOSER = frozenset((*NAMES, "contact_no", "message"))
IDENTIFIER = re.compile(r"(?:^|[._-])id$|[a-z]I[dD]$", re.ASCII)
SIGN = {"email": re.compile("[@＠]"), "contact_no": re.compile(r"\d"), "message": re.compile(r"\s|[^\x00-\x7f]")}
"""What a value must have in it for a target that its field's name does not say."""
MAX_ADDRESS = 4000
MAX_LOOKED_AT = 200


def infer(fields: Iterable[Field], without: Collection[str] = ()) -> Findings:
    """Sorts the fields: for the lead, campaign, robots, secrets (which are counted, not kept), and everything else.

    Targets in `without` are not looked for.
    """
    findings = Findings()
    candidates: list[Field] = []
    visited: dict[str, str] = {}
    for one in fields:
        role = role_of(one.key, one.label)
        if role == "honeypot" and not _is_trap(one):
            role = ""
        if not visited and one.value.startswith(("http://", "https://")):
            visited = _visited(one)
        if role == "honeypot":
            if one.value.strip().casefold() not in UNTICKED:
                findings.honeypot = findings.honeypot or one
        elif (
            (name := campaign_of(role) if role else "")
            and name not in findings.utm
            and not people.is_nothing(one.value)
        ):
            findings.utm[name] = one.value.strip()
        elif role == "secret" or (not role and is_payment(one.value) and _is_paid_with(one)):
            findings.dropped += 1
        elif role != "control":
            findings.extra.append(one)
            if not name and len(candidates) < MAX_LOOKED_AT:
                candidates.append(one)
    findings.utm = findings.utm or visited
    expand_list(findings, candidates, without)
    _take_best(findings, candidates, without)
    look_around(findings, candidates, without)
    return findings


def means_email(key: str) -> bool:
    """Whether a field of this key is for an e-mail address, whatever it holds."""
    return meanings_of(key, "", "").get("email", (0, ""))[0] >= SURELY


def means_phone(key: str) -> bool:
    """Whether a field of this key is for a phone number, whatever it holds."""
    return meanings_of(key, "", "").get("contact_no", (0, ""))[0] >= SURELY


def is_control(key: str) -> bool:
    """Whether a field of this key steers a form service, or is a trap for robots: nothing of the visitor's."""
    return role_of(key, "") in {"control", "honeypot"}


def is_secret(key: str, value: str) -> bool:
    """Whether it is a password, a card's number or the like, which is never shown again."""
    return role_of(key, "") == "secret" or is_payment(value)


def _is_trap(one: Field) -> bool:
    """Whether a name that speaks of a trap is one: short, nothing else, or about robots; no question with the words."""
    for key, label, name in ((one.key, "", last_of(one.key)), ("", one.label, one.label)):
        found = words(name)
        is_named = len(found) <= SHORT_NAME or " ".join(found) in vocabulary().honeypots or not ROBOTS.isdisjoint(found)
        if is_named and role_of(key, label) == "honeypot":
            return True
    return False


def _is_paid_with(one: Field) -> bool:
    """Whether a card's number or an IBAN is one: not where the field asked for a phone, or is an id."""
    if IDENTIFIER.search(one.key):
        return False
    return one.kind != "phone" and meanings_of(one.key, one.label, one.kind).get("contact_no", (0, ""))[0] < ENOUGH


def _visited(one: Field) -> dict[str, str]:
    """The campaign in the query of an address, where it is that of a page."""
    if not names_a_page(one.key, one.label):
        return {}
    try:
        pairs = parse_qsl(urlsplit(one.value[:MAX_ADDRESS]).query, max_num_fields=100)
    except ValueError:
        return {}
    named = {campaign_of(role_of(key, "")): value for key, value in reversed(pairs)}
    return {name: value for name, value in named.items() if name and "\x00" not in value}


def _take_best(findings: Findings, candidates: list[Field], without: Collection[str]) -> None:
    """The surest pair first; a field serves one target. What was not taken stays among the extras."""
    matches = [match for one in candidates for match in _matches(one, without, findings)]
    matches = _at_home(matches)
    taken: set[int] = set()
    for match in sorted(matches, key=lambda match: -match.score):
        if match.target not in findings.best and id(match.field) not in taken:
            findings.best[match.target] = match
            taken.add(id(match.field))
        elif match.target in findings.best:
            findings.runner_up.setdefault(match.target, match)
    address = findings.best.get("email")
    if address is not None and is_sites_own(address.field, address.value, findings):
        del findings.best["email"]
        taken.discard(id(address.field))
    findings.extra = [one for one in findings.extra if id(one) not in taken]


def _at_home(matches: list[Match]) -> list[Match]:
    """What stands where the e-mail address does counts more, and answers more than what is around them."""
    addresses = [match for match in matches if match.target == "email"]
    if not addresses:
        return matches
    best = max(addresses, key=lambda match: (match.score, bool(match.field.label)))
    home, is_asked = _holder_of(best.field), bool(best.field.label)
    asked = {match.target for match in matches if match.field.label and match.target != "email"}
    found = []
    for match in matches:
        is_home = _holder_of(match.field) == home
        is_around = match.target in asked and not match.field.label and (not is_home or is_asked)
        if is_around or _is_summary(match, best.value):
            continue
        if match.target in CLOSER and (match.field.label if is_asked else is_home):
            match.score += AT_HOME
        found.append(match)
    return found


def _holder_of(one: Field) -> str:
    """The path of what a field is part of."""
    return one.key.rpartition(".")[0]


def _is_summary(match: Match, address: str) -> bool:
    """A guessed message with the address in it is the whole form once more, as a text."""
    return match.target == "message" and match.score < SURELY and address.casefold() in match.value.casefold()


def _matches(one: Field, without: Collection[str], findings: Findings) -> Iterator[Match]:
    """The targets that a field may be; one that is what it is surely called is no guess at another.

    Notes an e-mail field without an address in passing.
    """
    if one.kind in NEVER_MAPPED or people.is_nothing(one.value):
        return
    is_sure = False
    for target, called, named in _possible(one.key, one.label, one.kind):
        if target in without or (is_sure and called < ENOUGH):
            continue
        if called >= ENOUGH or SIGN[target].search(one.value):
            given, score, why = weighed(target, one, called)
            if score >= ENOUGH:
                is_sure = is_sure or called >= SURELY
                yield Match(target, one, given, score, named or why)
                continue
        if target == "email" and called >= SURELY and findings.mistyped is None:
            findings.mistyped = one


@lru_cache(maxsize=2048)
def _possible(key: str, label: str, kind: str) -> tuple[tuple[str, int, str], ...]:
    """The targets that a field may be by name or value, the surest first: how surely its name means each, and why."""
    named = meanings_of(key, label, kind)
    found = []
    for target in TARGETS:
        called, name = named.get(target, (0, ""))
        if called >= ENOUGH or target in SIGN:
            why = f"{name!r} means {spoken(target)}" if name and called >= ENOUGH else ""
            found.append((target, called, why))
    return tuple(sorted(found, key=lambda possible: -possible[1]))

"""How to reach a person: an address or a number in parts, or in a field that is not called so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import pairwise

from app.lead import Field
from app.mapping import people
from app.mapping.called import meanings_of
from app.mapping.findings import Findings
from app.mapping.vocabulary import listed, vocabulary, words
from app.mapping.weighed import Match

GUESSED = 42
SITES_OWN = frozenset(
    """
    owner admin administrator recipient agent host organizer organiser friend emergency referrer referred referral
    referee assignee manager assistant staff employee operator rep salesperson bot author creator created modified to
    from cc bcc replyto site noreply support realtor broker seller listing sales consultant provider inviter approver
    closer setter autoresponder notification landlord advisor adviser
    """.split()
)
"""Whose address is never the visitor's, even where it is the only one."""
FIRMS = frozenset("to from site property company business".split())
SITES = frozenset("to from site property".split())
ROLES = frozenset(
    "info office sales admin contact hello noreply support mail team owner enquiries inquiries biz kontakt".split()
)
"""Local parts of addresses that are no person's."""
ABROAD = re.compile(r"[1-9]\d{9,13}")
DIAL = re.compile(r"\+?\d{1,4}|0\d{1,5}")
PART = re.compile(r"\d{2,5}")
DOMAIN = re.compile(r"@?[\w-]+(?:\.[\w-]+)+")
MAX_KEY = 600
WHOLE_NUMBER = 9


def left_over(findings: Findings, fields: Iterable[Field]) -> Iterator[Field]:
    """The fields that nothing was made of yet."""
    extra = {id(one) for one in findings.extra}
    return (one for one in fields if id(one) in extra and one.kind not in {"file", "variable", "hidden"})


def means(one: Field, target: str) -> bool:
    """Whether a field's name, but for noise, is a phrase for the target."""
    return _is_called(one.key[-MAX_KEY:], one.label[:MAX_KEY], target)


@lru_cache(maxsize=2048)
def _is_called(key: str, label: str, target: str) -> bool:
    noise = listed("noise")
    for name in (label, key.rpartition(".")[2], " ".join(key.split(".")[-2:])):
        spelled = frozenset(words(name))
        known = vocabulary().meanings
        if target in known.get(spelled, {}) or target in known.get(spelled - noise, {}):
            return True
    return False


def join_address(findings: Findings, fields: list[Field]) -> None:
    """`email1=ada` and `email2=example.com` are one address."""
    parts = [one for one in left_over(findings, fields) if means(one, "email") and "@" not in one.value]
    for local, domain in pairwise(parts):
        if words(local.key) == words(domain.key) and DOMAIN.fullmatch(domain.value.strip()):
            address = people.email(f"{local.value.strip()}@{domain.value.strip().removeprefix('@')}")
            if address:
                why = "its parts make an e-mail address"
                findings.take(Match("email", local, address, 2 * GUESSED, why, (domain,)))
                findings.mistyped = None
                return


def join_number(findings: Findings, fields: list[Field]) -> None:
    """A number in several fields: `hp1`, `hp2`, `hp3`; or a country's or a town's code beside the rest."""
    left = list(left_over(findings, fields))
    best = findings.best.get("contact_no")
    if best is None:
        groups: dict[tuple[str, ...], list[Field]] = {}
        for one in left:
            if PART.fullmatch(people.digits(one.value)) and (means(one, "contact_no") or _stands_for_phone(one)):
                groups.setdefault(words(one.key), []).append(one)
        parts = next((group for group in groups.values() if 2 <= len(group) <= 4), [])
        number = "-".join(people.digits(one.value) for one in parts)
        if sum(map(str.isdigit, number)) >= WHOLE_NUMBER:
            findings.take(
                Match("contact_no", parts[0], number, 2 * GUESSED, "its parts make a number", tuple(parts[1:]))
            )
        return
    if best.value.startswith(("+", "00")):
        return
    for one in left:
        code = people.digits(one.value)
        if DIAL.fullmatch(code) and means(one, "dial"):
            value = f"{code} {best.value}"
            why = f"{best.why}, and {one.called!r} is its code"
            findings.take(Match("contact_no", best.field, value, best.score, why, (*best.also, one)))
            return


def _stands_for_phone(one: Field) -> bool:
    """Short keys that mean a phone only in parts: `hp1`, `tel2`."""
    return "contact_no" in vocabulary().meanings.get(frozenset(words(one.key)), {})


def only_address(findings: Findings, fields: list[Field]) -> None:
    """The one address that there is, though its field seems to be a firm's or a parent's; not the site's own."""
    found = [(one, address) for one in left_over(findings, fields) if (address := people.email(one.value))]
    if len({address for _, address in found}) == 1:
        one, address = found[0]
        is_theirs = not SITES_OWN.isdisjoint(words(f"{one.key} {one.label}"))
        if is_theirs or is_sites_own(one, address, findings):
            return
        findings.take(Match("email", one, address, GUESSED, "it is the only e-mail address"))
        findings.mistyped = None


def is_sites_own(one: Field, address: str, findings: Findings) -> bool:
    """Whether an address beside a phone is the site's own: a hidden one of a firm, or a role's, as `info@`."""
    named = words(f"{one.key} {one.label}")
    if "contact_no" not in findings.best or FIRMS.isdisjoint(named):
        return False
    is_role = not ROLES.isdisjoint(words(address.partition("@")[0]))
    return one.kind == "hidden" or (is_role and not SITES.isdisjoint(named))


def number_elsewhere(findings: Findings, fields: list[Field]) -> None:
    """A number in the place of a message, or in a field whose name nobody knows, dialled as from abroad."""
    message = findings.best.get("message")
    if message is not None and people.looks_like_phone(message.value):
        del findings.best["message"]
        findings.take(
            Match("contact_no", message.field, people.digits(message.value), GUESSED, "it is all that was written")
        )
        return
    address = findings.best.get("email")
    if address is not None and (number := people.phone_within(address.field.value.replace(address.value, ""))):
        findings.best["contact_no"] = Match(
            "contact_no", address.field, number, GUESSED, "it stands beside the address"
        )
        return
    for one in left_over(findings, fields):
        number = people.digits(one.value)
        is_unknown = one.kind in {"", "text"} and not meanings_of(one.key, one.label, one.kind)
        if is_unknown and ABROAD.fullmatch(number) and people.is_valid_phone(f"+{number}"):
            findings.take(Match("contact_no", one, number, GUESSED, "it is a number as dialled from abroad"))
            return

"""What stands beside what was found: parts of a number or an address, particles, names that say nothing by themselves.

Every step only fills what is missing, or completes it.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from app.lead import Field
from app.mapping import people
from app.mapping.called import NAMES, meanings_of, says_nothing
from app.mapping.contact import GUESSED, join_address, join_number, left_over, means, number_elsewhere, only_address
from app.mapping.findings import Findings
from app.mapping.names import without_titles
from app.mapping.values import could_be_called, is_machine_made, prose
from app.mapping.vocabulary import words
from app.mapping.weighed import Match

HAN = re.compile("[\u3400-\u9fff]")
READ_ALOUD = re.compile("[\u3041-\u30ff\\s]+")
DISPLAYED = re.compile(r"\"?([^\"<>@]{2,100}+)\"?\s*+<[^<>]{1,320}+>")
BLANKS = re.compile(r"[^\S\n]+")
LIST = re.compile(r" ?(?:, | \| |;|\n)\s*")
MAX_LIST = 400
MAX_PARTS = 8
FEW_WORDS = 4


def look_around(findings: Findings, fields: list[Field], without: Collection[str]) -> None:
    """Completes what was found by what stands beside it."""
    if not findings.extra and {"email", "contact_no"} <= findings.best.keys():
        return
    wanted = {target for target in (*NAMES, "email", "contact_no", "message") if target not in without}
    if "email" in wanted and "email" not in findings.best:
        join_address(findings, fields)
        only_address(findings, fields)
    if "contact_no" in wanted:
        join_number(findings, fields)
    if "last_name" in wanted:
        _add_particle(findings, fields)
        _add_second(findings, fields)
    if wanted >= {*NAMES}:
        _name_by_place(findings, fields)
    if "contact_no" in wanted and "contact_no" not in findings.best:
        number_elsewhere(findings, fields)
    if "message" in wanted and "message" not in findings.best:
        _subject_as_message(findings, fields)


def expand_list(findings: Findings, fields: list[Field], without: Collection[str]) -> None:
    """A person written as a list in one value: `Ada, Lovelace, ada@example.com, +44 …`."""
    listed_in = [one for one in fields if "@" in one.value and len(one.value) <= MAX_LIST]
    for one in listed_in if all(" " in other.value.strip() for other in listed_in) else ():
        parts = [part for part in LIST.split(BLANKS.sub(" ", one.value.strip())) if part]
        address = next((part for part in parts if people.email(part) and " " not in part), "")
        if not address or not 3 <= len(parts) <= MAX_PARTS or max(map(prose, parts)) > FEW_WORDS:
            continue
        named = [part for part in parts[: parts.index(address)] if could_be_called(part) or _is_particled(part)]
        found = dict(zip(("first_name", "last_name") if len(named) > 1 else ("full_name",), named, strict=False))
        found["email"] = people.email(address)
        found["contact_no"] = next((people.digits(part) for part in parts if people.looks_like_phone(part)), "")
        for target, value in found.items():
            if value and target not in without:
                findings.take(Match(target, one, value, GUESSED, "it is in a list with an e-mail address"))
        fields.remove(one)
        return


def _is_particled(part: str) -> bool:
    return part[:1].islower() and len(part.split()) > 1 and could_be_called(part[:1].upper() + part[1:])


def _add_particle(findings: Findings, fields: list[Field]) -> None:
    """`tussenvoegsel=van der` stands before the last name."""
    last = findings.best.get("last_name")
    if last is None:
        return
    for one in left_over(findings, fields):
        particle = " ".join(one.value.split())
        if len(particle) <= 20 and means(one, "particle") and not people.is_nothing(particle):
            if not last.value.casefold().startswith(f"{particle.casefold()} "):
                why = f"{last.why}, and {one.called!r} stands before it"
                value = f"{particle} {last.value}"
                findings.take(Match("last_name", last.field, value, last.score, why, (*last.also, one)))
            return


def _add_second(findings: Findings, fields: list[Field]) -> None:
    """`apellido_paterno=Hernández` and `apellido_materno=Olvera` are one last name."""
    last = findings.best.get("last_name")
    for one in left_over(findings, fields) if last is not None else ():
        if last is not None and means(one, "second_last_name") and could_be_called(one.value):
            value = f"{last.value} {one.value.strip()}"
            findings.take(Match("last_name", last.field, value, last.score, last.why, (*last.also, one)))
            return


def _name_by_place(findings: Findings, fields: list[Field]) -> None:
    """Names in fields that say nothing: written as names are, and in the place where forms ask for them."""
    best = findings.best
    found = [target for target in NAMES if target in best]
    if "email" in best and not found and (displayed := DISPLAYED.match(best["email"].field.value.strip())):
        best["full_name"] = Match(
            "full_name", best["email"].field, displayed[1].strip(), GUESSED, "it stands beside the address"
        )
        return
    left = {id(one) for one in left_over(findings, fields)}
    unnamed = [one for one in fields if id(one) in left and says_nothing(one.key, one.label) and _is_name(one)]
    if found == ["first_name"]:
        after = _next_of(fields, best["first_name"].field)
        if (
            after is not None
            and id(after) in left
            and says_nothing(after.key, after.label)
            and _is_name(after, after=True)
        ):
            findings.take(Match("last_name", after, after.value.strip(), GUESSED, "it stands after the first name"))
    elif not found and unnamed:
        first = unnamed[0]
        second = _next_of(fields, first)
        address = best["email"].value if "email" in best else ""
        is_last = second is not None and id(second) in left and says_nothing(second.key, second.label)
        if second is not None and is_last and READ_ALOUD.fullmatch(second.value.strip()) and HAN.search(first.value):
            findings.take(Match("full_name", first, first.value.strip(), GUESSED, "it stands before its reading"))
        elif (
            second is not None
            and is_last
            and _is_name(second, after=True)
            and not _is_whole(first.value, address, second.value)
        ):
            findings.take(Match("first_name", first, first.value.strip(), GUESSED, "it is written as a name"))
            findings.take(Match("last_name", second, second.value.strip(), GUESSED, "it stands after the first name"))
        else:
            findings.take(Match("full_name", first, first.value.strip(), GUESSED, "it is written as a name"))
    elif not found and "email" in best:
        _name_by_address(findings, fields, best["email"].value)


def _name_by_address(findings: Findings, fields: list[Field], address: str) -> None:
    """A name whose words are in the e-mail address, whatever its field is called."""
    for one in left_over(findings, fields):
        if _is_name(one) and len(one.value.split()) > 1 and _is_whole(one.value, address):
            why = "it is written as a name, and is in the e-mail address"
            findings.take(Match("full_name", one, one.value.strip(), GUESSED, why))
            return
    first = fields[0] if fields else None
    if first is not None and any(one is first for one in findings.extra) and _is_asked_first(first):
        why = "it is written as a name, and was asked first"
        findings.take(Match("full_name", first, first.value.strip(), GUESSED, why))


def _is_asked_first(one: Field) -> bool:
    """Two words or more, each with a capital, in a field whose name is of no language that is known."""
    spelled = one.value.split()
    is_unknown = not any(score for score, _ in meanings_of(one.key, one.label, one.kind).values())
    return is_unknown and len(spelled) > 1 and all(word[:1].isupper() for word in spelled) and _is_name(one)


def _is_name(one: Field, *, after: bool = False) -> bool:
    """Whether it is written as names are; after a first name it may begin with a particle."""
    value = one.value.strip()
    is_written_so = could_be_called(value) or (after and _is_particled(value))
    named = meanings_of(one.key, one.label, one.kind)
    if any(named.get(target, (0, ""))[0] < 0 for target in NAMES):
        return False
    if one.kind not in {"", "text"} or not is_written_so or is_machine_made(value):
        return False
    return without_titles([value, "x"]) == [value, "x"] and not people.is_nothing(value)


def _is_whole(value: str, address: str, after: str = "") -> bool:
    """Whether a value of several words is the whole name: the address has its last word, or not what comes after."""
    spelled, local = words(value), "".join(words(address.partition("@")[0]))
    if len(spelled) < 2:
        return False
    return spelled[-1] in local or (bool(after) and not any(word in local for word in words(after)))


def _next_of(fields: list[Field], one: Field) -> Field | None:
    at = next((index for index, other in enumerate(fields) if other is one), len(fields))
    return fields[at + 1] if at + 1 < len(fields) else None


def _subject_as_message(findings: Findings, fields: list[Field]) -> None:
    """Where nothing freer was written, a subject of some words is what there is to say."""
    for one in left_over(findings, fields):
        if one.kind != "choice" and prose(one.value) >= FEW_WORDS and means(one, "subject"):
            why = "it is the subject, and there is no message"
            findings.take(Match("message", one, one.value.strip(), GUESSED, why))
            return

"""How well a field's value goes with a target, given how surely the field's name means it. A score, and why."""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.lead import Field
from app.mapping import people
from app.mapping.called import CERTAIN, SURELY, is_question, says_nothing
from app.mapping.values import could_be_called, is_consent, is_machine_made, is_sentence, prose

ENOUGH = 40
SURE_SOURCE = 90
NO_NAMES = frozenset(("choice", "email", "phone", "date", "number", "file"))
FREE_TEXT = frozenset(("", "text", "long_text"))
A_FEW_WORDS = 4
MANY_WORDS = 8
MAX_MESSAGE_BONUS = 12
MAX_LOOKED_AT = 200
MOST_OF_A_NAME = 5
NUMBER = re.compile(r"\d{2}")
SHORT_NUMBER = re.compile(r"\d{3}[ -]\d{4}|\d{3}[ -]\d{2}[ -]\d{2}")
LOCAL_NUMBER = re.compile(r"\(?0\d{1,4}[\s)/.-]+\d[\d\s/.-]{4,}")
"""A number as dialled within a country, which identifiers are seldom like."""
MOMENT = re.compile(r"1[5-9]\d{8}(?:\d{3})?")
"""Seconds or milliseconds since 1970, which no number is like that somebody writes down without a `+`."""


@dataclass(slots=True)
class Match:
    """A field that may be the target, the value it gives, how surely (0–180), and why, in words.

    `also` are fields that the value was joined from, beside the first.
    """

    target: str
    field: Field
    value: str
    score: int
    why: str
    also: tuple[Field, ...] = ()

    @property
    def fields(self) -> tuple[Field, ...]:
        """All that it was made of."""
        return (self.field, *self.also)


def weighed(target: str, one: Field, called: int) -> tuple[str, int, str]:
    """What the value gives the target, the score after a look at it, and the reason where it is not the name."""
    value = one.value.strip()
    if target == "email":
        return _email(one.kind, value, called)
    if target == "contact_no":
        return _phone(one, value, called)
    if target == "message":
        return _message(one, value, called)
    if target == "source":
        return value, called if called >= SURE_SOURCE and len(value) <= 100 and "@" not in value else 0, ""
    is_name = called >= ENOUGH and one.kind not in NO_NAMES and people.looks_like_name(value)
    is_part = target != "full_name" and (len(value.split()) > MOST_OF_A_NAME or NUMBER.search(value))
    return value, called if is_name and not is_part and not is_machine_made(value) else 0, ""


def spoken(target: str) -> str:
    """A target in words."""
    return {"contact_no": "phone", "email": "e-mail"}.get(target, target.replace("_", " "))


def _email(kind: str, value: str, called: int) -> tuple[str, int, str]:
    address = people.email(value)
    if not address:
        return "", 0, ""
    if kind == "email":
        return address, max(called + 60, 100 if called >= 0 else 0), "it asked for an e-mail address"
    is_about_it = called > 0 or (called == 0 and ("<" in value or prose(value) <= MANY_WORDS))
    alone = 45 if " " not in value and called >= 0 else 41 if is_about_it else 0
    return address, max(called + 10, alone), "its value is an e-mail address"


def _phone(one: Field, value: str, called: int) -> tuple[str, int, str]:
    if not people.looks_like_phone(value):
        within = people.phone_within(value) if called >= SURELY else ""
        return within, called - 20 if within else 0, ""
    said = 90 if one.kind == "phone" and called > -SURELY else 0
    alone = _alone(one, value) if 0 <= called < SURELY and one.kind in {"", "text"} else 0
    return people.digits(value), max(called, said, alone), "its value is a phone number"


def _alone(one: Field, value: str) -> int:
    """How surely a number is a phone's by its form, and by a field's name that denies nothing."""
    if value.startswith("+"):
        return 43
    is_likely = 9 <= sum(map(str.isdigit, value)) <= 13 and not is_date(value) and not MOMENT.fullmatch(value)
    if is_likely and says_nothing(one.key, one.label):
        return 41
    is_short = SHORT_NUMBER.fullmatch(value) is not None and says_nothing(one.key, one.label)
    is_spaced = LOCAL_NUMBER.fullmatch(people.digits(value)) is not None
    return ENOUGH if (is_likely and is_spaced) or is_short else 0


def is_date(value: str) -> bool:
    """Whether digits are a day's, not a phone's: `2026-05-11 09:14:40`, `27.05.2026`."""
    parts = [part for part in value.replace("/", "-").replace(".", "-").replace(" ", "-").split("-") if part]
    sizes = tuple(min(len(part), 3) if len(part) != 4 else 4 for part in parts[:3])
    years = [part for part in parts[:3] if len(part) == 4]
    return len(sizes) == 3 and len(years) == 1 and 3 not in sizes and years[0][:2] in {"19", "20"}


def _message(one: Field, value: str, called: int) -> tuple[str, int, str]:
    if called < CERTAIN and not any(map(str.isalpha, value[:MAX_LOOKED_AT])):
        return value, 0, ""
    many = prose(value)
    bonus = min(many // 3, MAX_MESSAGE_BONUS)
    if called >= ENOUGH and (called >= SURELY or not (is_machine_made(value) or one.kind in NO_NAMES)):
        floor = 55 if one.kind == "long_text" else 0
        return value, max(called, floor) + (10 if many > 3 else 0) + (0 if one.kind == "choice" else bonus), ""
    is_free = one.kind in FREE_TEXT and called >= 0 and "://" not in value[:8] and not is_consent(value)
    if one.kind == "long_text" and called > -SURELY:
        return value, 55 + bonus, "it asked for a longer text"
    is_text = is_free and _is_a_text(one, value, many)
    return value, 41 + bonus if is_text else 0, "it is a longer text"


def _is_a_text(one: Field, value: str, many: int) -> bool:
    """Prose; of a field that says nothing also a short sentence, or a few words that are no name."""
    if is_machine_made(value):
        return False
    if many >= MANY_WORDS or (many >= A_FEW_WORDS and is_question(one.key, one.label)):
        return True
    if not says_nothing(one.key, one.label):
        return many >= A_FEW_WORDS and is_sentence(value)
    return many >= A_FEW_WORDS and (is_sentence(value) or not could_be_called(value))

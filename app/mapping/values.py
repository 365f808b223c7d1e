"""What a value looks like by itself: a name, a machine's own text, prose, a card's number. No field's name is known."""

from __future__ import annotations

import re
from typing import Final

from app.mapping.vocabulary import UNSPACED, listed, words

MACHINE_MADE = re.compile(
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ,].{0,20})?"  # a date
    r"|(?:https?:|www\.|/)\S*|[\w.+-]++@\S+|[^\s/]++/[^\s/]++/\S*"  # an address
    r"|(?!(?-i:[A-Z][a-z]+\d{1,4}$))[^\s\d]*+\d\S*+|[a-z0-9]++(?:_[a-z0-9]++)++"  # an id, a slug
    r"|[\w ()-]{1,60}\.(?:pdf|docx?|xlsx?|jpe?g|png|gif|zip|txt|csv|html?)\b.{0,200}"  # a file
    r"|mozilla/.{0,300}",
    re.IGNORECASE,
)
NAME_CHARACTERS = re.compile(
    r"[^\W\d_](?:[^\W\d_]|[\s.'’ʼ`´‘\-‐·・‧,&/()\"״׳\u0300-\u036f\u0900-\u0dff\u0e00-\u0eff\u200c\u200d])*+"
)
CARD = re.compile(r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3[068]\d{12}|6\d{15,18}")
IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
PAID = re.compile(r"[\s-]*(?:[A-Za-z][ -]*){0,2}\d", re.ASCII)
FILLER: Final = str.maketrans("", "", " -")
MAX_LENGTH = 400
SENTENCE = re.compile(r"[.!?。！？।؟։…]\s*$|\n")


def is_machine_made(value: str) -> bool:
    """Whether nobody is called so: a date, an address, an id, a file, a slug, a browser."""
    text = value.strip()
    if not text.isascii() and not any(map(str.isdigit, text)):
        return False
    return len(text) <= MAX_LENGTH and MACHINE_MADE.fullmatch(text) is not None


def could_be_called(value: str) -> bool:
    """Whether a value whose field says nothing is like a name: one to four words, as names are written."""
    text = value.strip()
    if len(text) > 60 or not NAME_CHARACTERS.fullmatch(text) or "/" in text or "&" in text:
        return False
    found = text.split()
    if UNSPACED.match(text):
        return len(text) <= 8
    has_case = text.lower() != text.upper()
    return len(found) <= 4 and (not has_case or (found[0][0].isupper() and found[-1][0].isupper()))


def prose(value: str) -> int:
    """How many words a text has; of scripts without blanks about half as many as letters."""
    text = value[:2000]
    return len(text.split()) if text.isascii() else max(len(text.split()), len(UNSPACED.findall(text)) // 2)


def is_sentence(value: str) -> bool:
    """Whether it ends as sentences do, or has several lines."""
    return SENTENCE.search(value[-MAX_LENGTH:].strip()) is not None


def is_consent(value: str) -> bool:
    """Whether a text is what one agrees to: `I accept the privacy policy`."""
    return len(value) < MAX_LENGTH and not listed("consent").isdisjoint(words(value))


def is_payment(value: str) -> bool:
    """Whether it is a card's number or an IBAN, by its form and its check digits."""
    if not 13 <= len(value) <= 45 or not PAID.match(value):
        return False
    text = value.strip().translate(FILLER)
    if CARD.fullmatch(text):
        return text.isascii() and _passes_luhn(text)
    text = text.upper()
    if not IBAN.fullmatch(text):
        return False
    return int("".join(str(int(char, 36)) for char in text[4:] + text[:4])) % 97 == 1


def _passes_luhn(digits: str) -> bool:
    doubled = (int(char) * (1 + index % 2) for index, char in enumerate(reversed(digits)))
    return sum(n - 9 if n > 9 else n for n in doubled) % 10 == 0

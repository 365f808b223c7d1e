"""Names split, e-mail addresses and phones brought to one form. Bad values come back as they are, or as nothing.

The libraries for this load slowly, so they are imported where they are first needed, or by `load_libraries`.
"""

from __future__ import annotations

import re
from functools import lru_cache

ADDRESS = re.compile(r"[^\s<>()\[\],;:\"']+@[^\s<>()\[\],;:\"'@]+\.[^\s<>()\[\],;:\"'@]+")
NOTHING = frozenset(("", "-", "--", "n/a", "na", "null", "none", "undefined", "nil", "nan", "false", "unknown"))
PHONE_CHARACTERS = re.compile(r"[+(]?[\d\s().\-/+–]*(?:(?:ext|x|#)\.?\s*\d+)?", re.IGNORECASE)
SPREADSHEET_NUMBER = re.compile(r"(\d{7,})\.0")
PLAIN_NAMES = re.compile(r"[A-Za-zÀ-ÖØ-öø-ɏ]++(?:['’ -][A-Za-zÀ-ÖØ-öø-ɏ]++)*")
BORN = frozenset("née nee né geb geboren geborene född fødd født rozená z".split())
MAX_ADDRESS = 640
MAX_NAME = 200
MAX_PHONE = 40


def load_libraries() -> None:
    """Loads what the first submission would have to wait a tenth of a second for."""
    split_name("Dr. Ana de la Cruz")
    email("ana@example.com")
    phone("+442079460958", None)


def is_nothing(value: str) -> bool:
    """Whether a value only says that there is none, as integrations do: null, undefined, N/A."""
    return len(value) < MAX_PHONE and value.strip().casefold() in NOTHING


def email(value: str) -> str:
    """The address in `value` (also of `Name <address>` or `mailto:`), its domain in lower case; "" if it is none.

    DNS is not asked, and the reserved `.test` is let through: it may be a trial, never a typing error.
    """
    if "@" not in value or len(text := value.strip().removeprefix("mailto:")) > MAX_ADDRESS:
        return ""
    from email_validator import EmailNotValidError, validate_email

    for candidate in (text, *ADDRESS.findall(text)[:1]):
        try:
            return validate_email(candidate, check_deliverability=False, test_environment=True).normalized
        except EmailNotValidError:
            continue
    return ""


def phone(value: str, region: str | None) -> str:
    """E.164 where the number is valid, by itself or in `region` (ISO 3166); else as typed, without the outer spaces."""
    typed = SPREADSHEET_NUMBER.sub(r"\1", value.strip()) if value.endswith(".0") else value.strip()
    if not looks_like_phone(typed):
        return typed
    import phonenumbers

    try:
        number = phonenumbers.parse(typed, region)
    except phonenumbers.NumberParseException:
        return typed
    if not phonenumbers.is_valid_number(number) or number.extension:
        return typed
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def looks_like_phone(value: str) -> bool:
    """Whether it could be dialled: 5 to 20 digits, and nothing but what people write between them."""
    text = value.strip() if len(value) < 2 * MAX_PHONE else value
    if len(text) > MAX_PHONE or not PHONE_CHARACTERS.fullmatch(text):
        return False
    return 5 <= sum(map(str.isdigit, text)) <= 20


def split_name(full: str) -> tuple[str, str]:
    """First name and the rest: `Ana de la Cruz Ruiz` → Ana, de la Cruz Ruiz. One word is a first name; titles go."""
    text = " ".join(full[: 2 * MAX_NAME].split())[:MAX_NAME]
    first, _, rest = text.partition(" ")
    if not rest or (PLAIN_NAMES.fullmatch(text) and _special().isdisjoint(text.lower().split())):
        return first, rest
    from nameparser import HumanName

    name = HumanName(text)
    last = " ".join(filter(None, (name.middle, name.last, name.suffix)))
    return (name.first, last) if name.first else (last, "")


def looks_like_name(value: str) -> bool:
    """Whether it could be what somebody is called: letters, no address in it, not a sentence."""
    if len(value) > 2 * MAX_NAME:
        return False
    text = value.strip()
    return (
        0 < len(text) <= MAX_NAME
        and any(map(str.isalpha, text))
        and "@" not in text
        and "://" not in text
        and len(text.split()) <= 8
        and not is_nothing(text)
    )


@lru_cache(maxsize=1)
def _special() -> frozenset[str]:
    """The words that nameparser does not take for a name of its own; what has none of them is quickly split."""
    from nameparser.config import CONSTANTS

    listed = (
        CONSTANTS.titles, CONSTANTS.first_name_titles, CONSTANTS.prefixes, CONSTANTS.conjunctions,
        CONSTANTS.suffix_acronyms, CONSTANTS.suffix_not_acronyms, CONSTANTS.bound_first_names,
    )  # fmt: skip
    return BORN.union(*listed)

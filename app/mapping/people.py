"""E-mail addresses and phones brought to one form. Bad values come back as they are, or as nothing.

The libraries for this load slowly, so they are imported where they are first needed, or by `load_libraries`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import islice

from app.mapping.names import split_name
from app.mapping.vocabulary import vocabulary

ADDRESS = re.compile(r"(?<![^\s<>()\[\],;:\"'])[^\s<>()\[\],;:\"'@]{1,64}+@[^\s<>()\[\],;:\"'@]{3,255}+(?!@)")
PLAIN = re.compile(r"([a-z0-9_+-]++(?:\.[a-z0-9_+-]++)*+)(@[a-z0-9-]++(?:\.[a-z0-9-]++)++)")
"""An address whose local part is as good as any other, so that only its domain, which many share, needs a look."""
SOMEBODY = "somebody"
NOTHING = frozenset(
    """- -- --- n/a na n.a. null none undefined nil nan false unknown . / なし 無し 無 无 없음 нет немає brak keine kein
    aucun aucune ninguno ninguna nessuno nessuna nenhum nenhuma geen ingen nincs žádný yok لا لايوجد אין ไม่มี không
    [] {} (none) (empty) [null]""".split()
)
DIGIT = re.compile(r"\d")
PHONE_CHARACTERS = re.compile(
    r"[+(]?[\d\s().\-/+–]*(?:(?:ext|extension|x|#|int|доб|вн|内線|내선|poste|ramal|anexo|dahili|wew|toestel|dw|apparat"
    r"|klappe|linka|lok|local|interno|mell[eé]k|εσωτ|داخلي|שלוחה|ต่อ|分机|分機|转|轉|내선|máy lẻ)"
    r"\.?\s*\d{1,6})?",
    re.IGNORECASE,
)
PHONE_WITHIN = re.compile(r"[+(]?\d[\d ().\-/–]{5,20}\d")
INTERNATIONAL = re.compile(r"\+[1-9][\d .-]{6,20}", re.ASCII)
BLANK = str.maketrans("", "", " .-")
WIDE = str.maketrans("＋－（）　．／−‐‑＃ー", "+-() ./---#-")
SPREADSHEET_NUMBER = re.compile(r"(\d{7,})\.0")
LONG = max(map(len, NOTHING))
MAX_ADDRESS = 640
MAX_NAME = 200
MAX_PHONE = 40


def load_libraries() -> None:
    """Loads what the first submission would have to wait a tenth of a second for."""
    vocabulary()
    split_name("Dr. Ana de la Cruz")
    email("ana@example.com")
    phone("+442079460958", None)


def is_nothing(value: str) -> bool:
    """Whether a value only says that there is none, as integrations do: null, undefined, N/A."""
    return len(value) < MAX_PHONE and len(text := value.strip()) <= LONG and (not text or text.casefold() in NOTHING)


def email(value: str) -> str:
    """The address in `value` (also of `Name <address>` or `mailto:`), its domain in lower case; "" if it is none.

    DNS is not asked, and the reserved `.test` is let through: it may be a trial, never a typing error.
    """
    if len(value) > MAX_ADDRESS or ("@" not in value and "＠" not in value):
        return ""
    text = (value if value.isascii() else _narrow(value)).strip(" \t\r\n.,;").removeprefix("mailto:")
    if (plain := PLAIN.fullmatch(text)) and _is_short(text):
        return plain[1] + domain if (domain := _checked(SOMEBODY + plain[2]).removeprefix(SOMEBODY)) else ""
    return _within(text)


@lru_cache(maxsize=256)
def _within(text: str) -> str:
    is_whole = text.count("@") == 1 and " " not in text
    within = (found[0].rstrip(".") for found in ADDRESS.finditer(text) if "." in found[0])
    candidates = filter(_is_short, (*([text] if is_whole else ()), *islice(within, 1)))
    return next(filter(None, map(_checked, candidates)), "")


@lru_cache(maxsize=1024)
def _checked(address: str) -> str:
    """The address as the library spells it. Visitors share their domains, so these are remembered."""
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(address, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        return ""


def _is_short(address: str) -> bool:
    """Whether an address is within the lengths of RFC 5321 and DNS, beyond which a check only costs time."""
    local, _, domain = address.partition("@")
    return len(address) <= 254 and len(local) <= 64 and max(map(len, domain.split("."))) <= 63


def phone(value: str, region: str | None) -> str:
    """E.164 where the number is valid, by itself or in `region` (ISO 3166); else as typed, without the outer spaces."""
    typed = digits(value)
    if not looks_like_phone(typed):
        return typed
    return _valid_number(typed, region) or typed


def is_valid_phone(value: str) -> bool:
    """Whether a number with its country's code is one that can exist there."""
    return bool(_valid_number(value, None))


def _valid_number(typed: str, region: str | None) -> str:
    if INTERNATIONAL.fullmatch(typed):
        bare = typed.translate(BLANK)
        if (usual := _usual(bare[1:4])) is not None and usual.fullmatch(bare):
            return bare
    elif region is None and not typed.startswith("+"):
        return ""
    import phonenumbers

    try:
        number = phonenumbers.parse(typed, region)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_valid_number(number) or number.extension:
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@lru_cache(maxsize=1024)
def _usual(start: str) -> re.Pattern[str] | None:
    """The landlines and mobiles, in E.164, of the country whose code a number starts with: one look tells most numbers.

    None of them can be read in another way, as one with a prefix for calls within the country. None: no such country.
    """
    import phonenumbers

    code = next(
        (n for n in map(int, (start, start[:2], start[:1])) if n in phonenumbers.COUNTRY_CODE_TO_REGION_CODE), 0
    )
    country = phonenumbers.PhoneMetadata.metadata_for_region(phonenumbers.region_code_for_country_code(code), None)
    if country is None:
        return None
    kinds = (country.fixed_line, country.mobile)
    numbers = "|".join(one.national_number_pattern for one in kinds if one and one.national_number_pattern)
    prefix = f"(?!{country.national_prefix_for_parsing})" if country.national_prefix_for_parsing else ""
    return re.compile(rf"\+{code}{prefix}(?:{numbers})", re.ASCII)


def digits(value: str) -> str:
    """A number as typed, in the digits 0 to 9 whatever the script, and without a spreadsheet's `.0`."""
    text = value.strip()
    if len(text) >= 2 * MAX_PHONE:
        return text
    if not text.isascii():
        text = "".join(str(unicodedata.decimal(char, char)) for char in text.translate(WIDE))
    return SPREADSHEET_NUMBER.sub(r"\1", text) if text.endswith(".0") else text


def phone_within(value: str) -> str:
    """The first number in a short text about one: `Tel. 020 7946 0000 (mornings)`; "" where there is none."""
    text = digits(value)
    found = PHONE_WITHIN.search(text) if len(text) < 2 * MAX_PHONE else None
    return found[0].strip() if found and looks_like_phone(found[0]) else ""


def looks_like_phone(value: str) -> bool:
    """Whether it could be dialled: 5 to 20 digits, and nothing but what people write between them."""
    text = digits(value) if len(value) < 2 * MAX_PHONE else value
    if len(text) > MAX_PHONE or not DIGIT.search(text) or not PHONE_CHARACTERS.fullmatch(text):
        return False
    return 5 <= sum(map(str.isdigit, text)) <= 20


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


def _narrow(text: str) -> str:
    """Full-width letters and signs as ASCII; others stay as they are."""
    return "".join(chr(ord(char) - 0xFEE0) if "！" <= char <= "～" else char for char in text)

"""What the keys of relay.toml can hold: names, headers, secrets, times; and what is said of one that is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationInfo

from app.config.addresses import base_address, split_address
from app.config.environment import read_secret_file
from app.errors import ConfigurationError
from app.lead import FIELDS

DURATION = re.compile(r"(\d{1,6}) ?(s|m|h|d)")
MEDIA_TYPE = re.compile(r"[a-z]+/(?:\*|[a-z0-9][a-z0-9.+-]*)")
OOXML, ODF = "application/vnd.openxmlformats-officedocument", "application/vnd.oasis.opendocument"
FILE_KINDS: Mapping[str, tuple[str, ...]] = {
    "image": ("image/*",),
    "pdf": ("application/pdf",),
    "office": (
        *(
            f"{OOXML}.{one}"
            for one in ("wordprocessingml.document", "spreadsheetml.sheet", "presentationml.presentation")
        ),
        *(f"{ODF}.{one}" for one in ("text", "spreadsheet", "presentation")),
        *("application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint", "application/rtf"),
    ),
    "text": ("text/plain", "text/csv", "text/calendar", "text/vcard", "application/json"),
    "zip": ("application/zip",),
    "audio": ("audio/*", "application/ogg"),
    "video": ("video/*",),
}
"""What files are called in relay.toml → their media types. What a browser would carry out is none of them."""
NAME = re.compile("[a-z0-9][a-z0-9_-]{0,63}")
HEADER = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
IN_A_HEADER = re.compile("[!-~]+")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def is_region(value: object) -> bool:
    """Whether phone numbers can be read as those of that country."""
    from phonenumbers import SUPPORTED_REGIONS

    return isinstance(value, str) and value in SUPPORTED_REGIONS


def _alternatives(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def is_text(value: object) -> bool:
    """Whether there is something in it to read."""
    return isinstance(value, str) and bool(value)


def is_color(value: object) -> bool:
    """Whether it is a colour such as `#1f5fbf`."""
    return isinstance(value, str) and re.fullmatch("#[0-9a-fA-F]{6}", value) is not None


def is_web_address(value: object) -> bool:
    """Whether it is a whole address, such as https://www.example.com/thanks."""
    return isinstance(value, str) and split_address(value) is not None


def is_duration(value: object) -> bool:
    """Whether it is a time such as `15m`."""
    return isinstance(value, str) and DURATION.fullmatch(value) is not None


def _a_duration(value: object) -> object:
    if (found := DURATION.fullmatch(str(value))) is None:
        raise ValueError('expected a time such as "90s", "15m", "2h" or "30d"')
    return timedelta(**{UNITS[found[2]]: int(found[1])})


def _a_secret(value: object, info: ValidationInfo) -> object:
    context = info.context or {}
    return resolve_secret(value, context.get("environ", {}), context.get("folder", Path()))


def resolve_secret(given: object, environ: Mapping[str, str], folder: Path) -> SecretStr:
    """`env:NAME`, `file:PATH` (relative to relay.toml's folder) or the secret itself; ValueError where it is empty."""
    if not isinstance(given, str):
        raise ValueError('expected texts in quotes, such as ["env:TYPEFORM_SECRET"]')  # noqa: TRY004 - pydantic locates a ValueError
    scheme, _, rest = given.partition(":")
    value = given
    if scheme == "env":
        value = environ.get(rest, "")
        if not value.strip():
            raise ValueError(f"env:{rest} names a secret, but neither the environment nor .env sets {rest}")
    elif scheme == "file":
        try:
            value = read_secret_file(folder / rest, given)
        except ConfigurationError as error:
            raise ValueError(str(error)) from error
    if not value.strip():
        raise ValueError("a secret is empty")
    return SecretStr(value)


def _expected(words: str, fits: Callable[[Any], object]) -> AfterValidator:
    """Says what is expected of a value that does not fit."""

    def check(value: Any) -> Any:
        if not fits(value):
            raise ValueError(f"expected {words}")
        return value

    return AfterValidator(check)


Name = Annotated[
    str, _expected("a name of lower-case letters, digits, - and _, as it stands in the address", NAME.fullmatch)
]
Region = Annotated[str, _expected("a country's two letters, such as US, DE or GB (not UK)", is_region)]
Header = Annotated[str, _expected("a header's name, such as X-Relay-Token", HEADER.fullmatch)]
Color = Annotated[str, _expected("a colour such as #1f5fbf", is_color), AfterValidator(str.lower)]
WebAddress = Annotated[
    str, _expected("the whole address of a page, such as https://www.example.com/thanks", is_web_address)
]
BaseAddress = Annotated[str, AfterValidator(base_address)]
Text = Annotated[str, Field(min_length=1)]
Rule = Annotated[str, Field(min_length=1, max_length=2000)]
Rules = Annotated[tuple[Rule, ...], Field(min_length=1), BeforeValidator(_alternatives)]
Secret = Annotated[SecretStr, BeforeValidator(_a_secret)]
IsKey = _expected(
    "a key as it is shown to you: no spaces, and no letters with accents",
    lambda value: IN_A_HEADER.fullmatch(value.get_secret_value()),
)
Key = Annotated[Secret, IsKey]
Id = Annotated[str, _expected("an id such as 653ec43cfdd385da07927d7e", IN_A_HEADER.fullmatch)]
Duration = Annotated[timedelta, BeforeValidator(_a_duration)]
FileType = Annotated[
    str,
    _expected(
        f"one of {', '.join(FILE_KINDS)}, or a media type such as image/png",
        lambda value: value in FILE_KINDS or MEDIA_TYPE.fullmatch(value),
    ),
]
LeadField = Annotated[str, _expected(f"one of {', '.join(FIELDS)}, name", {*FIELDS, "name"}.__contains__)]


class Model(BaseModel):
    """A table of relay.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

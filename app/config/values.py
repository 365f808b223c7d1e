"""What the keys of relay.toml can hold: names, headers, secrets, times; and what is said of one that is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationInfo

from app.config.addresses import split_address
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
IN_A_HEADER = "[!-~]+"
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _a_name(value: str) -> str:
    if not re.fullmatch("[a-z0-9][a-z0-9_-]{0,63}", value):
        raise ValueError("expected a name of lower-case letters, digits, - and _, as it stands in the address")
    return value


def is_region(value: object) -> bool:
    """Whether phone numbers can be read as those of that country."""
    from phonenumbers import SUPPORTED_REGIONS

    return isinstance(value, str) and value in SUPPORTED_REGIONS


def _a_region(value: str) -> str:
    if not is_region(value):
        raise ValueError("expected a country's two letters, such as US, DE or GB (not UK)")
    return value


def _a_header(value: str) -> str:
    if not re.fullmatch(r"[\w!#$%&'*+.^`|~-]+", value, re.ASCII):
        raise ValueError("expected a header's name, such as X-Relay-Token")
    return value


def _alternatives(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _a_lead_field(value: str) -> str:
    if value not in FIELDS and value != "name":
        raise ValueError(f"expected one of {', '.join(FIELDS)}, name")
    return value


def is_text(value: object) -> bool:
    """Whether there is something in it to read."""
    return isinstance(value, str) and bool(value)


def is_color(value: object) -> bool:
    """Whether it is a colour such as `#1f5fbf`."""
    return isinstance(value, str) and re.fullmatch("#[0-9a-fA-F]{6}", value) is not None


def _a_color(value: str) -> str:
    if not is_color(value):
        raise ValueError("expected a colour such as #1f5fbf")
    return value.lower()


def is_web_address(value: object) -> bool:
    """Whether it is a whole address, such as https://www.example.com/thanks."""
    return isinstance(value, str) and split_address(value) is not None


def _a_web_address(value: str) -> str:
    if not is_web_address(value):
        raise ValueError("expected the whole address of a page, such as https://www.example.com/thanks")
    return value


def _file_type(value: str) -> str:
    if value not in FILE_KINDS and not MEDIA_TYPE.fullmatch(value):
        raise ValueError(f"expected one of {', '.join(FILE_KINDS)}, or a media type such as image/png")
    return value


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


def _a_key(value: SecretStr) -> SecretStr:
    if not re.fullmatch(IN_A_HEADER, value.get_secret_value()):
        raise ValueError("expected a key as it is shown to you: no spaces, and no letters with accents")
    return value


def _an_id(value: str) -> str:
    if not re.fullmatch(IN_A_HEADER, value):
        raise ValueError("expected an id such as 653ec43cfdd385da07927d7e")
    return value


Name = Annotated[str, AfterValidator(_a_name)]
Region = Annotated[str, AfterValidator(_a_region)]
Header = Annotated[str, AfterValidator(_a_header)]
Color = Annotated[str, AfterValidator(_a_color)]
WebAddress = Annotated[str, AfterValidator(_a_web_address)]
Text = Annotated[str, Field(min_length=1)]
Rule = Annotated[str, Field(min_length=1, max_length=2000)]
Rules = Annotated[tuple[Rule, ...], Field(min_length=1), BeforeValidator(_alternatives)]
Secret = Annotated[SecretStr, BeforeValidator(_a_secret)]
Key = Annotated[Secret, AfterValidator(_a_key)]
Id = Annotated[str, AfterValidator(_an_id)]
Duration = Annotated[timedelta, BeforeValidator(_a_duration)]
FileType = Annotated[str, AfterValidator(_file_type)]
LeadField = Annotated[str, AfterValidator(_a_lead_field)]


class Model(BaseModel):
    """A table of relay.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

"""What the keys of relay.toml can hold: names, headers, secrets, times; and what is said of one that is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationInfo

from app.errors import ConfigurationError
from app.lead import FIELDS
from app.settings import read_secret_file

DURATION = re.compile(r"(\d{1,6}) ?(s|m|h|d)")
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
Text = Annotated[str, Field(min_length=1)]
Rule = Annotated[str, Field(min_length=1, max_length=2000)]
Rules = Annotated[tuple[Rule, ...], Field(min_length=1), BeforeValidator(_alternatives)]
Secret = Annotated[SecretStr, BeforeValidator(_a_secret)]
Key = Annotated[Secret, AfterValidator(_a_key)]
Id = Annotated[str, AfterValidator(_an_id)]
Duration = Annotated[timedelta, BeforeValidator(_a_duration)]
LeadField = Annotated[str, AfterValidator(_a_lead_field)]


class Model(BaseModel):
    """A table of relay.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

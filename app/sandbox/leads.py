"""A lead as `POST /members/bulk-lead` takes it, strictly, and the member that becomes of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from operator import not_
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.alias_generators import to_camel
from pydantic_core import from_json

EMAIL = re.compile(
    r"""(?!.{255}) (?!\.) (?!.*\.\.) [^\s@<>()\[\]\\,;:"]{1,64} (?<!\.) @
        (?: [^\W_] (?: (?: [^\W_] | - ){0,61} [^\W_] )? \. )+ (?: [^\W\d_]{2,63} | xn--[a-z0-9-]{1,59} )""",
    re.VERBOSE | re.IGNORECASE,
)


def _must(hold: Callable[[Any], object], complaint: str) -> AfterValidator:
    def check(value: Any) -> Any:
        if not hold(value):
            raise ValueError(complaint)
        return value

    return AfterValidator(check)


Text = Annotated[str, _must(str.strip, "should not be empty")]
Email = Annotated[str, _must(EMAIL.fullmatch, "must be an email")]
No = Annotated[bool, _must(not_, "must be false when a lead is created")]


class _Lead(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, alias_generator=to_camel)

    first_name: Text
    last_name: Text
    email: Email
    role: Text
    status: Text = "New"
    contact_no: Text = ""
    source: Text = ""
    position_in_board: float = 1


class NewLead(_Lead):
    """One lead of the array. What may be left out may not be null or blank either."""

    is_converted_client: No


LEADS = TypeAdapter(Annotated[list[NewLead], Field(min_length=1, max_length=500)])


class Member(_Lead):
    """A created lead as the control API shows it and the journal keeps it; an empty string was not sent."""

    model_config = ConfigDict(validate_by_name=True)

    id: str = Field(alias="_id")
    company: str
    created_at: datetime
    contact_no: str
    source: str

    @property
    def name(self) -> str:
        """What AgencyHandy's answer calls it."""
        return f"{self.first_name} {self.last_name}"


def glance(body: bytes) -> tuple[int, list[str]]:
    """How many leads, and which e-mail addresses, somebody tried to send; also in a body that will be refused."""
    try:
        sent = from_json(body)
    except ValueError:
        return 0, []
    leads = sent if isinstance(sent, list) else []
    emails = [lead.get("email") for lead in leads if isinstance(lead, dict)]
    return len(leads), [email for email in emails if isinstance(email, str)]

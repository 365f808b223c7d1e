"""The shapes of AgencyHandy's bulk-lead call: what a lead is on the wire, and what an answer is to us. No I/O."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from app.delivery.pages import read
from app.lead import Lead

NO_NAME = "-"
"""AgencyHandy wants two names: what stands for one that nobody gave."""
MAX_WORDS = 300
MAX_MESSAGE = 10_000
"""Characters of an answer that are looked at for what it means: what matters stands at the beginning."""


class Member(BaseModel):
    """One of `createdMembers`. Neither e-mail nor index are in the answer: the name is all to tell them apart by."""

    id: str = Field(alias="_id")
    name: str


class Created(BaseModel):
    """The documented answer to new leads."""

    members: list[Member] = Field(alias="createdMembers")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request to create leads.

    `status` is None without an answer; `sent` tells then whether it may have been carried out. `members` is None unless
    the body is the documented JSON. `text` is the body, or the error in words.
    """

    status: int | None
    text: str = ""
    sent: bool = True
    members: tuple[Member, ...] | None = None
    retry_after: str = ""
    duration_ms: int = 0


def payload(lead: Lead, role_id: str) -> dict[str, Any]:
    """A lead as AgencyHandy wants it, with the fallbacks for a name that is missing.

    Without any name the first is the e-mail's local part; a single missing one is `-`.
    """
    first = lead.first_name or (NO_NAME if lead.last_name else lead.email.partition("@")[0]) or NO_NAME
    optional = {
        "status": lead.status,
        "contactNo": lead.contact_no,
        "source": lead.source,
        "positionInBoard": lead.position_in_board,
    }
    return {
        "firstName": first,
        "lastName": lead.last_name or NO_NAME,
        "email": lead.email,
        "role": role_id,
        "isConvertedClient": False,
        **{key: value for key, value in optional.items() if value not in {"", None}},
    }


def full_name(lead: Lead) -> str:
    """What `createdMembers` calls a lead: firstName, a space, lastName."""
    sent = payload(lead, "")
    return f"{sent['firstName']} {sent['lastName']}"


def read_members(text: str) -> tuple[Member, ...] | None:
    """`createdMembers` of an answer's body; None where it is not the documented JSON."""
    try:
        return tuple(Created.model_validate_json(text).members)
    except ValidationError:
        return None


def words_of(answer: Answer) -> str:
    """What AgencyHandy said, in one line and bounded."""
    return " ".join(message_of(answer).split())[:MAX_WORDS]


def message_of(answer: Answer) -> str:
    """The message of an answer's JSON, else its text; where that is a web page, what one reads there. Bounded."""
    try:
        message = json.loads(answer.text).get("message", "")
    except (ValueError, AttributeError, RecursionError):
        message = answer.text
    words = "; ".join(map(str, message)) if isinstance(message, list) else str(message)
    return read(words or answer.text)[:MAX_MESSAGE]

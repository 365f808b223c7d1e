"""What an answer of AgencyHandy is taken for: the first column of the table in docs/delivery.md. Pure.

AgencyHandy documents neither its errors nor whether an array is all or nothing, so every possibility has a row.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

from app.delivery.contract import Answer, message_of
from app.lead import Lead

LONGEST_RETRY_AFTER = timedelta(days=1)


class Outcome(StrEnum):
    """What an answer is taken for."""

    CREATED = "created"
    TAKEN = "e-mail taken"
    ROLE = "role refused"
    REFUSED = "refused"
    APART = "sent apart"
    ACCESS = "access refused"
    BUSY = "busy"
    NOT_SENT = "not sent"
    UNKNOWN = "unknown"


OUTCOME_OF_STATUS: dict[int, Outcome] = {
    401: Outcome.ACCESS,
    403: Outcome.ACCESS,
    404: Outcome.ACCESS,
    405: Outcome.ACCESS,
    408: Outcome.BUSY,
    409: Outcome.TAKEN,
    425: Outcome.BUSY,
    429: Outcome.BUSY,
}
OUTCOME_OF_CLASS: dict[int, Outcome] = {3: Outcome.ACCESS, 4: Outcome.REFUSED, 5: Outcome.BUSY}

TAKEN_WORDS = r"((?<!not )(?<!n.t )(?<!no longer )(?<!not already )(?<!not yet )exist|duplicate|unique|taken)"
EMAIL_TAKEN = re.compile(rf"e-?mail.{{0,200}}{TAKEN_WORDS}|{TAKEN_WORDS}.{{0,200}}e-?mail", re.IGNORECASE | re.DOTALL)
ROLE_REFUSED = re.compile(r"\brole", re.IGNORECASE)

WORDS_OF: tuple[tuple[Outcome, frozenset[int], re.Pattern[str]], ...] = (
    (Outcome.TAKEN, frozenset((400, 409, 422)), EMAIL_TAKEN),
    (Outcome.ROLE, frozenset((400, 403, 422)), ROLE_REFUSED),
)
"""What AgencyHandy's words make of a status. Guesses, as no page has them: each answer is kept with its attempt."""


def outcome_of(answer: Answer, leads: Sequence[Lead] = (), taken: re.Pattern[str] | None = None) -> Outcome:
    """What an answer is taken for. Words that AgencyHandy repeats from the leads themselves do not count."""
    if answer.status is None:
        return Outcome.UNKNOWN if answer.sent else Outcome.NOT_SENT
    if 200 <= answer.status < 300:
        return Outcome.UNKNOWN if answer.members is None else Outcome.CREATED
    text = without_own_words(message_of(answer), leads)
    if taken and answer.status in range(400, 500) and taken.search(text):
        return Outcome.TAKEN
    for outcome, statuses, pattern in WORDS_OF:
        if answer.status in statuses and pattern.search(text):
            return outcome
    return OUTCOME_OF_STATUS.get(answer.status) or OUTCOME_OF_CLASS.get(answer.status // 100, Outcome.UNKNOWN)


def without_own_words(text: str, leads: Sequence[Lead]) -> str:
    """An answer's text without the leads' addresses and names, which may be made of any word."""
    own = {word for lead in leads for word in (lead.email, lead.first_name, lead.last_name) if word}
    pattern = "|".join(re.escape(word) for word in sorted(own, key=len, reverse=True))
    return re.sub(rf"(?<!\w)(?:{pattern})(?!\w)", " ", text, flags=re.IGNORECASE) if own else text


def retry_after(header: str, now: datetime) -> timedelta | None:
    """The header's wait, given in seconds or as an HTTP date, bounded; None where there is none to be read."""
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), LONGEST_RETRY_AFTER)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if until.tzinfo is None:
        return None
    return min(max(until - now, timedelta()), LONGEST_RETRY_AFTER)

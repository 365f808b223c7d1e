"""What repeats have in common: the sender's own id for an enquiry, or all that it says. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Final

from app.lead import Lead, LeadState, Reason
from app.sources.base import Inbound, Parsed

NO_ID: Final = re.compile(r"[0-]*|\W*(test|null|none|nil|undefined|nan|n/a|example|sample|string)\W*", re.IGNORECASE)
"""What stands in an id's place when a provider tries a hook, or a builder has a variable that is empty."""


def identity(inbound: Inbound, parsed: Parsed, leads: tuple[Lead, ...]) -> tuple[list[str], bool]:
    """What a repeat would have in common with this, and whether its sender gave it an id, which counts for ever.

    An id counts for the same enquiry of the same people only: a constant id, as some builders send, swallows nobody.
    What is quarantined stands apart (see `read`): what proves nothing must not make the good one after it a repeat.
    """
    key = inbound.headers.get("idempotency-key", "").strip() or parsed.event_id or ""
    if key and not NO_ID.fullmatch(key):
        return ["id", key, *sorted(map(_enquiry, leads))], True
    if any(lead.email or lead.contact_no or lead.first_name for lead in leads):
        return ["content", *(part for lead in leads for part in _content(lead))], False
    return ["body", hashlib.sha256(inbound.body).hexdigest()], False


def _enquiry(lead: Lead) -> str:
    """Who asks for what; of somebody who cannot be told apart, everything that was sent."""
    if not (lead.email or lead.contact_no):
        return "\x1f".join(_content(lead))
    who = (lead.email.casefold(), lead.contact_no, lead.first_name, lead.last_name)
    return "\x1f".join((*who, lead.message))


def _content(lead: Lead) -> Iterator[str]:
    """All that a lead says; no control's value, which differs each time. Spam is told apart by the store (`adding`)."""
    state = LeadState.PENDING if lead.state is LeadState.SPAM else lead.state
    yield from (state, lead.email, lead.first_name, lead.last_name, lead.contact_no, lead.message, lead.source)
    yield from (f"{name}={value}" for name, value in lead.utm.items())
    yield from (f"{one.key}={one.value}" for one in lead.extra)
    if lead.reason.startswith(Reason.NEEDS_FETCHING):
        yield lead.reason


def digest(*parts: str) -> str:
    """One hash of all the parts; their lengths keep them apart."""
    spelled = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(spelled.encode("utf-8", "surrogatepass")).hexdigest()

"""What makes a request a repeat of one before: the id that its sender gave it, or what it says. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Final

from app.config.endpoints import Endpoint
from app.lead import Lead, LeadState, Reason
from app.sources.base import Inbound, Parsed

KEY_FIELD: Final = "_idempotency_key"
NO_ID: Final = re.compile(r"[0-]*|\W*(test|null|none|nil|undefined|nan|n/a|example|sample|string)\W*", re.IGNORECASE)
"""What stands in an id's place when a provider tries a hook, or a builder has a variable that is empty."""


def identity(inbound: Inbound, endpoint: Endpoint, parsed: Parsed, leads: tuple[Lead, ...]) -> tuple[list[str], bool]:
    """What a repeat would have in common with this, and whether its sender gave it an id, which counts for ever.

    An id counts for the same enquiry of the same people only: a constant id, as some builders send, swallows nobody.
    What is quarantined stands apart (see `reader.read`): what proves nothing must not make the good one a repeat.
    """
    key = inbound.headers.get("idempotency-key", "").strip()
    if not key and endpoint.kind == "form":
        key = _key_field(parsed)
    if (id_ := key or parsed.event_id or "") and not NO_ID.fullmatch(id_):
        return ["id", id_, *sorted(map(_enquiry, leads))], True
    if any(lead.email or lead.contact_no or lead.first_name for lead in leads):
        return ["content", *(part for lead in leads for part in _content(lead))], False
    return ["body", hashlib.sha256(inbound.body).hexdigest()], False


def _key_field(parsed: Parsed) -> str:
    """The key that a form carries in a field, as a plain post has no headers of its own; empty where it has none."""
    data = parsed.entries[0].data if parsed.entries else {}
    key = data.get(KEY_FIELD) if isinstance(data, Mapping) else None
    return key.strip() if isinstance(key, str) else ""


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

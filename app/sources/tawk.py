"""`tawk`: https://developer.tawk.to/webhooks/

The visitor of a chat, or who wrote a ticket; the agent is nobody's lead.
"""

from __future__ import annotations

from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone, of_event
from app.sources.parts import entry, like, part, text
from app.sources.signatures import Hmac

NEW = frozenset(("chat:start", "ticket:create"))
TRANSCRIPT = "chat:transcript_created"


def parse(inbound: Inbound) -> Parsed:
    """Who began a chat or wrote a ticket, and with which words."""
    data = load(inbound).data
    id_ = inbound.headers.get("x-hook-event-id")
    event = text(data, "event")
    if not event or not isinstance(data, dict):
        return anyone(inbound)
    if event == TRANSCRIPT:
        said = entry(data, "chat.visitor.name", "chat.visitor.email", "chat.visitor.phone")
        return Parsed((said,), id_, hold="a chat's transcript, whose beginning may have come before")
    if event not in NEW:
        return of_event(inbound, "tawk.to", event, id_)
    person = "requester" if isinstance(part(data, "requester"), dict) else "visitor"
    said = entry(data, f"{person}.name", f"{person}.email", f"{person}.phone", "message.text", "ticket.message")
    return Parsed((said,), id_)


TAWK = Source(
    "tawk",
    Hmac("X-Tawk-Signature", algorithm="sha1").verify,
    parse,
    like(header="x-tawk-signature"),
    also=("tawk.to",),
)

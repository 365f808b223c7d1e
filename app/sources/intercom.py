"""`intercom`: https://developers.intercom.com/docs/references/webhooks/webhook-models. The contact is `data.item`."""

from __future__ import annotations

from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone, of_event
from app.sources.parts import entry, id_at, like, part, text
from app.sources.signatures import Hmac

NEW = frozenset(
    ("contact.created", "contact.user.created", "contact.lead.created", "contact.lead.added_email",
     "contact.lead.signed_up", "user.created", "visitor.signed_up", "conversation.user.created")
)  # fmt: skip


def parse(inbound: Inbound) -> Parsed:
    """A new contact, or who began a conversation and with what."""
    data = load(inbound).data
    item = part(data, "data.item")
    if not isinstance(item, dict):
        if text(data, "topic") == "ping":
            return Parsed((), id_at(data, "id"), note="Intercom's test")
        return anyone(inbound)
    topic = text(data, "topic")
    id_ = id_at(data, "id")
    if topic not in NEW:
        return of_event(inbound, "Intercom", topic, id_)
    person = next((one for one in ("user", "contact", "source.author") if isinstance(part(item, one), dict)), "")
    above = f"{person}." if person else ""
    said = [f"{above}{name}" for name in ("name", "email", "phone", "custom_attributes")]
    return Parsed((entry(item, *said, "source.body", "conversation_message.body"),), id_)


INTERCOM = Source(
    "intercom",
    Hmac("X-Hub-Signature", algorithm="sha1", prefix="sha1=").verify,
    parse,
    like("topic", "app_id", "delivery_attempts"),
)

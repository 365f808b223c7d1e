"""`crisp`: https://docs.crisp.chat/guides/web-hooks/. Who writes in a chat; operators and automatic lines are not."""

from __future__ import annotations

from app.lead import Field
from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone, of_event
from app.sources.parts import entry, like, part, text, without
from app.sources.signatures import Hmac

NEW = frozenset(("message:send", "session:set_email", "session:set_phone", "session:request:initiated"))

NICKNAMES = ("data.user.nickname", "data.nickname")
PERSON = ("data.user.email", "data.user.phone", "data.email", "data.phone")


def parse(inbound: Inbound) -> Parsed:
    """What a visitor wrote, and how they are called."""
    data = load(inbound).data
    if not isinstance(part(data, "data"), dict) or ":" not in (event := text(data, "event")):
        return anyone(inbound)
    if text(data, "data.from") == "operator":
        return Parsed((), note=f"Crisp sent {event[:100]} of an operator")
    if event not in NEW:
        return of_event(inbound, "Crisp", event)
    named = (Field("name", name, "Name") for path in NICKNAMES if (name := text(data, path)))
    return Parsed((entry(without(data, *NICKNAMES), *PERSON, "data.content", more=named),))


CRISP = Source(
    "crisp",
    Hmac("X-Crisp-Signature", signed="[{timestamp};{body}]", timestamp="X-Crisp-Request-Timestamp").verify,
    parse,
    like("website_id", "event", "data", header="x-crisp-signature"),
)

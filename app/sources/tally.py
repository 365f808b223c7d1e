"""`tally`: https://tally.so/help/webhooks. Choices are ids of options, and each comes once more as a yes or no."""

from __future__ import annotations

from app.sources.answers import fields_of
from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone
from app.sources.parts import entry, id_at, like, part, rows, text, without
from app.sources.signatures import Hmac


def parse(inbound: Inbound) -> Parsed:
    """The answers of a response; no other event is known, so what is none is held."""
    data = load(inbound).data
    if not isinstance(part(data, "data.fields"), list):
        return anyone(inbound)
    id_ = id_at(data, "eventId", "data.submissionId")
    event = text(data, "eventType")
    hold = "" if event == "FORM_RESPONSE" else f"Tally sent {event[:100]}"
    said = [one for one in rows(data, "data.fields") if not isinstance(one.get("value"), bool)]
    return Parsed((entry(without(data, "data.fields"), more=fields_of(said)),), id_, hold=hold)


TALLY = Source(
    "tally",
    Hmac("Tally-Signature", encoding="base64").verify,
    parse,
    like("eventId", "eventType", "data.fields", header="tally-signature"),
)

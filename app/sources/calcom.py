"""`calcom`: https://cal.com/docs/developing/guides/automation/webhooks. The organizer is the host, never the lead."""

from __future__ import annotations

from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone
from app.sources.parts import entry, id_at, like, part, text
from app.sources.signatures import Hmac

NEW = frozenset(
    ("BOOKING_CREATED", "BOOKING_REQUESTED", "BOOKING_RESCHEDULED", "FORM_SUBMITTED", "FORM_SUBMITTED_NO_EVENT",
     "INSTANT_MEETING")
)  # fmt: skip
"""The events that somebody asked for something; the others are about a booking that is there."""

BESIDE = ("userFieldsResponses", "customInputs", "additionalNotes")


def parse(inbound: Inbound) -> Parsed:
    """Whoever booked, or filled in a routing form. A custom template is read as anybody's JSON."""
    data = load(inbound).data
    booking = part(data, "payload")
    event = text(data, "triggerEvent")
    if not isinstance(booking, dict) or not event:
        return anyone(inbound)
    if event not in NEW:
        return Parsed((), id_at(booking, "uid"), note=f"Cal.com sent {event[:100]}, which brings no new lead")
    asked = next((key for key in ("responses", "attendees") if isinstance(booking.get(key), dict | list)), "")
    said = [asked, *BESIDE] if asked else [(key,) for key in booking]  # older routing forms: the answers alone
    return Parsed((entry(booking, *said),), id_at(booking, "uid", "id"))


CALCOM = Source(
    "calcom",
    Hmac("X-Cal-Signature-256").verify,
    parse,
    like("triggerEvent", "payload", header="x-cal-signature-256"),
    also=("cal.com", "cal-com"),
)

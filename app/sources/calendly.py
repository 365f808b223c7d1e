"""`calendly`: https://developer.calendly.com/api-docs. Who was invited is the lead, whoever hosts the event is not."""

from __future__ import annotations

from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone, of_event
from app.sources.parts import entry, id_at, like, part, text
from app.sources.signatures import Hmac

NEW = frozenset(("invitee.created", "routing_form_submission.created"))
OWN = ("invitee", "routing_form", "event_type", "user")
"""How all its events begin; what begins otherwise is another's."""
PERSON = ("first_name", "last_name", "name", "email", "text_reminder_number")
SAID = ("questions_and_answers", "tracking")


def parse(inbound: Inbound) -> Parsed:
    """The invitee; also in the older shape, where `payload.invitee` is one."""
    data = load(inbound).data
    invited = part(data, "payload")
    if not isinstance(invited, dict):
        return anyone(inbound)
    id_ = id_at(invited, "uri", "invitee.uri", "invitee.uuid")
    if not (event := text(data, "event")).startswith(OWN):
        return anyone(inbound)
    if event not in NEW:
        return of_event(inbound, "Calendly", event, id_)
    invited = {key: value for key, value in invited.items() if key != "questions_and_responses"}  # the same, again
    above = "invitee." if isinstance(invited.get("invitee"), dict) else ""
    return Parsed((entry(invited, *(above + name for name in PERSON), *SAID),), id_)


CALENDLY = Source(
    "calendly",
    Hmac("Calendly-Webhook-Signature", signed="{timestamp}.{body}", pair=("t", "v1")).verify,
    parse,
    like("event", "payload.event_type", header="calendly-webhook-signature"),
)

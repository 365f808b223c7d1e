"""`surveymonkey`: https://api.surveymonkey.com/v3/docs#webhook-callbacks. Ids only. The key is `clientid&secret`."""

from __future__ import annotations

from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone
from app.sources.parts import id_at, like, text
from app.sources.signatures import Hmac


def parse(inbound: Inbound) -> Parsed:
    """The id of a completed response."""
    data = load(inbound).data
    event = text(data, "event_type")
    response = text(data, "object_id")
    if not event or not response:
        return anyone(inbound)
    id_ = id_at(data, "event_id")
    if event != "response_completed":
        return Parsed((), id_, note=f"SurveyMonkey sent {event[:100]}, which brings no new lead")
    return Parsed((), id_, to_fetch=(response,))


SURVEYMONKEY = Source(
    "surveymonkey",
    Hmac("Sm-Signature", algorithm="sha1", encoding="base64").verify,
    parse,
    like("object_type", "event_type", "filter_id", header="sm-signature"),
)

"""`framer`: https://www.framer.com/help/articles/webhooks-in-framer-forms/. Flat fields; the id stands in a header."""

from __future__ import annotations

from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import entries_of, load
from app.sources.parts import like
from app.sources.signatures import Hmac

ID = "framer-webhook-submission-id"


def parse(inbound: Inbound) -> Parsed:
    """The form's fields, as the page names them."""
    return Parsed(entries_of(load(inbound)), inbound.headers.get(ID))


FRAMER = Source(
    "framer",
    Hmac("Framer-Signature", prefix="sha256=", signed=f"{{body}}{{{ID}}}").verify,
    parse,
    like(header=ID),
)

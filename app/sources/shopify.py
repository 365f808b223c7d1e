"""`shopify`: https://shopify.dev/docs/api/webhooks

Customers and orders; the topic and the delivery's id are headers.
"""

from __future__ import annotations

from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone, of_event
from app.sources.parts import entry, like, part, text
from app.sources.signatures import Hmac

NEW = (
    "customers/create",
    "orders/create",
    "checkouts/create",
    "draft_orders/create",
    "customer.joined",
    "customers/enable",
)
PERSON = ("first_name", "last_name", "email", "phone")


def parse(inbound: Inbound) -> Parsed:
    """A new customer, or who ordered, with the note that was left."""
    id_ = inbound.headers.get("x-shopify-webhook-id")
    topic = inbound.headers.get("x-shopify-topic", "")
    if topic and topic not in NEW:
        return of_event(inbound, "Shopify", topic, id_)
    data = load(inbound).data
    if not isinstance(data, dict):
        return anyone(inbound)
    above = "customer." if isinstance(part(data, "customer"), dict) else ""
    said = [above + name for name in PERSON]
    said += ["email", "phone", "billing_address.phone"] if above else ["default_address.phone", "billing_address.phone"]
    if not (text(data, f"{above}first_name") or text(data, f"{above}last_name")):
        addresses = ("billing_address", f"{above}default_address")
        named = next(
            (one for one in addresses if text(data, f"{one}.first_name") or text(data, f"{one}.last_name")), ""
        )
        said += [f"{named}.{name}" for name in ("first_name", "last_name", "phone")] if named else []
    return Parsed((entry(data, *said, "note", "note_attributes"),), id_)


SHOPIFY = Source(
    "shopify",
    Hmac("X-Shopify-Hmac-Sha256", encoding="base64").verify,
    parse,
    like(header="x-shopify-topic"),
)

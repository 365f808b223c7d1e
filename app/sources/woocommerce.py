"""`woocommerce`: https://woocommerce.github.io/woocommerce-rest-api-docs/#webhooks

Customers and orders; a ping on save.
"""

from __future__ import annotations

from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone
from app.sources.parts import entry, like, part
from app.sources.signatures import Hmac

NEW = frozenset(("customer.created", "order.created", ""))
PERSON = ("first_name", "last_name", "email", "phone")


def parse(inbound: Inbound) -> Parsed:
    """A new customer, or who is billed, with the note that was left."""
    id_ = inbound.headers.get("x-wc-webhook-delivery-id")
    topic = inbound.headers.get("x-wc-webhook-topic", "")
    data = load(inbound).data
    if isinstance(data, dict) and data.keys() == {"webhook_id"}:
        return Parsed((), id_, note="WooCommerce's ping")
    if topic not in NEW:
        return Parsed((), id_, note=f"WooCommerce sent {topic[:100]}, which brings no new lead")
    if not isinstance(data, dict):
        return anyone(inbound)
    billed = [f"billing.{name}" for name in PERSON] if part(data, "billing.email") else []
    return Parsed((entry(data, *(billed or PERSON), "billing.phone", "customer_note"),), id_)


WOOCOMMERCE = Source(
    "woocommerce",
    Hmac("X-WC-Webhook-Signature", encoding="base64").verify,
    parse,
    like(header="x-wc-webhook-topic"),
)

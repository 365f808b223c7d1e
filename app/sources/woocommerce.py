"""`woocommerce`: https://woocommerce.github.io/woocommerce-rest-api-docs/#webhooks

Customers and orders; a ping on save.
"""

from __future__ import annotations

from typing import Any

from app.errors import SourceError
from app.sources.base import Credentials, Inbound, Parsed, Reply, Source
from app.sources.bodies import load
from app.sources.envelope import anyone, of_event
from app.sources.parts import entry, like, part, text
from app.sources.signatures import Hmac

NEW = frozenset(("customer.created", "order.created", ""))
PERSON = ("first_name", "last_name", "email", "phone")


def handshake(inbound: Inbound, credentials: Credentials) -> Reply | None:
    """The answer to the ping that comes unsigned when the hook is saved: without a 200 it is an error there."""
    try:
        data = load(inbound).data if inbound.body else None
    except SourceError:
        data = None
    return Reply() if _is_ping(data) else None


def parse(inbound: Inbound) -> Parsed:
    """A new customer, or who is billed, with the note that was left."""
    id_ = inbound.headers.get("x-wc-webhook-delivery-id")
    topic = inbound.headers.get("x-wc-webhook-topic", "")
    data = load(inbound).data
    if _is_ping(data):
        return Parsed((), id_, note="WooCommerce's ping")
    if topic not in NEW:
        return of_event(inbound, "WooCommerce", topic, id_)
    if not isinstance(data, dict):
        return anyone(inbound)
    billed = [f"billing.{name}" for name in PERSON] if part(data, "billing.email") else []
    return Parsed((entry(data, *(billed or PERSON), "billing.phone", "customer_note"),), id_)


def _is_ping(data: Any) -> bool:
    return isinstance(data, dict) and data.keys() == {"webhook_id"} and text(data, "webhook_id").isdigit()


def _looks_like(inbound: Inbound, data: object) -> bool:
    return _is_ping(data) or like(header="x-wc-webhook-topic")(inbound, data)


WOOCOMMERCE = Source(
    "woocommerce",
    Hmac("X-WC-Webhook-Signature", encoding="base64").verify,
    parse,
    _looks_like,
    handshake,
)

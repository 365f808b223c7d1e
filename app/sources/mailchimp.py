"""`mailchimp`: https://mailchimp.com/developer/marketing/guides/sync-audience-data-webhooks/

A form; no signature, no id.
"""

from __future__ import annotations

from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone, of_event
from app.sources.parts import entry, like, part, text
from app.sources.signatures import token


def parse(inbound: Inbound) -> Parsed:
    """Who subscribed; `data[id]` is that person's, not the event's."""
    data = load(inbound).tree
    if not isinstance(part(data, "data"), dict):
        return anyone(inbound)
    if (event := text(data, "type")) != "subscribe":
        return of_event(inbound, "Mailchimp", event)
    return Parsed((entry(data, "data.merges", "data.email"),))


MAILCHIMP = Source("mailchimp", token, parse, like("type", "data.list_id", "fired_at"))

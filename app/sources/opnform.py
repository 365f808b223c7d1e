"""`opnform`: https://help.opnform.com/en/article/webhooks. `data` has the answers; `message` is a note of its own."""

from __future__ import annotations

from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone
from app.sources.parts import entry, id_at, like, part, without
from app.sources.signatures import Hmac


def parse(inbound: Inbound) -> Parsed:
    """The answers; `submission` says the same, and is old."""
    data = load(inbound).data
    if not isinstance(data, dict) or not isinstance(part(data, "form_slug"), str):
        return anyone(inbound)
    kept = without(data, "submission") if part(data, "data") else data
    return Parsed((entry(kept, "data", "submission"),), id_at(data, "submission_id"))


OPNFORM = Source(
    "opnform", Hmac("X-Webhook-Signature", prefix="sha256=").verify, parse, like("form_title", "form_slug")
)

"""`google-ads`: https://developers.google.com/google-ads/webhook/docs/implementation

Columns; the key is in the body.
"""

from __future__ import annotations

from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone
from app.sources.parts import entry, id_at, like, part
from app.sources.signatures import body_key


def parse(inbound: Inbound) -> Parsed:
    """A lead form's columns; none of a test lead."""
    data = load(inbound).data
    if not isinstance(part(data, "user_column_data"), list):
        return anyone(inbound)
    if part(data, "is_test") is True:
        return Parsed((), id_at(data, "lead_id"), note="a test lead of Google Ads")
    return Parsed((entry(data, "user_column_data"),), id_at(data, "lead_id"))


GOOGLE_ADS = Source("google-ads", body_key("google_key", load), parse, like("user_column_data", "lead_id"))

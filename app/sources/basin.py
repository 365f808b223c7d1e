"""`basin`: https://docs.usebasin.com/integrations/webhooks

JSON, JSON wrapped in `data`, or a form; retried for a day.
"""

from __future__ import annotations

from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import entries_of, load
from app.sources.parts import id_at, like
from app.sources.signatures import Hmac


def parse(inbound: Inbound) -> Parsed:
    """The form's fields, as its page names them."""
    body = load(inbound)
    return Parsed(entries_of(body), id_at(body.data, "id", "data.id"))


BASIN = Source("basin", Hmac("X-Basin-Signature", prefix="sha256=").verify, parse, like(header="x-basin-signature"))

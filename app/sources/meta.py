"""`meta`: https://developers.facebook.com/docs/marketing-api/guides/lead-ads/retrieving. Ids only, which are fetched.

What the API answers, and what an automation made of it, are read as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.sources.base import Fetch, Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone, handshake
from app.sources.parts import entry, id_at, like, part, rows, text
from app.sources.signatures import Hmac


def parse(inbound: Inbound) -> Parsed:
    """The ids of new leads; or one lead, as the API or an automation tells it."""
    data = load(inbound).data
    if text(data, "object") == "page" and isinstance(part(data, "entry"), list):
        ids = tuple(_leadgen_ids(data))
        return Parsed((), ",".join(ids[:5]) or None, "" if ids else "Meta sent no new lead", to_fetch=ids)
    if isinstance(part(data, "field_data"), list):
        return Parsed((entry(data, "field_data"),), id_at(data, "id", "leadgen_id"))
    found = anyone(inbound)
    return Parsed(found.entries, id_at(data, "leadgen_id", "lead_id", "id"), hold=found.hold)


def _leadgen_ids(data: Any) -> Iterator[str]:
    for page in rows(data, "entry"):
        for change in rows(page, "changes"):
            if text(change, "field") == "leadgen" and (id_ := text(change, "value.leadgen_id")):
                yield id_


def _looks_like(inbound: Inbound, data: object) -> bool:
    is_page = text(data, "object") == "page" and isinstance(part(data, "entry"), list)
    return is_page or like("field_data", "created_time")(inbound, data)


META = Source(
    "meta",
    Hmac("X-Hub-Signature-256", prefix="sha256=").verify,
    parse,
    _looks_like,
    handshake,
    Fetch(
        "https://graph.facebook.com/v23.0",
        "/{id}?fields=id,created_time,field_data,ad_name,campaign_name,form_id,platform",
    ),
    also=("meta-lead-ads", "facebook"),
)

"""`unbounce`: https://documentation.unbounce.com/docs/using-webhooks

A form whose `data.json` says it all, in lists.
"""

from __future__ import annotations

from app.sources.answers import embedded
from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone
from app.sources.parts import beside, entry
from app.sources.signatures import token
from app.sources.trees import entry_of

COPIES = ("data.json", "data.xml")
PAGE = ("page_id", "page_uuid", "page_name", "page_url", "variant", "ip_address", "date_submitted", "time_submitted")


def parse(inbound: Inbound) -> Parsed:
    """The page's fields."""
    data = load(inbound).data
    said = embedded(data["data.json"]) if isinstance(data, dict) and isinstance(data.get("data.json"), str) else None
    if not isinstance(said, dict):
        return anyone(inbound)
    asked = [(key,) for key in said if key not in PAGE]
    again = {*COPIES, *said}
    around = {key: value for key, value in data.items() if key not in again}
    found = entry(said, *asked)
    return Parsed((entry_of([*found.fields, *beside(around)], data),))


def _looks_like(inbound: Inbound, data: object) -> bool:
    return isinstance(data, dict) and "data.json" in data


UNBOUNCE = Source("unbounce", token, parse, _looks_like)

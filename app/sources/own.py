"""`api`: what programs send to the relay's own API, by the names of a lead's fields. No hook can be of this source."""

from __future__ import annotations

from typing import Any

from app.errors import Unreadable
from app.lead import Entry
from app.sources.answers import fields_of
from app.sources.base import Credentials, Inbound, Parsed, Source
from app.sources.trees import MAX_ENTRIES, MAX_FIELDS_TOGETHER, entry_of, read_json

AROUND = ("endpoint", "leads")
"""Keys that are about the request."""


def parse(inbound: Inbound) -> Parsed:
    """An entry for each lead, in order."""
    data = read_json(inbound.body)
    rows = data.get("leads", [data]) if isinstance(data, dict) else []
    if not (isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows)):
        raise Unreadable('the body is neither a lead nor {"leads": […]}')
    if len(rows) > MAX_ENTRIES:
        raise Unreadable(f"the array holds {len(rows)} leads; {MAX_ENTRIES} is the most at once")
    entries = tuple(_entry(row) for row in rows)
    if sum(len(entry.fields) for entry in entries) > MAX_FIELDS_TOGETHER:
        raise Unreadable(f"the leads have more than {MAX_FIELDS_TOGETHER} fields together")
    return Parsed(entries)


def _entry(row: dict[str, Any]) -> Entry:
    own = {key: value for key, value in row.items() if key not in AROUND}
    return entry_of(fields_of(own), own)


def _proved(inbound: Inbound, credentials: Credentials, now: object) -> None:
    """Its token was looked at before."""


OWN = Source("api", _proved, parse)

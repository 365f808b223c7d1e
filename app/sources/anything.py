"""`json`: any other server. JSON above all, though forms and text are read as well."""

from __future__ import annotations

from app.sources import signatures
from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import read_entries


def parse(inbound: Inbound) -> Parsed:
    """An entry for an object, one each for an array of objects."""
    return Parsed(read_entries(inbound))


JSON = Source("json", signatures.token, parse)

"""`html`: a form on any website, posted by a browser or by a script, in whatever encoding it chose.

A visitor proves nothing, and a form asks for nothing; a hook that reads forms takes a token like any other.
"""

from __future__ import annotations

from app.sources import signatures
from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import read_entries


def parse(inbound: Inbound) -> Parsed:
    """One entry of the form's fields. The constant ids that builders post (`id=form01`) are not ids of a request."""
    return Parsed(read_entries(inbound))


HTML = Source("html", signatures.token, parse)

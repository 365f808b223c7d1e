"""`html`: a form on any website, posted by a browser or by a script, in whatever encoding it chose."""

from __future__ import annotations

from datetime import datetime

from app.sources.base import Credentials, Inbound, Parsed, Source
from app.sources.bodies import read_entries


def verify(inbound: Inbound, credentials: Credentials, now: datetime) -> None:
    """A visitor proves nothing; origins and spam are judged at the form."""


def parse(inbound: Inbound) -> Parsed:
    """One entry of the form's fields. The constant ids that builders post (`id=form01`) are not ids of a request."""
    return Parsed(read_entries(inbound))


HTML = Source("html", verify, parse)

"""`json`: any other server. JSON above all, though forms and text are read as well."""

from __future__ import annotations

from app.errors import SourceError
from app.sources.base import Credentials, Inbound, Parsed, Reply, Source
from app.sources.bodies import entries_of, load
from app.sources.envelope import challenge, event_id, not_a_lead
from app.sources.signatures import token


def parse(inbound: Inbound) -> Parsed:
    """Whoever is in it, with the id and the kind of event that usual names tell."""
    body = load(inbound)
    return Parsed(entries_of(body), event_id(inbound, body.tree), hold=not_a_lead(body.tree))


def handshake(inbound: Inbound, credentials: Credentials) -> Reply | None:
    """The answer to the usual challenges."""
    try:
        data = load(inbound).tree if inbound.body else None
    except SourceError:
        data = None
    return challenge(inbound, data)


JSON = Source("json", token, parse, handshake=handshake)

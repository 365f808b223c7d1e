"""What arrived → who it is about. Pure; one short file a provider; no source knows another."""

from app.errors import SourceError
from app.sources.anything import JSON
from app.sources.base import Inbound, Source
from app.sources.bodies import load
from app.sources.html import HTML
from app.sources.typeform import TYPEFORM
from app.sources.zapier import ZAPIER

ALL = (HTML, JSON, TYPEFORM, ZAPIER)
SOURCES: dict[str, Source] = {name: source for source in ALL for name in (source.name, *source.also)}
"""Every source by each name that relay.toml may call it."""
NAMES = ("auto", *SOURCES)


def source_of(name: str, inbound: Inbound) -> Source:
    """The source of that name; for `auto` the one that the request looks like, else `json`."""
    if name != "auto":
        return SOURCES[name]
    try:
        data = load(inbound).tree if inbound.body else None
    except SourceError:
        data = None
    return next((source for source in ALL if source.looks_like(inbound, data)), JSON)

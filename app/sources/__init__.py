"""What arrived → who it is about. Pure; one short file a provider; no source knows another."""

from app.sources.anything import JSON
from app.sources.base import Source
from app.sources.html import HTML
from app.sources.typeform import TYPEFORM
from app.sources.zapier import ZAPIER

ALL = (HTML, JSON, TYPEFORM, ZAPIER)
SOURCES: dict[str, Source] = {name: source for source in ALL for name in (source.name, *source.also)}
"""Every source by each name that relay.toml may call it."""

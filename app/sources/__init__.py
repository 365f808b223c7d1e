"""What arrived → who it is about. Pure; one short file a provider; no source knows another."""

from app.sources.anything import JSON
from app.sources.base import Source
from app.sources.html import HTML
from app.sources.typeform import TYPEFORM
from app.sources.zapier import ZAPIER

SOURCES: dict[str, Source] = {source.name: source for source in (HTML, JSON, TYPEFORM, ZAPIER)}
"""Every source by the name that relay.toml calls it."""

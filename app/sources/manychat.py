"""`manychat`: https://support.manychat.com. Full contact data, or keys of one's own. The contact's id is no event's."""

from __future__ import annotations

from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import entries_of, load
from app.sources.parts import like
from app.sources.signatures import token


def parse(inbound: Inbound) -> Parsed:
    """The contact."""
    return Parsed(entries_of(load(inbound)))


MANYCHAT = Source("manychat", token, parse, like("id", "last_input_text", "live_chat_url"))

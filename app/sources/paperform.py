"""`paperform`: https://paperform.co/help/articles/webhooks/

Answers in `data`; the device and the campaign beside them.
"""

from __future__ import annotations

from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone
from app.sources.parts import entry, id_at, like, part, text
from app.sources.signatures import token


def parse(inbound: Inbound) -> Parsed:
    """A submission. A partial one has no id, and is none yet."""
    data = load(inbound).data
    if not isinstance(part(data, "data"), list):
        return anyone(inbound)
    id_ = id_at(data, "submission_id")
    if "partial" in text(data, "trigger"):
        return Parsed((), id_, note="Paperform sent a partial submission")
    return Parsed((entry(data, "data"),), id_)


PAPERFORM = Source("paperform", token, parse, like("data", "form_id", "trigger", "device"))

"""`formspree`: https://help.formspree.io/hc/en-us/articles/360015130174

A form's fields; the hook's secret is echoed.
"""

from __future__ import annotations

from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone, handshake
from app.sources.parts import entry, id_at, like, part
from app.sources.signatures import token


def parse(inbound: Inbound) -> Parsed:
    """What the form holds; a post of the form itself is read as such."""
    data = load(inbound).data
    if not isinstance(part(data, "submission"), dict):
        return anyone(inbound)
    return Parsed((entry(data, "submission"),), id_at(data, "id", "submission.id", "submission._id"))


FORMSPREE = Source("formspree", token, parse, like("form", "submission._date"), handshake)

"""`heyflow`: https://help.heyflow.com/webhooks

Fields as a list of answers, or by their labels; its test has one id.
"""

from __future__ import annotations

from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone
from app.sources.parts import entry, id_at, like, part
from app.sources.signatures import token

TEST_ID = "demo-response-id"


def parse(inbound: Inbound) -> Parsed:
    """A response's fields; none of a test."""
    data = load(inbound).data
    if not isinstance(part(data, "fields"), dict | list):
        return anyone(inbound)
    id_ = id_at(data, "id")
    if id_ == TEST_ID:
        return Parsed((), note="Heyflow's test")
    return Parsed((entry(data, "fields"),), id_)


def _looks_like(inbound: Inbound, data: object) -> bool:
    return like("flowId", "fields")(inbound, data) or like("flowID", "fields")(inbound, data)


HEYFLOW = Source("heyflow", token, parse, _looks_like)

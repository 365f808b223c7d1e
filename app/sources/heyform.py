"""`heyform`: https://docs.heyform.net

Answers with rich-text titles; `fields` are the questions, without what was said.
"""

from __future__ import annotations

from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone
from app.sources.parts import entry, id_at, like, part, without
from app.sources.signatures import token


def parse(inbound: Inbound) -> Parsed:
    """The answers of a submission."""
    data = load(inbound).data
    if not isinstance(part(data, "answers"), list):
        return anyone(inbound)
    return Parsed((entry(without(data, "fields"), "answers", "hiddenFields"),), id_at(data, "id"))


HEYFORM = Source("heyform", token, parse, like("formId", "answers", "fields"))

"""`fillout`: https://www.fillout.com/help/webhook. Questions in a list; the address's parameters in another."""

from __future__ import annotations

from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone
from app.sources.parts import entry, id_at, like, part
from app.sources.signatures import token


def parse(inbound: Inbound) -> Parsed:
    """The answers of a submission, also where it stands without its wrapper."""
    data = load(inbound).data
    above = "submission." if isinstance(part(data, "submission.questions"), list) else ""
    if not isinstance(part(data, f"{above}questions"), list):
        return anyone(inbound)
    said = entry(data, *(above + name for name in ("questions", "urlParameters", "scheduling")))
    return Parsed((said,), id_at(data, f"{above}submissionId"))


FILLOUT = Source("fillout", token, parse, like("submission.questions", "submission.submissionId"))

"""`wix`: https://dev.wix.com/docs. Forms and automations; the same answers stand in it two or three times."""

from __future__ import annotations

from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone
from app.sources.parts import entry, id_at, like, part
from app.sources.signatures import token


def parse(inbound: Inbound) -> Parsed:
    """The submission's answers, and the contact that Wix made of them where they say nothing."""
    data = load(inbound).data
    above = "data." if isinstance(part(data, "data"), dict) else ""
    if not isinstance(part(data, f"{above}submissions"), list):
        return anyone(inbound)
    said = entry(data, f"{above}submissions", f"{above}contact.name", f"{above}contact.email", f"{above}contact.phone")
    return Parsed((said,), id_at(data, f"{above}submissionId", f"{above}submissionID"))


def _looks_like(inbound: Inbound, data: object) -> bool:
    return like("data.submissions", "data.formName")(inbound, data) or like("submissions", "formName")(inbound, data)


WIX = Source("wix", token, parse, _looks_like)

"""`forminit`: https://forminit.com/docs/webhooks, once Getform. The person is `data.sender`, the rest beside it."""

from __future__ import annotations

from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone
from app.sources.parts import entry, id_at, like, part, text
from app.sources.signatures import token


def parse(inbound: Inbound) -> Parsed:
    """Who sent it, and what else was asked."""
    data = load(inbound).data
    said = part(data, "data")
    if not isinstance(said, dict) or not isinstance(said.get("sender"), dict):
        return anyone(inbound)
    person = [("data", "sender", key) for key in said["sender"]]
    asked = [("data", key) for key in said if key not in {"sender", "submission_info"}]
    spam = "Forminit takes it for spam" if text(data, "submissionStatus").casefold() == "spam" else ""
    return Parsed((entry(data, *person, *asked),), id_at(data, "id"), spam=spam)


FORMINIT = Source(
    "forminit", token, parse, like("data.sender", "submissionStatus"), also=("getform-forminit", "getform")
)

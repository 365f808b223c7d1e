"""`jotform`: https://www.jotform.com/help/245-how-to-setup-a-webhook-with-jotform/. Multipart; answers in `rawRequest`.

Their keys are `q3_name`. Titles stand only in `pretty`, one line of `Title:answer, …`. There is no signature.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.lead import Field
from app.sources.answers import embedded, fields_of
from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone
from app.sources.parts import entry, id_at, like, part, text
from app.sources.signatures import token

QUESTION = re.compile(r"q\d+_(.+)")
MAX_LINE = 20_000


def parse(inbound: Inbound) -> Parsed:
    """The answers, by their names and, where it can be told, their titles."""
    data = load(inbound).data
    raw = part(data, "rawRequest")
    answers = embedded(raw) if isinstance(raw, str) else raw
    if not isinstance(answers, dict):
        return anyone(inbound)
    around = {key: value for key, value in data.items() if key not in {"rawRequest", "pretty"}}
    around |= {key: value for key, value in answers.items() if not QUESTION.fullmatch(key)}
    pretty = part(data, "pretty")
    return Parsed(
        (entry(around, more=_said(answers, pretty if isinstance(pretty, str) else "")),), id_at(data, "submissionID")
    )


def _said(answers: Mapping[str, Any], pretty: str) -> Iterator[Field]:
    for key, value in answers.items():
        if (found := QUESTION.fullmatch(key)) is not None:
            for one in fields_of(value, found[1]):
                title = _title(one.value, pretty[:MAX_LINE]) if one.key == found[1] else ""  # parts have their own
                yield Field(one.key, one.value, one.label or title, one.kind)


def _title(value: str, pretty: str) -> str:
    """What was asked for an answer: what stands before it in the line, back to the comma."""
    before, found, _ = pretty.partition(f":{value.strip()}")
    return before.rpartition(", ")[2].rstrip(":").strip() if found else ""


def _looks_like(inbound: Inbound, data: object) -> bool:
    return like("rawRequest", "submissionID")(inbound, data) and bool(text(data, "formID"))


JOTFORM = Source("jotform", token, parse, _looks_like)

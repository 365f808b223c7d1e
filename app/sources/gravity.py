"""`gravity-forms`: https://docs.gravityforms.com/webhooks-add-on/

A raw entry's inputs are numbers: `1.3` is a name's first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.lead import Field
from app.sources.answers import fields_of
from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import entries_of, load
from app.sources.parts import entry, id_at, like
from app.sources.signatures import token

INPUT = re.compile(r"\d+(?:\.\d+)?")
NAME = {"2": "Prefix", "3": "First name", "4": "Middle name", "6": "Last name", "8": "Suffix"}
"""The inputs of a name, by the number behind the point."""


def parse(inbound: Inbound) -> Parsed:
    """An entry as it is, or what somebody chose of it, by keys of their own."""
    body = load(inbound)
    id_ = id_at(body.data, "id", "entry_id")
    given = body.data if isinstance(body.data, dict) else {}
    inputs = {key: value for key, value in given.items() if INPUT.fullmatch(key)}
    if not inputs:
        return Parsed(entries_of(body), id_)
    around = {key: value for key, value in given.items() if key not in inputs}
    return Parsed((entry(around, more=_said(inputs)),), id_)


def _said(inputs: Mapping[str, Any]) -> Iterator[Field]:
    for key, value in inputs.items():
        number, _, behind = key.partition(".")
        is_name = {f"{number}.3", f"{number}.6"} <= inputs.keys()
        for one in fields_of(value, key):
            yield Field(one.key, one.value, NAME.get(behind, "") if is_name else one.label, one.kind)


GRAVITY = Source(
    "gravity-forms", token, parse, like("form_id", "source_url", "date_created", "is_starred"), also=("gravity",)
)

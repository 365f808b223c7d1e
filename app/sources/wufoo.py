"""`wufoo`: https://help.surveymonkey.com/en/wufoo/integrations/webhooks/

A form of `Field1`, titled in `FieldStructure`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from app.lead import Field
from app.sources.answers import embedded, fields_of, kind_of
from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone
from app.sources.parts import entry, id_at, like, rows, text
from app.sources.signatures import body_key
from app.sources.trees import scalar

STRUCTURES = ("FieldStructure", "FormStructure")


def parse(inbound: Inbound) -> Parsed:
    """An entry's fields, with the titles where the hook sends them."""
    data = load(inbound).data
    if not isinstance(data, dict) or "EntryId" not in data:
        return anyone(inbound)
    said = [key for key in data if key.startswith("Field") and key[5:].isdigit()]
    apart = {*said, *STRUCTURES, "HandshakeKey"}
    around = {key: value for key, value in data.items() if key not in apart}
    asked = _asked(embedded(scalar(data.get("FieldStructure"))) or {})
    return Parsed((entry(around, more=_said(data, said, asked)),), id_at(data, "EntryId"))


def _said(data: Mapping[str, Any], keys: list[str], asked: Mapping[str, tuple[str, str]]) -> Iterator[Field]:
    for key in keys:
        label, kind = asked.get(key, ("", ""))
        for one in fields_of(data[key], key):
            yield Field(one.key, one.value, label, kind)


def _asked(structure: Any) -> dict[str, tuple[str, str]]:
    """Key → title and kind; a name's parts have their own."""
    found = {}
    for row in rows(structure, "Fields"):
        title, kind = text(row, "Title"), kind_of(text(row, "Type"))
        found[text(row, "ID")] = title, kind
        for below in rows(row, "SubFields"):
            found[text(below, "ID")] = f"{text(below, 'Label')} {title}".strip(), "" if kind == "text" else kind
    return found


WUFOO = Source("wufoo", body_key("HandshakeKey", load), parse, like("EntryId", "CreatedBy", "DateCreated"))

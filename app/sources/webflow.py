"""`webflow`: https://developers.webflow.com/data/docs/working-with-webhooks

`payload.name` is the form's name, not the person's. Hooks that were made in the dashboard are not signed: for those the
secret goes into the address.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.lead import Field
from app.sources.answers import fields_of, kind_of
from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone
from app.sources.parts import entry, id_at, like, part, rows, text, without
from app.sources.signatures import Hmac


def parse(inbound: Inbound) -> Parsed:
    """A form's fields with the kinds that its schema tells; also of the first version, where `data` is above."""
    data = load(inbound).data
    id_ = id_at(data, "payload.id")
    if (event := text(data, "triggerType")) not in {"", "form_submission"}:
        return Parsed((), id_, note=f"Webflow sent {event[:100]}, which brings no new lead")
    if not isinstance(part(data, "payload.data"), dict):
        if isinstance(part(data, "data"), dict) and isinstance(part(data, "site"), str):
            return Parsed((entry(data, "data"),), id_at(data, "_id"))
        return anyone(inbound)
    return Parsed((entry(without(data, "payload.data", "payload.schema"), more=_said(data)),), id_)


def _said(data: Any) -> Iterator[Field]:
    kinds = {text(row, "fieldName"): kind_of(text(row, "fieldType")) for row in rows(data, "payload.schema")}
    for key, value in data["payload"]["data"].items():
        for one in fields_of(value, key):
            kind = kinds.get(key, "")
            yield Field(one.key, one.value, key, "" if kind == "text" else kind)


def _looks_like(inbound: Inbound, data: object) -> bool:
    is_first_version = like("site", "data", "_id")(inbound, data)
    return is_first_version or like("triggerType", "payload", header="x-webflow-signature")(inbound, data)


WEBFLOW = Source(
    "webflow",
    Hmac("X-Webflow-Signature", signed="{timestamp}:{body}", timestamp="X-Webflow-Timestamp").verify,
    parse,
    _looks_like,
)

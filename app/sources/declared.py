"""What a form's own fields say of what was sent: the question that was asked, and what kind of answer it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from app.config.endpoints import Endpoint, Form
from app.lead import Entry
from app.sources.trees import dotted

KINDS: Final = {
    "email": "email",
    "tel": "phone",
    "textarea": "long_text",
    "select": "choice",
    "radio": "choice",
    "checkbox": "choice",
    "date": "date",
    "number": "number",
}
"""A declared type → a field's kind. The other types say nothing that its name does not."""


def as_declared(entry: Entry, endpoint: Endpoint) -> Entry:
    """The entry, its fields labelled as the form declares them where their sender said nothing itself."""
    if not isinstance(endpoint, Form) or not endpoint.fields:
        return entry
    known = {dotted(one.name).casefold(): one for one in endpoint.fields}
    return replace(
        entry,
        fields=tuple(
            replace(one, label=one.label or own.label or "", kind=one.kind or KINDS.get(own.type, ""))
            if (own := known.get(one.key.casefold())) is not None
            else one
            for one in entry.fields
        ),
    )

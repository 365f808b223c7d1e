"""`zoho-forms`: https://www.zoho.com/forms/help/settings/webhooks.html. Keys are the kinds of fields: `MultiLine1`."""

from __future__ import annotations

from dataclasses import replace

from app.lead import Field
from app.sources.answers import kind_of
from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import entries_of, load
from app.sources.parts import like
from app.sources.signatures import token

KINDS = ("MultiLine", "Dropdown", "Radio", "Checkbox", "MultipleChoice", "Date", "Number", "FileUpload", "Signature")


def parse(inbound: Inbound) -> Parsed:
    """The fields, of the kinds that their keys tell."""
    entries = entries_of(load(inbound))
    return Parsed(tuple(replace(one, fields=tuple(map(_told, one.fields))) for one in entries))


def _told(one: Field) -> Field:
    return replace(one, kind=kind_of(one.key)) if one.key.startswith(KINDS) and not one.kind else one


ZOHO_FORMS = Source("zoho-forms", token, parse, like("ADDED_TIME", "IP_ADDRESS"))

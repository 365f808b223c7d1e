"""`cognito-forms`: https://www.cognitoforms.com/support. Fields by their labels, beside `Form` and `Entry`."""

from __future__ import annotations

from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone
from app.sources.parts import entry, id_at, like, part
from app.sources.signatures import token


def parse(inbound: Inbound) -> Parsed:
    """What the entry holds; `Id` is the form's and the entry's number."""
    data = load(inbound).data
    if not isinstance(part(data, "Entry"), dict):
        return anyone(inbound)
    said = ((key,) for key in data if key not in {"Form", "Entry", "Id", "$version", "$etag"})
    return Parsed((entry(data, *said),), id_at(data, "Id"))


COGNITO = Source("cognito-forms", token, parse, like("Entry.Number", "Form.Id"), also=("cognito",))

"""`fluent-forms`: https://fluentforms.com/docs/webhook-add-on/

The form's fields, and `__submission` with them again.
"""

from __future__ import annotations

from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone
from app.sources.parts import entry, id_at, like, part, without
from app.sources.signatures import token

AGAIN = ("__submission.response", "__submission.user_inputs", "__submission.form")


def parse(inbound: Inbound) -> Parsed:
    """The fields as the form names them."""
    data = load(inbound).tree
    if not isinstance(part(data, "__submission"), dict):
        return anyone(inbound)
    said = [(key,) for key in data if key != "__submission"]
    if not said:
        return Parsed((entry(data, "__submission.response"),), id_at(data, "__submission.id"))
    return Parsed((entry(without(data, *AGAIN), *said),), id_at(data, "__submission.id"))


FLUENT = Source("fluent-forms", token, parse, like("__submission"), also=("fluent",))

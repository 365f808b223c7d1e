"""`elementor`: https://elementor.com/help/webhook-form-action/

Plain labels, or `fields[name][value]` beside `form` and `meta`.
"""

from __future__ import annotations

from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import entries_of, load
from app.sources.parts import entry, like, part
from app.sources.signatures import token


def parse(inbound: Inbound) -> Parsed:
    """The form's fields. Its ids are the form's own."""
    body = load(inbound)
    if isinstance(part(body.tree, "fields"), dict):
        return Parsed((entry(body.tree, "fields"),))
    return Parsed(entries_of(body))


ELEMENTOR = Source("elementor", token, parse, like("fields", "form.id", "meta"), also=("elementor-pro",))

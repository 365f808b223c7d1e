"""`formbricks`: https://formbricks.com/docs/xm-and-surveys/core-features/integrations/webhooks.

Standard Webhooks. Answers by the ids of questions, without their titles: contact information is a list by position.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.lead import Field
from app.sources.answers import fields_of
from app.sources.base import Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone
from app.sources.parts import entry, id_at, like, part, text
from app.sources.signatures import standard_webhooks

CONTACT = ("First name", "Last name", "E-mail", "Phone", "Company")


def parse(inbound: Inbound) -> Parsed:
    """A finished response; what comes before that is partial."""
    data = load(inbound).data
    response = part(data, "data")
    if not isinstance(response, dict):
        return anyone(inbound)
    id_ = inbound.headers.get("webhook-id") or id_at(response, "id")
    if response.get("finished") not in (True, "true"):
        return Parsed((), id_, note=f"Formbricks sent {text(data, 'event')[:100]}: the response is not finished")
    return Parsed((entry(data, "data.hiddenFields", more=_answers(response.get("data"))),), id_)


def _answers(given: Any) -> Iterator[Field]:
    for key, value in given.items() if isinstance(given, dict) else ():
        if isinstance(value, list) and len(value) == len(CONTACT) and all(isinstance(one, str) for one in value):
            for label, one in zip(CONTACT, value, strict=True):
                if one.strip():
                    yield Field(f"{key}.{label}", one, label)
        else:
            yield from fields_of(value, key)


FORMBRICKS = Source("formbricks", standard_webhooks, parse, like("webhookId", "event", "data.surveyId"))

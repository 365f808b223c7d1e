"""`typeform`: https://www.typeform.com/developers/webhooks/example-payload/

Answers are joined to their questions by `field.id`: order and `ref` cannot be relied on, and unanswered questions
have no answer at all. `variables` named "name" are routing data, not a person.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.errors import Unreadable
from app.lead import Field
from app.sources.base import Inbound, Parsed, Source
from app.sources.parts import like
from app.sources.signatures import Hmac
from app.sources.trees import MAX_KEY, entry_of, read_json, scalar

KINDS = {
    "email": "email",
    "phone_number": "phone",
    "short_text": "text",
    "long_text": "long_text",
    "text": "text",
    "number": "number",
    "date": "date",
    "url": "text",
    "file_url": "file",
}
"""What Typeform calls a question, or else an answer → a field's kind; the others are choices."""
QUESTIONS_OF_CHOICES = {"dropdown", "multiple_choice", "picture_choice", "yes_no", "legal"}


def parse(inbound: Inbound) -> Parsed:
    """One entry of a finished response; none of a partial one."""
    data = read_json(inbound.body)
    response = data.get("form_response") if isinstance(data, dict) else None
    if not isinstance(response, dict):
        raise Unreadable("there is no form_response in the body: is this Typeform's webhook?")
    event_id = _text(data, "event_id") or _text(response, "token") or None
    if (event := data.get("event_type", "form_response")) != "form_response":
        return Parsed((), event_id, note=f"Typeform sent {scalar(event)[:100]}, not a finished response")
    return Parsed((entry_of(_fields(response), data),), event_id)


def _fields(response: dict[str, Any]) -> Iterator[Field]:
    questions = _objects(_object(response, "definition"), "fields")
    titles = {_text(question, "id"): _text(question, "title") for question in questions}
    for answer in _objects(response, "answers"):
        about = _object(answer, "field")
        id_ = _text(about, "id")
        if (value := _value(answer)).strip():
            yield Field(_text(about, "ref") or id_, value, titles.get(id_, "") if id_ else "", _kind(answer, about))
    for key, given in _object(response, "hidden").items():
        if (value := scalar(given)).strip():
            yield Field(f"hidden.{key[:MAX_KEY]}", value, kind="hidden")
    for variable in _objects(response, "variables"):
        value = next((scalar(variable[kind]) for kind in ("text", "number") if kind in variable), "")
        if value.strip():
            yield Field(f"variables.{_text(variable, 'key')}", value, kind="variable")


def _kind(answer: dict[str, Any], about: dict[str, Any]) -> str:
    question = _text(about, "type")
    if question in QUESTIONS_OF_CHOICES:
        return "choice"
    return KINDS.get(question) or KINDS.get(_text(answer, "type"), "choice")


def _value(answer: dict[str, Any]) -> str:
    """An answer as a person would read it: labels of choices with the free `other`, yes or no, else its text."""
    given = answer.get(_text(answer, "type"))
    if isinstance(given, dict):
        labels = given.get("labels") or [given.get("label")]
        listed = labels if isinstance(labels, list) else [labels]
        return ", ".join(filter(None, map(scalar, [*listed, given.get("other")])))
    return ", ".join(map(scalar, given)) if isinstance(given, list) else scalar(given)


def _object(data: dict[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _objects(data: dict[str, Any], key: str) -> list[dict[str, Any]]:
    value = data.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(data: dict[str, Any], key: str) -> str:
    """The text at `key`, as far as a name goes: a title of a megabyte would be repeated in every answer to it."""
    value = data.get(key)
    return value[:MAX_KEY] if isinstance(value, str) else ""


TYPEFORM = Source(
    "typeform",
    Hmac("Typeform-Signature", encoding="base64", prefix="sha256=").verify,
    parse,
    like("form_response", header="typeform-signature"),
)

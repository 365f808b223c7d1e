"""Typeform's responses: https://www.typeform.com/developers/webhooks/example-payload/"""

from __future__ import annotations

from typing import Any

import pytest

from app.errors import Unreadable
from app.lead import Field, Lead, LeadState
from app.reader import Reading
from tests.sources.requests import as_json, hook, reading, request

TYPEFORM = hook("typeform")


def answer(kind: str, value: Any, *, question: str = "q1", asked_as: str = "short_text") -> dict[str, Any]:
    return {"type": kind, kind: value, "field": {"id": question, "ref": f"ref-{question}", "type": asked_as}}


def response(*answers: dict[str, Any], questions: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """A response; `questions` are titles by id, in the order of the form."""
    titles = questions or {one["field"]["id"]: one["field"]["id"] for one in answers}
    defined = [{"id": id_, "title": title, "ref": f"ref-{id_}"} for id_, title in titles.items()]
    return {
        "event_id": "event-1",
        "event_type": "form_response",
        "form_response": {"token": "token-1", "definition": {"fields": defined}, "answers": list(answers), **more},
    }


def read(data: Any) -> Reading:
    return reading(as_json(data), TYPEFORM)


def lead(data: Any) -> Lead:
    (only,) = read(data).submission.leads
    return only


def only_field(data: Any) -> Field:
    ((only,),) = (entry.fields for entry in read(data).entries)
    return only


@pytest.mark.parametrize(
    ("kind", "asked_as", "value", "text", "told"),
    [
        ("text", "short_text", "Ada", "Ada", "text"),
        ("text", "long_text", "A long story", "A long story", "long_text"),
        ("text", "dropdown", "Green", "Green", "choice"),
        ("email", "email", "ada@example.com", "ada@example.com", "email"),
        ("phone_number", "phone_number", "+447700900184", "+447700900184", "phone"),
        ("number", "number", 7, "7", "number"),
        ("number", "opinion_scale", 0, "0", "number"),
        ("boolean", "yes_no", True, "yes", "choice"),
        ("boolean", "legal", False, "no", "choice"),
        ("date", "date", "2026-05-19", "2026-05-19", "date"),
        ("url", "website", "https://example.com", "https://example.com", "text"),
        ("file_url", "file_upload", "https://api.example.com/a.pdf", "https://api.example.com/a.pdf", "file"),
        ("choice", "multiple_choice", {"id": "a", "label": "Red"}, "Red", "choice"),
        ("choice", "multiple_choice", {"other": "Mauve"}, "Mauve", "choice"),
        ("choices", "multiple_choice", {"labels": ["Red", "Blue"], "other": "+"}, "Red, Blue, +", "choice"),
        ("text", "a type of tomorrow", "Ada", "Ada", "text"),
    ],
)  # fmt: skip
def test_an_answer_is_read_as_a_person_would(kind: str, asked_as: str, value: Any, text: str, told: str) -> None:
    found = only_field(response(answer(kind, value, asked_as=asked_as)))

    assert (found.key, found.value, found.label, found.kind) == ("ref-q1", text, "q1", told)


def test_answers_are_joined_to_questions_by_id_and_not_by_order() -> None:
    found = lead(
        response(
            answer("text", "Lovelace", question="last"),
            answer("text", "Ada", question="first"),
            answer("email", "ada@example.com", question="mail", asked_as="email"),
            questions={"first": "First name", "skipped": "Company", "mail": "Where to?", "last": "Last name"},
        )
    )

    assert (found.first_name, found.last_name, found.email) == ("Ada", "Lovelace", "ada@example.com")


def test_an_answer_to_no_known_question_is_kept_by_its_reference() -> None:
    found = only_field(response(answer("text", "Ada"), questions={"other": "Your name"}))

    assert (found.key, found.value, found.label) == ("ref-q1", "Ada", "")


def test_hidden_fields_carry_the_campaign_and_more() -> None:
    found = lead(response(hidden={"utm_source": "ads", "utm_term": "", "page": "/prices", "nothing": None}))

    assert found.utm == {"utm_source": "ads"}
    assert [(one.key, one.value) for one in found.extra] == [("hidden.page", "/prices")]


def test_an_answer_counts_more_than_a_hidden_field() -> None:
    found = lead(
        response(
            answer("email", "ada@example.com", asked_as="email"),
            questions={"q1": "Best address?"},
            hidden={"email": "known@example.com"},
        )
    )

    assert found.email == "ada@example.com"


def test_a_hidden_address_is_better_than_none() -> None:
    assert lead(response(hidden={"email": "ada@example.com"})).email == "ada@example.com"


def test_variables_are_never_the_person() -> None:
    variables = [
        {"key": "name", "type": "text", "text": "sales team"},
        {"key": "email", "type": "text", "text": "sales@example.com"},
        {"key": "phone", "type": "number", "number": 442079460000},
    ]

    found = lead(response(variables=variables))

    assert (found.first_name, found.email, found.contact_no) == ("", "", "")
    assert [one.value for one in found.extra] == ["sales team", "sales@example.com", "442079460000"]


def test_a_partial_response_makes_no_lead() -> None:
    data = response(answer("email", "ada@example.com")) | {"event_type": "form_response_partial"}

    found = read(data)

    assert found.submission.leads == ()
    assert found.problem is None
    assert found.submission.note == "Typeform sent form_response_partial, not a finished response"
    assert found.submission.event_id == "event-1"


def test_the_event_is_known_by_its_id_or_by_the_response_token() -> None:
    data = response()
    assert read(data).submission.event_id == "event-1"

    del data["event_id"]
    assert read(data).submission.event_id == "token-1"


@pytest.mark.parametrize("data", [{}, [], {"form_response": []}, {"event_type": "form_response"}, "text"])
def test_what_is_not_a_response_is_unreadable(data: Any) -> None:
    found = read(data)

    assert isinstance(found.problem, Unreadable)
    assert [one.state for one in found.submission.leads] == [LeadState.HELD]


@pytest.mark.parametrize(
    "broken",
    [
        {"answers": None},
        {"answers": {"type": "text"}},
        {"answers": [None, "x", {}, {"type": "text"}, {"type": ["text"]}, {"field": "x"}]},
        {"answers": [{"type": "choices", "choices": {"labels": "Red"}, "field": {"id": 7}}]},
        {"definition": [], "hidden": [], "variables": {}},
        {"definition": {"fields": [None, {"id": None, "title": {}}]}, "variables": [{}, {"text": {}}]},
    ],
)
def test_pieces_that_are_missing_or_odd_are_passed_over(broken: dict[str, Any]) -> None:
    assert read(response(**broken)).problem is None


def test_a_response_has_a_thousand_fields_at_most() -> None:
    assert "1000 fields" in str(read(response(hidden={str(number): 1 for number in range(1001)})).problem)


def test_the_content_type_does_not_matter() -> None:
    body = '{"form_response": {"hidden": {"email": "ada@example.com"}}}'

    (found,) = reading(request(body, "text/plain"), TYPEFORM).submission.leads

    assert found.email == "ada@example.com"

"""What a form asks for: everything wrong is told at once, and nobody real is turned away for how they write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.config.endpoints import Form
from app.intake import fields
from app.intake.fields import asked, mistakes
from app.reader import read
from app.sources.base import Inbound
from tests.running import stored

Start = Callable[..., httpx.Client]
NOW = datetime(2026, 11, 24, tzinfo=UTC)
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}
BRIEF = """
[forms.brief]
fields = [
  { name = "name", required = true },
  { name = "email", type = "email", required = true },
  { name = "phone", type = "tel" },
  { name = "budget", type = "select", options = ["under 5,000", "5,000 or more"], required = true },
  { name = "start", type = "date" },
  { name = "agree", label = "You may call me", type = "checkbox", required = true },
]
"""


def wrong(field: dict[str, Any], value: Any, **more: Any) -> str:
    """What is said about a value of a field, sent beside a good address."""
    form = Form.model_validate({"name": "contact", "fields": [{"name": "x", **field}], **more})
    body = httpx.Request("POST", "http://x", data={"mail": "ada@example.com"} | ({} if value is None else {"x": value}))
    inbound = Inbound(body.read(), dict(body.headers))
    return mistakes(form, read(inbound, form, NOW)).get("x", "")


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("text", "-"),
        ("text", "n/a"),
        ("textarea", "x" * 50_000),
        ("email", "Ada Lovelace <ada@example.com>"),
        ("email", " ADA@EXAMPLE.COM "),
        ("email", "mailto:ada@example.com"),
        ("email", "üñí@exämple.com"),
        ("tel", "(020) 7946-0958 ext. 5"),
        ("tel", "٠٢٠٧٩٤٦٠٩٥٨"),
        ("tel", "call 020 7946 0958 after six"),
        ("tel", "12345"),
        ("number", "5,000"),
        ("number", "about 20"),
        ("number", "１２"),
        ("number", "-3.5"),
        ("number", "none"),
        ("date", "2026-12-24"),
        ("date", "2026-12-24T10:00"),
        ("date", "24.12.2026"),
        ("date", "24 December"),
        ("date", "令和8年12月24日"),
        ("url", "example.com"),
        ("url", "www.example.com/path?x=1"),
        ("url", "https://example.com"),
        ("url", "HTTPS://EXAMPLE.COM"),
        ("url", "http://localhost:3000"),
        ("url", "例え.jp"),
        ("url", "no website yet, see instagram.com/ada"),
        ("url", "keine"),
        ("checkbox", "on"),
        ("checkbox", "I agree"),
        ("hidden", "anything"),
        ("file", "cv.pdf (8 bytes)"),
    ],
)
def test_what_may_be_meant_is_taken(type_: str, value: str) -> None:
    assert wrong({"type": type_, "required": True}, value) == ""


@pytest.mark.parametrize("kind", ["select", "radio"])
@pytest.mark.parametrize("value", ["Under 5,000", " under  5,000 ", "UNDER\u00a05,000", ["under 5,000", "More"]])
def test_a_choice_is_known_however_it_is_spelled(kind: str, value: Any) -> None:
    assert wrong({"type": kind, "options": ["under 5,000", "more"], "required": True}, value) == ""


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ({"required": True}, None, fields.MISSING),
        ({"required": True}, "  \t", fields.MISSING),
        ({"type": "textarea", "required": True}, "\r\n", fields.MISSING),
        ({"type": "checkbox", "required": True}, None, fields.NOT_TICKED),
        ({"type": "checkbox", "required": True}, "off", fields.NOT_TICKED),
        ({"type": "file", "required": True}, None, fields.NO_FILE),
        ({"type": "select", "options": ["a", "b"], "required": True}, "", fields.UNCHOSEN),
        ({"type": "select", "options": ["a", "b"]}, "c", fields.UNCHOSEN),
        ({"type": "radio", "options": ["a", "b"]}, ["a", "c"], fields.UNCHOSEN),
        ({"type": "email"}, "ada@", fields.BAD_ADDRESS),
        ({"type": "tel"}, "no phone please", fields.BAD_PHONE),
        ({"type": "tel"}, "123", fields.BAD_PHONE),
        ({"type": "number"}, "many", fields.BAD_NUMBER),
        ({"type": "date"}, "soon", fields.BAD_DATE),
        ({"type": "date"}, "2026-02-31", fields.BAD_DATE),
        ({"type": "url"}, "my site", fields.BAD_URL),
        ({"type": "url", "required": True}, "https://", fields.MISSING),
        ({}, "x" * 2001, fields.TOO_LONG),
        ({"type": "textarea"}, "x" * 100_001, fields.TOO_LONG),
    ],
)
def test_what_cannot_be_meant_is_told(field: dict[str, Any], value: Any, message: str) -> None:
    assert wrong(field, value) == message


@pytest.mark.parametrize(
    "type_", ["text", "textarea", "email", "tel", "number", "date", "url", "checkbox", "file", "hidden"]
)
@pytest.mark.parametrize("value", [None, ""])
def test_what_nobody_has_to_say_may_be_left_out(type_: str, value: str | None) -> None:
    assert wrong({"type": type_}, value) == ""


def test_an_address_that_is_only_started_is_none() -> None:
    assert wrong({"type": "url"}, "https://") == ""


@pytest.mark.parametrize("sent", ["Contact[Name]", "contact.name", "CONTACT[NAME]"])
def test_a_field_is_known_by_any_spelling_of_its_name(sent: str) -> None:
    form = Form.model_validate({"name": "c", "fields": [{"name": "contact[name]", "required": True}]})
    body = httpx.Request("POST", "http://x", data={sent: "Ada", "email": "ada@example.com"})
    assert mistakes(form, read(Inbound(body.read(), dict(body.headers)), form, NOW)) == {}


@pytest.mark.parametrize(
    "data",
    [
        {"contact": {"name": "Ada"}, "email": "ada@example.com"},
        {"contact[name]": '{"not": "a name"}', "email": "ada@example.com"},
    ],
)
def test_a_scripts_json_is_checked_like_a_form(data: dict[str, Any]) -> None:
    form = Form.model_validate({"name": "c", "fields": [{"name": "contact[name]", "required": True}]})
    request = httpx.Request("POST", "http://x", json=data)
    assert mistakes(form, read(Inbound(request.read(), dict(request.headers)), form, NOW)) == {}


def test_everything_wrong_is_told_at_once_in_json(relay: Start, tmp_path: Path) -> None:
    client = relay(BRIEF)
    answer = client.post("/forms/brief", json={"email": "ada@", "phone": "no", "budget": "lots", "start": "soon"})

    assert answer.status_code == 422
    assert answer.json()["errors"] == {
        "email": fields.BAD_ADDRESS,
        "name": fields.MISSING,
        "phone": fields.BAD_PHONE,
        "budget": fields.UNCHOSEN,
        "start": fields.BAD_DATE,
        "agree": fields.NOT_TICKED,
    }
    assert stored(tmp_path, "SELECT state FROM leads") == []
    good = {"name": "Ada", "email": "ada@example.com", "budget": "UNDER 5,000", "agree": True, "more": "taken too"}
    assert client.post("/forms/brief", json=good).status_code == 200


def test_a_robot_that_gave_itself_away_is_told_of_no_mistake(relay: Start, tmp_path: Path) -> None:
    answer = relay(BRIEF).post("/forms/brief", data={"email": "bot@example.com", "_gotcha": "x"}, headers=BROWSER)

    assert answer.status_code == 303
    assert [state for (state,) in stored(tmp_path, "SELECT state FROM leads")] == ["spam"]


CALLBACK = """
[forms.callback]
email_template = "{phone}@no-email.example.com"
region = "GB"
fields = [{ name = "name" }, { name = "mobile", type = "tel" }]

[forms.either]
email_template = "{phone}@no-email.example.com"
fields = [{ name = "email", type = "email" }, { name = "phone", type = "tel" }]
"""


def test_a_form_that_asks_for_a_phone_only_demands_no_address(relay: Start) -> None:
    client = relay(CALLBACK)
    page = client.get("/forms/callback").text

    assert 'type="email"' not in page
    assert 'name="mobile" required' in page
    assert client.post("/forms/callback", data={"mobile": "020 7946 0958"}, headers=BROWSER).status_code == 303
    errors = [client.post("/forms/callback", json=sent).json()["errors"] for sent in ({"name": "A"}, {"mobile": "x"})]
    assert errors == [{"mobile": fields.NO_PHONE}, {"mobile": fields.BAD_PHONE}]


@pytest.mark.parametrize("sent", [{"email": "ada@example.com"}, {"phone": "+442079460958"}])
def test_where_either_will_do_neither_is_demanded(relay: Start, sent: dict[str, str]) -> None:
    client = relay(CALLBACK)
    assert "required" not in client.get("/forms/either").text
    assert client.post("/forms/either", json=sent).status_code == 200
    assert client.post("/forms/either", json={}).json()["errors"] == {"email": fields.NO_ADDRESS}


@pytest.mark.parametrize(
    ("declared", "names"),
    [
        ([], ["name", "email", "phone", "message"]),
        ([{"name": "name"}], ["name", "email"]),
        ([{"name": "correo"}], ["correo"]),
        ([{"name": "a", "type": "email"}], ["a"]),
    ],
)
def test_a_forms_page_always_asks_how_to_answer(declared: list[dict[str, Any]], names: list[str]) -> None:
    found = asked(Form.model_validate({"name": "contact", "fields": declared}))

    assert [one.name for one in found] == names
    assert [one.required for one in found if fields.is_email(one)] == [True]


def test_a_rule_that_finds_the_address_is_a_way_to_answer() -> None:
    form = Form.model_validate({"name": "contact", "fields": [{"name": "who"}], "mapping": {"email": "who"}})
    assert [one.name for one in asked(form)] == ["who"]
    reading = read(Inbound(b'{"who": "ada@"}', {"content-type": "application/json"}), form, NOW)
    assert list(mistakes(form, reading)) == ["who"]

"""`POST /api/v1/preview`, over HTTP: what a request would become, for whoever has the token."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.preview import look
from tests.cli.test_commands import Run, folder, objects, run
from tests.running import SandboxClient, started, stored

__all__ = ["folder", "run"]

Start = Callable[..., httpx.Client]
BEARER = {"Authorization": "Bearer let me in"}
FORM = "application/x-www-form-urlencoded"
TOML = """
region = "GB"

[forms.contact.mapping]
message = "{Budget} — {Topic}"

[hooks.zap]
source = "zapier"
secrets = ["s3cret"]

[hooks.any]
source = "auto"
open = true
"""
ADA = {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "020 7946 0958"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the relay of these tests keeps what it has."""
    return tmp_path_factory.mktemp("preview")


@pytest.fixture(scope="module")
def api(_sandbox: SandboxClient, place: Path) -> Iterator[httpx.Client]:
    """A relay for all tests here, for who has the token."""
    (toml := place / "relay.toml").write_text(TOML, encoding="utf-8")
    with ExitStack() as stack:
        client = started(stack, _sandbox, place, toml, api_token="let me in", max_body_bytes=100_000)
        client.headers.update(BEARER)
        yield client


def tried(api: httpx.Client, **asked: Any) -> Any:
    answer = api.post("/api/v1/preview", json=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def problem(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found = answer.json()
    assert found["status"] == status
    return str(found["detail"])


def test_it_shows_the_lead_with_the_origin_of_each_field(api: httpx.Client) -> None:
    body = "name=Ada+Lovelace&email=ada%40example.com&phone=020+7946+0958&Budget=5000&Topic=Site&utm_campaign=x&team=A"
    found = tried(api, endpoint="contact", content_type=FORM, body=f"{body}&password=hush")

    assert {name: found[name] for name in ("endpoint", "source", "verified", "problem", "note", "event_id")} == {
        "endpoint": "contact",
        "source": "html",
        "verified": None,
        "problem": "",
        "note": "",
        "event_id": None,
    }
    [one] = found["leads"]
    assert one["lead"] == {
        "firstName": "Ada",
        "lastName": "Lovelace",
        "email": "ada@example.com",
        "contactNo": "+442079460958",
        "message": "5000 — Site",
        "source": "website",
        "status": "",
        "positionInBoard": None,
    }
    fields = {field["field"]: field for field in one["fields"]}
    assert fields["message"] == {
        "field": "message",
        "value": "5000 — Site",
        "origin": "{Budget} — {Topic}",
        "why": "relay.toml maps '{Budget} — {Topic}' here",
        "score": 100,
        "runner_up": "",
    }
    assert fields["source"]["origin"] == "default"
    assert (one["state"], one["reason"], one["utm"]) == ("pending", "", {"utm_campaign": "x"})
    assert one["extra"] == {"Budget": "5000", "Topic": "Site", "team": "A"}
    assert one["dropped"] == {"password": "secret"}


def test_a_mapping_is_tried_before_it_is_saved(api: httpx.Client) -> None:
    body = {**ADA, "Zusatz": "Wann?"}
    [one] = tried(api, endpoint="contact", body=body, mapping={"message": ["nowhere", "Zusatz"]})["leads"]
    assert one["lead"]["message"] == "Wann?"
    [one] = tried(api, endpoint="contact", body=body, mapping={})["leads"]
    assert one["lead"]["message"] == ""


def test_without_an_endpoint_the_source_is_recognised(api: httpx.Client) -> None:
    response = {"answers": [{"type": "email", "email": "ada@example.com", "field": {"id": "a"}}]}
    found = tried(api, body={"event_id": "e-17", "event_type": "form_response", "form_response": response})

    assert found["leads"][0]["lead"]["email"] == "ada@example.com"
    assert (found["verified"], found["event_id"], found["repeat_by"]) == (None, "e-17", "id")


def test_of_two_questions_that_are_called_the_same_each_has_its_answer(api: httpx.Client) -> None:
    definition = {"fields": [{"id": "b", "title": "Colour"}, {"id": "c", "title": "Colour"}]}
    answers = [{"type": "text", "text": text, "field": {"id": id_}} for id_, text in (("b", "red"), ("c", "blue"))]
    answers.append({"type": "email", "email": "ada@example.com", "field": {"id": "a"}})
    response = {"definition": definition, "answers": answers}
    found = tried(api, body={"event_id": "e-18", "event_type": "form_response", "form_response": response})
    assert found["leads"][0]["extra"] == {"Colour": "red", "Colour 2": "blue"}


def test_headers_prove_the_sender_and_without_them_the_lead_is_shown_all_the_same(api: httpx.Client) -> None:
    found = tried(api, endpoint="zap", body=ADA)
    assert (found["verified"], found["leads"][0]["state"]) == (False, "pending")
    assert "no token" in found["problem"]
    found = tried(api, endpoint="zap", body=ADA, headers={"X-Relay-Token": "s3cret"})
    assert (found["verified"], found["problem"]) == (True, "")


def test_spam_and_what_is_held_come_with_the_reason(api: httpx.Client) -> None:
    [one] = tried(api, endpoint="contact", body={**ADA, "_gotcha": "x"})["leads"]
    assert (one["state"], one["reason"]) == ("spam", "honeypot: _gotcha was filled in")
    [one] = tried(api, endpoint="contact", body={"name": "Ada", "email": "ada@"})["leads"]
    assert (one["state"], one["reason"]) == ("held", "no e-mail: not a valid address")
    [email] = [field for field in one["fields"] if field["field"] == "email"]
    assert (email["value"], email["origin"], email["why"]) == ("", "email", "it is not a valid e-mail address")
    found = tried(api, endpoint="contact", body="{")
    assert "not valid JSON" in found["problem"]
    assert found["leads"][0]["reason"].startswith("unreadable")


def test_every_person_of_a_request_is_a_lead(api: httpx.Client) -> None:
    found = tried(api, endpoint="any", body=[ADA, {"name": "Grace Hopper", "email": "grace@example.com"}])
    assert [one["lead"]["firstName"] for one in found["leads"]] == ["Ada", "Grace"]


def test_a_body_that_is_json_keeps_every_digit(api: httpx.Client) -> None:
    body = '{"email": "ada@example.com", "price": 1.10, "size": 12345678901234567890}'
    found = api.post("/api/v1/preview", content=f'{{"endpoint": "contact", "body": {body}}}').json()
    assert found["leads"][0]["extra"] == {"price": "1.10", "size": "12345678901234567890"}


def test_a_rule_that_grows_without_end_finds_nothing(api: httpx.Client) -> None:
    grows = "email" + "|join('',[@,@])" * 26
    [one] = tried(api, endpoint="contact", body=ADA, mapping={"message": [grows, "name"]})["leads"]
    assert one["lead"]["message"] == "Ada Lovelace"


@pytest.mark.parametrize("rule", ['`"Ada\\ud800\\u0000"`', "'Ada\ud800\x00'", "{name}\ud800\x00", '`["Ada\\ud800"]`'])
def test_what_no_store_can_keep_is_not_found_by_a_rule_either(api: httpx.Client, rule: str) -> None:
    content = json.dumps({"endpoint": "contact", "body": {**ADA, "name": "Ada"}, "mapping": {"message": [rule]}})
    answer = api.post("/api/v1/preview", content=content)
    assert answer.status_code == 200, answer.text
    message = answer.json()["leads"][0]["lead"]["message"]
    assert (message[:3], message.isprintable()) == ("Ada", True)


def test_it_is_read_beside_everything_else(api: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which in the event loop would wait."""

    def seen(*given: Any) -> Any:
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()
        return look(*given)

    monkeypatch.setattr("app.api.preview.look", seen)
    assert tried(api, endpoint="contact", body=ADA)["leads"]


def test_nothing_is_stored(api: httpx.Client, place: Path) -> None:
    tried(api, endpoint="contact", body=ADA)
    tried(api, endpoint="zap", body=ADA)
    for table in ("submissions", "leads", "fingerprints", "audit"):
        assert stored(place, f"SELECT * FROM {table}") == []  # noqa: S608 - names of our own


def test_the_command_line_prints_the_same_object(api: httpx.Client, run: Run, folder: Path) -> None:
    (folder / "relay.toml").write_text(TOML)
    [said] = objects(run("preview", "-", "--endpoint", "zap", "--json", typed=json.dumps(ADA)))
    assert said == tried(api, endpoint="zap", body=json.dumps(ADA))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "body: body: expected, and missing"),
        ([], "expected a table"),
        ({"body": "", "endpoint": "nowhere"}, "no form or hook 'nowhere' in relay.toml; there are: contact, zap, any"),
        ({"body": "", "colour": 1}, "body: colour: no such key"),
        ({"body": "", "headers": ["a"]}, "body: headers"),
        ({"body": "", "mapping": {"mail": "a"}}, "mapping.mail: expected one of firstName"),
        ({"body": "", "mapping": {"email": "(" * 5000}}, "mapping.email"),
        ({"body": "", "mapping": {"email": "(" * 1900}}, "mapping.email"),
        ({"body": "", "mapping": {"email": ["a" * 1500] * 3}}, "at most 4,000 letters of rules are tried"),
        ({"body": "", "mapping": {"email": []}}, "mapping.email: expected at least one"),
        ({"body": "", "mapping": {"email": "a["}}, "any.mapping.email: 'a[' is neither a field's name"),
    ],
)
def test_what_it_cannot_try_it_says(api: httpx.Client, asked: Any, words: str) -> None:
    assert words in problem(api.post("/api/v1/preview", json=asked), 422)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b'{"body": 1e', b"[" * 50 + b"]" * 50])
def test_what_is_no_json_is_a_problem(api: httpx.Client, content: bytes) -> None:
    assert "body" in problem(api.post("/api/v1/preview", content=content), 422)


@pytest.mark.parametrize(
    "body", ["", "\ud800", "\x00", 7, None, True, [], "a=\x00", '{"email": "\\ud800@x"}', 10**30, {"a\ud800": "\x00"}]
)
def test_any_body_can_be_tried(api: httpx.Client, body: Any) -> None:
    for kind in ("application/json", FORM, "text/plain", "multipart/form-data; boundary=x", "image/png", ""):
        answer = api.post("/api/v1/preview", content=json.dumps({"body": body, "content_type": kind}))
        assert answer.status_code == 200, answer.text


def test_a_body_over_the_limit_is_refused(api: httpx.Client) -> None:
    assert "larger than 100000 bytes" in problem(api.post("/api/v1/preview", json={"body": "x" * 100_000}), 413)


def test_only_who_has_the_token_may_try(api: httpx.Client) -> None:
    for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "let me in"}):
        del api.headers["Authorization"]
        answer = api.post("/api/v1/preview", json={"body": ADA}, headers=given)
        assert "Authorization: Bearer" in problem(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"
        api.headers.update(BEARER)


def test_who_guesses_tokens_is_slowed_down(relay: Start) -> None:
    api = relay(TOML, api_token="let me in")
    api.headers.update(BEARER)
    wrong = {"Authorization": "Bearer wrong"}
    answers = [api.post("/api/v1/preview", json={}, headers=wrong).status_code for _ in range(61)]
    assert set(answers) == {401, 429}
    assert tried(api, endpoint="contact", body=ADA)["leads"]


def test_without_a_token_it_is_switched_off_and_says_how_to_switch_it_on(relay: Start) -> None:
    answer = relay(TOML).post("/api/v1/preview", json={"body": ADA}, headers=BEARER)
    assert "set API_TOKEN" in problem(answer, 401)


def test_it_is_described(api: httpx.Client) -> None:
    described = api.get("/openapi.json").json()["paths"]["/api/v1/preview"]["post"]
    assert set(described["responses"]) >= {"200", "401", "403", "408", "413", "422", "429"}
    assert "mapping" in described["requestBody"]["content"]["application/json"]["schema"]["properties"]


@pytest.mark.slow
def test_a_request_is_read_again_beside_many_that_are_tried(api: httpx.Client, place: Path) -> None:
    """Reading it again takes a thread, and all that is written waits for it: also what visitors send."""
    api.post("/hooks/nowhere", json=ADA).raise_for_status()
    [(lead_id,)] = stored(place, "SELECT id FROM leads WHERE state = 'held' ORDER BY id DESC LIMIT 1")
    many = [{"email": f"ada{number}@example.com", "a": [1] * 50} for number in range(5)]
    costly = {"body": many, "mapping": {name: ["a[?@==`2`]"] * 50 for name in ("firstName", "message", "source")}}
    with ThreadPoolExecutor(8) as threads:
        tries = [threads.submit(tried, api, **costly) for _ in range(8)]
        time.sleep(0.2)
        assert api.post(f"/api/v1/leads/{lead_id}/remap", json={"endpoint": "any"}).status_code == 200
        done = sum(one.done() for one in tries)
    assert [one.result()["leads"] != [] for one in tries] == [True] * 8
    assert done < 6

"""`POST /api/v1/leads`: on the one way that every enquiry goes, once however often it is sent."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.conftest import OWNER, Shared, bearer, give_token, problem
from tests.running import SandboxClient, stored

Start = Callable[..., httpx.Client]
ADA = {
    "firstName": "Ada",
    "lastName": "Lovelace",
    "email": "Ada@Example.com",
    "contactNo": "020 7946 0958",
    "message": "Do you build engines?",
    "source": "fair",
    "status": "Contacted",
    "positionInBoard": 3,
    "budget": "5,000",
    "name": "somebody else",
}
TOML = """
region = "GB"

[forms.contact]
workspace = "studio"
[forms.contact.mapping]
message = "{Budget} — {Topic}"
[forms.contact.defaults]
status = "New"

[hooks.typeform]
source = "typeform"
secrets = ["s3cret"]

[workspaces.studio]
api_key = "k"
base_url = "http://127.0.0.1:9"
"""
numbers = iter(range(10_000))


def somebody(**more: Any) -> dict[str, Any]:
    """A lead that nobody has sent yet."""
    return {"email": f"person{next(numbers)}@example.com", **more}


def send(api: httpx.Client, body: Any, status: int = 202, **more: Any) -> dict[str, Any]:
    answer = api.post("/api/v1/leads", json=body, **more)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def seen(api: httpx.Client, sent: dict[str, Any]) -> dict[str, Any]:
    """The first lead of what was sent, whole."""
    found: dict[str, Any] = api.get(f"/api/v1/leads/{sent['leads'][0]['id']}").json()
    return found


def test_a_lead_becomes_what_its_fields_say_and_reaches_agencyhandy(api: httpx.Client, shared: Shared) -> None:
    sent = send(api, ADA, params={"wait": 10})
    assert [one["state"] for one in sent["leads"]] == ["delivered"]
    assert (sent["repeat"], sent["leads"][0]["reason"]) == (False, "")

    lead = seen(api, sent)
    told = {name: lead[name] for name in ADA.keys() - {"email", "budget", "name"}}
    assert told == {name: ADA[name] for name in told}
    assert lead["email"] == "Ada@example.com"
    assert lead["extra"] == {"budget": "5,000", "name": "somebody else"}
    assert (lead["endpoint"], lead["submissionId"]) == ("api", sent["id"])
    assert {one["field"]: one["why"] for one in lead["fields"]}["firstName"] == "it was sent by this name"
    [(accepted,)] = stored(shared.folder, "SELECT sum(accepted) FROM ledger WHERE endpoint = 'api'")
    assert accepted == 1
    assert "Ada@example.com" in shared.agencyhandy.emails()


def test_it_is_answered_after_the_commit_in_the_order_of_the_leads(api: httpx.Client, shared: Shared) -> None:
    people = [somebody(firstName=name) for name in ("Ada", "Grace", "Mary")]
    sent = send(api, {"leads": people})
    for person, lead in zip(people, sent["leads"], strict=True):
        [(email, submission)] = stored(shared.folder, "SELECT email, submission_id FROM leads WHERE id = ?", lead["id"])
        assert (email, submission) == (person["email"], sent["id"])


def test_two_that_are_alike_are_two_leads(api: httpx.Client) -> None:
    one = somebody()
    assert len({lead["id"] for lead in send(api, {"leads": [one, one]})["leads"]}) == 2


def test_who_sent_leads_hears_of_them_also_where_they_cannot_be_looked_at_again(
    api: httpx.Client, shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are stored: who was told of an error would send them a second time."""

    async def away(*_: Any, **__: Any) -> None:
        raise OSError("disk I/O error")

    monkeypatch.setattr("app.outbox.submissions.stand", away)
    sent = send(api, {"leads": [somebody(), somebody()]}, params={"wait": 1})
    assert [one["state"] for one in sent["leads"]] == ["pending", "pending"]
    for one in sent["leads"]:
        [(submission,)] = stored(shared.folder, "SELECT submission_id FROM leads WHERE id = ?", one["id"])
        assert submission == sent["id"]


class TestEndpoints:
    def test_it_goes_by_the_mapping_defaults_and_workspace_of_the_one_that_is_named(
        self, relay: Start, tmp_path: Path
    ) -> None:
        client = relay(TOML, api_token=OWNER)
        client.headers.update(bearer(OWNER))
        lead = seen(client, send(client, somebody(endpoint="contact", Budget="5", Topic="Site", phone="020 7946 0958")))
        assert (lead["message"], lead["status"], lead["workspace"]) == ("5 — Site", "New", "studio")
        assert lead["contactNo"] == "+442079460958"
        lead = seen(client, send(client, somebody(endpoint="contact", Budget="5", message="mine", status="Won")))
        assert (lead["message"], lead["status"]) == ("mine", "Won")
        lead = seen(client, send(client, somebody(endpoint="typeform", firstName="Ada", colour="blue")))
        assert (lead["firstName"], lead["extra"]) == ("Ada", {"colour": "blue"})

    def test_one_that_there_is_not_is_said(self, api: httpx.Client) -> None:
        found = problem(api.post("/api/v1/leads", json=somebody(endpoint="nowhere")), 422)
        assert found["errors"] == [{"detail": "no form or hook is called nowhere", "pointer": "#/endpoint"}]

    def test_what_came_so_is_read_again_as_it_was_sent(self, relay: Start, sandbox: SandboxClient) -> None:
        sandbox.fault(kind="refuse", pattern="@", status=422)
        client = relay(TOML, api_token=OWNER)
        client.headers.update(bearer(OWNER))
        for endpoint in ("typeform", None):
            person = somebody(firstName="Ada", lastName="Lovelace", source="fair", status="New", positionInBoard=4)
            sent = send(client, {**person, "endpoint": endpoint, "message": "Hi"}, params={"wait": 10})
            before = seen(client, sent)
            assert before["state"] == "held"
            assert client.post(f"/api/v1/leads/{before['id']}/remap").status_code == 200
            after = seen(client, sent)
            same = ("firstName", "lastName", "email", "source", "status", "positionInBoard", "message", "extra")
            assert {name: after[name] for name in same} == {name: before[name] for name in same}


class TestTwice:
    def test_the_same_key_and_body_is_answered_the_same_and_stored_once(
        self, api: httpx.Client, shared: Shared
    ) -> None:
        body, key = {"leads": [somebody(), somebody()]}, {"Idempotency-Key": "order-17"}
        first = send(api, body, headers=key)
        again = send(api, json.loads(json.dumps(body, sort_keys=True)), headers=key)
        assert (first["repeat"], again["repeat"]) == (False, True)
        assert first["id"] == again["id"]
        assert [one["id"] for one in first["leads"]] == [one["id"] for one in again["leads"]]
        assert stored(shared.folder, "SELECT count(*) FROM leads WHERE submission_id = ?", first["id"]) == [(2,)]

    def test_the_same_key_with_another_body_is_refused_in_words(self, api: httpx.Client, shared: Shared) -> None:
        key = {"Idempotency-Key": "order-18"}
        send(api, somebody(), headers=key)
        other = somebody()
        found = problem(api.post("/api/v1/leads", json=other, headers=key), 422)
        assert "used for another request" in found["detail"]
        assert found["errors"][0]["header"] == "Idempotency-Key"
        assert stored(shared.folder, "SELECT id FROM leads WHERE email = ?", other["email"]) == []

    def test_with_other_keys_the_same_is_two(self, api: httpx.Client) -> None:
        one = somebody()
        answers = [send(api, one, headers={"Idempotency-Key": key}) for key in ("a", "b")]
        assert answers[0]["id"] != answers[1]["id"]

    def test_the_keys_of_two_programs_are_apart(self, api: httpx.Client, shared: Shared) -> None:
        key = {"Idempotency-Key": "1"}
        other = give_token(shared.folder, "leads:write", name="shop")
        assert send(api, somebody(), headers=key)["id"] != send(api, somebody(), headers={**key, **other})["id"]

    def test_sent_at_once_many_times_it_is_stored_once(self, api: httpx.Client, shared: Shared) -> None:
        one, key = somebody(), {"Idempotency-Key": "at once"}
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: send(api, one, headers=key), range(8)))
        assert len({answer["id"] for answer in answers}) == 1
        assert [answer["repeat"] for answer in answers].count(False) == 1
        assert stored(shared.folder, "SELECT count(*) FROM leads WHERE email = ?", one["email"]) == [(1,)]

    def test_without_a_key_the_same_again_within_minutes_is_a_repeat(self, api: httpx.Client) -> None:
        one = somebody(message="Hello")
        first, again = send(api, one), send(api, one)
        assert (again["id"], again["repeat"]) == (first["id"], True)
        assert send(api, {**one, "message": "Hello again"})["id"] != first["id"]

    def test_a_key_still_counts_when_what_it_brought_was_erased(self, api: httpx.Client) -> None:
        one, key = somebody(), {"Idempotency-Key": "erased"}
        first = send(api, one, headers=key, params={"wait": 10})
        api.post(f"/api/v1/leads/{first['leads'][0]['id']}/erase")
        again = send(api, one, headers=key)
        assert (again["id"], again["leads"][0]["state"]) == (first["id"], "erased")


@pytest.mark.slow
class TestWaiting:
    def test_it_waits_for_the_outcome_and_no_longer_than_it_was_asked_to(
        self, relay: Start, sandbox: SandboxClient
    ) -> None:
        client = relay(api_token=OWNER)
        client.headers.update(bearer(OWNER))
        sandbox.fault(kind="status", status=503, times=1000)
        began = time.monotonic()
        sent = send(client, somebody(), params={"wait": 1})
        assert 0.9 < time.monotonic() - began < 5
        assert sent["leads"][0]["state"] in {"pending", "sending"}

    def test_who_waits_keeps_nobody_from_the_store(self, relay: Start, sandbox: SandboxClient) -> None:
        """More wait than the store has readers, and a reader still gets its turn at once."""
        client = relay(api_token=OWNER)
        client.headers.update(bearer(OWNER))
        sandbox.fault(kind="status", status=503, times=1000)
        with ThreadPoolExecutor(12) as pool:
            waiting = [pool.submit(send, client, somebody(), params={"wait": 6}) for _ in range(12)]
            began = time.monotonic()
            assert client.get("/api/v1/leads").status_code == 200
            assert time.monotonic() - began < 4
            assert all(one.result()["leads"] for one in waiting)

    @pytest.mark.parametrize("wait", ["31", "-1", "x", "1.5"])
    def test_what_is_no_time_to_wait_is_said(self, api: httpx.Client, wait: str) -> None:
        found = problem(api.post("/api/v1/leads", json=somebody(), params={"wait": wait}), 422)
        assert found["errors"][0]["parameter"] == "wait"


class TestWrong:
    @pytest.mark.parametrize(
        ("body", "pointer", "words"),
        [
            ({}, "#/email", "required"),
            ({"email": "ada@"}, "#/email", "not a valid e-mail address"),
            ({"email": 7}, "#/email", "string"),
            ({"email": "a@example.com", "firstName": None}, "#/firstName", "string"),
            ({"email": "a@example.com", "positionInBoard": -1}, "#/positionInBoard", "greater than or equal to 0"),
            ({"email": "a@example.com", "positionInBoard": "1"}, "#/positionInBoard", "integer"),
            ({"leads": []}, "#/leads", "at least 1"),
            ({"leads": [{"email": "a@example.com"}, {"email": "b"}]}, "#/leads/1/email", "not a valid"),
            ({"leads": [{"email": "a@example.com", "endpoint": "contact"}]}, "#/leads/0", "beside `leads`"),
            ({"leads": [{"email": f"a{n}@example.com"} for n in range(501)]}, "#/leads", "at most 500"),
            ({"leads": [{"email": "a@example.com"}], "colour": 1}, "#/colour", "not permitted"),
            ([], "#", "dictionary"),
            (
                {
                    "email": "a@example.com",
                    "deep": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]],
                },
                "#",
                "levels",
            ),
        ],
    )
    def test_every_field_that_is_wrong_is_named_and_nothing_is_stored(
        self, api: httpx.Client, shared: Shared, body: Any, pointer: str, words: str
    ) -> None:
        before = stored(shared.folder, "SELECT count(*) FROM submissions")
        found = problem(api.post("/api/v1/leads", json=body), 422)
        assert pointer in [one.get("pointer") for one in found["errors"]]
        assert words in str(found["errors"])
        assert stored(shared.folder, "SELECT count(*) FROM submissions") == before

    @pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 5000, b'{"email": "\\ud800@example.com"}'])
    def test_what_is_no_json_is_a_problem(self, api: httpx.Client, content: bytes) -> None:
        problem(api.post("/api/v1/leads", content=content, headers={"Content-Type": "application/json"}), 422)

    def test_a_form_is_told_to_be_json(self, api: httpx.Client) -> None:
        found = problem(api.post("/api/v1/leads", data=somebody()), 422)
        assert "Content-Type: application/json" in found["detail"]

    @pytest.mark.parametrize("key", ["", "x" * 256])
    def test_a_key_has_a_length(self, api: httpx.Client, key: str) -> None:
        answer = api.post("/api/v1/leads", json=somebody(), headers={"Idempotency-Key": key})
        assert problem(answer, 422)["errors"][0]["header"] == "Idempotency-Key"


def test_what_no_store_can_keep_is_kept_without_it(api: httpx.Client) -> None:
    body = json.dumps(somebody(message="a\x00b", extra="\ud800"))
    answer = api.post("/api/v1/leads", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {202, 422}


def test_a_relay_that_only_delivers_takes_nothing_and_says_so(relay: Start) -> None:
    client = relay(role="delivery", api_token=OWNER)
    client.headers.update(bearer(OWNER))
    assert "ROLE=delivery" in problem(client.post("/api/v1/leads", json=somebody()), 409)["detail"]
    assert client.get("/api/v1/leads").json() == {"data": [], "next": None}


def test_it_is_the_same_on_both_engines(relay: Start, store_url: str) -> None:
    client = relay(database_url=store_url, api_token=OWNER)
    client.headers.update(bearer(OWNER))
    body, key = {"leads": [somebody(message="a \x00 b"), somebody(source="fair")]}, {"Idempotency-Key": "k"}
    first, again = (send(client, body, headers=key, params={"wait": 10}) for _ in range(2))
    assert first == {**again, "repeat": False}
    assert [one["state"] for one in first["leads"]] == ["delivered"] * 2
    problem(client.post("/api/v1/leads", json=somebody(), headers=key), 422)
    page = client.get("/api/v1/leads", params={"limit": 1}).json()
    rest = client.get("/api/v1/leads", params={"limit": 1, "cursor": page["next"]}).json()
    assert [one["id"] for one in (*page["data"], *rest["data"])] == [one["id"] for one in reversed(first["leads"])]
    for path in ("/api/v1/leads?source=%00", "/api/v1/leads?endpoint=%00'", "/api/v1/submissions?endpoint=%00"):
        assert client.get(path).json()["data"] == []
    for path in ("/api/v1/leads/%00", "/api/v1/submissions/%00", "/api/v1/attachments/%00"):
        problem(client.get(path), 404)
    assert len(client.post("/api/v1/leads/search", json={"words": "person", "source": "fair"}).json()["data"]) == 1
    assert client.post("/api/v1/leads/search", json={"words": "\x00 '"}).status_code == 200
    for path in ("/api/v1/stats", "/api/v1/endpoints", f"/api/v1/submissions/{first['id']}"):
        assert client.get(path).status_code == 200

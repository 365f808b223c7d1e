"""Leads, submissions and counts as programs read them: paged, filtered, searched, and acted on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest

from tests.api.conftest import OWNER, Shared, bearer, give_token, problem
from tests.running import DEMO_TOML, SandboxClient, started, stored

Start = Callable[..., httpx.Client]
PEOPLE = 25
NOTHING = "01JD5V6Y1V0X2Z4Q8R6T7W9A3B"
INJECTIONS = ("' OR 1=1 --", '"; DROP TABLE leads; --', "contact' UNION SELECT digest FROM tokens --", "%", "\x00", "*")


@pytest.fixture(scope="module")
def crowd(_sandbox: SandboxClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """A relay that only takes in, with a few leads."""
    folder = tmp_path_factory.mktemp("crowd")
    with ExitStack() as stack:
        stranger = started(
            stack, _sandbox, folder, DEMO_TOML, api_token=OWNER, role="intake", rate_limit_token="9999/minute"
        )
        owner = stack.enter_context(httpx.Client(base_url=stranger.base_url, headers=bearer(OWNER), timeout=20))
        for number in range(PEOPLE):
            lead = {
                "email": f"p{number}@example.com",
                "firstName": f"Ada{number}",
                "endpoint": ("contact", "json")[number % 2],
            }
            assert (
                owner.post("/api/v1/leads", json={**lead, "source": "fair" if number < 3 else "web"}).status_code == 202
            )
        for number in (1, 2):
            body = {"name": "Grace", "message": f"no address {number}"}
            stranger.post("/hooks/json", json=body, headers={"X-Relay-Token": "demo-json-secret"})
        yield Shared(stranger, owner, folder, _sandbox)


@pytest.fixture
def api(crowd: Shared) -> httpx.Client:
    return crowd.owner


def emails(page: dict[str, Any]) -> list[str]:
    return [one["email"] for one in page["data"]]


def pages(api: httpx.Client, path: str, **asked: Any) -> list[dict[str, Any]]:
    """Every page of a list, as the links go on."""
    answer, found = api.get(path, params=asked), []
    while True:
        assert answer.status_code == 200, answer.text
        found.append(answer.json())
        if found[-1]["next"] is None:
            assert "link" not in answer.headers
            return found
        following = answer.links["next"]["url"]
        assert parse_qs(urlsplit(following).query)["cursor"] == [found[-1]["next"]]
        answer = api.get(following)


class TestPages:
    def test_they_are_followed_from_the_newest_to_the_oldest_with_nobody_twice(self, api: httpx.Client) -> None:
        found = pages(api, "/api/v1/leads", limit=10, endpoint="contact")
        assert [len(page["data"]) for page in found] == [10, 3]
        assert [one for page in found for one in emails(page)] == [f"p{n}@example.com" for n in range(24, -1, -2)]

    def test_who_comes_meanwhile_moves_nobody(self, api: httpx.Client) -> None:
        first = api.get("/api/v1/leads", params={"limit": 5, "source": "meanwhile"}).json()
        assert first == {"data": [], "next": None}
        first = api.get("/api/v1/leads", params={"limit": 5}).json()
        api.post("/api/v1/leads", json={"email": "late@example.com", "source": "meanwhile"})
        second = api.get("/api/v1/leads", params={"limit": 5, "cursor": first["next"]}).json()
        assert not set(emails(first)) & set(emails(second))
        assert len(emails(second)) == 5

    def test_a_cursor_that_was_tampered_with_or_is_of_another_list_is_refused(self, api: httpx.Client) -> None:
        cursor = api.get("/api/v1/leads", params={"limit": 1}).json()["next"]
        other = "A" if cursor[3] != "A" else "B"
        wrong = [cursor[:3] + other + cursor[4:], cursor[:-1], cursor.split(".")[0], "x", "", "\x00", "..", *INJECTIONS]
        asked = [("/api/v1/leads", {"cursor": one}) for one in wrong]
        asked += [("/api/v1/leads", {"cursor": cursor, "state": "held"}), ("/api/v1/submissions", {"cursor": cursor})]
        for path, params in asked:
            found = problem(api.get(path, params=params), 422)
            assert [one["parameter"] for one in found["errors"]] == ["cursor"], params
        assert api.get("/api/v1/leads", params={"cursor": cursor, "limit": 3}).status_code == 200

    @pytest.mark.parametrize("path", ["/api/v1/leads", "/api/v1/submissions"])
    @pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "1.5", ""])
    def test_a_page_has_at_most_200(self, api: httpx.Client, path: str, limit: str) -> None:
        found = problem(api.get(path, params={"limit": limit}), 422)
        assert found["errors"][0]["parameter"] == "limit"
        assert api.get(path, params={"limit": 200}).status_code == 200


class TestFilters:
    def test_each_leaves_those_of_whom_it_is_true(self, api: httpx.Client) -> None:
        held = api.get("/api/v1/leads", params={"state": "held"}).json()["data"]
        assert {one["state"] for one in held} == {"held"}
        assert held[0]["reason"].startswith("no e-mail")
        some = api.get("/api/v1/leads", params={"state": ["held", "pending"], "limit": 200}).json()["data"]
        assert {one["state"] for one in some} == {"held", "pending"}
        assert emails(api.get("/api/v1/leads", params={"source": "fair"}).json()) == [
            f"p{n}@example.com" for n in (2, 1, 0)
        ]
        assert api.get("/api/v1/leads", params={"endpoint": "typeform"}).json() == {"data": [], "next": None}

    def test_times_bound_when_they_came_in(self, api: httpx.Client) -> None:
        now = datetime.now(UTC)
        ago, ahead = (now + timedelta(hours=hours) for hours in (-1, 1))
        asked = {"since": ago.isoformat(), "until": ahead.strftime("%Y-%m-%dT%H:%M:%SZ")}
        assert len(api.get("/api/v1/leads", params={**asked, "limit": 200}).json()["data"]) > PEOPLE
        assert api.get("/api/v1/leads", params={"since": ahead.isoformat()}).json()["data"] == []
        assert api.get("/api/v1/leads", params={"until": ago.isoformat()}).json()["data"] == []

    @pytest.mark.parametrize(
        ("name", "value"),
        [("state", "lost"), ("since", "yesterday"), ("since", "0"), ("until", "2026-13-01T00:00:00Z"),
         ("until", "2026-01-01"), ("colour", "blue"), ("endpoint", "x" * 201)],
    )  # fmt: skip
    def test_what_is_none_is_said(self, api: httpx.Client, name: str, value: str) -> None:
        found = problem(api.get("/api/v1/leads", params={name: value}), 422)
        assert [one["parameter"] for one in found["errors"]] == [name]

    @pytest.mark.parametrize("text", INJECTIONS)
    def test_no_text_reaches_the_store_as_anything_but_a_text(
        self, crowd: Shared, api: httpx.Client, text: str
    ) -> None:
        for name in ("endpoint", "source"):
            assert api.get("/api/v1/leads", params={name: text}).json() == {"data": [], "next": None}
        assert api.get("/api/v1/submissions", params={"endpoint": text}).json() == {"data": [], "next": None}
        found = api.post("/api/v1/leads/search", json={"words": text})
        assert found.status_code == 200, found.text
        for path in ("/api/v1/leads/", "/api/v1/submissions/", "/api/v1/attachments/"):
            problem(api.get(f"{path}{quote(text, safe='')}"), 404)
        assert stored(crowd.folder, "SELECT count(*) > 20 FROM leads") == [(1,)]


class TestSearch:
    def test_words_are_posted_and_find_whom_they_stand_in(self, api: httpx.Client) -> None:
        found = api.post("/api/v1/leads/search", json={"words": "ada7"}).json()
        assert emails(found) == ["p7@example.com"]
        first = api.post("/api/v1/leads/search", json={"words": "example", "limit": 20}).json()
        rest = api.post("/api/v1/leads/search", json={"words": "example", "limit": 20, "cursor": first["next"]}).json()
        assert len(set(emails(first)) | set(emails(rest))) >= PEOPLE

    @pytest.mark.parametrize(
        ("asked", "pointer"),
        [
            ({}, "#/words"),
            ({"words": 7}, "#/words"),
            ({"words": "a", "limit": "5"}, "#/limit"),
            ({"words": "a", "q": 1}, "#/q"),
        ],
    )
    def test_what_cannot_be_looked_for_is_said(self, api: httpx.Client, asked: Any, pointer: str) -> None:
        assert problem(api.post("/api/v1/leads/search", json=asked), 422)["errors"][0]["pointer"] == pointer


class TestOne:
    def test_it_is_seen_with_all_that_happened(self, api: httpx.Client) -> None:
        [lead] = api.post("/api/v1/leads/search", json={"words": "ada4"}).json()["data"]
        assert api.post(f"/api/v1/leads/{lead['id']}/discard").status_code == 200
        whole = api.get(f"/api/v1/leads/{lead['id']}").json()
        assert (whole["firstName"], whole["state"]) == ("Ada4", "discarded")
        assert [(one["who"], one["what"]) for one in whole["trail"]] == [("api:API_TOKEN", "discard")]
        assert datetime.fromisoformat(whole["receivedAt"]).tzinfo == UTC
        assert whole["receivedAt"].endswith("Z")
        submission = api.get(f"/api/v1/submissions/{whole['submissionId']}").json()
        assert '"Ada4"' in submission["body"]
        assert [one["id"] for one in submission["leads"]] == [lead["id"]]

    def test_who_is_not_there_is_not_found(self, api: httpx.Client) -> None:
        for path in ("leads", "submissions", "attachments"):
            problem(api.get(f"/api/v1/{path}/{NOTHING}"), 404)
        for act in ("release", "resend", "spam", "discard", "erase", "remap"):
            problem(api.post(f"/api/v1/leads/{NOTHING}/{act}"), 404)


class TestActs:
    @pytest.fixture
    def held(self, api: httpx.Client) -> str:
        return str(api.get("/api/v1/leads", params={"state": "held"}).json()["data"][0]["id"])

    def test_each_has_the_name_of_the_token_in_the_trail(self, crowd: Shared, api: httpx.Client, held: str) -> None:
        writes = give_token(crowd.folder, "leads:write", name="crm")
        done = api.post(f"/api/v1/leads/{held}/spam", headers=writes).json()
        assert done == {"id": held, "state": "spam", "reason": "marked by a person"}
        edit = {"email": "grace@example.com", "positionInBoard": 2, "message": ""}
        assert api.post(f"/api/v1/leads/{held}/edit", json=edit, headers=writes).json()["state"] == "pending"
        whole = api.get(f"/api/v1/leads/{held}").json()
        assert (whole["email"], whole["positionInBoard"], whole["message"]) == ("grace@example.com", 2, "")
        assert [(one["who"], one["what"]) for one in whole["trail"]] == [("api:crm", "spam"), ("api:crm", "edit")]
        problem(api.post(f"/api/v1/leads/{held}/erase", headers=writes), 403)
        assert api.post(f"/api/v1/leads/{held}/erase").json()["state"] == "erased"
        assert "grace" not in api.get(f"/api/v1/leads/{held}").text

    def test_what_does_not_go_is_a_conflict_in_words(self, api: httpx.Client, held: str) -> None:
        assert "no e-mail address" in problem(api.post(f"/api/v1/leads/{held}/release"), 409)["detail"]
        assert "it is held" in problem(api.post(f"/api/v1/leads/{held}/resend"), 409)["detail"]

    @pytest.mark.parametrize(
        ("changes", "pointer"),
        [
            ({"email": "grace@"}, "#/email"),
            ({"colour": "blue"}, "#/colour"),
            ({}, "#"),
            ({"firstName": 1}, "#/firstName"),
        ],
    )
    def test_a_value_that_cannot_be_is_said(self, api: httpx.Client, held: str, changes: Any, pointer: str) -> None:
        found = problem(api.post(f"/api/v1/leads/{held}/edit", json=changes), 422)
        assert found["errors"][0]["pointer"] == pointer

    def test_it_is_read_again_as_a_request_to_another_form(self, api: httpx.Client) -> None:
        sent = api.post("/api/v1/leads", json={"email": "again@example.com"}).json()
        [lead] = sent["leads"]
        api.post(f"/api/v1/leads/{lead['id']}/spam")
        found = problem(api.post(f"/api/v1/leads/{lead['id']}/remap", json={"endpoint": "nowhere"}), 422)
        assert found["errors"][0]["pointer"] == "#/endpoint"
        assert api.post(f"/api/v1/leads/{lead['id']}/remap", json={"endpoint": "contact"}).json()["state"] == "pending"
        assert api.get(f"/api/v1/leads/{lead['id']}").json()["endpoint"] == "contact"


class TestCounts:
    def test_forms_and_hooks_with_their_addresses_and_silence(self, api: httpx.Client) -> None:
        found = {one["name"]: one for one in api.get("/api/v1/endpoints").json()["data"]}
        assert found["contact"]["kind"] == "form"
        assert found["json"]["address"].endswith("/hooks/json")
        assert found["json"]["silentSeconds"] < 600
        assert found["typeform"]["lastReceivedAt"] is None

    @pytest.mark.parametrize(("span", "steps"), [("24h", 24), ("7d", 28), ("30d", 30)])
    def test_leads_over_time_add_up(self, api: httpx.Client, span: str, steps: int) -> None:
        found = api.get("/api/v1/stats", params={"span": span}).json()
        assert abs(len(found["starts"]) - steps) <= 1
        assert sum(map(sum, found["series"].values())) == found["received"] >= PEOPLE
        assert sum(found["counts"].values()) == found["received"]

    def test_another_span_is_refused(self, api: httpx.Client) -> None:
        assert problem(api.get("/api/v1/stats", params={"span": "1y"}), 422)["errors"][0]["parameter"] == "span"

"""Who comes in at the API, and who does not. The routes are taken from the app, so that none is forgotten."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.routing import BaseRoute, Route

from app.config.relay_toml import load_relay_config
from app.config.settings import load_settings
from app.main import create_app
from app.outbox.records import SCOPES
from tests.api.conftest import OWNER, Shared, bearer, give_token, problem
from tests.cli.test_commands import Run, folder, run
from tests.running import DEMO_TOML, stored

__all__ = ["folder", "run"]

Start = Callable[..., httpx.Client]
LEAD = {"email": "ada@example.com", "firstName": "Ada"}


def of_the_api(routes: Iterable[BaseRoute]) -> Iterator[tuple[str, str]]:
    """Method and path of every route of the API; those of routers within routers too."""
    for route in routes:
        if inner := getattr(route, "original_router", None):
            yield from of_the_api(inner.routes)
        elif isinstance(route, Route) and route.path.startswith("/api"):
            yield from ((method, route.path) for method in sorted(route.methods or ()))


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], str]:
    """Method and path of every route → the scope that it is described to take."""
    url = f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('store')}/relay.db"
    app = create_app(load_settings(database_url=url), load_relay_config(DEMO_TOML, {}))
    paths = app.openapi()["paths"]
    found = {}
    for method, path in sorted(set(of_the_api(app.routes))):
        [needed] = paths[path][method.lower()]["security"]
        [found[method, path]] = needed["token"]
    return found


def called(path: str) -> str:
    """The address of a route, its parameters filled in."""
    return re.sub(r"\{\w+\}", "01JD5V6Y1V0X2Z4Q8R6T7W9A3B", path)


def test_without_a_token_nothing_is_answered_and_nothing_is_done(
    shared: Shared, described: dict[tuple[str, str], str]
) -> None:
    assert ("POST", "/api/v1/leads") in described
    assert ("GET", "/api/v1/leads/{lead_id}") in described
    for method, path in described:
        answer = shared.stranger.request(method, called(path))
        assert "Authorization: Bearer" in problem(answer, 401)["detail"], (method, path)
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_token_without_its_scope_is_refused_by_the_name_of_that(
    shared: Shared, described: dict[tuple[str, str], str]
) -> None:
    assert set(described.values()) <= set(SCOPES)
    tokens = {
        scope: give_token(
            shared.folder, *(one for one in SCOPES if one not in {scope, "admin"}), name=f"all but {scope}"
        )
        for scope in set(described.values())
    }
    for (method, path), scope in described.items():
        answer = shared.stranger.request(method, called(path), headers=tokens[scope])
        assert f"scope {scope};" in problem(answer, 403)["detail"], (method, path)


def test_a_token_with_the_scope_or_with_admin_comes_in(shared: Shared, described: dict[tuple[str, str], str]) -> None:
    every = {scope: give_token(shared.folder, scope, name=scope) for scope in SCOPES}
    for (method, path), scope in described.items():
        if "events" not in path:
            for headers in (every[scope], every["admin"], bearer(OWNER)):
                answer = shared.stranger.request(method, called(path), headers=headers)
                assert answer.status_code in {200, 404, 422}, (method, path, answer.text)


def test_who_may_only_write_reads_nobody(shared: Shared, api: httpx.Client) -> None:
    """What an act answers tells how the lead stands, and nothing that it says."""
    writes = give_token(shared.folder, "leads:write")
    sent = api.post("/api/v1/leads?wait=10", json={**LEAD, "message": "a secret"}).json()
    [lead] = sent["leads"]
    for act in ("discard", "release", "edit", "remap", "spam", "resend"):
        answer = api.post(f"/api/v1/leads/{lead['id']}/{act}", headers=writes, json={"lastName": "L."})
        assert "secret" not in answer.text
        assert not re.search(r"(?i)\bada\b", answer.text)  # its id may have these letters
    problem(api.get(f"/api/v1/leads/{lead['id']}", headers=writes), 403)
    problem(api.post(f"/api/v1/leads/{lead['id']}/erase", headers=writes), 403)


def test_a_token_of_the_command_line_comes_in_until_it_is_revoked(relay: Start, run: Run, folder: Path) -> None:
    client = relay()
    made = run("token", "create", "reports", "--scope", "leads:read").stdout.strip()
    assert client.get("/api/v1/leads", headers=bearer(made)).status_code == 200
    assert client.get("/api/v1/leads", headers={"Authorization": f"bearer  {made}"}).status_code == 200
    [(id_,)] = stored(folder, "SELECT id FROM tokens")
    run("token", "revoke", id_)
    problem(client.get("/api/v1/leads", headers=bearer(made)), 401)


def test_without_any_token_it_says_how_to_switch_it_on(relay: Start) -> None:
    said = problem(relay().get("/api/v1/leads", headers=bearer("x")), 401)["detail"]
    assert "lead-relay token create" in said
    assert "API_TOKEN" in said


@pytest.mark.parametrize("given", ["", "Bearer", f"Basic {OWNER}", OWNER, f"Bearer {OWNER}x", "Bearer \xe9"])
def test_what_is_no_token_opens_nothing(shared: Shared, given: str) -> None:
    headers = [(b"Authorization", given.encode("latin-1"))]
    problem(shared.stranger.get("/api/v1/leads", headers=headers), 401)


def test_who_guesses_is_slowed_down_and_who_knows_is_not(relay: Start) -> None:
    client = relay(api_token=OWNER)
    statuses = [client.get("/api/v1/stats", headers=bearer("guess")).status_code for _ in range(62)]
    assert set(statuses) == {401, 429}
    assert client.get("/api/v1/stats", headers=bearer(OWNER)).status_code == 200


def test_each_token_is_told_how_often_it_may_ask_and_when_it_must_wait(relay: Start, tmp_path: Path) -> None:
    client = relay(api_token=OWNER, rate_limit_token="2/minute;100/hour")
    answers = [client.get("/api/v1/leads", headers=bearer(OWNER)) for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert answers[0].headers["ratelimit-policy"] == '"60s";q=2;w=60, "3600s";q=100;w=3600'
    assert re.fullmatch(r'"60s";r=1;t=(59|60), "3600s";r=99;t=3\d{3}', answers[0].headers["ratelimit"])
    assert answers[2].headers["ratelimit"].startswith('"60s";r=0;')
    assert 1 <= int(answers[2].headers["retry-after"]) <= 60
    problem(answers[2], 429)
    assert client.get("/api/v1/leads", headers=give_token(tmp_path, "leads:read")).status_code == 200


def test_no_token_is_ever_logged(shared: Shared, api: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    made = give_token(shared.folder, "leads:write", name="shop")["Authorization"]
    api.post("/api/v1/leads", json=LEAD)
    api.post("/api/v1/leads", json=LEAD, headers={"Authorization": made})
    api.get("/api/v1/leads", headers=bearer("wrong-guess"))
    kept = str(stored(shared.folder, "SELECT headers FROM submissions"))
    for secret in (OWNER, made.split()[1], "wrong-guess"):
        assert secret not in caplog.text
        assert secret not in kept


def test_a_body_is_judged_after_the_token(shared: Shared, api: httpx.Client) -> None:
    json_ = {"Content-Type": "application/json"}
    problem(shared.stranger.post("/api/v1/leads", content=b"{", headers=json_), 401)
    problem(api.post("/api/v1/leads", content=b"{", headers=json_), 422)
    problem(api.post("/api/v1/leads", content=b" " * 3_000_000, headers=json_), 413)


class TestStrays:
    @pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v2/leads", "/api/", "/api/v1/leads/a/b/c"])
    def test_an_address_that_is_none_is_a_problem(self, api: httpx.Client, path: str) -> None:
        problem(api.get(path, headers={"Accept": "text/html"}), 404)

    def test_a_method_that_is_none_is_a_problem_that_says_which_there_are(self, api: httpx.Client) -> None:
        answer = api.delete("/api/v1/leads")
        problem(answer, 405)
        assert answer.headers["allow"] == "GET, POST"
        assert api.put("/api/v1/leads/search").headers["allow"] == "POST"


def test_what_the_store_cannot_do_just_now_is_a_problem(api: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: Any, **__: Any) -> None:
        raise OSError("disk I/O error")

    monkeypatch.setattr("app.outbox.submissions.newest", away)
    answer = api.get("/api/v1/submissions")
    found = problem(answer, 503)
    assert (found["title"], found["detail"]) == ("Not available", "The store cannot be read: disk I/O error")
    assert answer.headers["retry-after"] == "5"

"""Who comes in at the desk, and who does not."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from app.config.relay_toml import load_relay_config
from app.config.settings import load_settings
from app.desk import passwords
from app.desk.entry import COOKIE, Entry
from app.errors import ConfigurationError
from app.main import create_app
from app.outbox.hands import Hands
from app.outbox.outbox import Outbox
from tests.cli.test_commands import Run, folder, run, running
from tests.desk.conftest import PASSWORD, csrf_of, log_in
from tests.running import DEMO_TOML, eventually, stored

__all__ = ["folder", "run"]

Start = Callable[..., httpx.Client]
OPEN = {("GET", "/desk/login"), ("POST", "/desk/login")}
"""What may be asked for without a session."""
ELSEWHERE_NEXT = (
    "//evil.example",
    "https://evil.example",
    "/desk.evil.example",
    "/desk//evil.example",
    "/desk/../sandbox",
    "/desk/%2e%2e/sandbox",
    "/desk/\\evil.example",
    "/desk/\t/evil.example",
    "/desk?a=\r\nSet-Cookie: b=c",
    "/deskevil",
    "desk/leads",
)
"""What no address within the desk is."""
ELSEWHERE = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}


def of_the_desk(routes: Iterable[BaseRoute]) -> Iterator[tuple[str, str]]:
    """Method and address of every route of the desk, its parameters filled in; those of routers within routers too."""
    for route in routes:
        if inner := getattr(route, "original_router", None):
            yield from of_the_desk(inner.routes)
        elif isinstance(route, Route) and route.path.startswith("/desk"):
            address = re.sub(r"\{\w+\}", "01JD5V6Y1V0X2Z4Q8R6T7W9A3B", route.path)
            yield from ((method, address) for method in sorted(route.methods or ()))


def every_route(tmp: Path) -> list[tuple[str, str]]:
    settings = load_settings(database_url=f"sqlite+aiosqlite:///{tmp}/relay.db", desk_password=PASSWORD)
    return sorted(set(of_the_desk(create_app(settings, load_relay_config(DEMO_TOML, {})).routes)) - OPEN)


@pytest.fixture
def client(desk: Start) -> httpx.Client:
    return desk()


def test_without_a_session_no_page_is_shown_and_nothing_is_done(client: httpx.Client, tmp_path: Path) -> None:
    routes = every_route(tmp_path)
    assert ("GET", "/desk") in routes
    assert ("POST", "/desk/logout") in routes
    for method, address in routes:
        answer = client.request(method, address)
        to_the_door = answer.status_code == 303 and answer.headers["location"].startswith("/desk/login")
        assert to_the_door or answer.status_code == 401, (method, address, answer.status_code)
        assert "ada" not in answer.text.lower()


def test_without_its_forms_token_no_page_changes_anything(client: httpx.Client, tmp_path: Path) -> None:
    log_in(client)
    changing = [(method, address) for method, address in every_route(tmp_path) if method not in {"GET", "HEAD"}]
    assert changing
    for method, address in changing:
        for data in ({}, {"_csrf": "0" * 64}):
            answer = client.request(method, address, data=data)
            assert answer.status_code == 403, (method, address, answer.status_code)


def test_with_the_token_but_from_another_website_nothing_is_changed(client: httpx.Client, tmp_path: Path) -> None:
    token = log_in(client)
    for method, address in every_route(tmp_path):
        if method not in {"GET", "HEAD"}:
            answer = client.request(method, address, data={"_csrf": token}, headers=ELSEWHERE)
            assert answer.status_code == 403, (method, address, answer.status_code)


def test_a_right_password_opens_the_desk_and_a_wrong_one_does_not(client: httpx.Client) -> None:
    wrong = client.post("/desk/login", data={"name": "admin", "password": "correct horse battery"})
    assert (wrong.status_code, COOKIE in client.cookies) == (401, False)
    assert "do not go together" in wrong.text

    right = client.post("/desk/login", data={"name": "admin", "password": PASSWORD})
    assert (right.status_code, right.headers["location"]) == (303, "/desk")
    assert client.get("/desk").status_code == 200


def test_whoever_is_sent_to_the_door_comes_back_to_the_page_that_was_asked_for(client: httpx.Client) -> None:
    to_the_door = client.get("/desk/held?why=refused&endpoint=contact").headers["location"]
    asked = client.get(to_the_door).text
    assert 'name="next" value="/desk/held?why=refused&amp;endpoint=contact"' in asked
    answer = client.post("/desk/login", data={"password": PASSWORD, "next": "/desk/held?why=refused"})
    assert answer.headers["location"] == "/desk/held?why=refused"


def test_nobody_is_led_out_of_the_desk_by_logging_in(client: httpx.Client) -> None:
    log_in(client)
    for wanted, goes in (
        ("/desk/leads", "/desk/leads"),
        ("/desk?span=7d", "/desk?span=7d"),
        ("/desk/endpoints/forms/contact", "/desk/endpoints/forms/contact"),
        *((evil, "/desk") for evil in ELSEWHERE_NEXT),
    ):
        assert client.get("/desk/login", params={"next": wanted}).headers["location"] == goes, wanted


def test_whoever_is_refused_something_still_has_the_navigation(client: httpx.Client) -> None:
    token = log_in(client)
    for answer in (client.get("/desk/leads/nobody"), client.post("/desk/leads", data={"_csrf": "x"})):
        assert answer.status_code in {403, 404}
        assert 'href="/desk/leads"' in answer.text
        assert token in answer.text
    client.cookies.clear()
    assert "<nav" not in client.post("/desk/login", data={}, headers=ELSEWHERE).text


@pytest.mark.parametrize("public_url", ["", "https://leads.example.com"])
def test_the_cookie_is_out_of_reach_of_scripts_and_other_websites(desk: Start, public_url: str) -> None:
    client = desk(public_url=public_url, host="127.0.0.1")
    cookie = client.post("/desk/login", data={"password": PASSWORD}).headers["set-cookie"].lower()

    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/desk" in cookie
    assert ("secure" in cookie) is bool(public_url)


def test_a_session_is_another_one_after_each_login(client: httpx.Client) -> None:
    """Whoever put a cookie into somebody's browser before does not have that person's session."""
    client.cookies.set(COOKIE, "planted", domain="127.0.0.1", path="/desk")
    seen = set()
    for _ in range(3):
        answer = client.post("/desk/login", data={"password": PASSWORD})
        seen.add(answer.cookies[COOKIE])
    assert len(seen) == 3
    assert "planted" not in seen


@pytest.mark.parametrize(
    "change", [lambda one: one[:-5] + ("A" if one[-5] != "A" else "B") + one[-4:], lambda one: "x" + one]
)
def test_a_cookie_that_was_changed_opens_nothing(client: httpx.Client, change: Callable[[str], str]) -> None:
    log_in(client)
    forged = change(client.cookies[COOKIE])
    answer = httpx.get(client.base_url.join("/desk"), cookies={COOKIE: forged}, follow_redirects=False)
    assert answer.status_code == 303


def test_logging_out_ends_this_session_and_everywhere_ends_all(client: httpx.Client) -> None:
    token = log_in(client)
    with httpx.Client(base_url=client.base_url) as other:
        log_in(other)
        copied = client.cookies[COOKIE]
        assert client.post("/desk/logout", data={"_csrf": token}).status_code == 303
        assert client.get("/desk").status_code == 303
        client.cookies.set(COOKIE, copied, domain="127.0.0.1", path="/desk")
        assert client.get("/desk").status_code == 303
        client.cookies.clear()
        assert other.get("/desk").status_code == 200
        token = log_in(client)
        client.post("/desk/logout", data={"_csrf": token, "everywhere": "1"})
        assert other.get("/desk").status_code == 303
    log_in(client)


def test_logging_out_everywhere_leaves_an_operator_called_admin_the_own_password(
    desk: Start, run: Run, folder: Path
) -> None:
    client = desk()
    run("operator", "add", "admin", typed="four words to keep\n")
    [before] = stored(folder, "SELECT password FROM operators")
    client.post("/desk/logout", data={"_csrf": log_in(client), "everywhere": "1"})
    assert stored(folder, "SELECT password FROM operators") == [before]


@pytest.mark.parametrize("has_own", [False, True])
def test_what_the_admin_of_the_settings_has_ended_stays_ended_whatever_becomes_of_the_operator_admin(
    desk: Start, run: Run, folder: Path, has_own: bool
) -> None:
    client = desk()
    token = log_in(client)
    ended = client.cookies[COOKIE]
    if has_own:
        run("operator", "add", "admin", typed="four words to keep\n")
    client.post("/desk/logout", data={"_csrf": token, "everywhere": "1"})

    def is_out() -> bool:
        client.cookies.clear()
        client.cookies.set(COOKIE, ended, domain="127.0.0.1", path="/desk")
        return client.get("/desk").status_code == 303

    assert is_out()
    removed = run("operator", "remove", "admin")
    assert removed.exit_code == (0 if has_own else 2), removed.output
    assert is_out()
    for act in (("remove", "admin"), ("password", "admin"), ("role", "admin", "view")):
        refused = run("operator", *act, typed="other words to keep\n")
        assert (refused.exit_code, "DESK_PASSWORD" in refused.stderr) == (2, True), act
    assert run("operator", "list", "--json").stdout == ""
    assert run("operator", "add", "admin", typed="four words to keep\n").exit_code == 0
    assert is_out()
    assert "admin" in run("operator", "list").stdout


def test_without_the_password_of_the_settings_its_admin_is_nobody(desk: Start, relay: Start) -> None:
    client = desk()
    client.post("/desk/logout", data={"_csrf": log_in(client), "everywhere": "1"})
    client = relay()
    assert client.get("/desk", follow_redirects=True).status_code == 404
    for password in ("", "nobody", PASSWORD):
        assert client.post("/desk/login", data={"name": "admin", "password": password}).status_code == 401


def test_who_is_logged_out_meanwhile_is_told_that_nothing_was_done(client: httpx.Client) -> None:
    token = log_in(client)
    client.cookies.clear()
    answer = client.post("/desk/leads", data={"_csrf": token}, headers={"Referer": f"{client.base_url}/desk/leads"})
    assert answer.status_code == 401
    assert "nothing was done" in answer.text
    assert 'name="next" value="/desk/leads"' in answer.text


def test_a_short_password_in_the_settings_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigurationError, match="DESK_PASSWORD"):
        load_settings(desk_password="short")


def test_behind_a_proxy_with_tls_the_cookie_is_never_sent_without_it(desk: Start) -> None:
    through = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
    answer = desk(public_url="").post("/desk/login", data={"password": PASSWORD}, headers=through)
    assert "secure" in answer.headers["set-cookie"].lower()


def test_too_many_tries_from_one_address_have_to_wait(client: httpx.Client) -> None:
    statuses = [client.post("/desk/login", data={"name": "admin", "password": "guess"}).status_code for _ in range(12)]
    assert statuses[:5] == [401] * 5
    assert statuses[-1] == 429


def test_without_any_password_the_desk_is_off_and_says_how_to_open_it(relay: Start) -> None:
    client = relay()
    answer = client.get("/desk", follow_redirects=True)
    assert answer.status_code == 404
    assert "DESK_PASSWORD" in answer.text
    assert "lead-relay operator add" in answer.text
    assert client.post("/desk/login", data={"name": "admin", "password": ""}).status_code == 401


class TestOperators:
    def test_an_operator_made_at_the_command_line_may_log_in_at_once(
        self, relay: Start, run: Run, folder: Path
    ) -> None:
        client = relay()
        made = run("operator", "add", "anna", "--role", "view", typed="four words to keep\n")
        assert made.exit_code == 0, made.stderr
        log_in(client, "anna", "four words to keep")

        [kept] = stored(folder, "SELECT password FROM operators WHERE name = 'anna'")
        assert kept[0].startswith("$argon2id$")
        assert re.search(r"anna +view +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", run("operator", "list").stdout)
        assert [deed["what"] for deed in objects_of(run("audit", "--json").stdout)] == ["add operator"]

    def test_whoever_is_removed_or_has_a_new_password_is_out_at_once(self, relay: Start, run: Run) -> None:
        client = relay()
        for change in (("operator", "password", "anna"), ("operator", "remove", "anna")):
            run("operator", "add", "anna", typed="four words to keep\n")
            log_in(client, "anna", "four words to keep")
            assert run(*change, typed="other words to keep\n").exit_code == 0
            assert client.get("/desk").status_code == 303
            run("operator", "remove", "anna")

    def test_a_role_is_looked_up_anew_for_each_request(self, relay: Start, run: Run) -> None:
        client = relay()
        run("operator", "add", "anna", "--role", "view", typed="four words to keep\n")
        log_in(client, "anna", "four words to keep")
        assert "Your role is view" in client.get("/desk").text
        run("operator", "role", "anna", "admin")
        assert "Your role is admin" in client.get("/desk").text

    @pytest.mark.parametrize(("name", "typed"), [("anna", "short\n"), ("", "four words to keep\n"), ("anna", "")])
    def test_a_short_password_or_no_name_is_refused(self, relay: Start, run: Run, name: str, typed: str) -> None:
        relay()
        refused = run("operator", "add", name, typed=typed)
        assert refused.exit_code == 2
        assert "has" in refused.stderr

    def test_a_name_that_nobody_has_takes_as_long_as_a_wrong_password(self, relay: Start, run: Run) -> None:
        """The hash of somebody who is not there is checked all the same."""
        relay()
        assert passwords._of_nobody().startswith("$argon2id$")


WRITTEN_DOWN = (
    ("operator", "add", "bert"),
    ("operator", "password", "anna"),
    ("operator", "role", "anna", "view"),
    ("operator", "remove", "anna"),
    ("operator", "remove", "admin"),
    ("token", "create", "shop", "--scope", "leads:read"),
    ("token", "revoke", "ID"),
)


def test_an_act_that_cannot_be_written_down_is_not_done(
    relay: Start, run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kept() -> list[Any]:
        return [stored(folder, f"SELECT * FROM {name}") for name in ("operators", "tokens", "audit")]  # noqa: S608 - names of our own

    async def away(*_: Any, **__: Any) -> None:
        raise OSError("disk I/O error")

    relay()
    for name in ("anna", "admin"):
        run("operator", "add", name, typed="four words to keep\n")
    run("token", "create", "reports", "--scope", "leads:read")
    before = kept()
    monkeypatch.setattr(Hands, "note", away)
    [(token_id,)] = stored(folder, "SELECT id FROM tokens")
    for act in WRITTEN_DOWN:
        failed = run(*(token_id if one == "ID" else one for one in act), typed="other words to keep\n")
        assert (failed.exit_code, "Nothing was stored" in failed.stderr) == (2, True), (act, failed.output)
        assert failed.stdout == "", act
        assert kept() == before, act


def test_who_is_not_there_is_told_before_a_password_is_asked_for(relay: Start, run: Run) -> None:
    relay()
    run("operator", "add", "anna", typed="four words to keep\n")
    for act, words in ((("add", "anna"), "already"), (("password", "bert"), "no operator bert")):
        refused = run("operator", *act, typed="")
        assert (refused.exit_code, words in refused.stderr) == (2, True), refused.output
    for gone in (("role", "bert", "view"), ("remove", "bert")):
        refused = run("operator", *gone)
        assert (refused.exit_code, "no operator bert" in refused.stderr) == (2, True), refused.output
    refused = run("token", "revoke", "x")
    assert (refused.exit_code, "no token x" in refused.stderr) == (2, True), refused.output
    assert len(objects_of(run("audit", "--json").stdout)) == 1


class TestTokens:
    def test_a_token_is_shown_once_and_kept_as_a_hash(self, relay: Start, run: Run, folder: Path) -> None:
        relay()
        made = run("token", "create", "reports", "--scope", "leads:read", "--scope", "stats:read")
        assert made.stdout.startswith("lr_")
        [kept] = stored(folder, "SELECT digest, scopes FROM tokens")
        assert kept[1] == "leads:read,stats:read"
        assert made.stdout.strip() not in kept[0]
        [listed] = objects_of(run("token", "list", "--json").stdout)
        assert (listed["name"], listed["scopes"]) == ("reports", ["leads:read", "stats:read"])
        assert "leads:read, stats:read" in run("token", "list").stdout
        assert run("token", "revoke", listed["id"]).exit_code == 0
        assert stored(folder, "SELECT * FROM tokens") == []
        [another] = objects_of(run("token", "create", "shop", "--scope", "leads:read", "--json").stdout)
        assert run("token", "revoke", another["id"]).exit_code == 0

    def test_a_scope_that_there_is_not_is_refused(self, relay: Start, run: Run) -> None:
        relay()
        refused = run("token", "create", "reports", "--scope", "everything")
        assert refused.exit_code == 2
        assert "leads:read" in refused.stderr


def objects_of(text: str) -> list[dict[str, Any]]:
    import json

    return [json.loads(line) for line in text.splitlines()]


def test_the_token_of_forms_belongs_to_one_session(client: httpx.Client) -> None:
    first = log_in(client)
    with httpx.Client(base_url=client.base_url) as other:
        assert log_in(other) != first
        assert other.post("/desk/logout", data={"_csrf": first}).status_code == 403
        assert other.post("/desk/logout", data={"_csrf": csrf_of(other)}).status_code == 303


def test_a_trial_prints_a_password_for_this_start(folder: Path) -> None:
    port = os.environ["PORT"]
    with running(folder, "serve", PORT=port) as process:
        said = eventually(lambda: re.search(r"name admin, password (\S+)", (folder / "log").read_text()), "it says so")
        eventually(lambda: is_up(f"http://127.0.0.1:{port}/healthz"), "it is up")
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            log_in(client, password=said[1])
        assert process.poll() is None


def is_up(address: str) -> bool:
    try:
        return httpx.get(address).status_code == 200
    except httpx.HTTPError:
        return False


async def test_a_session_is_one_at_a_relay_whose_clock_is_behind_and_ends_where_it_is_ahead(tmp_path: Path) -> None:
    outbox, now = Outbox(f"sqlite+aiosqlite:///{tmp_path}/relay.db"), datetime(2026, 11, 26, 12, tzinfo=UTC)
    await outbox.open()

    def door(seconds: int) -> Entry:
        return Entry(outbox, SecretStr(PASSWORD), "", lambda: now + timedelta(seconds=seconds))

    async def is_in(cookie: str | None, entry: Entry) -> bool:
        header = (b"cookie", f"{COOKIE}={cookie}".encode())
        return await entry.session(Request({"type": "http", "headers": [header]})) is not None

    behind, ahead = door(-20), door(20)
    cookie = await ahead.log_in("admin", PASSWORD)
    assert await is_in(cookie, behind)
    await behind.log_out_everywhere("admin")
    assert not await is_in(cookie, ahead)
    again = await behind.log_in("admin", PASSWORD)
    assert await is_in(again, behind)
    assert not await is_in(again, door(8 * 24 * 3600))

    wrong = door(3600)  # whose clock is then put right
    await wrong.log_out_everywhere("admin")
    after = await behind.log_in("admin", PASSWORD)
    assert await is_in(after, behind)
    await behind.log_out_everywhere("admin")
    assert not await is_in(after, behind)
    await outbox.close()

"""The way to AgencyHandy: several workspaces, access refused to a lead or to the key, and a clock that is set back."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app import main
from app.sandbox import create_sandbox
from tests.running import SandboxClient, eventually, served, stored

Start = Callable[..., httpx.Client]
BATCH = "[hooks.json]\nsource = 'json'\nopen = true\n"


def person(name: str) -> dict[str, str]:
    return {"name": f"{name.title()} Example", "email": f"{name}@example.com"}


def post(client: httpx.Client, body: Any, hook: str = "json") -> dict[str, Any]:
    answer = client.post(f"/hooks/{hook}", json=body)
    assert answer.status_code == 200
    receipt: dict[str, Any] = answer.json()
    return receipt


def state(client: httpx.Client) -> str:
    found: str = client.get("/readyz").json()["destination"]
    return found


@pytest.fixture
def other() -> Iterator[SandboxClient]:
    """Another company's AgencyHandy."""
    with served(create_sandbox(api_key="other-key")) as address:
        client = SandboxClient(address)
        yield client
        client.close()


@pytest.fixture
def two(relay: Start, other: SandboxClient) -> httpx.Client:
    return relay(
        f"{BATCH}[hooks.acme]\nsource = 'json'\nopen = true\nworkspace = 'acme'\n"
        f"[workspaces.acme]\napi_key = 'other-key'\nbase_url = '{other.address}'\n"
    )


def test_each_endpoints_leads_go_to_its_own_workspace(
    two: httpx.Client, sandbox: SandboxClient, other: SandboxClient
) -> None:
    post(two, person("ada"))
    post(two, person("grace"), "acme")

    eventually(lambda: sandbox.emails() and other.emails(), "both arrive")
    assert (sandbox.emails(), other.emails()) == (["ada@example.com"], ["grace@example.com"])


def test_each_workspace_has_its_own_limits(relay: Start, sandbox: SandboxClient, other: SandboxClient) -> None:
    client = relay(
        f"{BATCH}[hooks.acme]\nsource = 'json'\nopen = true\nworkspace = 'acme'\n[workspaces.acme]\n"
        f"api_key = 'other-key'\nbase_url = '{other.address}'\nbatch = 2\nrequests_per_second = 5\n"
    )
    people = [person(f"p{n}") for n in range(8)]
    post(client, people)
    started = time.monotonic()  # before the first request, which may go out before its enquiry is answered
    post(client, people, "acme")

    eventually(lambda: len(sandbox.emails()) == len(other.emails()) == 8, "all arrive")
    assert time.monotonic() - started > 0.5
    assert [one["leads"] for one in sandbox.requests()] == [8]
    assert [one["leads"] for one in other.requests()] == [2, 2, 2, 2]


@pytest.mark.slow
@pytest.mark.alone
def test_a_workspace_that_hangs_or_is_paused_delays_no_other(
    two: httpx.Client, sandbox: SandboxClient, other: SandboxClient
) -> None:
    other.fault(kind="delay", seconds=5)
    post(two, [person(f"slow{n}") for n in range(60)], "acme")
    eventually(other.requests, "the slow one is being asked")
    started = time.monotonic()
    post(two, person("ada"))
    eventually(sandbox.emails, "the other one's lead arrives")
    assert time.monotonic() - started < 1

    other.heal()
    other.put("/key", key="revoked")
    eventually(lambda: state(two) == "paused", "the worst way is shown", 20)
    post(two, person("grace"))
    eventually(lambda: len(sandbox.emails()) == 2, "the other one's lead arrives")


@pytest.mark.slow
def test_a_lead_that_a_firewall_refuses_delays_nobody_once_others_were_taken(
    relay: Start, sandbox: SandboxClient, tmp_path: Path
) -> None:
    client = relay(BATCH)
    post(client, person("first"))
    eventually(sandbox.emails, "the way is proven")
    sandbox.fault(kind="refuse", pattern="select@", status=403, message="Request blocked")
    post(client, [*(person(f"p{n}") for n in range(10)), person("select")])
    eventually(lambda: len(sandbox.emails()) == 11, "all others arrive")
    tried = "SELECT attempts FROM leads WHERE email = 'select@example.com'"
    eventually(lambda: stored(tmp_path, tried)[0][0] >= 3, "it is tried again and again, alone")
    post(client, person("later"))
    eventually(lambda: len(sandbox.emails()) == 12, "a later one arrives", 3)

    assert state(client) == "ready"
    sandbox.heal()
    eventually(lambda: "select@example.com" in sandbox.emails(), "it arrives when it is let through", 30)


@pytest.mark.slow
def test_a_lead_that_a_firewall_refuses_first_of_all_holds_others_up_for_one_probe_at_most(
    relay: Start, sandbox: SandboxClient
) -> None:
    sandbox.fault(kind="refuse", pattern="select@", status=403, message="Request blocked")
    client = relay(BATCH, delivery_probe_seconds=1)
    post(client, person("select"))
    eventually(lambda: state(client) == "paused", "it looks as if the key were refused")
    post(client, [person(f"p{n}") for n in range(10)])

    eventually(lambda: len(sandbox.emails()) == 10, "all others arrive")
    eventually(lambda: state(client) == "ready", "the way is open")


def test_a_lead_whose_refusal_speaks_of_roles_stops_no_other(relay: Start, sandbox: SandboxClient) -> None:
    sandbox.fault(kind="refuse", pattern="bad@", message="Your role does not allow this name")
    client = relay(BATCH)
    post(client, [person("bad"), *(person(f"p{n}") for n in range(9))])

    eventually(lambda: len(sandbox.emails()) == 9, "all others arrive", 5)
    assert state(client) in {"ready", "failing"}


@pytest.mark.slow
def test_a_key_that_may_read_but_not_create_pauses_and_spends_no_attempt(
    relay: Start, sandbox: SandboxClient, tmp_path: Path
) -> None:
    sandbox.fault(kind="status", status=403)
    client = relay(BATCH, delivery_probe_seconds=0.3)
    post(client, [person("ada"), person("grace")])
    eventually(lambda: len(sandbox.requests()) >= 6, "it is tried again and again", 30)

    assert state(client) == "paused"
    assert stored(tmp_path, "SELECT max(attempts) FROM leads") == [(0,)]
    assert {tuple(one["emails"]) for one in sandbox.requests()[1:]} == {("ada@example.com",), ("grace@example.com",)}


def test_while_the_key_is_refused_no_lead_is_tried_and_no_attempt_counted(
    relay: Start, sandbox: SandboxClient, tmp_path: Path
) -> None:
    client = relay(BATCH, delivery_probe_seconds=0.3)
    sandbox.put("/key", key="another")
    post(client, [person(f"p{n}") for n in range(3)])
    eventually(lambda: state(client) == "paused", "the workspace pauses")
    tried = len(sandbox.requests())
    time.sleep(1.5)

    assert len(sandbox.requests()) == tried
    assert stored(tmp_path, "SELECT sum(attempts), min(state), max(state) FROM leads") == [(0, "pending", "pending")]


def test_a_poison_lead_that_the_answer_names_costs_the_others_one_further_request(
    relay: Start, sandbox: SandboxClient, tmp_path: Path
) -> None:
    """The promise: one bad lead never delays another by more than one round trip."""
    sandbox.fault(kind="refuse", pattern="p13@")
    client = relay(BATCH)
    post(client, [person(f"p{n}") for n in range(50)])

    eventually(lambda: len(sandbox.emails()) == 49, "all others arrive")
    assert [one["leads"] for one in sandbox.requests()][:2] == [50, 49]


def test_a_poison_lead_that_nothing_names_costs_the_others_one_further_request_each_side_by_side(
    relay: Start, sandbox: SandboxClient
) -> None:
    sandbox.fault(kind="refuse", pattern="p13@", message="Something is wrong")
    client = relay(BATCH)
    post(client, [person(f"p{n}") for n in range(50)])

    eventually(lambda: len(sandbox.emails()) == 49, "all others arrive")
    assert [one["leads"] for one in sandbox.requests()] == [50] + [1] * 50


def test_a_clock_that_is_set_back_leaves_no_lead_behind(
    relay: Start, sandbox: SandboxClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, ahead = main.now, timedelta(hours=5)
    monkeypatch.setattr(main, "now", lambda: now() + ahead)
    sandbox.fault(kind="status", status=429, retry_after="3600", times=1)
    client = relay(BATCH)
    post(client, [person(f"p{n}") for n in range(3)])
    eventually(sandbox.requests, "AgencyHandy wants to be left alone for an hour of the fast clock")
    ahead = timedelta()
    post(client, person("later"))

    eventually(lambda: len(sandbox.emails()) == 4, "all arrive by the right clock")


@pytest.mark.slow
def test_a_lease_of_a_clock_that_is_hours_ahead_does_not_last_hours(
    relay: Start, sandbox: SandboxClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = relay(BATCH)
    sandbox.fault(kind="delay", seconds=3, times=1)
    post(client, person("ada"))
    eventually(sandbox.requests, "it is being sent")
    ahead = int(datetime.now().timestamp() + 5 * 3600) * 1000  # noqa: DTZ005 - an instant, not a date
    with contextlib.closing(sqlite3.connect(tmp_path / "relay.db")) as store, store:
        store.execute("UPDATE leads SET lease_until = ?, claim = 'of a worker that is gone'", (ahead,))

    eventually(
        lambda: stored(tmp_path, "SELECT state FROM leads") == [("delivered",)], "it is taken back and settled", 20
    )
    assert sandbox.emails() == ["ada@example.com"]


NO_EMAIL = "[hooks.json]\nsource = 'json'\nopen = true\nemail_template = '{phone}@{endpoint}.no-email.example.com'\n"


def test_who_gives_only_a_phone_is_delivered_with_an_address_made_from_it_where_the_endpoint_says_so(
    relay: Start, sandbox: SandboxClient
) -> None:
    client = relay(NO_EMAIL)
    receipt = post(client, {"name": "Ada Lovelace", "phone": "+44 20 7946 0958"})

    assert receipt["leads"][0]["state"] == "pending"
    eventually(sandbox.emails, "it arrives")
    assert sandbox.emails() == ["442079460958@json.no-email.example.com"]


@pytest.mark.parametrize("more", [{}, {"email": "ada@example,com"}], ids=["nothing", "a mistyped address"])
def test_without_a_phone_or_with_a_mistyped_address_none_is_made(relay: Start, more: dict[str, str]) -> None:
    receipt = post(relay(NO_EMAIL), {"name": "Ada Lovelace", **more})

    assert receipt["leads"][0]["state"] == "held"


def test_an_unknown_hook_answers_404_where_that_is_wished(relay: Start, tmp_path: Path) -> None:
    client = relay(BATCH, unknown_hook_status=404)

    assert client.post("/hooks/nobody", json=person("ada")).status_code == 404
    assert stored(tmp_path, "SELECT state, reason FROM leads") == [("held", "unknown endpoint")]

"""`/metrics`: what it shows, and to whom."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import pytest

from app.alerts.measures import MEASURES
from app.alerts.watch import Watch
from app.config.relay_toml import load_relay_config
from app.config.settings import load_settings
from app.main import create_app
from tests.running import DEMO_TOML, ROOT, SandboxClient, eventually, served

Start = Callable[..., httpx.Client]
TOML = "[forms.contact]\n[hooks.json]\nsource = 'json'\nsecrets = ['s3cret']\n"
ADA = {"name": "Ada Lovelace", "email": "ada@example.com"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta

    monkeypatch.setattr("app.main.Watch", partial(Watch, every=timedelta(seconds=0.1)))


def figures(client: httpx.Client) -> dict[str, float]:
    lines = client.get("/metrics").text.splitlines()
    return {name: float(figure) for name, _, figure in (line.rpartition(" ") for line in lines if line[0] != "#")}


def test_it_counts_what_came_in_and_what_became_of_it(relay: Start, sandbox: SandboxClient) -> None:
    client = relay(TOML)
    client.post("/forms/contact", data=ADA)
    client.post("/hooks/json", json=ADA)
    client.post("/hooks/ada@example.com", json=ADA)
    delivered = 'lead_relay_leads{endpoint="contact",state="delivered"}'
    eventually(lambda: figures(client).get(delivered) == 1, "the next look shows it")

    found = figures(client)
    expected = {
        'lead_relay_leads{endpoint="json",state="held"}': 1,
        'lead_relay_leads{endpoint="others",state="held"}': 1,
        'lead_relay_accepted_total{endpoint="contact"}': 1,
        'lead_relay_books_difference{endpoint="contact"}': 0,
        'lead_relay_oldest_waiting_seconds{workspace="default"}': 0,
        'lead_relay_attempts_total{outcome="created",workspace="default"}': 1,
        "lead_relay_passed_on_total": 0,
    }
    assert {name: found.get(name) for name in expected} == expected
    assert "ada" not in client.get("/metrics").text.lower()


def test_a_lead_that_vanished_shows_in_the_books(relay: Start, tmp_path: Path) -> None:
    client = relay(TOML)
    client.post("/forms/contact", data=ADA)
    client.post("/hooks/json", json=ADA)
    eventually(lambda: figures(client).get('lead_relay_leads{endpoint="contact",state="delivered"}'), "it is settled")
    with contextlib.closing(sqlite3.connect(tmp_path / "relay.db")) as store, store:
        store.execute("DELETE FROM leads WHERE endpoint = 'contact'")

    difference = "lead_relay_books_difference"
    eventually(lambda: figures(client)[f'{difference}{{endpoint="contact"}}'] == 1, "the difference shows")
    assert figures(client)[f'{difference}{{endpoint="json"}}'] == 0


def test_trouble_shows_by_its_name(relay: Start, sandbox: SandboxClient) -> None:
    sandbox.put("/key", key="another")
    client = relay(TOML)

    eventually(lambda: figures(client).get('lead_relay_alerts_open{name="paused"}') == 1, "the pause shows")


def test_with_a_token_only_who_has_it_may_look(relay: Start) -> None:
    client = relay(TOML, metrics_token="let me in")

    def status(**headers: str) -> int:
        return client.get("/metrics", headers=headers).status_code

    assert status() == status(Authorization="Bearer wrong") == status(Authorization="let me in") == 404
    assert status(Authorization="Bearer let me in") == 200


def test_without_a_token_only_this_machine_may_look(relay: Start) -> None:
    client = relay(TOML)

    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}).status_code == 404
    assert client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 404


def test_a_process_that_only_takes_enquiries_looks_when_it_is_asked(relay: Start) -> None:
    client = relay(TOML, role="intake")
    client.post("/forms/contact", data=ADA)

    assert figures(client)['lead_relay_leads{endpoint="contact",state="pending"}'] == 1


def test_two_apps_in_one_process_share_no_figures(relay: Start, tmp_path: Path) -> None:
    client = relay(TOML)
    client.post("/forms/contact", data=ADA)
    settings = load_settings(database_url=f"sqlite+aiosqlite:///{tmp_path}/another.db")
    other = create_app(settings, load_relay_config(DEMO_TOML, {}))

    with served(other) as address, httpx.Client(base_url=address) as another:
        assert not [name for name in figures(another) if "accepted_total" in name or "attempts_total" in name]


def test_every_figure_is_documented(relay: Start) -> None:
    document = (ROOT / "docs/alerts.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(lead_relay_\w+)` \|", document, re.MULTILINE))
    text = relay(TOML).get("/metrics").text
    shown = set(re.findall(r"^# TYPE (lead_relay_\w+) ", text, re.MULTILINE))

    assert {f"lead_relay_{name}" for name in MEASURES} <= {name.removesuffix("_total") for name in listed}
    assert {name for name in shown if not name.endswith("_created")} == listed

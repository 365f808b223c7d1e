"""The front page, health, and the description of the HTTP interface."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from app.config.relay_toml import load_relay_config
from app.config.settings import load_settings
from app.main import create_app
from tests.running import DEMO_TOML, SandboxClient, eventually, locked, served

Start = Callable[..., httpx.Client]
ADA = {"name": "Ada Lovelace", "email": "ada@example.com"}


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[httpx.Client]:
    """The relay without a key."""
    settings = load_settings(database_url=f"sqlite+aiosqlite:///{tmp_path}/relay.db", relay_config=DEMO_TOML)
    with (
        served(create_app(settings, load_relay_config(DEMO_TOML, {}))) as address,
        httpx.Client(base_url=address) as client,
    ):
        yield client


def test_a_running_relay_is_healthy_and_ready(relay: Start) -> None:
    client = relay()

    assert client.get("/healthz").json() == {"status": "up"}
    assert client.get("/readyz").json() == {
        "status": "ready",
        "store": "writable",
        "role": "known",
        "destination": "ready",
    }


def test_the_front_page_of_a_trial_leads_to_the_desk(demo: httpx.Client) -> None:
    page = demo.get("/").text
    assert '<a href="/desk">The desk</a>' in page
    assert "password were printed" in page
    demo.post("/forms/contact", data=ADA)
    assert "All of them, at the desk" in demo.get("/").text


def test_monitors_may_ask_for_the_head_alone(relay: Start) -> None:
    client = relay()

    assert {client.head(path).status_code for path in ("/", "/healthz", "/readyz", "/forms/contact")} == {200}


@pytest.mark.slow
def test_a_relay_that_cannot_store_is_up_but_not_ready(relay: Start, tmp_path: Path) -> None:
    client = relay()
    with locked(tmp_path):
        answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["store"]) == (503, "not writable")
    assert client.get("/healthz").status_code == 200


def test_a_relay_whose_way_to_agencyhandy_is_closed_still_takes_enquiries(relay: Start, sandbox: SandboxClient) -> None:
    sandbox.put("/key", key="another")
    client = relay()

    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["destination"], answer.json()["role"]) == (200, "paused", "unknown")
    assert client.post("/forms/contact", data=ADA).status_code == 303


def test_the_demo_shows_the_form_and_what_became_of_it(demo: httpx.Client) -> None:
    assert 'action="/forms/contact"' in demo.get("/").text
    assert demo.post("/forms/contact", data=ADA).status_code == 303
    eventually(lambda: "✓ delivered" in demo.get("/").text, "the lead is delivered")
    assert "ada@example.com" in demo.get("/sandbox/_sandbox/members").text


def test_what_visitors_type_is_only_text_on_the_demos_page(demo: httpx.Client) -> None:
    demo.post("/forms/contact", data={"name": "<script>alert()</script>", "email": "x@example.com"})

    assert "<script>" not in demo.get("/").text
    assert "&lt;script&gt;" in demo.get("/").text


def test_with_a_real_key_nobody_who_wrote_is_shown(relay: Start) -> None:
    client = relay()
    client.post("/forms/contact", data=ADA)

    assert 'action="/forms/contact"' in client.get("/").text
    assert "ada@example.com" not in client.get("/").text
    assert client.get("/sandbox/").status_code == 404


def test_in_earnest_the_front_page_only_says_that_it_runs(relay: Start) -> None:
    page = relay(public_url="https://leads.example.com").get("/").text

    assert "Lead Relay is running" in page
    assert "<form" not in page


def test_a_relay_that_only_takes_enquiries_says_that_another_delivers(relay: Start) -> None:
    page = relay(role="intake").get("/").text

    assert "Another process delivers; this one takes enquiries." in page
    assert "failing" not in page


def test_a_relay_that_only_delivers_shows_no_form(relay: Start) -> None:
    page = relay(role="delivery").get("/").text

    assert "It delivers what another process takes in." in page
    assert "<form" not in page


def test_the_demos_page_says_that_the_store_cannot_be_read(demo: httpx.Client, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "relay.db") as store:
        store.execute("ALTER TABLE leads RENAME TO gone")
    answer = demo.get("/")

    assert answer.status_code == 503
    assert "The store cannot be read just now" in answer.text


def test_the_http_interface_is_described(relay: Start) -> None:
    client = relay()
    described = client.get("/openapi.json").json()

    assert described["openapi"].startswith("3.1")
    assert {"/forms/{name}", "/hooks/{name}", "/healthz", "/readyz"} <= set(described["paths"])
    assert client.get("/docs").status_code == 200

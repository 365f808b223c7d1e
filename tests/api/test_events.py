"""Programs hear what becomes of leads."""

from __future__ import annotations

import contextlib
import sqlite3

import httpx
import pytest

from app.desk import live
from app.live import feed, stream
from tests.api.conftest import Shared, give_token, problem
from tests.listening import Stream
from tests.running import eventually

EVENTS = "/api/v1/events"


def test_a_program_hears_of_a_new_lead_and_goes_on_where_it_was(shared: Shared) -> None:
    token = give_token(shared.folder, "events:read", name="hears")
    with Stream(shared.stranger, EVENTS, token) as heard:
        made = shared.owner.post("/api/v1/leads", json={"email": "events1@example.com"}).json()["leads"][0]["id"]
        eventually(lambda: heard.leads().get(made) == "delivered", "it is told")
        assert "example.com" not in str(heard.events)
    made = shared.owner.post("/api/v1/leads", json={"email": "events2@example.com"}).json()["leads"][0]["id"]
    for again in ((EVENTS, {"Last-Event-ID": heard.id}), (f"{EVENTS}?since={heard.id}", {})):
        with Stream(shared.stranger, again[0], token | again[1]) as missed:
            eventually(lambda missed=missed: made in missed.leads(), "what was missed is told")


def test_however_much_a_program_missed_it_is_told_all_of_it(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST", 1)
    with Stream(shared.owner, EVENTS) as heard:
        begin = heard.id
    leads = [{"email": f"many{number}@example.com"} for number in range(20)]
    made = [one["id"] for lead in leads for one in shared.owner.post("/api/v1/leads", json=lead).json()["leads"]]
    with Stream(shared.owner, EVENTS, {"Last-Event-ID": begin}) as heard:
        eventually(lambda: set(made) <= set(heard.leads()), "all are told")
        assert heard.of("gap") == []


def test_programs_leave_room_for_the_pages_that_people_look_at(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "OF_PROGRAMS", 1)
    with Stream(shared.owner, EVENTS):
        refused = shared.owner.get(EVENTS)
        assert problem(refused, 503)["title"]
        assert refused.headers["retry-after"] == "30"


def test_a_token_that_is_revoked_hears_no_more(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "PAUSE", 0.2)
    token = give_token(shared.folder, "events:read", name="revoked")
    with Stream(shared.stranger, EVENTS, token) as heard:
        revoke(shared, "revoked")
        eventually(lambda: heard.has_ended, "it ends", 5)
    problem(shared.stranger.get(EVENTS, headers=token), 401)


def revoke(shared: Shared, name: str) -> None:
    with contextlib.closing(sqlite3.connect(shared.folder / "relay.db", timeout=10)) as store:
        store.execute("DELETE FROM tokens WHERE name = ?", (name,))
        store.commit()


def test_it_is_described(api: httpx.Client) -> None:
    described = api.get("/openapi.json").json()["paths"][EVENTS]["get"]
    assert list(described["responses"]["200"]["content"]) == ["text/event-stream"]
    assert described["security"] == [{"token": ["events:read"]}]
    assert {one["name"] for one in described["parameters"]} == {"since", "last-event-id"}

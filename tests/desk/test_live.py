"""What changes is told to open pages: at once, whole, and to nobody who may not know."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from app.desk import live
from app.live import feed, stream
from tests.desk.conftest import log_in
from tests.listening import Stream
from tests.running import SandboxClient, eventually, stored

Start = Callable[..., httpx.Client]


@pytest.fixture
def client(desk: Start) -> httpx.Client:
    started = desk()
    log_in(started)
    return started


def post(client: httpx.Client, name: str) -> None:
    assert client.post("/forms/contact", data={"email": f"{name}@example.com", "name": "Ada"}).status_code < 400


def seen_at(client: httpx.Client) -> str:
    """Where a page says that it begins."""
    return client.get("/desk/leads").text.partition('data-seen="')[2].partition('"')[0]


def test_a_new_lead_and_what_becomes_of_it_are_told_without_anything_personal(client: httpx.Client) -> None:
    with Stream(client, "/desk/events") as heard:
        post(client, "ada")
        eventually(lambda: "delivered" in heard.leads().values(), "it is told", 3)
        assert heard.response.headers["content-type"].startswith("text/event-stream")
        assert heard.response.headers["cache-control"] == "no-store"
        assert heard.response.headers["x-accel-buffering"] == "no"
        [told, *_] = heard.of("lead")
        assert set(told) == {"id", "state", "mark", "endpoint", "receivedAt"}
        assert told["endpoint"] == "contact"
        assert heard.of("waiting")[0] == {"held": 0, "spam": 0, "duplicate": 0}


def test_what_happened_since_a_page_was_made_or_the_connection_was_lost_is_told(client: httpx.Client) -> None:
    begin = seen_at(client)
    assert begin
    post(client, "before")
    with Stream(client, f"/desk/events?since={begin}") as heard:
        eventually(lambda: len(heard.leads()) == 1, "the first is told")
        eventually(lambda: "delivered" in heard.leads().values(), "it is settled")
    for number in range(5):
        post(client, f"meanwhile{number}")
    with Stream(client, f"/desk/events?since={begin}", {"Last-Event-ID": heard.id}) as again:
        eventually(lambda: len(again.leads()) >= 5, "what was missed is told")
        assert not again.of("gap")


def test_where_too_much_was_missed_or_the_place_is_unknown_a_page_is_told_to_begin_anew(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begin = seen_at(client)
    for number in range(3):
        post(client, f"many{number}")
    settled = "SELECT count(*) FROM leads WHERE state = 'delivered'"
    eventually(lambda: stored(tmp_path, settled) == [(3,)], "all are settled")
    monkeypatch.setattr(live, "MOST", 2)
    for since in (begin, "999999999"):
        with Stream(client, f"/desk/events?since={since}") as heard:
            eventually(lambda heard=heard: heard.of("gap") == [{}], "it is told")
            assert heard.leads() == {}
            post(client, f"after{since}")
            eventually(lambda heard=heard: "delivered" in heard.leads().values(), "it goes on")


@pytest.mark.parametrize("since", ["x", "1-", "1--2", "-1", "9" * 30, "١٢"])
def test_a_place_that_cannot_be_is_none(client: httpx.Client, since: str) -> None:
    with Stream(client, f"/desk/events?since={since}") as heard:
        assert heard.id


def test_a_quiet_stream_says_now_and_then_that_it_lives_and_ends_with_the_session(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "PAUSE", 0.2)
    with Stream(client, "/desk/events") as heard:
        lines = heard.lines
        eventually(lambda: heard.lines > lines + 3, "it says so")
        with httpx.Client(base_url=client.base_url) as other:
            token = log_in(other)
            other.post("/desk/logout", data={"_csrf": token, "everywhere": "1"})
        eventually(lambda: heard.has_ended, "it ends", 3)


def test_more_listeners_than_there_is_room_for_are_told_to_reload(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "MOST", 1)
    monkeypatch.setattr(feed, "OF_PROGRAMS", 0)  # which takes no place from a page
    with Stream(client, "/desk/events"):
        refused = client.get("/desk/events")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "30")
        assert "reload by hand" in refused.text
    eventually(lambda: _is_taken(client), "there is room again")


def _is_taken(client: httpx.Client) -> bool:
    with client.stream("GET", "/desk/events") as answer:
        return answer.status_code == 200


def test_what_waits_for_a_person_is_counted(client: httpx.Client, sandbox: SandboxClient) -> None:
    with Stream(client, "/desk/events") as heard:
        sandbox.fault(kind="status", status=422)
        post(client, "refused")
        eventually(lambda: {"held": 1, "spam": 0, "duplicate": 0} in heard.of("waiting"), "it is told")

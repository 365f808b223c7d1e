"""A phone that rings: a real HTTP server that Apprise's `json://` targets post to; and a watch with a clock to set."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.alerts import tell
from app.alerts.watch import Watch
from app.config.relay_toml import RelayConfig
from app.lead import Field, Lead, LeadState, Submission
from app.metrics import Metrics
from app.outbox.outbox import Outbox

SECRET = "tok3n-that-nobody-may-see"
"""Stands in every target's address."""


@dataclass
class Phone:
    """What each path was posted, as (title, text); those in `broken` answer 500."""

    port: int = 0
    posts: list[tuple[str, str, str]] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)

    def target(self, name: str) -> str:
        return f"json://127.0.0.1:{self.port}/{name}/{SECRET}"

    def texts(self, name: str) -> list[str]:
        return [text for path, _, text in self.posts if path == name]

    def titles(self, name: str) -> list[str]:
        return [title for path, title, _ in self.posts if path == name]


@pytest.fixture
def phone() -> Iterator[Phone]:
    """Whoever is told."""
    found = Phone()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = self.path.split("/")[1]
            if name not in found.broken:
                found.posts.append((name, body["title"], body["message"]))
            self.send_response(500 if name in found.broken else 200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A target takes a message in each round, however soon that is."""
    monkeypatch.setattr(tell, "PAUSE", timedelta())


class Clock:
    """Today's time, and what a test adds to it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def forward(self, **time: float) -> None:
        self.ahead += timedelta(**time)


@pytest.fixture
def clock() -> Clock:
    """A clock that can be put forward."""
    return Clock()


@pytest.fixture
async def outbox(store_url: str) -> AsyncIterator[Outbox]:
    """The store, opened."""
    found = Outbox(store_url, quarantine_rows=5)
    await found.open()
    yield found
    await found.close()


Watching = Callable[..., Watch]


@pytest.fixture
def watching(outbox: Outbox, clock: Clock) -> Watching:
    """Makes a watch over the store by what relay.toml says; ends of trouble count at once."""

    def make(folder: Path | None = None, every: timedelta = timedelta(seconds=15), **toml: Any) -> Watch:
        config = RelayConfig.model_validate({"forms": {"contact": {}}, **toml})
        more: dict[str, Any] = {"every": every, "quiet": timedelta()}
        return Watch(outbox, config, Metrics(), clock, workspaces=("default",), folder=folder, **more)

    return make


def submission(at: datetime, *people: Lead, endpoint: str = "contact", **more: Any) -> Submission:
    """A request that is like no other."""
    mark = f"{endpoint} {at} {people} {more}"
    return Submission(endpoint, "html", at, {}, more.pop("body", b"raw"), fingerprint=mark, leads=people, **more)


def ada(**more: Any) -> Lead:
    """Somebody who asks for something."""
    given: dict[str, Any] = {
        "first_name": "Ada",
        "last_name": "Lovelace",
        "email": "ada@example.com",
        "contact_no": "+442079460958",
        "message": "Can you count?",
        "utm": {"utm_source": "fair"},
        "extra": (Field("budget", "9000", "Your budget"),),
    }
    return Lead(**{**given, **more})


def held(reason: str, **more: Any) -> Lead:
    return ada(state=LeadState.HELD, reason=reason, **more)


@pytest.fixture
def quick(relay: Callable[..., httpx.Client], monkeypatch: pytest.MonkeyPatch) -> Callable[..., httpx.Client]:
    """The real app, which looks ten times a second."""
    more: Any = {"every": timedelta(seconds=0.1), "quiet": timedelta()}
    monkeypatch.setattr("app.main.Watch", partial(Watch, **more))
    return relay

"""Open streams and real processes: several relays on one store, a relay that stops, and many who listen."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.desk.conftest import PASSWORD, csrf_of, log_in
from tests.listening import Stream
from tests.postgresql import PostgreSQL
from tests.running import RelayProcess, SandboxClient, eventually

pytestmark = pytest.mark.slow


Start = Callable[..., RelayProcess]


@contextmanager
def entered(relay: RelayProcess) -> Iterator[httpx.Client]:
    """Somebody who has logged in at a relay."""
    with httpx.Client(base_url=relay.address, timeout=10, limits=httpx.Limits(max_connections=300)) as client:
        log_in(client)
        yield client


@pytest.fixture
def start(sandbox: SandboxClient, tmp_path: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def start(name: str, **settings: Any) -> RelayProcess:
            folder = tmp_path / name
            folder.mkdir()
            relay = RelayProcess(
                folder, sandbox.address, desk_password=PASSWORD, delivery_requests_per_second="200", **settings
            )
            stack.callback(relay.kill)
            relay.start()
            return relay

        yield start


def test_what_one_replica_takes_in_is_on_the_other_ones_stream_within_three_seconds(
    start: Start, postgresql: PostgreSQL
) -> None:
    url = postgresql.create_database()
    one, other = (start(name, database_url=url) for name in ("one", "other"))
    with entered(other) as client, Stream(client, "/desk/events") as heard:
        for number in range(5):
            httpx.post(f"{one.address}/forms/contact", data={"email": f"far{number}@example.com"})
            eventually(lambda number=number: len(heard.leads()) == number + 1, "it is told", 3)
        other.stop()
        eventually(lambda: heard.has_ended, "it ends with its relay", 3)
        httpx.post(f"{one.address}/forms/contact", data={"email": "meanwhile@example.com"})
        other.start()
        with Stream(client, "/desk/events", {"Last-Event-ID": heard.id}) as again:
            eventually(lambda: len(again.leads()) >= 1, "what was missed is told", 3)
            assert not again.of("gap")


def test_an_act_on_many_is_seen_and_stopped_from_whichever_replica(start: Start, postgresql: PostgreSQL) -> None:
    url = postgresql.create_database()
    one, other = (start(name, database_url=url) for name in ("one", "other"))
    people = [{"message": f"Nobody {number}"} for number in range(3000)]
    for some in range(0, len(people), 100):
        httpx.post(
            f"{one.address}/hooks/json",
            json=people[some : some + 100],
            headers={"Authorization": "Bearer demo-json-secret"},
            timeout=20,
        ).raise_for_status()
    with entered(one) as client:
        asked = {
            "_csrf": csrf_of(client),
            "act": "discard",
            "all": "1",
            "confirmed": "3000",
            "once": "0123456789abcdef",
        }
        job = client.post("/desk/held", data=asked).headers["location"]
        client.base_url = httpx.URL(other.address)
        assert client.get(job).status_code == 200
        assert client.post("/desk/held", data=asked).headers["location"] == job
        client.post(f"{job}/stop", data={"_csrf": asked["_csrf"]})
        eventually(lambda: ": stopped." in client.get(job).text, "it stops")
        [done, total] = re.findall(r"<p>([\d,]+) of ([\d,]+)", client.get(job).text)[0]
        assert total == "3,000"
        assert 0 < int(done.replace(",", "")) < 3000


@pytest.mark.alone
def test_a_relay_that_is_stopped_waits_for_nobody_who_listens_and_a_hundred_slow_nobody_down(start: Start) -> None:
    relay: RelayProcess = start("busy")

    def post(number: int) -> float:
        began = time.monotonic()
        answer = plain.post("/forms/contact", data={"email": f"{time.monotonic()}-{number}@example.com"})
        assert answer.status_code == 303
        return time.monotonic() - began

    def median() -> float:
        with ThreadPoolExecutor(4) as pool:
            return sorted(pool.map(post, range(100)))[50]

    with entered(relay) as client, httpx.Client(base_url=relay.address) as plain, ExitStack() as stack:
        alone = median()
        with ThreadPoolExecutor(20) as pool:
            heard = list(pool.map(lambda _: stack.enter_context(Stream(client, "/desk/events")), range(100)))
        listened_to = median()
        eventually(lambda: min(len(one.leads()) for one in heard) >= 100, "all hear of everybody")
        print(f"median of a post: {alone * 1000:.0f} ms alone, {listened_to * 1000:.0f} ms with 100 listeners")
        assert listened_to < alone * 3 + 0.05

        began = time.monotonic()
        relay.stop()
        assert time.monotonic() - began < 2
        eventually(lambda: all(one.has_ended for one in heard), "all streams have ended")

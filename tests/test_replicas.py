"""Several processes on one PostgreSQL: what is answered 2xx is delivered once, whoever takes it, sends it, or dies."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.sandbox import DEMO_KEY
from tests.postgresql import PostgreSQL
from tests.running import RelayProcess, SandboxClient, eventually

CONNECTIONS = 32
Start = Callable[..., list[RelayProcess]]

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("engine", ["postgresql"], indirect=True)]


@pytest.fixture
def start(store_url: str, sandbox: SandboxClient, tmp_path: Path) -> Iterator[Start]:
    """Starts processes on the one store, side by side: one for each role."""
    started: list[RelayProcess] = []

    def start(*roles: str, **settings: str) -> list[RelayProcess]:
        usual: dict[str, Any] = {"delivery_requests_per_second": "200", "delivery_probe_seconds": "1"} | settings
        new = []
        for role in roles:
            folder = tmp_path / f"replica{len(started)}"
            folder.mkdir()
            new.append(RelayProcess(folder, sandbox.address, database_url=store_url, role=role, **usual))
            started.append(new[-1])
        with ThreadPoolExecutor(len(new)) as pool:
            list(pool.map(RelayProcess.start, new))
        return new

    yield start
    for process in started:
        process.kill()


class Load:
    """Posts to several replicas in turn, over many connections: who was answered well, and every other answer."""

    def __init__(self, *replicas: RelayProcess, posts: int = 1000, prefix: str = "visitor") -> None:
        self.acknowledged: list[str] = []
        self.refused: list[httpx.Response] = []
        self.slowest = 0.0
        self._addresses = [replica.address for replica in replicas]
        self._posts = posts
        self._prefix = prefix

    def run(self) -> None:
        """Sends every post once, and waits for the last answer."""
        limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
        with httpx.Client(timeout=30, limits=limits) as client, ThreadPoolExecutor(CONNECTIONS) as pool:
            list(pool.map(lambda number: self._post(client, number), range(self._posts)))

    def is_acknowledged(self) -> bool:
        """Sends; whether anything was answered well."""
        self.run()
        return bool(self.acknowledged)

    def run_while(self, work: Callable[[], None]) -> None:
        """Sends, and meanwhile does that."""
        sending = threading.Thread(target=self.run)
        sending.start()
        work()
        sending.join()

    def _post(self, client: httpx.Client, number: int) -> None:
        email = f"{self._prefix}{number}@example.com"
        started = time.monotonic()
        try:
            answer = client.post(
                f"{self._addresses[number % len(self._addresses)]}/forms/contact", data={"email": email}
            )
        except (httpx.NetworkError, httpx.RemoteProtocolError):  # its process was killed
            return
        finally:
            self.slowest = max(self.slowest, time.monotonic() - started)
        if answer.status_code in {200, 303}:
            self.acknowledged.append(email)
        else:
            self.refused.append(answer)


def states(postgresql: PostgreSQL, store_url: str) -> dict[str, int]:
    """How many leads are in each state."""
    found = postgresql.stored(store_url, "SELECT state, count(*) FROM leads GROUP BY state")
    return {state: int(number) for state, number in found}


def assert_each_once(sandbox: SandboxClient, load: Load, postgresql: PostgreSQL, store_url: str) -> None:
    """Everything acknowledged is in AgencyHandy and in the books, and nobody is there twice."""
    eventually(lambda: set(load.acknowledged) <= set(sandbox.emails()), "everything acknowledged arrives", 60)
    emails = sandbox.emails()
    assert len(emails) == len(set(emails))
    eventually(lambda: set(states(postgresql, store_url)) == {"delivered"}, "the books are settled", 60)
    [(accepted, stored)] = postgresql.stored(
        store_url, "SELECT (SELECT sum(accepted - dropped) FROM ledger), (SELECT count(*) FROM leads)"
    )
    assert accepted == stored == str(len(emails))


def post_json(client: httpx.Client, replica: RelayProcess, body: Any) -> httpx.Response:
    headers = {"x-relay-token": "demo-json-secret"}
    return client.post(f"{replica.address}/hooks/json", json=body, headers=headers)


def is_paused(replica: RelayProcess) -> bool:
    return bool(httpx.get(f"{replica.address}/readyz").json()["destination"] == "paused")


def test_a_thousand_posts_to_two_replicas_are_delivered_once_each(
    start: Start, sandbox: SandboxClient, postgresql: PostgreSQL, store_url: str
) -> None:
    load = Load(*start("all", "all"))
    load.run()

    assert len(load.acknowledged) == 1000
    assert_each_once(sandbox, load, postgresql, store_url)
    sent = [email for request in sandbox.requests() for email in request["emails"]]
    assert len(sent) == 1000
    assert postgresql.stored(store_url, "SELECT count(*) FROM attempts") == [["1000"]]


def test_the_same_post_to_both_at_the_same_moment_is_stored_once(
    start: Start, sandbox: SandboxClient, postgresql: PostgreSQL, store_url: str
) -> None:
    both = start("intake", "intake")
    with httpx.Client(timeout=10) as client, ThreadPoolExecutor(8) as pool:
        for turn in range(25):
            body = {"email": f"twice{turn}@example.com"}
            answers = list(pool.map(lambda one, body=body: post_json(client, one, body), both * 4))
            assert {answer.status_code for answer in answers} == {200}
            assert len({answer.json()["receipt"] for answer in answers}) == 1
            assert sum("repeat" not in answer.json() for answer in answers) == 1

    assert states(postgresql, store_url) == {"pending": 25}
    assert postgresql.stored(store_url, "SELECT sum(repeats) FROM submissions") == [[str(25 * 7)]]


def test_one_takes_enquiries_and_another_delivers_them(
    start: Start, sandbox: SandboxClient, postgresql: PostgreSQL, store_url: str
) -> None:
    taking, delivering = start("intake", "delivery")
    load = Load(taking, posts=20)
    load.run()

    assert_each_once(sandbox, load, postgresql, store_url)
    assert httpx.post(f"{delivering.address}/forms/contact", data={"email": "a@example.com"}).status_code == 404
    assert httpx.get(f"{taking.address}/readyz").json()["destination"] == "elsewhere"
    eventually(
        lambda: httpx.get(f"{delivering.address}/readyz").json()["destination"] == "ready", "the answer is noted", 10
    )


def test_a_pause_that_one_finds_is_kept_by_all_and_ends_for_all(
    start: Start, sandbox: SandboxClient, postgresql: PostgreSQL, store_url: str
) -> None:
    both = start("all", "all", delivery_probe_seconds="3")
    sandbox.put("/key", key="another")
    load = Load(both[0], posts=10)
    load.run()
    eventually(lambda: all(map(is_paused, both)), "both know of the pause")
    before = len(sandbox.requests())
    Load(*both, posts=10, prefix="later").run()
    time.sleep(2)

    assert len(sandbox.requests()) - before <= 1
    sandbox.put("/key", key=DEMO_KEY)
    assert_each_once(sandbox, load, postgresql, store_url)
    eventually(lambda: len(sandbox.emails()) == 20, "the later ones arrive")
    eventually(lambda: not any(map(is_paused, both)), "both know that it is over")


def test_while_agencyhandy_is_away_all_together_try_it_with_one_lead_at_a_time(
    start: Start, sandbox: SandboxClient, postgresql: PostgreSQL, store_url: str
) -> None:
    both = start("all", "all")
    sandbox.fault(kind="status", status=503)
    load = Load(*both, posts=40)
    load.run()
    failing = "SELECT 1 FROM workspaces WHERE failures >= 12"
    eventually(lambda: postgresql.stored(store_url, failing), "the breaker opens", 30)
    tried = [(datetime.fromisoformat(one["at"]), one["leads"]) for one in sandbox.requests()]
    sandbox.heal()

    after = tried[-3:]  # what was under way when it opened is told of too
    assert all(leads == 1 for _, leads in after)
    assert all((second[0] - first[0]).total_seconds() > 0.9 for first, second in pairwise(after))
    assert_each_once(sandbox, load, postgresql, store_url)


def test_together_they_send_no_more_requests_a_second_than_allowed(
    start: Start, sandbox: SandboxClient, postgresql: PostgreSQL, store_url: str
) -> None:
    both = start("all", "all", delivery_requests_per_second="10", delivery_batch="1")
    load = Load(*both, posts=30)
    load.run()
    assert_each_once(sandbox, load, postgresql, store_url)

    at = sorted(datetime.fromisoformat(one["at"]).timestamp() for one in sandbox.requests())
    assert len(at) == 30
    busiest = max(sum(start <= one < start + 1 for one in at) for start in at)
    assert busiest <= 12  # the way to the sandbox takes one request longer than another
    assert at[-1] - at[0] < 10  # and together they use what is allowed


def test_what_a_killed_replica_had_in_hand_comes_back_as_unknown_and_is_delivered_once_by_the_other(
    start: Start, sandbox: SandboxClient, postgresql: PostgreSQL, store_url: str
) -> None:
    """AgencyHandy carries out what was under way: the other process is told so, and nobody is there twice."""
    dies, lives = start("all", "all")
    sandbox.fault(kind="delay", seconds=8, times=2)  # less than a lease, after which it would be sent again
    load = Load(dies, lives)

    def kill() -> None:
        eventually(lambda: len(sandbox.requests()) == 2, "each has a request under way")
        eventually(lambda: len(load.acknowledged) > 200, "both are taking enquiries")
        dies.kill()

    load.run_while(kill)

    assert len(load.acknowledged) >= 500
    assert_each_once(sandbox, load, postgresql, store_url)
    assert postgresql.stored(store_url, "SELECT count(*) > 0 FROM leads WHERE unknown") == [["t"]]


def test_a_crash_of_the_server_under_load_loses_nothing_that_was_answered(
    start: Start, sandbox: SandboxClient, postgresql: PostgreSQL, store_url: str
) -> None:
    """Meanwhile senders are told to come again, and never left waiting."""
    both = start("all", "all")
    load = Load(*both, posts=1000)

    def restart() -> None:
        eventually(lambda: len(load.acknowledged) > 200, "the load is on")
        postgresql.stop(signal.SIGQUIT)
        eventually(lambda: len(load.refused) > 20, "senders are told")
        assert httpx.get(f"{both[0].address}/readyz").status_code == 503
        assert httpx.get(f"{both[0].address}/healthz").status_code == 200
        postgresql.start()

    load.run_while(restart)
    again = Load(*both, posts=20, prefix="after")
    eventually(again.is_acknowledged, "it takes enquiries again")

    assert {answer.status_code for answer in load.refused} == {503}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in load.refused)
    assert load.slowest < 15
    load.acknowledged += again.acknowledged
    eventually(lambda: set(load.acknowledged) <= set(sandbox.emails()), "everything acknowledged arrives", 60)
    emails = sandbox.emails()
    assert len(emails) == len(set(emails))
    eventually(lambda: set(states(postgresql, store_url)) == {"delivered"}, "the books are settled", 60)


def test_a_server_that_hangs_keeps_no_sender_waiting(
    start: Start, sandbox: SandboxClient, postgresql: PostgreSQL, store_url: str
) -> None:
    [one] = start("all")
    before = Load(one, posts=20)
    before.run()
    postgresql.freeze()
    try:
        during = Load(one, posts=32, prefix="during")
        during.run()
    finally:
        postgresql.thaw()

    assert during.acknowledged == []
    assert {answer.status_code for answer in during.refused} == {503}
    assert during.slowest < 20
    after = Load(one, posts=20, prefix="after")
    eventually(after.is_acknowledged, "it takes enquiries again")
    after.acknowledged += before.acknowledged
    eventually(lambda: set(after.acknowledged) <= set(sandbox.emails()), "everything acknowledged arrives", 60)


def test_the_server_of_these_tests_hangs_and_goes_on_while_connections_come_and_go(
    postgresql: PostgreSQL, store_url: str
) -> None:
    ended = threading.Event()

    def come_and_go() -> int:
        asked = 0
        while not ended.is_set():
            postgresql.stored(store_url, "SELECT 1")
            asked += 1
        return asked

    with ThreadPoolExecutor(4) as pool:
        visitors = [pool.submit(come_and_go) for _ in range(4)]
        try:
            for _ in range(100):
                postgresql.freeze()
                postgresql.thaw()
                postgresql.stored(store_url, "SELECT 1")
        finally:
            ended.set()

    assert all(visitor.result() > 0 for visitor in visitors)

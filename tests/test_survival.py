"""What was answered 2xx is delivered, once: real processes, really killed, with a real server in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from app.sandbox import create_sandbox
from tests.running import RelayProcess, SandboxClient, eventually, free_port, served, stored

pytestmark = pytest.mark.slow

POSTS = 1000
CONNECTIONS = 64


@pytest.fixture
def started(sandbox: SandboxClient, tmp_path: Path, launch: Callable[[RelayProcess], RelayProcess]) -> RelayProcess:
    return launch(RelayProcess(tmp_path, sandbox.address))


class Load:
    """So many posts over so many connections; `acknowledged` are the addresses whose post was answered 2xx or 303.

    `at` is called when so many have been acknowledged: breaking things by the count, not the clock, is sure to hit.
    """

    def __init__(self, address: str, posts: int = POSTS, at: tuple[int, Callable[[], None]] | None = None) -> None:
        self.acknowledged: list[str] = []
        self._address = address
        self._posts = posts
        self._at = at
        self._lock = threading.Lock()

    def run(self) -> None:
        """Sends every post once, and waits for the last answer."""
        limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
        with (
            httpx.Client(base_url=self._address, timeout=10, limits=limits) as client,
            ThreadPoolExecutor(CONNECTIONS) as pool,
        ):
            list(pool.map(lambda number: self._post(client, number), range(self._posts)))

    def _post(self, client: httpx.Client, number: int) -> None:
        address = f"visitor{number}@example.com"
        try:
            answer = client.post("/forms/contact", data={"name": f"Visitor No{number}", "email": address})
        except httpx.HTTPError:
            return
        if answer.status_code in {200, 303}:
            with self._lock:
                self.acknowledged.append(address)
                is_time = self._at is not None and len(self.acknowledged) == self._at[0]
            if self._at is not None and is_time:
                self._at[1]()


def assert_each_once(sandbox: SandboxClient, acknowledged: list[str], seconds: float = 60) -> None:
    """Everything acknowledged is in AgencyHandy, and nobody is there twice."""
    eventually(lambda: set(acknowledged) <= set(sandbox.emails()), "everything acknowledged is delivered", seconds)
    emails = sandbox.emails()
    assert len(emails) == len(set(emails))


def test_a_thousand_posts_over_64_connections_make_a_thousand_leads_each_once(
    started: RelayProcess, sandbox: SandboxClient
) -> None:
    load = Load(started.address)
    load.run()

    assert len(load.acknowledged) == POSTS
    assert_each_once(sandbox, load.acknowledged)
    eventually(lambda: started.states() == {"delivered"}, "the last ones are settled")


@pytest.mark.parametrize("after", [1, 150, 700])
def test_after_a_kill_amid_a_thousand_posts_every_answered_one_is_delivered_once(
    started: RelayProcess, sandbox: SandboxClient, after: int
) -> None:
    load = Load(started.address, at=(after, started.kill))
    load.run()
    assert after <= len(load.acknowledged) < POSTS
    started.start()

    assert_each_once(sandbox, load.acknowledged)
    eventually(lambda: started.states() == {"delivered"}, "the books are settled", 60)


def test_a_kill_while_agencyhandy_is_carrying_out_a_request_doubles_nothing(
    started: RelayProcess, sandbox: SandboxClient
) -> None:
    sandbox.fault(kind="delay", seconds=2, times=1)
    load = Load(started.address, posts=5)
    load.run()
    eventually(sandbox.requests, "a request is under way")
    started.kill()
    started.start()

    assert_each_once(sandbox, load.acknowledged)
    eventually(lambda: started.states() == {"delivered"}, "the books are settled", 60)
    assert len(sandbox.emails()) == 5


def test_a_stop_drains_what_is_under_way(started: RelayProcess, sandbox: SandboxClient) -> None:
    sandbox.fault(kind="delay", seconds=1, times=1)
    load = Load(started.address, posts=1)
    load.run()
    eventually(sandbox.requests, "the request is under way")
    started.stop()

    assert started.states() == {"delivered"}


def test_with_agencyhandy_away_at_start_the_relay_accepts_and_delivers_when_it_is_back(tmp_path: Path) -> None:
    port = free_port()
    relay = RelayProcess(tmp_path, f"http://127.0.0.1:{port}")

    def ready() -> httpx.Response:
        return httpx.get(f"{relay.address}/readyz")

    with ExitStack() as stack:
        relay.start()
        stack.callback(relay.stop)
        load = Load(relay.address, posts=20)
        load.run()
        assert len(load.acknowledged) == 20
        assert (ready().status_code, ready().json()["role"]) == (200, "unknown")

        sandbox = SandboxClient(stack.enter_context(served(create_sandbox(), port)))
        stack.callback(sandbox.close)
        assert_each_once(sandbox, load.acknowledged)
        eventually(lambda: ready().json()["destination"] == "ready", "what AgencyHandy answered is noted")


def test_a_known_role_is_remembered_through_a_restart_while_agencyhandys_lists_are_away(
    started: RelayProcess, sandbox: SandboxClient
) -> None:
    eventually(lambda: httpx.get(f"{started.address}/readyz").json()["role"] == "known", "the role is known")
    started.stop()
    sandbox.fault(kind="status", status=503, path="/roles")
    sandbox.fault(kind="status", status=503, path="/accounts/companies")
    started.start()
    load = Load(started.address, posts=1)
    load.run()

    assert_each_once(sandbox, load.acknowledged)


def test_a_trials_leads_never_reach_agencyhandy_when_a_key_is_set_later(sandbox: SandboxClient, tmp_path: Path) -> None:
    trial = RelayProcess(tmp_path, "", agencyhandy_base_url="", agencyhandy_api_key="")
    trial.start()
    own = SandboxClient(f"{trial.address}/sandbox")
    own.fault(kind="status", status=503)
    own.close()
    Load(trial.address, posts=3).run()
    trial.stop()
    earnest = RelayProcess(tmp_path, sandbox.address)
    earnest.start()
    httpx.post(f"{earnest.address}/forms/contact", data={"email": "real@example.com"})
    eventually(sandbox.emails, "the real lead arrives")
    workspaces = "SELECT DISTINCT workspace FROM leads ORDER BY workspace"
    assert stored(tmp_path, workspaces) == [("default",), ("sandbox",)]
    earnest.stop()

    assert sandbox.emails() == ["real@example.com"]


@pytest.mark.alone
def test_it_starts_soon_and_small(started: RelayProcess) -> None:
    """The promise is 2 s and 120 MiB; a noisy machine gets some slack on the first."""

    def start() -> float:
        started.stop()
        before = time.monotonic()
        started.start()
        return time.monotonic() - before

    assert min(start() for _ in range(3)) < 4

    process = started._process
    assert process is not None
    status = Path(f"/proc/{process.pid}/status")
    if status.exists():
        resident = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
        assert int(resident.split()[1]) < 120 * 1024

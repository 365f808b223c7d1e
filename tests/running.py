"""Real servers for tests: an ASGI app under uvicorn in a thread, and the relay as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import uvicorn
from fastapi.dependencies import models

from app.config.relay_toml import load_relay_config
from app.config.settings import Settings, load_settings
from app.main import create_app
from app.sandbox import DEMO_KEY
from app.server import Server

ROOT = Path(__file__).parent.parent
DEMO_TOML = ROOT / "deploy/demo/relay.toml"


def _ports() -> Iterator[int]:
    """This test process's own ports, over and over, from below those that the kernel gives to whoever asks for any."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
    own = range(12_000 + 1_000 * worker, 13_000 + 1_000 * worker)
    start = random.randrange(len(own))
    return itertools.cycle([*own[start:], *own[:start]])


_own_ports = _ports()


def free_port() -> int:
    """A port that nobody listens on, nor will in this run while a test's server is not up yet, or away for a moment."""
    return next(filter(_is_free, _own_ports))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do, whom ended connections hinder not
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def eventually(check: Any, what: str, seconds: float = 15) -> Any:
    """What `check` returns as soon as that is true; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := check():
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {what}")


def cpu_seconds(work: Callable[[], object]) -> float:
    """The processor's time that work takes in this thread, without what tests before it left to the collector."""
    gc.disable()
    try:
        started = time.thread_time()
        work()
        return time.thread_time() - started
    finally:
        gc.enable()


def in_a_hurry(seconds: float) -> Any:
    """A pause of uvicorn's, who looks ten times a second whether to end, and waits as long once it does, cut short."""
    return asyncio.sleep(seconds / 10)


uvicorn.server.asyncio = SimpleNamespace(**{**vars(asyncio), "sleep": in_a_hurry})  # type: ignore[attr-defined, assignment]


@contextlib.contextmanager
def served(app: Any, port: int = 0) -> Iterator[str]:
    """The app under uvicorn in this process; gives its address."""
    port = port or free_port()
    is_ours = hasattr(getattr(app, "state", None), "feed")
    server = (Server if is_ours else uvicorn.Server)(uvicorn.Config(app, port=port, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    eventually(lambda: server.started or not thread.is_alive(), "the server starts")
    assert server.started, "the server did not start"
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)
        forget()


def forget() -> None:
    """Has FastAPI let go of the relays of before: it keeps fifty, with all that they hold."""
    for cached in vars(models).values():
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()


def stored(folder: Path, sql: str, *values: Any) -> list[Any]:
    """What a query finds in the relay's store, past the relay."""
    with contextlib.closing(sqlite3.connect(folder / "relay.db")) as store:
        return store.execute(sql, values).fetchall()


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The relay's store, held by somebody else, so that nobody can write to it or read it."""
    with contextlib.closing(sqlite3.connect(folder / "relay.db", isolation_level=None)) as store:
        store.execute("BEGIN EXCLUSIVE")
        yield
        store.execute("ROLLBACK")


class SandboxClient:
    """What a test asks of the sandbox, over its control API."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._http = httpx.Client(base_url=f"{address}/_sandbox", timeout=10)

    def members(self) -> list[dict[str, Any]]:
        """Who was created, in order."""
        found: list[dict[str, Any]] = self._http.get("/members").json()["members"]
        return found

    def emails(self) -> list[str]:
        """Whose e-mail addresses it holds, in order."""
        return [member["email"] for member in self.members()]

    def requests(self) -> list[dict[str, Any]]:
        """Every request to create leads that it was sent."""
        found: list[dict[str, Any]] = self._http.get("/requests").json()["requests"]
        return [one for one in found if one["path"].endswith("bulk-lead")]

    def fault(self, **fault: Any) -> None:
        """Adds a fault."""
        self._http.post("/faults", json=fault).raise_for_status()

    def heal(self) -> None:
        """Takes all faults away."""
        self._http.delete("/faults").raise_for_status()

    def put(self, path: str, **body: Any) -> None:
        """Changes key, role or companies."""
        self._http.put(path, json=body).raise_for_status()

    def reset(self) -> None:
        """As new."""
        self._http.post("/reset").raise_for_status()

    def close(self) -> None:
        """Lets go of its connections."""
        self._http.close()


def started(stack: ExitStack, sandbox: SandboxClient, folder: Path, toml: Path, **settings: Any) -> httpx.Client:
    """The relay in this process, its store in `folder`, in front of `sandbox` until `stack` ends; a client of it."""
    given = {
        "agencyhandy_api_key": DEMO_KEY,
        "agencyhandy_base_url": sandbox.address,
        "database_url": f"sqlite+aiosqlite:///{folder}/relay.db",
        "attachments_dir": folder / "attachments",
        "delivery_requests_per_second": 1000,
        **settings,
    }
    app = create_app(load_settings(**given), load_relay_config(toml, os.environ))
    address = stack.enter_context(served(app))
    return stack.enter_context(httpx.Client(base_url=address, timeout=10))


class RelayProcess:
    """`lead-relay serve` in a process, with a store of its own, to be killed and started again."""

    def __init__(self, folder: Path, agencyhandy: str, *, toml: Path = DEMO_TOML, **settings: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.log = folder / "relay.log"
        self._environment = environment(
            folder,
            AGENCYHANDY_BASE_URL=agencyhandy,
            AGENCYHANDY_API_KEY=DEMO_KEY,
            PORT=str(self.port),
            RELAY_CONFIG=str(toml),
        ) | {name.upper(): value for name, value in settings.items()}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "app", "serve"], cwd=ROOT, env=self._environment, stdout=log, stderr=log
            )
        eventually(self.is_up, "the relay answers", 60)

    def is_up(self) -> bool:
        """Whether it answers; fails where it has ended by itself."""
        assert self._process is not None
        assert self._process.poll() is None, f"the relay ended:\n{self.log.read_text()}"
        try:
            return httpx.get(f"{self.address}/healthz", timeout=1).status_code == 200
        except httpx.HTTPError:
            return False

    @property
    def pid(self) -> int:
        """The process that runs."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, and waits until it has drained."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(30)

    def states(self) -> set[str]:
        """Those that its leads are in."""
        return {state for (state,) in stored(self.folder, "SELECT DISTINCT state FROM leads")}

    def command(self, *words: str) -> bytes:
        """What `lead-relay …` prints; it has to end well."""
        command = [sys.executable, "-m", "app", *words]
        return subprocess.run(command, cwd=ROOT, env=self._environment, capture_output=True, check=True).stdout


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """An environment for the relay that nothing of this machine's own settings reaches into."""
    mine = {name.upper() for name in Settings.model_fields}
    kept = {name: value for name, value in os.environ.items() if name.upper() not in mine}
    kept["PYTHONPATH"] = str(ROOT)  # this tree's app, whichever is installed and wherever the process runs
    own = {"DATABASE_URL": f"sqlite+aiosqlite:///{folder}/relay.db", "ATTACHMENTS_DIR": f"{folder}/attachments"}
    return kept | own | {"LOG_FORMAT": "json"} | settings


def demo_secrets(toml: Mapping[str, Any]) -> dict[str, str]:
    """Hook → its first secret in the demo's relay.toml."""
    return {name: hook["secrets"][0] for name, hook in toml["hooks"].items()}

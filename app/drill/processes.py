"""The processes of a drill: a sandbox and relays of its own, on free ports, that nothing of the user's reaches into."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import ssl
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from app.errors import RelayError
from app.sandbox import DEMO_KEY

START_SECONDS = 60
TIMEOUT_SECONDS = 2
"""How long the relay waits for AgencyHandy."""
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
"""What of this environment a process of the drill gets: no settings, and no proxy that would stand before loopback."""
SETTINGS = {
    "AGENCYHANDY_API_KEY": DEMO_KEY,
    "DELIVERY_REQUESTS_PER_SECOND": "500",
    "DELIVERY_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS),
    "DELIVERY_PROBE_SECONDS": "1",
    "HOST": "127.0.0.1",
    "RATE_LIMIT_FORM": "1000000/minute",
    "LOG_FORMAT": "json",
}


@dataclass(eq=False)
class Process:
    """`lead-relay …` as a child that can be killed and started again, on the same port and with the same log."""

    folder: Path
    words: tuple[str, ...]
    port: int
    health: str
    settings: Mapping[str, str] = field(default_factory=dict)
    is_up: bool = False
    _child: asyncio.subprocess.Process | None = None
    _logging: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        """Where it is reached."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """Of the child that runs, or ran."""
        return self._child.pid if self._child is not None else None

    @property
    def log(self) -> Path:
        """What it said, in all of its lives."""
        return self.folder / f"{self.words[0]}-{self.port}.log"

    async def start(self, http: httpx.AsyncClient) -> None:
        """Starts it and waits until it answers. RelayError with the end of its log where it does not."""
        own = {name: os.environ[name] for name in KEPT if name in os.environ}
        own["PYTHONPATH"] = str(Path(__file__).parents[2])  # this very `app`, wherever it is installed
        self._child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app", *self.words),
            cwd=self.folder,
            env={**own, **self.settings},
            stdin=DEVNULL,
            stdout=PIPE,  # not a file: a full disk is not to reach the log
            stderr=STDOUT,
            start_new_session=True,  # Ctrl-C is for the drill, which ends it then
        )
        self._logging = asyncio.create_task(self._keep_log(self._child.stdout))
        if not await until(lambda: self._answers(http), START_SECONDS):
            raise RelayError(f"lead-relay {self.words[0]} did not start within {START_SECONDS} s.")
        self.is_up = True

    def send(self, what: signal.Signals) -> None:
        """A signal, if it is still there."""
        if self._child is not None and self._child.returncode is None:
            with suppress(ProcessLookupError):
                self._child.send_signal(what)

    def kill(self) -> None:
        """SIGKILL, also to one that is stopped."""
        self.is_up = False
        self.send(signal.SIGKILL)

    async def ended(self) -> None:
        """Waits until it is gone, and all that it said is in its log."""
        if self._child is not None:
            await self._child.wait()
        if self._logging is not None:
            await self._logging

    async def restart(self, http: httpx.AsyncClient, *, pause: float = 0) -> None:
        """SIGKILL, and a new start."""
        self.kill()
        await self.ended()
        await asyncio.sleep(pause)
        await self.start(http)

    def check(self, *, is_starting: bool = False) -> None:
        """RelayError where it has ended by itself."""
        if (self.is_up or is_starting) and self._child is not None and self._child.returncode is not None:
            words = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
            raise RelayError("\n".join([f"lead-relay {self.words[0]} ended by itself:", *words]))

    async def _answers(self, http: httpx.AsyncClient) -> bool:
        self.check(is_starting=True)
        with suppress(httpx.HTTPError):
            return (await http.get(f"{self.address}{self.health}", timeout=2)).is_success
        return False

    async def _keep_log(self, pipe: asyncio.StreamReader | None) -> None:
        with self.log.open("ab", buffering=0) as log:
            while pipe is not None and (chunk := await pipe.read(65536)):
                log.write(chunk)


@dataclass(frozen=True)
class Ground:
    """What a drill is done on: the sandbox, the relays in front of it, and a client for both."""

    sandbox: Process
    relays: list[Process]
    http: httpx.AsyncClient

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        """A call of the sandbox's control API."""
        try:
            answer = await self.http.request(method, f"{self.sandbox.address}/_sandbox{path}", json=body)
            return answer.raise_for_status().json()
        except httpx.HTTPError as error:
            raise RelayError(f"The sandbox does not answer to {method} {path}: {type(error).__name__}") from error

    def check(self) -> None:
        """RelayError where a process has ended by itself."""
        for process in (self.sandbox, *self.relays):
            process.check()


@asynccontextmanager
async def running(folder: Path, replicas: int, settings: Mapping[str, str]) -> AsyncIterator[Ground]:
    """A sandbox with a journal and so many relays with these settings; none of them is left afterwards."""
    at, *ports = free_ports(1 + replicas)
    sandbox = Process(folder, ("sandbox", "--port", str(at), "--journal", "members.jsonl"), at, "/_sandbox")
    given = {**SETTINGS, **settings, "AGENCYHANDY_BASE_URL": sandbox.address}
    relays = [Process(folder, ("serve",), port, "/healthz", {**given, "PORT": str(port)}) for port in ports]
    processes = (sandbox, *relays)
    async with client(30) as http:
        try:
            async with asyncio.TaskGroup() as group:
                for process in processes:
                    group.create_task(process.start(http))
            yield Ground(sandbox, relays, http)
        finally:
            for process in processes:
                process.kill()
            for process in processes:
                await process.ended()


def client(timeout: float) -> httpx.AsyncClient:
    """A client for loopback: no proxy, and no certificates to load."""
    return httpx.AsyncClient(timeout=timeout, trust_env=False, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


async def until(check: Callable[[], Awaitable[bool]], seconds: float) -> bool:
    """Whether `check` came true within so many seconds."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (is_true := await check()) and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - no Event reaches across processes
        await asyncio.sleep(0.05)
    return is_true


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, from below those that connections of clients are given.

    One of theirs could be taken while a killed relay is away, even by a connection to itself.
    """
    found: set[int] = set()
    while len(found) < count:
        port = random.randrange(20_000, 32_000)  # noqa: S311 - any will do
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                found.add(port)
    return list(found)

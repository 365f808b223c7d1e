"""The processes of a drill: a sandbox and relays of its own, on free ports, that nothing of the user's reaches into."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
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
    "LOG_FORMAT": "json",
}


class Process:
    """`lead-relay …` as a child that can be killed and started again; `port` stays, and so does its log."""

    def __init__(self, folder: Path, name: str, port: int, words: Sequence[str], health: str) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.environment: dict[str, str] = {}
        self.is_up = False
        self._folder, self._name, self._words, self._health = folder, name, words, health
        self._log = folder / f"{name}.log"
        self._child: asyncio.subprocess.Process | None = None
        self._logging: asyncio.Task[None] | None = None
        self._restarting = asyncio.Lock()

    async def start(self, http: httpx.AsyncClient) -> None:
        """Starts it and waits until it answers. RelayError with the end of its log where it does not."""
        own = {name: os.environ[name] for name in KEPT if name in os.environ}
        own["PYTHONPATH"] = str(Path(__file__).parents[2])  # this very `app`, wherever it is installed
        self._child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app", *self._words),
            cwd=self._folder,
            env=own | self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,  # not a file: a full disk is not to reach the log
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the drill, which ends it then
        )
        self._logging = asyncio.create_task(self._keep_log(self._child.stdout))
        if not await until(lambda: self._answers(http), START_SECONDS):
            raise RelayError(f"The {self._name} did not start within {START_SECONDS} s.")
        self.is_up = True

    async def restart(self, http: httpx.AsyncClient) -> None:
        """SIGKILL, and a new start at once."""
        async with self._restarting:
            await self.kill()
            await self.start(http)

    async def kill(self) -> None:
        """SIGKILL, also to one that is stopped."""
        self.end()
        if self._child is not None:
            await self._child.wait()
        if self._logging is not None:
            await self._logging

    def end(self) -> None:
        """SIGKILL without waiting."""
        self.is_up = False
        self.send(signal.SIGKILL)

    def send(self, what: signal.Signals) -> None:
        """A signal, if it is still there."""
        if self._child is not None and self._child.returncode is None:
            with suppress(ProcessLookupError):
                self._child.send_signal(what)

    def limit_files(self, size: int | None) -> bool:
        """Lets its files grow to so many bytes only; False where it is not running or the system cannot do that."""
        if sys.platform != "linux" or not self.is_up or self._child is None:
            return False
        import resource

        with suppress(ProcessLookupError):
            _, hard = resource.prlimit(self._child.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(self._child.pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))
            return True
        return False

    def check(self) -> None:
        """RelayError where it has ended by itself."""
        if self.is_up and self._child is not None and self._child.returncode is not None:
            raise RelayError(f"The {self._name} ended by itself ({self._child.returncode}):\n{self._last_words()}")

    async def _answers(self, http: httpx.AsyncClient) -> bool:
        if self._child is not None and self._child.returncode is not None:
            raise RelayError(f"The {self._name} did not start:\n{self._last_words()}")
        with suppress(httpx.HTTPError):
            return (await http.get(f"{self.address}{self._health}", timeout=2)).is_success
        return False

    async def _keep_log(self, pipe: asyncio.StreamReader | None) -> None:
        with self._log.open("ab", buffering=0) as log:
            while pipe is not None and (chunk := await pipe.read(65536)):
                log.write(chunk)

    def _last_words(self) -> str:
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:])


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
    words = ("sandbox", "--port", str(at), "--journal", "members.jsonl")
    sandbox = Process(folder, "sandbox", at, words, "/_sandbox")
    relays = [Process(folder, f"relay-{port}", port, ("serve",), "/healthz") for port in ports]
    for relay, port in zip(relays, ports, strict=True):
        relay.environment = {**SETTINGS, **settings, "AGENCYHANDY_BASE_URL": sandbox.address, "PORT": str(port)}
    everybody = (sandbox, *relays)
    async with client(30) as http:
        try:
            await together(process.start(http) for process in everybody)
            yield Ground(sandbox, relays, http)
        finally:
            for process in everybody:
                process.end()
            await together(process.kill() for process in everybody)


def client(timeout: float) -> httpx.AsyncClient:
    """A client for loopback: no proxy, and no certificates to load."""
    return httpx.AsyncClient(timeout=timeout, trust_env=False, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


async def together(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """All of them at once; the first error ends the others and is raised as it is."""
    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)
    except ExceptionGroup as several:
        raise several.exceptions[0] from several


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
    found: list[int] = []
    for port in random.sample(range(20_000, 32_000), 200):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise RelayError("There are not enough free ports between 20000 and 32000.")

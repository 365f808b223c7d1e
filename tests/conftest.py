"""What every test can ask for: a sandbox, and the relay in front of it. The sandbox is the only fake."""

from __future__ import annotations

import gc
import logging
import os
import tomllib
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
import structlog
from hypothesis import HealthCheck, settings

from app.sandbox import create_sandbox
from tests.postgresql import PostgreSQL
from tests.running import DEMO_TOML, RelayProcess, SandboxClient, demo_secrets, served, started

structlog.configure(  # through logging, which pytest catches: standard output is what a command says
    processors=[
        structlog.stdlib.add_log_level,
        structlog.processors.format_exc_info,
        structlog.processors.KeyValueRenderer(),
    ],
    wrapper_class=structlog.stdlib.BoundLogger,
    logger_factory=structlog.stdlib.LoggerFactory(),
)
logging.getLogger("lead_relay").setLevel(logging.INFO)

# A test that minds how long something takes measures that itself. One example in a hundred that takes 200 ms says that
# the machine was busy, or that it was the first to load a library.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


def pytest_configure() -> None:
    """Collecting thousands of tests makes no garbage."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Nor do they become any: the collector need not go through them again and again, which took long."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _no_certificates() -> Iterator[None]:
    """Nobody speaks TLS here, and to load the world's certificates takes a client longer than all else it does."""
    with TemporaryDirectory() as empty, pytest.MonkeyPatch.context() as patch:
        patch.delenv("SSL_CERT_FILE", raising=False)
        patch.setenv("SSL_CERT_DIR", empty)
        yield


@pytest.fixture(scope="session")
def _sandbox() -> Iterator[SandboxClient]:
    with served(create_sandbox()) as address:
        client = SandboxClient(address)
        yield client
        client.close()


@pytest.fixture
def sandbox(_sandbox: SandboxClient) -> SandboxClient:
    """A stand-in AgencyHandy, as new."""
    _sandbox.reset()
    return _sandbox


@pytest.fixture
def relay(sandbox: SandboxClient, tmp_path: Path) -> Iterator[Callable[..., httpx.Client]]:
    """Starts the real app under uvicorn in front of the sandbox; gives a client that does not follow redirects."""
    with ExitStack() as stack:

        def start(toml: str | None = None, **settings: Any) -> httpx.Client:
            file = DEMO_TOML
            if toml is not None:
                file = tmp_path / "relay.toml"
                file.write_text(toml, encoding="utf-8")
            return started(stack, sandbox, tmp_path, file, **settings)

        yield start


@pytest.fixture
def launch() -> Iterator[Callable[[RelayProcess], RelayProcess]]:
    """Starts a relay that is a process of its own; it ends with the test."""
    with ExitStack() as stack:

        def start(relay: RelayProcess) -> RelayProcess:
            stack.callback(relay.stop)
            relay.start()
            return relay

        yield start


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A running PostgreSQL, for all tests together."""
    server = PostgreSQL()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    """Whoever asks for it, or for a store, runs on both engines."""
    name: str = request.param
    return name


@pytest.fixture
def new_store(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Makes room for a store in which there is nothing yet, as often as it is called."""
    yield from stores(engine, request, tmp_path, PostgreSQL.create_database)


@pytest.fixture
def store_url(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where one new store is."""
    for make in stores(engine, request, tmp_path, PostgreSQL.create_store):
        yield make()


def stores(
    engine: str, request: pytest.FixtureRequest, folder: Path, create: Callable[[PostgreSQL], str]
) -> Iterator[Callable[[], str]]:
    """What makes stores, of which none in PostgreSQL is left afterwards."""
    if engine == "sqlite":
        names = chain(["relay"], map(str, count(2)))
        yield lambda: f"sqlite+aiosqlite:///{folder}/{next(names)}.db"
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    made: list[str] = []

    def make() -> str:
        made.append(create(server))
        return made[-1]

    yield make
    for url in made:
        server.drop_database(url)


@pytest.fixture(scope="session")
def secrets() -> dict[str, str]:
    """Hook → its demo secret."""
    return demo_secrets(tomllib.loads(DEMO_TOML.read_text(encoding="utf-8")))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI, where everything is installed, a test that skips has failed."""
    report = yield
    if report.skipped and os.environ.get("LEAD_RELAY_NO_SKIP"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which counts as failed here: {report.longrepr}"
    return report

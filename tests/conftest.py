"""What every test can ask for: a sandbox, and the relay in front of it. The sandbox is the only fake."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from itertools import chain, count
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.endpoints import load_relay_config
from app.main import create_app
from app.sandbox import DEMO_KEY, create_sandbox
from app.settings import load_settings
from tests.postgresql import PostgreSQL
from tests.running import DEMO_TOML, SandboxClient, demo_secrets, served


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
            given = {
                "agencyhandy_api_key": DEMO_KEY,
                "agencyhandy_base_url": sandbox.address,
                "database_url": f"sqlite+aiosqlite:///{tmp_path}/relay.db",
                "delivery_requests_per_second": 1000,
                **settings,
            }
            app = create_app(load_settings(**given), load_relay_config(file, os.environ))
            address = stack.enter_context(served(app))
            return stack.enter_context(httpx.Client(base_url=address, timeout=10))

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
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Makes room for a store, as often as it is called; whoever asks for it runs on both engines."""
    if request.param == "sqlite":
        names = chain(["relay"], map(str, count(2)))
        yield lambda: f"sqlite+aiosqlite:///{tmp_path}/{next(names)}.db"
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    made: list[str] = []

    def make() -> str:
        made.append(server.create_database())
        return made[-1]

    yield make
    for url in made:
        server.drop_database(url)


@pytest.fixture
def store_url(new_store: Callable[[], str]) -> str:
    """Where one new store is made."""
    return new_store()


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

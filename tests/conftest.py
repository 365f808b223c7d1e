"""What every test can ask for: a sandbox, and the relay in front of it. The sandbox is the only fake."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.endpoints import load_relay_config
from app.main import create_app
from app.sandbox import DEMO_KEY, create_sandbox
from app.settings import load_settings
from tests.running import DEMO_TOML, RelayProcess, SandboxClient, demo_secrets, served


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

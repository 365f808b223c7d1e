"""What every test can ask for: a sandbox, and the relay in front of it. The sandbox is the only fake."""

from __future__ import annotations

import logging
import os
import tomllib
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
import structlog

from app.sandbox import create_sandbox
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

"""A relay behind each proxy. They are started once for a module: what tests send has names of its own."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from app.sandbox import create_sandbox
from tests.proxies import fronts
from tests.running import RelayProcess, SandboxClient, free_port, served, stored

TOML = """
site = "Proxied"

[forms.contact]
title = "Contact"
allowed_origins = ["https://www.example.com"]

[forms.away]
redirect = "https://www.example.com/thanks"

[forms.anybodys]

[hooks.json]
source = "json"
secrets = ["a-secret-of-the-hook"]
"""
TOKEN = "a-token-of-the-settings"
Front = Callable[..., AbstractContextManager[None]]
PROXIES: dict[str, Front] = {"nginx": fronts.nginx, "caddy": fronts.caddy}


@dataclass
class Stand:
    """A proxy at `address`, the relay behind it, and the sandbox behind that."""

    name: str
    address: str
    relay: RelayProcess
    sandbox: SandboxClient
    folder: Path
    stack: ExitStack = field(repr=False)

    @property
    def port(self) -> int:
        return httpx.URL(self.address).port or 0

    @property
    def site(self) -> str:
        """The website's origin, which is another one."""
        return "https://www.example.com"

    def client(self, source: str = "127.0.0.8", seconds: float = 20) -> httpx.Client:
        """A client whose own address is `source`. One from 127.0.0.1 would be a proxy that the relay trusts."""
        transport = httpx.HTTPTransport(verify=fronts.believing(), local_address=source)
        return self.stack.enter_context(httpx.Client(base_url=self.address, transport=transport, timeout=seconds))

    @contextmanager
    def connection(self, source: str = "127.0.0.8") -> Iterator[socket.socket]:
        """A connection through which a test sends what no client would."""
        with socket.create_connection(("127.0.0.1", self.port), 20, (source, 0)) as plain:
            if self.address.startswith("http:"):
                yield plain
            else:
                with fronts.believing().wrap_socket(plain, server_hostname=fronts.NAME) as secure:
                    yield secure

    def kept(self, email: str) -> int:
        """How many leads of that address the relay has."""
        [(count,)] = stored(self.folder, "SELECT count(*) FROM leads WHERE email = ?", email)
        return int(count)


@pytest.fixture(scope="module")
def stand_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Stand]]:
    """Puts a proxy before a relay of its own."""
    with ExitStack() as stack:

        def start(name: str, front: Front, scheme: str = "https", **settings: str) -> Stand:
            if fronts.program(name) is None:
                pytest.skip(f"needs Debian's {name}, which .ci/run installs")
            folder = tmp_path_factory.mktemp(name)
            toml = folder / "relay.toml"
            toml.write_text(TOML, encoding="utf-8")
            sandbox = SandboxClient(stack.enter_context(served(create_sandbox())))
            stack.callback(sandbox.close)
            address = f"{scheme}://{fronts.NAME}:{free_port()}"
            given = {"public_url": address, "delivery_requests_per_second": "500", "api_token": TOKEN, **settings}
            relay = RelayProcess(folder, sandbox.address, toml=toml, **given)
            stack.callback(relay.stop)
            relay.start()
            stand = Stand(name, address, relay, sandbox, folder, stack)
            stack.enter_context(front(folder, stand.port, relay.port))
            return stand

        yield start


@pytest.fixture(scope="module", params=PROXIES)
def stand(request: pytest.FixtureRequest, stand_of: Callable[..., Stand]) -> Stand:
    """Each proxy with the configuration of deploy/."""
    return stand_of(request.param, PROXIES[request.param])

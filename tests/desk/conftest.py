"""A desk to test: the real app with a password, and somebody who has logged in."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.desk import passwords
from app.desk.entry import COOKIE
from app.outbox import operators
from app.outbox.outbox import Outbox
from app.outbox.records import Operator, Role
from tests.desk.crowd import filled
from tests.running import SandboxClient, started, stored

PASSWORD = "correct horse battery staple"
CSRF = re.compile(r'name="_csrf" value="([0-9a-f]{64})"')
TOML = """\
site = "Ada & Söhne"

[forms.contact]

[forms.contact.spam]
honeypots = ["fax_number"]

[hooks.api]
source = "json"
open = true
"""
"""A form whose field fax_number nobody sees, and a hook that takes anybody's JSON."""

Start = Callable[..., httpx.Client]


def log_in(client: httpx.Client, name: str = "admin", password: str = PASSWORD) -> str:
    """Logs in with what a browser would send; the token of this session's forms."""
    answer = client.post("/desk/login", data={"name": name, "password": password})
    assert answer.status_code == 303, answer.text
    return csrf_of(client)


def csrf_of(client: httpx.Client) -> str:
    """The token in the forms of a page."""
    found = CSRF.search(client.get("/desk").text)
    assert found, "the page has no form with a token"
    return found[1]


@pytest.fixture
def desk(relay: Start) -> Callable[..., httpx.Client]:
    """Starts a relay whose desk has a password; gives a client that nobody has logged in with."""

    def start(toml: str | None = None, **settings: Any) -> httpx.Client:
        return relay(toml, desk_password=PASSWORD, **settings)

    return start


@dataclass(frozen=True)
class Place:
    """A relay that a module's tests share: where it is, its store's folder, its sandbox, and a client of it."""

    address: str
    folder: Path
    sandbox: SandboxClient
    client: httpx.Client

    def session(self) -> str:
        """The cookie of somebody who has logged in; the same as long as it lasts, as few tries a minute are allowed."""
        if self.client.get("/desk").status_code != 200:
            log_in(self.client)
        return self.client.cookies[COOKIE]

    def send(self, **fields: str) -> str:
        """Posts the form of TOML as a visitor does; the id of the lead that it became."""
        answer = self.client.post("/forms/contact", json=fields, headers={"Accept": "application/json"})
        assert answer.status_code == 200, answer.text
        return self.newest()

    def hook(self, body: Any) -> str:
        """Posts JSON to the hook of TOML; the id of the newest lead."""
        self.client.post("/hooks/api", json=body).raise_for_status()
        return self.newest()

    def newest(self) -> str:
        """The id of the lead that came in last."""
        [(id_,)] = stored(self.folder, "SELECT id FROM leads ORDER BY rowid DESC LIMIT 1")
        return str(id_)

    def state(self, lead_id: str) -> str:
        """The state of a lead."""
        [(state,)] = stored(self.folder, "SELECT state FROM leads WHERE id = ?", lead_id)
        return str(state)


def make_operator(folder: Path, name: str, role: Role, password: str = PASSWORD) -> None:
    """Adds an operator to the store in a folder, as the command line does, also where a browser's loop is running."""

    async def make() -> None:
        outbox, long_ago = Outbox(f"sqlite+aiosqlite:///{folder}/relay.db"), datetime(2026, 1, 1, tzinfo=UTC)
        await outbox.open()
        operator = Operator(name, role, passwords.hashed(password), long_ago, long_ago)
        await outbox.write(partial(operators.put_operator, operator=operator))
        await outbox.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(make())).result()


@pytest.fixture(scope="module")
def crowd() -> Callable[[Path], None]:
    """Fills the store of `place`; a module may have another crowd."""
    return partial(filled, count=1500)


@pytest.fixture(scope="module")
def place(
    _sandbox: SandboxClient, tmp_path_factory: pytest.TempPathFactory, crowd: Callable[[Path], None]
) -> Iterator[Place]:
    """A relay with TOML and a crowd, shared by a module's tests."""
    folder = tmp_path_factory.mktemp("place")
    crowd(folder)
    (folder / "relay.toml").write_text(TOML, encoding="utf-8")
    _sandbox.reset()
    with ExitStack() as stack:
        given = {"desk_password": PASSWORD, "rate_limit_address": "10000/minute", "rate_limit_form": "10000/minute"}
        client = started(stack, _sandbox, folder, folder / "relay.toml", **given)
        yield Place(str(client.base_url).rstrip("/"), folder, _sandbox, client)

"""The API of a real relay, and tokens for it."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.running import DEMO_TOML, SandboxClient, started

OWNER = "the-token-of-the-settings"
Start = Callable[..., httpx.Client]


def bearer(token: str) -> dict[str, str]:
    """The header that proves it."""
    return {"Authorization": f"Bearer {token}"}


def give_token(folder: Path, *scopes: str, name: str = "a program") -> dict[str, str]:
    """Makes a token as `lead-relay token create` does; its header."""
    token = f"lr_{name}_{'_'.join(scopes)}"
    digest = hashlib.sha256(token.encode()).hexdigest()
    with contextlib.closing(sqlite3.connect(folder / "relay.db", timeout=10)) as store:
        row = (digest[:26], name, digest, ",".join(scopes), 0, "tests")
        store.execute("INSERT INTO tokens (id, name, digest, scopes, since, who) VALUES (?, ?, ?, ?, ?, ?)", row)
        store.commit()
    return bearer(token)


def problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The problem that an answer is."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail"} <= found.keys()
    assert (found["status"], bool(found["title"]), bool(found["detail"])) == (status, True, True)
    return found


@dataclass(frozen=True)
class Shared:
    """A relay for all tests of a module: clients without a token and with the owner's, and what is behind."""

    stranger: httpx.Client
    owner: httpx.Client
    folder: Path
    agencyhandy: SandboxClient


@pytest.fixture(scope="module")
def shared(_sandbox: SandboxClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    """A relay with its API."""
    _sandbox.reset()
    folder = tmp_path_factory.mktemp("relay")
    with ExitStack() as stack:
        stranger = started(stack, _sandbox, folder, DEMO_TOML, api_token=OWNER)
        owner = stack.enter_context(httpx.Client(base_url=stranger.base_url, headers=bearer(OWNER), timeout=20))
        yield Shared(stranger, owner, folder, _sandbox)


@pytest.fixture
def api(shared: Shared) -> httpx.Client:
    """A relay's API, for who may do everything."""
    return shared.owner

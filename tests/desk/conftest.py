"""A desk to test: the real app with a password, and somebody who has logged in."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

PASSWORD = "correct horse battery staple"
CSRF = re.compile(r'name="_csrf" value="([0-9a-f]{64})"')

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

"""What tests of several modules send their enquiries beside."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.intake import counting
from tests.redis_server import RedisServer


@pytest.fixture
def redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    """A Redis that is waited for as long as it takes a busy machine; where it is dead, it says so at once."""
    monkeypatch.setattr(counting, "PATIENCE", 10.0)
    server = RedisServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()

"""What changes comes through a proxy as it happens, though a proxy likes to collect, compress and hang up."""

from __future__ import annotations

import pytest

from tests.listening import Stream
from tests.proxies.conftest import TOKEN, Stand
from tests.running import eventually

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("encoding", ["identity", "gzip, zstd"])
def test_a_change_is_told_at_once(stand: Stand, encoding: str) -> None:
    client = stand.client()
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept-Encoding": encoding}
    with Stream(client, "/api/v1/events", headers) as heard:
        assert heard.response.headers["content-type"].startswith("text/event-stream")
        for number in range(2):
            client.post("/forms/contact", data={"email": f"told{number}@{len(encoding)}.example.com"})
            eventually(lambda number=number: len(heard.leads()) > number, "it is told", 3)

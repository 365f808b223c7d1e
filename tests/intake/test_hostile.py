"""Nothing that a sender posts gives a 500, is answered 2xx without being kept, or stops the relay."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable
from itertools import product
from pathlib import Path

import httpx
import pytest

from tests.running import stored
from tests.samples import samples

pytestmark = pytest.mark.slow

Start = Callable[..., httpx.Client]
TYPES = [
    "application/json",
    "application/json; charset=utf-16",
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=nonsense",
    "multipart/form-data; boundary=b",
    "multipart/form-data",
    "text/plain",
    "text/plain; charset=\x7f",
    "",
    ";;;",
    "application/octet-stream",
    "application/vnd.api+json",
]
BODIES = [
    b"",
    b"\x00" * 1000,
    b"\xff\xfe" * 500,
    b"[" * 50_000,
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    b'{"email": "\\ud800@example.com", "name": "\\u0000"}',
    b'{"email": {"a": ["a@example.com"]}}',
    b'{"email": 1e999, "phone": NaN}',
    b'{"n": ' + b"9" * 5_000 + b"}",
    b"&".join(b"k%d=v" % n for n in range(5_000)),
    b"%" * 5_000 + b"=%zz",
    b"name=" + b"@" * 100_000 + b"&email=" + b"a@" * 50_000,
    b"name=" + b" " * 100_000 + b"x&email=a@example.com",
    b'--b\r\nContent-Disposition: form-data; name="email"\r\n\r\na@example.com\r\n',
    b"--b\r\n" * 5_000,
    b"email=a@example.com&" + b"name=" * 20_000,
    b"email=a%40example.com%0d%0aBcc:x&name=a%00b",
    b"['not', 'json']",
    b'"just a string"',
    b"null",
]


@pytest.mark.parametrize(
    ("path", "types"), [("/forms/contact", TYPES), ("/hooks/json", TYPES), ("/hooks/typeform", ["application/json"])]
)
def test_strange_bodies_are_answered_and_what_is_answered_2xx_is_kept(
    relay: Start, tmp_path: Path, secrets: dict[str, str], path: str, types: list[str]
) -> None:
    """The `typeform` source reads no content type; `zapier` reads as `json` does."""
    client = relay(delivery_requests_per_second=1)
    for content_type, body in product(types, BODIES):
        headers = {"Content-Type": content_type, "Accept": "application/json", "X-Relay-Token": secrets["json"]}
        answer = client.post(path, content=body, headers=headers)
        assert answer.status_code < 500, (content_type, body[:60])
        if answer.is_success:
            receipt = answer.json()["receipt"]
            assert stored(tmp_path, "SELECT body FROM submissions WHERE id = ?", receipt) == [(body,)]


def test_samples_with_bytes_flipped_never_give_a_fault(relay: Start, secrets: dict[str, str]) -> None:
    """A few over HTTP; many more are read in tests/sources/test_any_bytes.py."""
    chance = random.Random(4)
    client = relay(delivery_requests_per_second=1)
    for sample in samples("sites/*", "builders/*"):
        for _ in range(2 if sample.body else 0):
            body = bytearray(sample.body)
            for _ in range(chance.randint(1, 8)):
                body[chance.randrange(len(body))] = chance.randrange(256)
            for path in ("/forms/contact", f"/hooks/json?token={secrets['json']}", "/hooks/typeform"):
                answer = client.post(path, content=bytes(body), headers=dict(sample.headers))
                assert answer.status_code < 500, (sample.name, bytes(body))


@pytest.mark.parametrize(
    "head",
    [
        b"POST /forms/contact HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc",
        b"POST /forms/contact HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /forms/contact HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /forms/contact HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc",
        b"GARBAGE\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ],
)
def test_a_broken_connection_leaves_the_relay_well(relay: Start, head: bytes) -> None:
    client = relay()
    with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=5) as connection:
        connection.sendall(head)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(4096)
    assert b" 500 " not in answer

    assert client.post("/forms/contact", data={"email": "ada@example.com"}).status_code == 303


def test_hostile_names_and_headers_are_no_trouble(relay: Start) -> None:
    client = relay()
    for name in ("%00", "..%2f..%2fetc", "x" * 5_000, "%F0%9F%92%A9", "a%0d%0ab", "<b>"):
        for path in (f"/forms/{name}", f"/hooks/{name}"):
            assert client.post(path, data={"email": "ada@example.com"}).status_code < 500
        page = client.get(f"/forms/{name}", headers={"Accept": "text/html"})
        assert "<b>" not in page.text
    headers = {f"X-{number}": "v" * 200 for number in range(80)} | {"Idempotency-Key": "k" * 3_000, "Origin": "null"}
    assert client.post("/forms/contact", data={"email": "ada@example.com"}, headers=headers).status_code in {
        303,
        400,
        431,
    }

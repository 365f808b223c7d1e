"""A refused sender hears why, though the relay wanted none of what he was still sending."""

from __future__ import annotations

import socket
from collections.abc import Callable

import httpx
import pytest

Start = Callable[..., httpx.Client]
TOML = """
[forms.contact]
allowed_origins = ["https://www.example.com"]

[hooks.json]
source = "json"
open = true
"""
CHUNK = 65536


def sent_like_a_browser(client: httpx.Client, path: str, size: int, *lines: str) -> bytes:
    """The answer to a body of that size, to a client that looks for one only when it has sent everything."""
    chunked = "Transfer-Encoding: chunked" in lines
    length = [] if chunked else [f"Content-Length: {size}"]
    head = [f"POST {path} HTTP/1.1", "Host: localhost", "Connection: close", *length, *lines, "", ""]
    piece = b"x" * CHUNK
    with socket.create_connection((client.base_url.host, client.base_url.port or 0), 20) as connection:
        connection.sendall("\r\n".join(head).encode())
        for _ in range(size // CHUNK):
            connection.sendall(b"%x\r\n%b\r\n" % (CHUNK, piece) if chunked else piece)
        if chunked:
            connection.sendall(b"0\r\n\r\n")
        answer = b""
        while more := connection.recv(CHUNK):
            answer += more
        return answer


@pytest.mark.parametrize("path", ["/forms/contact", "/hooks/json"])
@pytest.mark.parametrize("lines", [(), ("Transfer-Encoding: chunked",)], ids=["with length", "chunked"])
def test_a_body_over_the_limit_is_let_pass_and_then_refused(relay: Start, path: str, lines: tuple[str, ...]) -> None:
    """Closed amid it, the connection would be reset, and a visitor would see his browser's own error."""
    client = relay(TOML)
    for _ in range(3):
        answer = sent_like_a_browser(client, path, 8 * 1024 * 1024, *lines)
        assert answer.startswith(b"HTTP/1.1 413 "), answer[:100]


def test_who_may_not_post_hears_that_whatever_he_sends(relay: Start) -> None:
    client = relay(TOML)
    for size in (CHUNK, 1024 * 1024, 8 * 1024 * 1024):
        answer = sent_like_a_browser(client, "/forms/contact", size, "Origin: https://evil.example.com")
        assert answer.startswith(b"HTTP/1.1 403 "), answer[:100]


def test_whoever_asks_before_he_sends_is_not_told_to_go_on(relay: Start) -> None:
    client = relay(TOML)
    head = b"POST /forms/contact HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection((client.base_url.host, client.base_url.port or 0), 5) as connection:
        connection.sendall(head)
        assert connection.recv(CHUNK).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("length", [5, 28], ids=["of the chunks", "of another body"])
def test_a_request_of_two_lengths_is_refused_and_nothing_behind_it_is_read(relay: Start, length: int) -> None:
    """A proxy that goes by the other one would take what follows for a part of it, and somebody else's for the next."""
    client = relay(TOML)
    hidden = b"POST /forms/contact HTTP/1.1\r\nHost: x\r\nContent-Length: 23\r\n\r\nemail=hidden@example.com"
    both = f"POST /forms/contact HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection((client.base_url.host, client.base_url.port or 0), 20) as connection:
        connection.sendall(both.encode() + b"5\r\nhello\r\n0\r\n\r\n" + hidden)
        answer = b""
        while more := connection.recv(CHUNK):
            answer += more
    assert (answer[:13], answer.count(b"HTTP/1.1 ")) == (b"HTTP/1.1 400 ", 1)
    assert b"connection: close" in answer.lower()

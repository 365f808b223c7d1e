"""The server's own patience: with whoever opens a connection and never says what he wants."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.server import HEAD_SECONDS, Impatient
from tests.running import eventually, free_port

SOON = 0.5


class Hasty(Impatient):
    """The same, for who has no time."""

    head_seconds = SOON


async def answer(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    at = free_port()
    app = Starlette(routes=[Route("/", answer, methods=["POST"])])
    server = uvicorn.Server(uvicorn.Config(app, port=at, http=Hasty, log_config=None, timeout_keep_alive=60))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    eventually(lambda: server.started, "the server starts")
    yield at
    server.should_exit = True
    thread.join(20)


def is_closed(connection: socket.socket) -> bool:
    """Whether the other side has closed it; what it said before is passed over."""
    connection.settimeout(0.01)
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


@contextlib.contextmanager
def opened(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        yield connection


@pytest.mark.parametrize("begun", [b"", b"POST / HTT", b"POST / HTTP/1.1\r\nHost: x\r\nX-A: b\r\n"], ids=len)
def test_who_never_says_what_he_wants_is_let_go_of(port: int, begun: bytes) -> None:
    with opened(port) as connection:
        connection.sendall(begun)
        eventually(lambda: is_closed(connection), "it is closed", 3 * SOON + 2)


def test_a_letter_now_and_then_is_no_way_around(port: int) -> None:
    def drips(connection: socket.socket) -> Callable[[], bool]:
        def drip() -> bool:
            with contextlib.suppress(OSError):
                connection.sendall(b"x")
            return is_closed(connection)

        return drip

    with opened(port) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nX-A: ")
        eventually(drips(connection), "it is closed", 3 * SOON + 2)
    with opened(port) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\nPOST / HTTP/1.1\r\nX-A: ")
        eventually(drips(connection), "it is closed after its first request too", 3 * SOON + 2)


def test_who_sends_a_body_slowly_is_not_meant(port: int) -> None:
    """Bodies have a time of their own."""
    with opened(port) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 6\r\n\r\n")
        for _ in range(6):
            time.sleep(SOON / 2)
            connection.sendall(b"x")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_who_asks_now_and_then_over_one_connection_is_not_meant_either(port: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        for _ in range(8):
            assert client.post("/", content=b"four").text == "4"
            time.sleep(SOON / 3)


def test_its_patience_is_longer_than_that_of_an_idle_connection() -> None:
    assert Impatient.head_seconds == HEAD_SECONDS > 5

"""A website of somebody else's, and what stands between it and the relay: real servers on origins of their own."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx


class Website:
    """Pages at another origin than the relay's, each with the headers that it is sent with."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.pages: dict[str, tuple[str, Mapping[str, str]]] = {}

    def put(self, body: str, path: str = "/", *, head: str = "", **headers: str) -> str:
        """The address of a page with this body. Headers are named with `_` for `-`."""
        whole = (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,">'
            f"<title>A website</title>{head}</head><body><main><h1>A website</h1>{body}</main></body></html>"
        )
        self.pages[path] = whole, {name.replace("_", "-"): value for name, value in headers.items()}
        return self.address + path


class Middlebox:
    """In front of the relay. What it does to the next posts, one word each: what is none of them passes.

    `cut`: the relay gets it, the answer is lost. `busy`: 429, come back in a second. `away`: 503, in an hour.
    `private`: the answer comes without the headers that let a script read it. `slow`: half a second later.
    """

    def __init__(self, address: str, relay: str) -> None:
        self.address = address
        self.relay = relay
        self.next: list[str] = []
        self.posts = 0
        self.origin: str | None = None


@contextlib.contextmanager
def website() -> Iterator[Website]:
    """A website that is up."""

    class Pages(Quiet):
        def do_GET(self) -> None:
            page, headers = site.pages.get(self.path.partition("?")[0], ("", {}))
            self.answer(200 if page else 404, page.encode(), {"Content-Type": "text/html; charset=utf-8", **headers})

    with listening(Pages) as address:
        site = Website(address)
        yield site


@contextlib.contextmanager
def middlebox(relay: str) -> Iterator[Middlebox]:
    """One that is up, in front of the relay at an address."""

    class Passing(Quiet):
        def do_POST(self) -> None:
            box.posts += 1
            box.origin = self.headers.get("Origin")
            self.pass_on(box.next.pop(0) if box.next else "pass")

        def do_GET(self) -> None:
            self.pass_on("pass")

        do_OPTIONS = do_GET  # noqa: N815 - the name that http.server asks for

        def pass_on(self, how: str) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if how == "slow":
                time.sleep(0.5)
            if how in {"busy", "away"}:
                cors = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After"}
                wait = {"busy": "1", "away": "3600"}[how]
                self.answer(429 if how == "busy" else 503, b"", {**cors, "Retry-After": wait})
                return
            answer = httpx.request(self.command, box.relay + self.path, content=body, headers=dict(self.headers))
            if how == "cut":
                self.close_connection = True
                self.connection.close()
                return
            hidden = {"content-length", "content-encoding", "transfer-encoding", "connection"}
            headers = {
                name: value
                for name, value in answer.headers.items()
                if name not in hidden and not (how == "private" and name.startswith("access-control"))
            }
            self.answer(answer.status_code, answer.content, headers)

    with listening(Passing) as address:
        box = Middlebox(address, relay)
        yield box


class Quiet(BaseHTTPRequestHandler):
    """Answers, and writes no log."""

    def answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status not in {204, 304}:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A server on a free port of this machine; gives its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)

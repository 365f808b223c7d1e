"""Bodies on their way through a proxy: how large, how slow, how torn, and who says no."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator

import pytest

from tests.files import PDF
from tests.proxies import fronts
from tests.proxies.conftest import Stand
from tests.running import eventually, stored

pytestmark = pytest.mark.slow

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
LIMIT = 2 * 1024 * 1024
"""MAX_BODY_BYTES, where nobody set another."""
COARSE = 110 * 1024 * 1024
"""Of both files in deploy/."""

SHAPES = {
    "length then chunked": ["Content-Length: {whole}", "Transfer-Encoding: chunked"],
    "chunked then length": ["Transfer-Encoding: chunked", "Content-Length: 5"],
    "two lengths": ["Content-Length: {whole}", "Content-Length: 5"],
    "length with a sign": ["Content-Length: +5"],
    "space before the colon": ["Content-Length : 5"],
    "unknown encoding": ["Transfer-Encoding: xchunked"],
    "two encodings": ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
    "control character": ["Transfer-Encoding:\x0bchunked"],
    "folded line": ["Content-Length: 0", "\tContent-Length: {whole}"],
    "bare line feed": ["X: y\nContent-Length: {whole}"],
}
"""Ways to say two lengths at once; `{whole}` is that of all that follows."""


def pieces(size: int) -> Iterator[bytes]:
    """A body without a length, in chunks."""
    for _ in range(size // 65536):
        yield b"x" * 65536


def head(stand: Stand, *lines: str, path: str = "/forms/contact") -> bytes:
    first = [f"POST {path} HTTP/1.1", f"Host: localhost:{stand.port}", "Connection: close"]
    return "\r\n".join([*first, f"Content-Type: {FORM['Content-Type']}", *lines, "", ""]).encode()


def everything(connection: socket.socket) -> bytes:
    """What comes until the other side closes, or tears the connection down."""
    found = b""
    try:
        while chunk := connection.recv(65536):
            found += chunk
    except OSError:
        return found
    return found


def test_a_body_up_to_the_relays_limit_is_taken_whole(stand: Stand) -> None:
    start = b"email=largest%40example.com&message="
    answer = stand.client().post("/forms/contact", content=start + b"x" * (LIMIT - len(start)), headers=FORM)
    assert (answer.status_code, stand.kept("largest@example.com")) == (303, 1)
    assert stand.client().post("/forms/contact", content=b"x" * (LIMIT + 1), headers=FORM).status_code == 413


@pytest.mark.parametrize("size", [LIMIT + 65536, 12 * LIMIT], ids=["a little", "much"])
@pytest.mark.parametrize("chunked", [False, True], ids=["with length", "chunked"])
def test_a_larger_one_is_refused_with_the_relays_own_page(stand: Stand, size: int, chunked: bool) -> None:
    """Several times: an answer amid the body must not be lost to a connection that breaks."""
    for _ in range(5):
        body = pieces(size) if chunked else b"x" * size
        answer = stand.client().post("/forms/contact", content=body, headers={**FORM, "Origin": stand.site})
        assert (answer.status_code, "Nothing was sent." in answer.text) == (413, True)
        assert answer.headers["Access-Control-Allow-Origin"] == stand.site


def test_what_is_far_too_large_is_refused_on_its_way_and_scripts_may_read_that(stand: Stand) -> None:
    body = pieces(COARSE + 4 * LIMIT)
    answer = stand.client(seconds=60).post("/forms/contact", content=body, headers={**FORM, "Origin": stand.site})
    assert (answer.status_code, "Nothing was sent." in answer.text) == (413, True)
    assert answer.headers["Access-Control-Allow-Origin"] in {"*", stand.site}


def test_nginx_refuses_an_announced_length_at_once(stand_of: Callable[..., Stand]) -> None:
    stand = stand_of("nginx", fronts.nginx)
    with stand.connection() as connection:
        connection.sendall(head(stand, f"Content-Length: {COARSE + 1}", f"Origin: {stand.site}"))
        answer = connection.recv(65536).decode()
    assert answer.startswith("HTTP/1.1 413 ")
    assert "access-control-allow-origin: *" in answer.lower()


def test_five_files_of_10_mib_fit_through(stand: Stand) -> None:
    """What a form takes where nobody set anything else."""
    whole = PDF + b" " * (10 * 1024 * 1024 - len(PDF))
    files = [("plans", (f"plan{number}.pdf", whole)) for number in range(5)]
    answer = stand.client(seconds=60).post("/forms/contact", data={"email": "files@example.com"}, files=files)
    assert (answer.status_code, stand.kept("files@example.com")) == (303, 1)
    assert stored(stand.folder, "SELECT count(*), sum(size) FROM attachments") == [(5, 5 * len(whole))]


def test_a_file_too_many_or_too_large_is_told_in_the_form(stand: Stand) -> None:
    for count, size in ((6, 1000), (1, 11 * 1024 * 1024), (1, 90 * 1024 * 1024)):
        files = [("plans", (f"plan{number}.pdf", PDF + b" " * size)) for number in range(count)]
        answer = stand.client(seconds=60).post(
            "/forms/contact", data={"email": "toomuch@example.com"}, files=files, headers={"Accept": "application/json"}
        )
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["plans"]), (count, size)
    assert stand.kept("toomuch@example.com") == 0


def test_a_slow_visitor_is_waited_for(stand: Stand) -> None:
    body = b"email=slow%40example.com&message=" + b"x" * 100
    with stand.connection() as connection:
        connection.sendall(head(stand, f"Content-Length: {len(body)}"))
        for at in range(0, len(body), 20):
            connection.sendall(body[at : at + 20])
            time.sleep(0.15)
        assert everything(connection).startswith(b"HTTP/1.1 303 ")
    assert stand.kept("slow@example.com") == 1


@pytest.mark.parametrize("lines", [["Content-Length: 500"], ["Transfer-Encoding: chunked"]], ids=["length", "chunked"])
def test_of_a_body_cut_off_midway_nothing_is_kept(stand: Stand, lines: list[str]) -> None:
    address = f"cut.{len(lines[0])}"
    part = f"email={address}%40example.com&message=Hello".encode()
    if "chunked" in lines[0]:
        part = f"{len(part):x}\r\n".encode() + part + b"\r\n"
    with stand.connection() as connection:
        connection.sendall(head(stand, *lines) + part)
        time.sleep(0.2)
    assert stand.client().post("/forms/contact", data={"email": f"after.{address}@example.com"}).status_code == 303
    assert stand.kept(f"{address}@example.com") == 0


@pytest.mark.parametrize("shape", SHAPES)
def test_no_request_is_smuggled_past_a_proxy_that_reads_lengths_otherwise(stand: Stand, shape: str) -> None:
    """Whatever the two make of it: a request hidden in a body is never carried out behind the sender's back, so that
    its answer would be somebody else's. Where the proxy takes it for the sender's next request, it answers that."""
    email = f"{shape.replace(' ', '.')}@example.com"
    body = (
        b"0\r\n\r\n" + head(stand, f"Content-Length: {len(email) + 6}", path="/forms/away") + f"email={email}".encode()
    )
    lines = [line.format(whole=len(body)) for line in SHAPES[shape]]
    with stand.connection() as connection:
        connection.sendall(head(stand, *lines).replace(b"Connection: close\r\n", b"") + body)
        answer = connection.recv(65536)
        connection.settimeout(1)
        answer += everything(connection)
    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 501", b"HTTP/1.1 303")), answer[:200]
    carried_out = stored(stand.folder, "SELECT id FROM leads WHERE endpoint = 'away' AND email = ?", email)
    assert len(carried_out) == answer.count(f"{stand.site}/thanks".encode())


def test_a_body_that_stops_coming_never_reaches_the_relay(stand_of: Callable[..., Stand]) -> None:
    """nginx waits for it, and lets go of it in the end."""
    stand = stand_of("nginx", lambda *at: fronts.nginx(*at, ("client_body_timeout 30s", "client_body_timeout 1s")))
    with stand.connection() as connection:
        connection.sendall(head(stand, "Content-Length: 500") + b"email=stopped%40example.com&message=")
        assert everything(connection)[:13] in {b"", b"HTTP/1.1 408 "}
    assert "request" not in stand.relay.log.read_text().lower().replace("requests", "")
    assert stand.kept("stopped@example.com") == 0


def test_without_nginxs_buffering_bodies_arrive_as_well(stand_of: Callable[..., Stand]) -> None:
    stand = stand_of(
        "nginx", lambda *at: fronts.nginx(*at, ("proxy_request_buffering on", "proxy_request_buffering off"))
    )
    start = b"email=streamed%40example.com&message="
    chunks = (part for part in (start, *pieces(655_360)))
    assert stand.client().post("/forms/contact", content=chunks, headers=FORM).status_code == 303
    assert stand.kept("streamed@example.com") == 1
    for _ in range(5):
        assert stand.client().post("/forms/contact", content=pieces(12 * LIMIT), headers=FORM).status_code == 413
    with stand.connection() as connection:
        connection.sendall(head(stand, "Content-Length: 500") + b"email=torn%40example.com&message=")
        time.sleep(0.2)
    eventually(lambda: stand.client().get("/readyz").status_code == 200, "the relay is well")
    assert stand.kept("torn@example.com") == 0

"""What the relay answers passes through a proxy as it is; what a proxy answers itself is fit to be read."""

from __future__ import annotations

import pytest

from tests.proxies.conftest import Stand

pytestmark = pytest.mark.slow

JSON = {"Accept": "application/json"}
ORIGIN = "Access-Control-Allow-Origin"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"data": {"email": "cors@example.com"}}, 200),
        ({"data": {"email": "not an address"}}, 422),
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400),
        ({"content": b"x", "headers": {"Content-Type": "image/png"}}, 415),
        ({"content": b"x" * 3_000_000}, 413),
    ],
    ids=["taken", "to be mended", "not readable", "not known", "too large"],
)
def test_a_script_of_the_website_may_read_every_answer(stand: Stand, sent: dict[str, object], status: int) -> None:
    given = sent.get("headers")
    headers = {**JSON, "Origin": stand.site, **(given if isinstance(given, dict) else {})}
    answer = stand.client().post("/forms/contact", **{**sent, "headers": headers})  # type: ignore[arg-type]
    assert (answer.status_code, answer.headers.get_list(ORIGIN)) == (status, [stand.site])
    assert "origin" in answer.headers["Vary"].lower()
    assert answer.json()


def test_a_script_of_another_site_may_not(stand: Stand) -> None:
    answer = stand.client().post("/forms/contact", data={"email": "x"}, headers={**JSON, "Origin": "https://a.example"})
    assert (answer.status_code, ORIGIN in answer.headers) == (403, False)


def test_a_browsers_preflight_is_answered_by_the_relay(stand: Stand) -> None:
    asked = {
        "Origin": stand.site,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,idempotency-key",
    }
    answer = stand.client().options("/forms/contact", headers=asked)
    assert (answer.status_code, answer.content, answer.headers.get_list(ORIGIN)) == (204, b"", [stand.site])
    assert "Idempotency-Key" in answer.headers["Access-Control-Allow-Headers"]


def test_pages_keep_their_security_headers_each_once(stand: Stand) -> None:
    client = stand.client()
    for answer in (client.get("/forms/contact"), client.post("/forms/contact", data={"email": "x"})):
        for name in ("Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Cache-Control"):
            assert len(answer.headers.get_list(name)) == 1, name


def test_the_stylesheet_and_pages_travel_compressed_and_unchanged(stand: Stand) -> None:
    client = stand.client()
    straight = client.get("/static/relay.css", headers={"Accept-Encoding": "identity"})
    packed = client.get("/static/relay.css", headers={"Accept-Encoding": "gzip"})
    assert (straight.headers.get("Content-Encoding"), packed.headers["Content-Encoding"]) == (None, "gzip")
    assert packed.content == straight.content
    assert len(straight.content) > 1000
    assert "accept-encoding" in packed.headers["Vary"].lower()
    assert client.get("/forms/contact", headers={"Accept-Encoding": "gzip"}).headers["Content-Encoding"] == "gzip"
    described = client.get("/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert (described.headers["Content-Encoding"], "paths" in described.json()) == ("gzip", True)


def test_a_browser_that_has_the_stylesheet_gets_it_only_once(stand: Stand) -> None:
    client = stand.client()
    tag = client.get("/static/relay.css").headers["ETag"]
    again = client.get("/static/relay.css", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/forms/contact", "/hooks/json", "/healthz", "/"])
def test_head_is_get_without_a_body(stand: Stand, path: str) -> None:
    client = stand.client()
    answer = client.head(path)
    assert (answer.status_code, answer.content) == (client.get(path).status_code, b"")


def test_methods_that_nobody_takes_are_refused_and_the_connection_lives_on(stand: Stand) -> None:
    client = stand.client()
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "PROPFIND", "FOO"):
        assert client.request(method, "/forms/contact").status_code in {405, 400, 501}, method
    assert client.get("/healthz").json() == {"status": "up"}


def test_a_hundred_posts_go_over_one_connection(stand: Stand) -> None:
    with stand.connection() as connection:
        for number in range(100):
            body = f"email=kept{number}%40example.com".encode()
            head = f"POST /forms/contact HTTP/1.1\r\nHost: localhost:{stand.port}\r\nContent-Length: {len(body)}\r\n"
            kind = "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
            connection.sendall(head.encode() + kind.encode() + body)
            answer = connection.recv(65536)
            while b"\r\n\r\n" not in answer:
                answer += connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 303 "), answer[:200]
    assert stand.kept("kept0@example.com") == stand.kept("kept99@example.com") == 1

"""Through a proxy the relay knows who asks, under which address, and is not lied to."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from app.main import STRANGERS_PER_MINUTE
from tests.proxies import fronts
from tests.proxies.conftest import Stand
from tests.running import eventually

pytestmark = pytest.mark.slow

FORGED = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": "evil.example.com",
    "Forwarded": "for=203.0.113.7;proto=http;host=evil.example.com",
    "X-Real-IP": "203.0.113.7",
}


def statuses(client: httpx.Client, count: int, headers: dict[str, str] | None = None) -> list[int]:
    """Of so many posts to a form that is not there, of which one address may send only so many a minute."""
    return [client.post("/forms/nowhere", data={"email": "x"}, headers=headers).status_code for _ in range(count)]


def test_two_clients_are_told_apart_and_a_forged_header_gets_nobody_around_the_limit(stand: Stand) -> None:
    greedy, other = stand.client("127.0.0.2"), stand.client("127.0.0.3")
    answers = statuses(greedy, STRANGERS_PER_MINUTE + 1)
    assert (answers[0], answers[-1]) == (404, 429)

    assert statuses(other, 1) == [404]
    for forged in ("203.0.113.7", "127.0.0.1", "127.0.0.3", "203.0.113.8, 127.0.0.1", "", "unknown", "[::1]:80"):
        assert statuses(greedy, 1, {"X-Forwarded-For": forged}) == [429], forged
    assert statuses(greedy, 1, FORGED) == [429]
    answer = greedy.post("/forms/nowhere", data={"email": "x"})
    assert int(answer.headers["Retry-After"]) > 0


def test_a_forged_header_makes_nobody_else_pay(stand: Stand) -> None:
    """Else a stranger could shut out a firm's whole office."""
    liar, victim = stand.client("127.0.0.4"), stand.client("127.0.0.5")
    statuses(liar, STRANGERS_PER_MINUTE + 1, {"X-Forwarded-For": "127.0.0.5"})
    assert statuses(victim, 1) == [404]


def test_straight_to_the_relay_only_a_proxy_it_trusts_may_name_a_client(stand: Stand) -> None:
    transport = httpx.HTTPTransport(local_address="127.0.0.6")
    with httpx.Client(base_url=stand.relay.address, transport=transport) as stranger:
        answers = [
            stranger.post("/forms/nowhere", data={"email": "x"}, headers={"X-Forwarded-For": f"198.51.100.{number}"})
            for number in range(STRANGERS_PER_MINUTE + 1)
        ]
    assert answers[-1].status_code == 429


def test_the_figures_are_not_for_who_comes_through_the_proxy(stand: Stand) -> None:
    """They answer this machine only; a visitor is not on it, whatever he says."""
    for headers in ({}, FORGED, {"X-Forwarded-For": "127.0.0.1"}, {"X-Forwarded-For": ""}):
        assert stand.client("127.0.0.1").get("/metrics", headers=headers).status_code == 404


@pytest.mark.parametrize("headers", [{}, FORGED], ids=["honest", "forged"])
def test_no_answer_leads_to_another_scheme_or_host(stand: Stand, headers: dict[str, str]) -> None:
    client = stand.client()
    sent = client.post("/forms/contact", data={"email": "scheme@example.com"}, headers=headers)
    assert (sent.status_code, sent.headers["Location"]) == (303, "/forms/contact/thanks")
    for path in ("/forms/contact/thanks/", "/hooks/json/"):
        answer = client.get(path, headers=headers)
        assert (
            httpx.URL(stand.address).join(answer.headers.get("Location", "")).copy_with(path="/") == f"{stand.address}/"
        )
    thanked = client.get(sent.headers["Location"], headers={**headers, "Referer": f"{stand.site}/contact"})
    assert (thanked.status_code, f'href="{stand.site}/contact"' in thanked.text) == (200, True)

    snippet = client.get("/forms/contact", headers=headers)
    assert f"{stand.address}/forms/contact" in snippet.text
    for text in (snippet.text, thanked.text, str(dict(sent.headers))):
        assert "evil.example.com" not in text
        assert re.findall(r"http://[^\s\"'<]+", text) == []


def test_a_form_may_lead_to_the_websites_own_page(stand: Stand) -> None:
    answer = stand.client().post("/forms/away", data={"email": "away@example.com"})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{stand.site}/thanks")


def test_an_address_arrives_letter_by_letter(stand: Stand) -> None:
    """A token with signs in it, as providers that sign the whole address send them."""
    client = stand.client()
    answer = client.post(
        "/hooks/json?token=a-secret-of-the-hook&x=a%2Fb+c%20d&x=%C3%A4", json={"email": "letters@example.com"}
    )
    assert (answer.status_code, answer.json()["leads"][0]["state"]) == (200, "pending")
    assert client.post("/forms/con%74act", data={"email": "encoded@example.com"}).status_code == 303
    assert client.post("/forms/..%2fcontact", data={"email": "x"}).status_code == 404


def test_what_was_sent_is_delivered_once(stand: Stand) -> None:
    client = stand.client()
    emails = [f"once{number}@example.com" for number in range(40)]
    answers = [client.post("/forms/contact", data={"email": email}) for email in [*emails, *emails]]
    assert {answer.status_code for answer in answers} == {303}

    eventually(lambda: set(emails) <= set(stand.sandbox.emails()), "all are delivered")
    assert all(stand.sandbox.emails().count(email) == 1 for email in emails)


def test_nginx_finds_no_fault_in_its_file(tmp_path: Path) -> None:
    if fronts.program("nginx") is None:
        pytest.skip("needs Debian's nginx, which .ci/run installs")
    fronts.make_certificate(tmp_path)
    command = fronts.write_nginx(tmp_path, fronts.nginx_site(tmp_path, 8443, 8000))
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert (checked.returncode, "warn" in checked.stderr) == (0, False), checked.stderr


def test_plain_http_leads_to_https_and_keeps_a_post_a_post(stand_of: Callable[..., Stand]) -> None:
    stand = stand_of("nginx", fronts.nginx)
    transport = httpx.HTTPTransport(uds=str(stand.folder / "plain.sock"))
    with httpx.Client(base_url="http://localhost", transport=transport) as client:
        answer = client.post("/forms/contact?a=%20b", data={"email": "plain@example.com"})
    assert (answer.status_code, answer.headers["Location"]) == (308, "https://localhost/forms/contact?a=%20b")


@pytest.fixture(scope="module")
def bare(stand_of: Callable[..., Stand]) -> Stand:
    """nginx with one `proxy_pass` and no more: HTTP/1.0, and neither Host, scheme nor sender."""
    return stand_of("nginx", fronts.bare_nginx, "http")


def test_behind_nginx_set_up_in_a_hurry_forms_lead_where_public_url_says(bare: Stand) -> None:
    client = bare.client()
    answer = client.post("/forms/contact", data={"email": "bare@example.com"}, headers={"Origin": bare.site})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/forms/contact/thanks")
    assert answer.headers["Access-Control-Allow-Origin"] == bare.site
    assert f"{bare.address}/forms/contact" in client.get("/forms/contact").text
    eventually(lambda: "bare@example.com" in bare.sandbox.emails(), "it is delivered")


def test_behind_nginx_set_up_in_a_hurry_bodies_of_every_kind_arrive(bare: Stand) -> None:
    client = bare.client()
    chunks = (part for part in (b"email=bare.chunked", b"%40example.com&message=", b"x" * 900_000))
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.post("/forms/contact", content=chunks, headers=headers).status_code == 303
    files = {"note": ("note.txt", b"words", "text/plain")}
    assert client.post("/forms/contact", data={"email": "bare.parts@example.com"}, files=files).status_code == 303
    assert (bare.kept("bare.chunked@example.com"), bare.kept("bare.parts@example.com")) == (1, 1)
    assert client.get("/static/relay.css").status_code == client.head("/forms/contact").status_code == 200

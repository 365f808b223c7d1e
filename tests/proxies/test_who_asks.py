"""Through a proxy the relay knows who asks, under which address, and is not lied to."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from itertools import count
from pathlib import Path

import httpx
import pytest

from tests.proxies import fronts
from tests.proxies.conftest import PROXIES, Stand
from tests.running import eventually

pytestmark = pytest.mark.slow

FORGED = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Host": "evil.example.com",
    "Forwarded": "for=203.0.113.7;proto=http;host=evil.example.com",
    "X-Real-IP": "203.0.113.7",
}


ALLOWED = 10
"""How many posts a minute one address may send here."""


@pytest.fixture(scope="module", params=PROXIES)
def behind_cdn(request: pytest.FixtureRequest, stand_of: Callable[..., Stand]) -> Stand:
    """Each proxy behind a further one, which both it and the relay trust, and which tells visitors' addresses."""
    name, front = request.param, PROXIES[request.param]
    return stand_of(
        name,
        lambda *at: front(*at, fronts.BEHIND_CDN[name]),
        rate_limit_address=f"{ALLOWED}/minute",
        trusted_proxies=f"127.0.0.1, {fronts.CDN}",
    )


@pytest.fixture
def visit(behind_cdn: Stand) -> Callable[..., int]:
    """Posts for a visitor of that address, with what he claims in front of what the CDN says; gives the status."""
    cdn, number = behind_cdn.client(fronts.CDN), count()

    def post(address: str, claimed: str = "") -> int:
        told = f"{claimed}, {address}" if claimed else address
        data = {"email": f"{address}.{next(number)}@example.com"}
        return cdn.post("/forms/contact", data=data, headers={**FORGED, "X-Forwarded-For": told}).status_code

    return post


def test_two_visitors_are_told_apart_and_no_claim_gets_one_around_the_limit(visit: Callable[..., int]) -> None:
    assert [visit("198.51.100.1") for _ in range(ALLOWED + 1)] == [303] * ALLOWED + [429]
    assert visit("198.51.100.2") == 303
    for claimed in ("203.0.113.7", "127.0.0.1", "198.51.100.2", "203.0.113.8, 127.0.0.1", "unknown", "[::1]:80"):
        assert visit("198.51.100.1", claimed) == 429, claimed


def test_a_claim_makes_nobody_else_pay(visit: Callable[..., int]) -> None:
    """Else a stranger could shut out a firm's whole office."""
    assert {visit("198.51.100.3", "198.51.100.4") for _ in range(ALLOWED + 1)} == {303, 429}
    assert visit("198.51.100.4") == 303


def test_who_is_no_proxy_is_not_believed_whom_he_asks_for(behind_cdn: Stand, visit: Callable[..., int]) -> None:
    """Neither by the proxy nor, where he reaches it, by the relay."""
    straight = httpx.HTTPTransport(local_address="127.0.0.6")
    with httpx.Client(base_url=behind_cdn.relay.address, transport=straight) as stranger:
        for client in (behind_cdn.client("127.0.0.7"), stranger):
            for number in range(ALLOWED + 1):
                data = {"email": f"liar{number}.{id(client)}@example.com"}
                client.post("/forms/contact", data=data, headers={**FORGED, "X-Forwarded-For": "198.51.100.5"})
    assert visit("198.51.100.5") == 303


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

    own = client.get("/forms/contact", headers=headers)
    assert 'action="/forms/contact"' in own.text
    for text in (own.text, thanked.text, str(dict(sent.headers))):
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
    assert 'action="/forms/contact"' in client.get("/forms/contact").text
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

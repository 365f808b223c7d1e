"""Forms: what a visitor's browser, or a website's script, is answered."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.running import SandboxClient, eventually, locked, started, stored

Start = Callable[..., httpx.Client]
ADA = {"name": "Ada Lovelace", "email": "ada@example.com", "message": "Hello"}
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}
SCRIPT = {"Accept": "application/json"}
SITE = "https://www.example.com"
GUARDED = f"""
[forms.contact]
redirect = "{SITE}/thanks"
allowed_origins = ["{SITE}"]
allowed_redirects = ["https://shop.example.com"]
"""


@pytest.fixture(scope="module")
def guarded(_sandbox: SandboxClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A relay with GUARDED that stays up: for tests that only look at an answer."""
    folder = tmp_path_factory.mktemp("guarded")
    toml = folder / "relay.toml"
    toml.write_text(GUARDED, encoding="utf-8")
    with ExitStack() as stack:
        yield started(stack, _sandbox, folder, toml)


def leads(folder: Path) -> list[tuple[str, str]]:
    """State and reason of every lead."""
    return stored(folder, "SELECT state, reason FROM leads ORDER BY id")


def test_a_browser_is_sent_to_the_thank_you_page(relay: Start) -> None:
    client = relay()
    answer = client.post("/forms/contact", data=ADA, headers=BROWSER)

    assert (answer.status_code, answer.headers["location"]) == (303, "/forms/contact/thanks")
    assert "Thank you" in client.get("/forms/contact/thanks").text


@pytest.mark.parametrize("headers", [SCRIPT, {"X-Requested-With": "XMLHttpRequest"}, {"Sec-Fetch-Mode": "cors"}])
def test_a_script_is_answered_in_json_and_never_redirected(guarded: httpx.Client, headers: dict[str, str]) -> None:
    answer = guarded.post("/forms/contact", data=ADA, headers=headers)

    assert answer.status_code == 200
    assert answer.json() == {
        "ok": True,
        "receipt": answer.json()["receipt"],
        "message": "Your message has arrived. We will get back to you soon.",
        "redirect": f"{SITE}/thanks",
    }


def test_a_json_body_is_answered_in_json(relay: Start, sandbox: SandboxClient) -> None:
    assert relay().post("/forms/contact", json=ADA).json()["ok"] is True
    assert eventually(sandbox.emails, "the lead arrives") == ["ada@example.com"]


def test_multipart_with_a_file_is_taken(relay: Start, sandbox: SandboxClient) -> None:
    answer = relay().post("/forms/contact", data=ADA, files={"cv": ("cv.pdf", b"%PDF-1.4", "application/pdf")})

    assert answer.status_code == 303
    eventually(sandbox.emails, "the lead arrives")


def test_the_forms_redirect_is_where_a_visitor_goes(guarded: httpx.Client) -> None:
    answer = guarded.post("/forms/contact", data=ADA, headers=BROWSER)

    assert answer.headers["location"] == f"{SITE}/thanks"


@pytest.mark.parametrize("field", ["_next", "redirect", "redirectTo", "retURL"])
def test_a_field_may_name_another_page_that_is_allowed(guarded: httpx.Client, field: str) -> None:
    answer = guarded.post("/forms/contact", data=ADA | {field: "https://shop.example.com/danke?x=1"})

    assert answer.headers["location"] == "https://shop.example.com/danke?x=1"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "https://www.example.com.evil.example/",
        "https://www.example.com@evil.example/",
        "https:\\\\evil.example",
        "javascript:alert(1)",
        "https://shop.example.com\\@evil.example/",
        "https://shop.example.com\r\nX: y",
        " ",
        "http://[",
    ],
)
def test_a_field_never_leads_anywhere_else(guarded: httpx.Client, target: str) -> None:
    answer = guarded.post("/forms/contact", data=ADA | {"_next": target}, headers=BROWSER)

    assert (answer.status_code, answer.headers["location"]) == (303, f"{SITE}/thanks")


@pytest.mark.parametrize("typed", ["", "ada@", "not an address", "ada@example"])
def test_a_missing_or_mistyped_address_is_shown_to_the_visitor_with_what_was_typed(
    relay: Start, tmp_path: Path, typed: str
) -> None:
    answer = relay().post(
        "/forms/contact", data={"name": 'Ada "<b>', "correo": typed, "message": "Two\nlines"}, headers=BROWSER
    )

    assert answer.status_code == 422
    assert 'name="correo"' in answer.text
    assert "Ada &#34;&lt;b&gt;" in answer.text
    assert "Two\nlines</textarea>" in answer.text.replace("\r\n", "\n")
    assert "Nothing was sent yet" in answer.text
    assert leads(tmp_path) == []


def test_the_field_to_mend_keeps_its_own_name(relay: Start) -> None:
    answer = relay().post("/forms/contact", data={"contact[name]": "Ada", "contact[email]": "ada@"}, headers=BROWSER)

    assert answer.text.count('name="contact[email]"') == 1
    assert 'name="contact.email"' not in answer.text


def test_a_script_is_told_the_field_to_mend_as_a_problem(relay: Start) -> None:
    answer = relay().post("/forms/contact", json={"name": "Ada", "mail": "ada@"})

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert list(answer.json()["errors"]) == ["mail"]


def test_the_page_that_asks_to_mend_leads_on_to_the_redirect(guarded: httpx.Client) -> None:
    """Chromium applies form-action to redirects too, so the site's own page has to be in it."""
    answer = guarded.post("/forms/contact", data={"name": "Ada"}, headers=BROWSER)

    assert f"form-action 'self' https://shop.example.com {SITE}" in answer.headers["content-security-policy"]


def test_hidden_fields_are_carried_along_unseen(relay: Start) -> None:
    answer = relay().post("/forms/contact", data={"name": "Ada", "_next": "https://x.example/"}, headers=BROWSER)

    assert '<input type="hidden" name="_next" value="https://x.example/">' in answer.text


def test_a_name_is_not_required(relay: Start, sandbox: SandboxClient) -> None:
    assert relay().post("/forms/contact", data={"email": "ada@example.com"}).status_code == 303
    assert eventually(sandbox.emails, "the lead arrives") == ["ada@example.com"]


def test_a_robot_that_fills_the_trap_learns_nothing_and_its_lead_is_kept_aside(
    relay: Start, sandbox: SandboxClient, tmp_path: Path
) -> None:
    client = relay()
    good = client.post("/forms/contact", data=ADA, headers=SCRIPT)
    bad = client.post("/forms/contact", data=ADA | {"email": "bot@example.com", "_gotcha": "x"}, headers=SCRIPT)

    assert (bad.status_code, bad.json().keys()) == (good.status_code, good.json().keys())
    eventually(sandbox.emails, "the good one arrives")
    assert sandbox.emails() == ["ada@example.com"]
    assert leads(tmp_path)[1] == ("spam", "honeypot: _gotcha was filled in")


def test_a_double_click_makes_one_lead_and_both_get_the_same_answer(relay: Start, tmp_path: Path) -> None:
    client = relay()
    answers = [client.post("/forms/contact", data=ADA, headers=SCRIPT).json() for _ in range(2)]

    assert answers[0] == answers[1]
    assert len(leads(tmp_path)) == 1


def test_an_idempotency_key_holds_beyond_the_window(relay: Start, tmp_path: Path) -> None:
    client = relay(repeat_window_minutes=0.000001)
    for _ in range(2):
        client.post("/forms/contact", data=ADA, headers=SCRIPT | {"Idempotency-Key": "k1"})

    assert len(leads(tmp_path)) == 1


def test_the_same_person_with_another_message_is_another_enquiry(relay: Start, tmp_path: Path) -> None:
    client = relay()
    for message in ("Hello", "And one more thing"):
        client.post("/forms/contact", data=ADA | {"message": message})

    assert len(leads(tmp_path)) == 2


UNREADABLE = [
    (b"{", "application/json", 400),
    (b"--x", "multipart/form-data", 400),
    (b"junk", "multipart/form-data; boundary=x", 400),
    (b"<a/>", "application/xml", 415),
    (b"\x00\x01", "image/png", 415),
    (b"", "application/x-www-form-urlencoded", 422),
]


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_what_cannot_be_read_is_kept_and_answered_with_what_is_wrong(relay: Start, tmp_path: Path, accept: str) -> None:
    client, kept = relay(), 0
    for body, content_type, status in UNREADABLE:
        headers = {"Content-Type": content_type, "Accept": accept}
        answer = client.post("/forms/contact", content=body, headers=headers)

        assert answer.status_code == status, content_type
        kept += status != 422
        found = [reason for state, reason in leads(tmp_path) if state == "held" and reason.startswith("unreadable")]
        assert len(found) == kept, content_type


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_refused_whatever_its_length_claims(relay: Start, chunked: bool) -> None:
    body = b"message=" + b"x" * 5000
    content = iter([body[:3000], body[3000:]]) if chunked else body
    answer = relay(max_body_bytes=4096).post(
        "/forms/contact", content=content, headers={"Content-Type": "application/x-www-form-urlencoded"} | BROWSER
    )

    assert answer.status_code == 413
    assert "Nothing was sent" in answer.text


def test_another_websites_post_is_refused(relay: Start, tmp_path: Path) -> None:
    client = relay(GUARDED)
    answer = client.post("/forms/contact", data=ADA, headers=BROWSER | {"Origin": "https://evil.example"})

    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    assert leads(tmp_path) == []


@pytest.mark.parametrize("origin", [SITE, SITE.upper().replace("HTTPS", "https")])
def test_the_forms_own_website_may_post_and_read_the_answer(guarded: httpx.Client, origin: str) -> None:
    for body, status in ((ADA, 200), ({"name": "no address"}, 422)):
        answer = guarded.post("/forms/contact", json=body, headers={"Origin": origin})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, origin)
        assert answer.headers["vary"] == "Origin"


def test_the_relays_own_pages_may_always_post(relay: Start) -> None:
    client = relay(GUARDED, public_url="https://leads.example.com")
    answer = client.post("/forms/contact", data=ADA, headers=BROWSER | {"Origin": "https://leads.example.com"})

    assert answer.status_code == 303


def test_a_forms_own_page_may_post_by_whatever_name_it_was_reached(relay: Start) -> None:
    client = relay(GUARDED, public_url="https://leads.example.com")
    own = f"http://{client.base_url.netloc.decode()}"

    assert client.post("/forms/contact", data=ADA, headers=BROWSER | {"Origin": own}).status_code == 303
    for other in (f"{own}.evil.example", f"{own}0", "http://"):
        assert client.post("/forms/contact", data=ADA, headers=BROWSER | {"Origin": other}).status_code == 403


def test_a_huge_redirect_costs_nothing(guarded: httpx.Client) -> None:
    target = "https://" + "é。" * 200_000 + "x"
    began = time.process_time()
    guarded.post("/forms/contact", json=ADA | {"_next": target})

    assert time.process_time() - began < 2


def test_a_browser_may_ask_first_whether_a_script_can_post(guarded: httpx.Client) -> None:
    answer = guarded.options(
        "/forms/contact",
        headers={
            "Origin": SITE,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,idempotency-key",
        },
    )

    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == SITE
    assert "Idempotency-Key" in answer.headers["access-control-allow-headers"]
    assert "POST" in answer.headers["access-control-allow-methods"]


def test_without_a_list_of_origins_every_website_may_post(relay: Start) -> None:
    answer = relay().post("/forms/contact", json=ADA, headers={"Origin": "https://anything.example"})

    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")


def test_a_form_that_nobody_configured_is_not_found_and_its_post_kept(relay: Start, tmp_path: Path) -> None:
    client = relay()

    assert client.get("/forms/contcat", headers=BROWSER).status_code == 404
    answer = client.post("/forms/contcat", data=ADA, headers=BROWSER)
    assert answer.status_code == 404
    assert "contcat" in answer.text
    assert leads(tmp_path) == [("held", "unknown endpoint")]


def test_pages_run_no_script_and_load_nothing_from_elsewhere(relay: Start) -> None:
    client = relay()
    for path in ("/", "/forms/contact", "/forms/contact/thanks"):
        policy = client.get(path).headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'")


def test_the_stylesheet_is_small(relay: Start) -> None:
    answer = relay().get("/static/relay.css")

    assert answer.status_code == 200
    assert len(answer.content) < 12_000


@pytest.mark.slow
def test_when_nothing_can_be_stored_the_visitor_is_told_that_nothing_was_sent(relay: Start, tmp_path: Path) -> None:
    client = relay()
    with locked(tmp_path):
        answer = client.post("/forms/contact", data=ADA, headers=BROWSER)

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "Nothing was sent" in answer.text
    assert client.post("/forms/contact", data=ADA, headers=BROWSER).status_code == 303


def test_every_odd_method_is_answered_without_a_fault(relay: Start) -> None:
    client = relay()
    for method in ("PUT", "DELETE", "PATCH", "TRACE"):
        assert client.request(method, "/forms/contact").status_code == 405

"""What a provider is answered that only asks whether a hook is there, and that no lead is lost by it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.sources import SOURCES
from app.sources.base import Credentials, Inbound
from tests.running import SandboxClient, started, stored

Start = Callable[..., httpx.Client]
TOML = """
[hooks.ads]
source = "meta"
secrets = ["app-secret", "verify-me"]

[hooks.any]
source = "auto"
secrets = ["verify-me"]

[hooks.inside]
source = "json"
open = true

[hooks.crm]
source = "hubspot"
secrets = ["client-secret"]
"""
ASKED = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "verify-me"}
TOKEN = {"X-Relay-Token": "verify-me"}


@pytest.fixture(scope="module")
def hooks(_sandbox: SandboxClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Path]]:
    """A relay with TOML, which takes the same twice, and its folder."""
    folder = tmp_path_factory.mktemp("hooks")
    (folder / "relay.toml").write_text(TOML, encoding="utf-8")
    with ExitStack() as stack:
        yield started(stack, _sandbox, folder, folder / "relay.toml", repeat_window_minutes=0.000001), folder


def states(folder: Path) -> list[tuple[str, str]]:
    return stored(folder, "SELECT state, email FROM leads ORDER BY id")


@pytest.mark.parametrize("name", ["ads", "any", "inside"])
def test_metas_challenge_is_repeated_to_who_knows_the_token(hooks: tuple[httpx.Client, Path], name: str) -> None:
    answer = hooks[0].get(f"/hooks/{name}", params=ASKED)

    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("token", ["", "verify", "verify-me "])
def test_metas_challenge_is_not_repeated_to_others(hooks: tuple[httpx.Client, Path], token: str) -> None:
    client, _ = hooks
    for name in ("ads", "any"):
        answer = client.get(f"/hooks/{name}", params=ASKED | {"hub.verify_token": token})
        assert (answer.status_code, "1158201444" in answer.text) == (200, False)
    assert client.get("/hooks/inside", params=ASKED | {"hub.verify_token": token}).text == "1158201444"


def test_who_only_looks_finds_somebody(hooks: tuple[httpx.Client, Path]) -> None:
    client, _ = hooks
    for name in ("ads", "any", "inside", "crm", "nobody"):
        answer = client.get(f"/hooks/{name}")
        assert (answer.status_code, answer.json()["hook"]) == (200, name)
        assert client.head(f"/hooks/{name}", params=ASKED).status_code == 200
        assert client.head(f"/hooks/{name}").status_code == 200
    assert "1158201444" not in client.get("/hooks/nobody", params=ASKED).text


CHALLENGES: list[dict[str, Any]] = [
    {"json": {"type": "url_verification", "token": "Jhj5dZrVaK7ZwHHj", "challenge": "3eZbrw1aBm2rZgRNFdxV"}},
    {"json": {"challenge": "3eZbrw1aBm2rZgRNFdxV"}},
    {"params": {"validationToken": "3eZbrw1aBm2rZgRNFdxV"}},
    {"headers": {"X-Hook-Secret": "3eZbrw1aBm2rZgRNFdxV"}},
    {"headers": {"X-Hook-Secret": "3eZbrw1aBm2rZgRNFdxV"}, "json": {}},
]


@pytest.mark.parametrize("challenge", CHALLENGES)
@pytest.mark.parametrize("name", ["any", "inside"])
def test_a_challenge_that_is_posted_is_answered_and_not_kept(
    hooks: tuple[httpx.Client, Path], name: str, challenge: dict[str, Any]
) -> None:
    client, folder = hooks
    before = stored(folder, "SELECT count(*) FROM submissions")
    answer = client.post(f"/hooks/{name}", **challenge)

    assert answer.status_code == 200
    assert "3eZbrw1aBm2rZgRNFdxV" in answer.text + answer.headers.get("x-hook-secret", "")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert stored(folder, "SELECT count(*) FROM submissions") == before


REAL: list[dict[str, Any]] = [
    {"json": {"email": "ada@example.com", "challenge": "word"}},
    {"json": {"challenge": "ada@example.com", "email": "ada@example.com"}},
    {"json": {"challenge": "To lose some weight", "name": "Ada"}},
    {"json": {"challenge": "word", "phone": "020-7946-0958"}},
    {"json": {"challenge": "word", "phone": 442079460958}},
    {"json": {"challenge": "word", "contact": {"email": "ada@example.com"}}},
    {"json": {"challenge": "word", "a": "b", "c": "d", "e": "f", "g": "h"}},
    {"json": {"email": "ada@example.com"}, "headers": {"X-Hook-Secret": "s"}},
    {"json": {"email": "ada@example.com"}, "params": {"validationToken": "s"}},
    {"json": [{"email": "ada@example.com"}], "headers": {"X-Hook-Secret": "s"}},
    {"data": {"email": "ada@example.com", "challenge": "word"}},
    {"content": b"ada@example.com", "headers": {"X-Hook-Secret": "s", "Content-Type": "text/plain"}},
    {"content": b"{ada@example.com", "headers": {"X-Hook-Secret": "s", "Content-Type": "application/json"}},
    {"json": {"email": "ada@example.com"}, "params": ASKED},
]


@pytest.mark.parametrize("request_", REAL)
def test_a_lead_that_looks_like_a_challenge_is_kept(hooks: tuple[httpx.Client, Path], request_: dict[str, Any]) -> None:
    client, folder = hooks
    before = len(states(folder))
    given = {**request_, "headers": TOKEN | request_.get("headers", {})}
    for name in ("any", "inside"):
        answer = client.post(f"/hooks/{name}", **given)
        assert (answer.status_code, len(answer.json()["leads"])) == (200, 1)
    assert len(states(folder)) == before + 2


def test_a_challenge_is_not_what_a_form_takes(relay: Start, tmp_path: Path) -> None:
    client = relay(TOML + "[forms.contact]\n")
    answer = client.post("/forms/contact", json={"email": "ada@example.com"}, headers={"X-Hook-Secret": "s"})

    assert answer.json()["ok"] is True
    assert len(states(tmp_path)) == 1


def test_a_signature_over_the_address_is_of_the_one_that_was_called(relay: Start, tmp_path: Path) -> None:
    """HubSpot signs method, address, body and time; a proxy stands in between."""
    client = relay(TOML, public_url="https://leads.example.com/relay")
    address = "/hooks/crm?to=a%20b&x=%C3%A9"
    body = json.dumps({"properties": {"email": "ada@example.com", "firstname": "Ada", "lastname": "Lovelace"}}).encode()
    moment = str(int(time.time() * 1000))

    def post(url: str, method: str = "POST") -> int:
        message = f"{method}{url}".encode() + body + moment.encode()
        signature = base64.b64encode(hmac.digest(b"client-secret", message, hashlib.sha256)).decode()
        headers = {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": moment}
        return client.post(address, content=body, headers=headers | {"Content-Type": "application/json"}).status_code

    assert post(f"https://leads.example.com/relay{address}") == 200
    assert post(f"http://127.0.0.1{address}") == 401
    assert post(f"https://leads.example.com/relay{address}", "PUT") == 401


def test_what_a_hook_says_of_proof_counts_over_http(relay: Start) -> None:
    toml = '[hooks.a]\nsource = "auto"\nsecrets = ["word"]\nverify = {VERIFY}\n'
    client = relay(toml.replace("{VERIFY}", '{ hmac = "sha1", header = "X-Sig", signed = "{method} {url} {body}" }'))
    body = b'{"email": "ada@example.com"}'
    url = "http://127.0.0.1:8000/hooks/a?b=c"
    signature = hmac.new(b"word", f"POST {url} ".encode() + body, hashlib.sha1).hexdigest()

    assert client.post("/hooks/a?b=c", content=body, headers={"X-Sig": signature}).status_code == 200
    assert client.post("/hooks/a?b=d", content=body, headers={"X-Sig": signature}).status_code == 401
    assert client.post("/hooks/a?token=word", content=body).status_code == 401


def test_a_linkedin_challenge_is_no_way_to_have_a_body_signed() -> None:
    """The answer is an HMAC with the secret: of `hmacsha256=` and a body it would be that body's signature."""
    credentials = Credentials(("secret",))
    good = SOURCES["linkedin"].handshake(Inbound(b"", query={"challengeCode": "0b1f-9a"}, method="GET"), credentials)
    assert good is not None
    for forged in ('hmacsha256={"leadAction":"CREATED"}', "a b", "", "x" * 101):
        asked = Inbound(b"", query={"challengeCode": forged}, method="GET")
        assert SOURCES["linkedin"].handshake(asked, credentials) is None

"""Hooks: what a provider's server is answered."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.running import RelayProcess, SandboxClient, eventually, free_port, stored

Start = Callable[..., httpx.Client]
ADA = {"name": "Ada Lovelace", "email": "ada@example.com"}
RESPONSE = {
    "event_id": "01ABC",
    "event_type": "form_response",
    "form_response": {
        "definition": {"fields": [{"id": "f1", "title": "Your name"}, {"id": "f2", "title": "Where do we write to?"}]},
        "answers": [
            {"type": "email", "email": "ada@example.com", "field": {"id": "f2", "type": "email"}},
            {"type": "text", "text": "Ada Lovelace", "field": {"id": "f1", "type": "short_text"}},
        ],
    },
}


def leads(folder: Path) -> list[tuple[str, str]]:
    """State and reason of every lead."""
    return stored(folder, "SELECT state, reason FROM leads ORDER BY id")


def signed(body: bytes, secret: str) -> dict[str, str]:
    """Typeform's header."""
    digest = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    return {"Typeform-Signature": f"sha256={digest}", "Content-Type": "application/json"}


def test_a_signed_typeform_response_becomes_a_lead(
    relay: Start, sandbox: SandboxClient, secrets: dict[str, str]
) -> None:
    body = json.dumps(RESPONSE, indent=3).encode()
    answer = relay().post("/hooks/typeform", content=body, headers=signed(body, secrets["typeform"]))

    assert answer.status_code == 200
    assert [lead["state"] for lead in answer.json()["leads"]] == ["pending"]
    assert eventually(sandbox.emails, "the lead arrives") == ["ada@example.com"]


@pytest.mark.parametrize("headers", [{}, {"Typeform-Signature": "sha256=AAAA"}], ids=["unsigned", "wrong"])
def test_a_response_without_a_good_signature_is_refused_and_kept(
    relay: Start, sandbox: SandboxClient, tmp_path: Path, headers: dict[str, str]
) -> None:
    answer = relay().post("/hooks/typeform", json=RESPONSE, headers=headers)

    assert answer.status_code == 401
    assert "Typeform-Signature" in answer.json()["detail"]
    assert leads(tmp_path) == [("held", "signature")]
    assert sandbox.members() == []


def test_a_provider_that_sends_again_gets_the_first_receipt(relay: Start, secrets: dict[str, str]) -> None:
    client = relay()
    body = json.dumps(RESPONSE).encode()
    first, again = (
        client.post("/hooks/typeform", content=body, headers=signed(body, secrets["typeform"])).json() for _ in range(2)
    )

    assert "repeat" not in first
    assert again["repeat"] is True
    assert (again["receipt"], [lead["id"] for lead in again["leads"]]) == (
        first["receipt"],
        [lead["id"] for lead in first["leads"]],
    )


def test_a_refused_response_does_not_make_the_good_one_a_repeat(
    relay: Start, sandbox: SandboxClient, secrets: dict[str, str]
) -> None:
    """The secret was forgotten at first: the provider's next try must count."""
    client = relay()
    body = json.dumps(RESPONSE).encode()
    client.post("/hooks/typeform", content=body)
    answer = client.post("/hooks/typeform", content=body, headers=signed(body, secrets["typeform"]))

    assert "repeat" not in answer.json()
    eventually(sandbox.emails, "the lead arrives")


PROOFS: list[Callable[[str], dict[str, Any]]] = [
    lambda secret: {"headers": {"Authorization": f"Bearer {secret}"}},
    lambda secret: {"headers": {"X-Relay-Token": secret}},
    lambda secret: {"auth": ("zapier", secret)},
    lambda secret: {"params": {"token": secret}},
]


def test_a_zap_proves_itself_with_its_token(relay: Start, secrets: dict[str, str]) -> None:
    client = relay()
    for proof in PROOFS:
        assert client.post("/hooks/zapier", json=ADA, **proof(secrets["zapier"])).status_code == 200
        assert client.post("/hooks/zapier", json=ADA, **proof("wrong")).status_code == 401


def test_an_array_of_people_makes_a_lead_each(relay: Start, sandbox: SandboxClient, secrets: dict[str, str]) -> None:
    answer = relay().post(
        "/hooks/json",
        json=[ADA, {"name": "Grace Hopper", "email": "grace@example.com"}],
        headers={"Authorization": f"Bearer {secrets['json']}"},
    )

    assert len(answer.json()["leads"]) == 2
    eventually(lambda: len(sandbox.members()) == 2, "both arrive")


def test_nobody_to_write_to_is_held_and_answered_200(relay: Start, tmp_path: Path, secrets: dict[str, str]) -> None:
    """The provider can mend nothing; a 4xx would make it retry, or switch the hook off."""
    answer = relay().post("/hooks/json", json={"phone": "+442079460958"}, params={"token": secrets["json"]})

    assert answer.status_code == 200
    assert answer.json()["leads"][0]["state"] == "held"
    assert leads(tmp_path) == [("held", "no e-mail: there is none")]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{", "application/json"),
        (b"<a/>", "application/xml"),
        (b"", "application/json"),
        (b"\xff", "application/json"),
    ],
)
def test_what_cannot_be_read_is_held_and_answered_200(
    relay: Start, tmp_path: Path, secrets: dict[str, str], body: bytes, content_type: str
) -> None:
    answer = relay().post(
        "/hooks/json", content=body, params={"token": secrets["json"]}, headers={"Content-Type": content_type}
    )

    assert answer.status_code == 200
    assert answer.json()["leads"][0]["state"] == "held"
    assert leads(tmp_path)[0][1].startswith("unreadable: ")


def test_a_hook_that_nobody_configured_is_answered_200_and_kept(relay: Start, tmp_path: Path) -> None:
    """A 404 makes Typeform and others disable a hook at once."""
    answer = relay().post("/hooks/typo", json=ADA)

    assert answer.status_code == 200
    assert leads(tmp_path) == [("held", "unknown endpoint")]


def test_one_address_cannot_fill_the_quarantine_through_names_of_its_own(relay: Start) -> None:
    client = relay()
    answers = [client.post(f"/hooks/x{number}", json=ADA) for number in range(70)]

    assert answers[0].status_code == 200
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0


def test_a_provider_that_looks_first_finds_somebody(relay: Start) -> None:
    client = relay()
    for name in ("typeform", "nobody"):
        assert client.head(f"/hooks/{name}").status_code == 200
        assert client.get(f"/hooks/{name}").status_code == 200


def test_a_partial_response_makes_no_lead(relay: Start, tmp_path: Path, secrets: dict[str, str]) -> None:
    body = json.dumps(RESPONSE | {"event_type": "form_response_partial"}).encode()
    answer = relay().post("/hooks/typeform", content=body, headers=signed(body, secrets["typeform"]))

    assert (answer.status_code, answer.json()["leads"]) == (200, [])
    assert "not a finished response" in answer.json()["detail"]
    assert leads(tmp_path) == []


def test_tokens_and_people_are_not_in_the_logs(
    relay: Start, sandbox: SandboxClient, secrets: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    client = relay()
    client.post("/hooks/json", json=ADA, params={"token": secrets["json"]})
    client.post("/hooks/json", content=b"{ada", params={"token": "wrong-token"})
    client.post("/forms/contact", data=ADA | {"email": "ada@"})
    eventually(sandbox.emails, "the lead arrives")
    logged = caplog.text

    assert "submission_accepted" in logged
    assert not any(secret in logged.lower() for secret in (secrets["json"], "wrong-token", "ada", "lovelace"))


def test_the_offer_of_another_protocol_loses_no_body(tmp_path: Path, secrets: dict[str, str]) -> None:
    """Java's client offers h2c with every request."""
    relay = RelayProcess(tmp_path, f"http://127.0.0.1:{free_port()}")
    relay.start()
    asked = {"Connection": "Upgrade, HTTP2-Settings", "HTTP2-Settings": "AAMAAABkAAQAoAAAAAIAAAAA"}
    address = f"{relay.address}/hooks/json?token={secrets['json']}"
    answers = [httpx.post(address, json=ADA, headers=asked | {"Upgrade": offer}) for offer in ("h2c", "websocket")]
    relay.stop()

    assert [answer.json()["leads"][0]["state"] for answer in answers] == ["pending", "pending"]


def test_a_slash_at_the_end_is_the_same_address(relay: Start, secrets: dict[str, str]) -> None:
    client = relay()

    assert client.post(f"/hooks/json/?token={secrets['json']}", json=ADA).status_code == 200
    assert client.post("/forms/contact/", data={"email": "grace@example.com"}).status_code == 303


def test_a_hundred_of_the_same_at_once_make_one_lead(relay: Start, tmp_path: Path, secrets: dict[str, str]) -> None:
    client = relay()
    receipts: list[str] = []

    def send() -> None:
        answer = client.post("/hooks/json", json=ADA, params={"token": secrets["json"]})
        receipts.append(answer.json()["receipt"])

    threads = [threading.Thread(target=send) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(receipts) == 100
    assert len(set(receipts)) == 1
    assert len(leads(tmp_path)) == 1

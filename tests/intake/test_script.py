"""relay.js and what it asks for; what a browser's scripts may read; the key that makes a repeat."""

from __future__ import annotations

import asyncio
import gzip
import re
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from app.intake.language import languages
from app.intake.pages import STATIC
from app.intake.script import WORDS, script
from app.mapping.infer import is_control
from app.outbox.outbox import Outbox
from tests.running import locked, stored

Start = Callable[..., httpx.Client]
ADA = {"name": "Ada Lovelace", "email": "ada@example.com", "message": "Hello"}
SITE = "https://www.example.com"
OTHER = "https://other.example"
GUARDED = f'[forms.contact]\nallowed_origins = ["{SITE}"]\n'


def leads(folder: Path) -> int:
    return len(stored(folder, "SELECT id FROM leads"))


class TestTheScript:
    def test_it_is_under_3_kb_zipped(self) -> None:
        assert len(script().zipped) < 3000

    def test_it_is_what_is_in_the_file_but_for_comments_and_indentation(self) -> None:
        source = (STATIC / "relay.js").read_text(encoding="utf-8")
        kept = [line.strip() for line in source.splitlines() if line.strip() and not line.strip().startswith("//")]

        assert [re.sub(" // .*", "", line) for line in kept] == script().plain.decode().splitlines()

    def test_it_needs_nothing_that_a_strict_policy_forbids(self) -> None:
        assert not re.search(r"eval|Function\(|innerHTML|\.style\b|document\.write", script().plain.decode())

    def test_it_is_sent_as_it_is_or_zipped_for_any_page(self, relay: Start) -> None:
        client = relay()
        for coding in ("identity", "gzip"):
            answer = client.get("/relay.js", headers={"Accept-Encoding": coding, "Origin": OTHER})
            assert answer.content == script().plain
            assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
            assert answer.headers["access-control-allow-origin"] == "*"
            assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["vary"] == "Accept-Encoding"
            assert answer.headers.get("content-encoding", "identity") == coding
        assert gzip.decompress(script().zipped) == script().plain

    def test_it_is_kept_for_minutes_or_by_its_version_for_ever(self, relay: Start) -> None:
        client = relay()
        plain, versioned, another = (
            client.get("/relay.js", params=params) for params in ({}, {"v": script().version}, {"v": "an-old-one"})
        )

        assert plain.headers["cache-control"] == another.headers["cache-control"] == "public, max-age=300"
        assert versioned.headers["cache-control"] == "public, max-age=31536000, immutable"

    def test_who_has_it_is_not_sent_it_again(self, relay: Start) -> None:
        client = relay()
        tag = client.get("/relay.js").headers["etag"]
        for known in (tag, tag.removeprefix("W/"), f'"another", {tag}'):
            answer = client.get("/relay.js", headers={"If-None-Match": known})
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
        assert client.get("/relay.js", headers={"If-None-Match": '"another"'}).status_code == 200
        assert client.head("/relay.js").status_code == 200


class TestTheStart:
    def test_it_has_what_a_script_needs(self, relay: Start) -> None:
        answer = relay().get("/forms/contact/start", headers={"Origin": OTHER})

        assert answer.json().keys() == {"stamp", "words", "captcha"}
        assert answer.json()["words"] == WORDS
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["access-control-allow-origin"] == "*"

    def test_its_stamp_is_of_this_form_and_of_now(self, relay: Start) -> None:
        client = relay()
        stamp = client.get("/forms/contact/start").json()["stamp"]
        name, at, _ = stamp.split(".")

        assert (name, abs(int(at) / 1000 - time.time()) < 60) == ("contact", True)

    def test_it_speaks_every_visitors_language(self, relay: Start) -> None:
        client = relay()
        told = {
            tag: client.get("/forms/contact/start", headers={"Accept-Language": f"{tag}, en;q=0.5"}).json()["words"]
            for tag in languages()
        }

        for name in WORDS:
            different = {words[name] for words in told.values()}
            assert len(different) >= len(languages()) - 1, name  # Spanish and Portuguese may say the same

    def test_of_a_form_that_nobody_configured_there_is_none(self, relay: Start) -> None:
        assert relay().get("/forms/contcat/start").status_code == 404


class TestThanks:
    def test_a_script_is_thanked_in_the_visitors_language(self, relay: Start) -> None:
        headers = {"Accept": "application/json", "Accept-Language": "de-CH"}
        answer = relay().post("/forms/contact", data=ADA, headers=headers).json()

        assert answer["message"] == "Ihre Nachricht ist angekommen. Wir melden uns bald bei Ihnen."
        assert "redirect" not in answer

    @pytest.mark.parametrize(("wanted", "told"), [(f"{SITE}/danke", f"{SITE}/danke"), (f"{OTHER}/", None)])
    def test_a_script_is_told_the_page_to_go_on_to_if_it_is_allowed(
        self, relay: Start, wanted: str, told: str | None
    ) -> None:
        answer = relay(GUARDED).post("/forms/contact", json=ADA | {"_next": wanted})

        assert answer.json().get("redirect") == told


ERRORS: list[tuple[str, dict[str, object], int]] = [
    ("/forms/contact", {"json": ADA}, 200),
    ("/forms/contact", {"content": b"{", "headers": {"Content-Type": "application/json"}}, 400),
    ("/forms/contcat", {"json": ADA}, 404),
    ("/forms/contact", {"content": b"x" * 5000, "headers": {"Content-Type": "text/plain"}}, 413),
    ("/forms/contact", {"content": b"<a/>", "headers": {"Content-Type": "application/xml"}}, 415),
    ("/forms/contact", {"json": {"name": "Ada"}}, 422),
]


class TestWhatScriptsMayRead:
    @pytest.mark.parametrize(("path", "sent", "status"), ERRORS)
    def test_every_answer_to_any_page(self, relay: Start, path: str, sent: dict[str, object], status: int) -> None:
        client = relay(max_body_bytes=4096)
        client.headers["Origin"] = OTHER
        answer = client.post(path, **sent)  # type: ignore[arg-type]

        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["access-control-expose-headers"] == "Retry-After"

    @pytest.mark.parametrize(("path", "sent", "status"), [one for one in ERRORS if one[0] == "/forms/contact"])
    def test_every_answer_to_the_pages_that_may_post_and_to_no_other(
        self, relay: Start, path: str, sent: dict[str, object], status: int
    ) -> None:
        client = relay(GUARDED, max_body_bytes=4096)
        for origin in (SITE, OTHER, "null"):
            client.headers["Origin"] = origin
            answer = client.post(path, **sent)  # type: ignore[arg-type]
            assert answer.status_code == (403 if origin == OTHER else status)
            assert answer.headers.get("access-control-allow-origin") == (SITE if origin == SITE else None)
            assert answer.headers["vary"] == "Origin"

    def test_a_page_without_an_origin_of_its_own_may_where_every_page_may(self, relay: Start) -> None:
        answer = relay().post("/forms/contact", json=ADA, headers={"Origin": "null"})

        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")

    def test_too_many_requests_and_when_to_come_back(self, relay: Start) -> None:
        client = relay()
        client.headers["Origin"] = OTHER
        answers = [client.post("/forms/nobody", json=ADA) for _ in range(61)]

        assert answers[-1].status_code == 429
        assert answers[-1].headers["access-control-allow-origin"] == "*"
        assert answers[-1].headers["access-control-expose-headers"] == "Retry-After"

    @pytest.mark.slow
    def test_that_nothing_could_be_stored(self, relay: Start, tmp_path: Path) -> None:
        client = relay()
        with locked(tmp_path):
            answer = client.post("/forms/contact", json=ADA, headers={"Origin": OTHER})

        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (503, "*")

    @pytest.mark.parametrize("origin", [SITE, OTHER])
    def test_even_what_nobody_expected(self, relay: Start, monkeypatch: pytest.MonkeyPatch, origin: str) -> None:
        client = relay(GUARDED.replace(SITE, origin))

        async def fails(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(Outbox, "add", fails)
        answer = client.post("/forms/contact", json=ADA, headers={"Origin": origin, "Accept-Language": "de"})

        assert answer.status_code == 500
        assert answer.headers["access-control-allow-origin"] == origin
        assert answer.headers["vary"] == "Origin"
        assert answer.json()["detail"].startswith("Es ist nicht sicher, dass Ihre Nachricht angekommen ist.")

    @pytest.mark.parametrize("path", ["/forms/contact", "/forms/contact/start", "/forms/contact/"])
    @pytest.mark.parametrize("origin", [SITE, OTHER])
    def test_the_answer_to_the_browsers_first_question(self, relay: Start, path: str, origin: str) -> None:
        asked = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,idempotency-key",
        }
        answer = relay(GUARDED).options(path, headers=asked)

        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers.get("access-control-allow-origin") == (SITE if origin == SITE else None)
        assert "Idempotency-Key" in answer.headers["access-control-allow-headers"]

    def test_other_parts_of_the_relay_are_nobodys_to_read(self, relay: Start) -> None:
        client = relay()
        for path in ("/readyz", "/hooks/zapier", "/"):
            assert "access-control-allow-origin" not in client.get(path, headers={"Origin": OTHER}).headers

    def test_a_script_is_never_redirected(self, relay: Start) -> None:
        client = relay()
        for path in ("/forms/contact", "/forms/contact/"):
            assert client.post(path, data=ADA, headers={"Sec-Fetch-Mode": "cors"}).status_code == 200


class TestTheKey:
    @pytest.mark.parametrize("headers", [{}, {"Accept": "application/json"}])
    def test_a_key_in_a_field_holds_beyond_the_window(
        self, relay: Start, tmp_path: Path, headers: dict[str, str]
    ) -> None:
        client = relay(repeat_window_minutes=0.000001)
        for _ in range(2):
            client.post("/forms/contact", data=ADA | {"_idempotency_key": "k1"}, headers=headers)

        assert leads(tmp_path) == 1

    def test_a_key_says_the_same_in_a_field_and_in_a_header(self, relay: Start, tmp_path: Path) -> None:
        client = relay(repeat_window_minutes=0.000001)
        one = client.post("/forms/contact", json=ADA, headers={"Idempotency-Key": "k1"})
        two = client.post("/forms/contact", json=ADA | {"_idempotency_key": "k1"})

        assert one.json() == two.json()
        assert leads(tmp_path) == 1

    def test_another_key_is_another_enquiry_and_so_is_another_message_under_the_same(
        self, relay: Start, tmp_path: Path
    ) -> None:
        client = relay()
        for key, message in (("k1", "Hello"), ("k2", "Hello"), ("k2", "And one more thing")):
            client.post("/forms/contact", json=ADA | {"_idempotency_key": key, "message": message})

        assert leads(tmp_path) == 3

    @pytest.mark.parametrize("name", ["_idempotency_key", "_stamp", "altcha", "idempotency-key"])
    def test_what_the_script_adds_is_no_answer_of_the_visitors(self, name: str) -> None:
        assert is_control(name)

    async def test_two_at_once_with_one_key_are_one(self, relay: Start, tmp_path: Path) -> None:
        address = str(relay(repeat_window_minutes=0.000001).base_url)
        async with httpx.AsyncClient(base_url=address) as client:
            sending = (client.post("/forms/contact", json=ADA, headers={"Idempotency-Key": "k1"}) for _ in range(8))
            answers = await asyncio.gather(*sending)

        assert len({answer.json()["receipt"] for answer in answers}) == 1
        assert leads(tmp_path) == 1

    @pytest.mark.parametrize("key", [["k1", "k2"], {"a": 1}, "", "  ", 7])
    def test_what_is_no_key_is_none(self, relay: Start, tmp_path: Path, key: object) -> None:
        client = relay(repeat_window_minutes=10)
        for _ in range(2):
            assert client.post("/forms/contact", json=ADA | {"_idempotency_key": key}).status_code == 200

        assert leads(tmp_path) == 1

"""What a hostile request does at the desk: nothing, and it is told so in words."""

from __future__ import annotations

import base64
import gc
import json
import socket
import time
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from app.desk.entry import COOKIE
from tests.desk.conftest import Place, csrf_of, log_in
from tests.running import eventually, locked

Start = Callable[..., httpx.Client]
AGO = "9999-12-31"
PART = '--x\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'


def multipart(charset: str, **fields: str) -> dict[str, object]:
    """A form's post in another charset."""
    body = "".join(PART.format(name, value) for name, value in fields.items()) + "--x--\r\n"
    return {"content": body, "headers": {"Content-Type": f"multipart/form-data; boundary=x; charset={charset}"}}


def packed(said: bytes) -> str:
    """A cookie that nobody signed, small and large within."""
    return "." + base64.urlsafe_b64encode(zlib.compress(said, 9)).decode().rstrip("=") + ".x"


def test_a_form_that_is_too_large_is_not_read_whoever_sends_it(place: Place) -> None:
    with httpx.Client(base_url=place.address) as stranger:
        answer = stranger.post("/desk/login", data={"name": "x" * 2_000_000})
        assert (answer.status_code, "Too large" in answer.text) == (413, True)
        assert stranger.post("/desk/login", content=iter([b"name=ada"])).status_code == 413


@pytest.mark.parametrize("charset", ["unicode_escape", "raw_unicode_escape", "undefined", "punycode"])
def test_a_form_in_a_strange_charset_is_text_that_can_be_kept_or_refused(place: Place, charset: str) -> None:
    place.session()
    token = csrf_of(place.client)
    for path in ("/desk/leads", "/desk/held", "/desk/audit"):
        given = multipart(charset, _csrf=token, endpoint="\\ud800", words="\\ud800", act="release", id="\\ud800")
        assert place.client.post(path, **given).status_code < 500  # type: ignore[arg-type]


def test_nothing_is_logged_of_who_goes_on_typing_before_all_of_a_search_was_sent(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    cookie, address = place.session(), urlsplit(place.address)
    head = f"POST /desk/leads HTTP/1.1\r\nHost: {address.netloc}\r\nCookie: {COOKIE}={cookie}\r\nContent-Length: 99\r\n"
    with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
        connection.sendall(f"{head}Content-Type: application/x-www-form-urlencoded\r\n\r\nwords=ad".encode())
        time.sleep(0.2)
    time.sleep(0.2)
    assert place.client.get("/desk").status_code == 200
    assert "Traceback" not in caplog.text


def test_nothing_is_logged_of_who_leaves_while_the_store_is_read_for_them(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    cookie, address = place.session(), urlsplit(place.address)
    head = f"GET /desk/events?since=1 HTTP/1.1\r\nHost: {address.netloc}\r\nCookie: {COOKIE}={cookie}\r\n\r\n"
    for number in range(60):
        with socket.create_connection((address.hostname or "", address.port or 0)) as connection:
            connection.sendall(head.encode())
            time.sleep(0.001 * (number % 20))
    assert place.client.get("/desk").status_code == 200
    gc.collect()
    assert "destroyed" not in caplog.text


@pytest.mark.slow
def test_an_export_that_cannot_be_written_down_is_a_page_that_says_so(place: Place) -> None:
    place.session()
    with locked(place.folder):
        answer = place.client.post("/desk/leads/export", data={"_csrf": csrf_of(place.client)}, timeout=20)
    assert (answer.status_code, "Not stored" in answer.text) == (503, True)


def test_a_page_that_cannot_be_read_does_not_speak_of_storing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: Any, **__: Any) -> None:
        raise OSError("disk I/O error")

    place.session()
    monkeypatch.setattr("app.outbox.search.find", away)
    answer = place.client.get("/desk/leads")
    assert (answer.status_code, "<h1>Not available</h1>" in answer.text) == (503, True)
    assert "The store cannot be read: disk I/O error" in answer.text


def test_very_many_fields_are_refused_in_words(place: Place) -> None:
    place.session()
    answer = place.client.post("/desk/held", data={"id": [str(number) for number in range(2000)]})
    assert (answer.status_code, "cannot be read as a form" in answer.text) == (400, True)


@pytest.mark.parametrize(
    "cookie",
    [
        base64.urlsafe_b64encode(b'["\\ud800", 1, "x"]').decode().rstrip("=") + ".x",
        packed(b"[" * 3_000_000),
        packed(b'["' + b"a" * 30_000_000 + b'", 1, "x"]'),
    ],
    ids=["half a sign", "deep", "a bomb"],
)
def test_a_cookie_that_nobody_signed_leads_to_the_door_and_is_not_unpacked(place: Place, cookie: str) -> None:
    answer = httpx.get(f"{place.address}/desk", headers={"Cookie": f"{COOKIE}={cookie}"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/login?next=/desk")


def test_who_comes_from_an_address_that_is_none_is_asked_to_log_in(place: Place) -> None:
    assert httpx.post(f"{place.address}/desk/held", headers={"Referer": "http://[::1"}).status_code == 401


def test_the_last_day_that_there_is_can_be_looked_for(place: Place) -> None:
    place.session()
    token = csrf_of(place.client)
    assert place.client.get("/desk/leads", params={"until": AGO}).status_code == 200
    assert place.client.post("/desk/leads", data={"_csrf": token, "until": AGO}).status_code == 200


@pytest.mark.parametrize("mapping", ["a=" + "[" * 5000, "a=" + "{a=" * 5000, "email=" + "9" * 10_000])
def test_a_mapping_that_no_reader_takes_is_refused_in_words(place: Place, mapping: str) -> None:
    place.session()
    given = {"_csrf": csrf_of(place.client), "endpoint": "api", "was": "api", "body": "{}", "mapping": mapping}
    answer = place.client.post("/desk/playground", data=given)
    assert (answer.status_code, "mapping: not TOML" in answer.text) == (200, True)


def test_a_sign_that_no_store_can_keep_is_in_no_address(desk: Start, store_url: str) -> None:
    client = desk(database_url=store_url)
    token = log_in(client)
    for path in (
        "/desk/leads/%00",
        "/desk/leads?endpoint=%00",
        "/desk/held?before=%00",
        "/desk/playground?submission=%00",
    ):
        assert client.get(path).status_code == 404, path
    assert client.post("/desk/leads/%00/release", data={"_csrf": token}).status_code == 404
    for path in ("/desk/audit", "/desk/held", "/desk/leads"):
        strange = dict.fromkeys(("by", "what", "before", "endpoint", "id", "why"), "\0")
        assert client.post(path, data={"_csrf": token, "act": "release", **strange}).status_code < 500, path


def test_half_a_sign_in_an_answer_of_agencyhandys_is_shown_as_one_that_cannot_be(place: Place) -> None:
    place.session()
    place.sandbox.fault(kind="status", status=400, body=json.dumps({"message": "no \ud800"}), times=1)
    lead_id = place.hook({"email": "half@example.com"})
    eventually(lambda: place.state(lead_id) == "held", "the lead is refused")
    for name in ("", "/lead.json"):
        answer = place.client.get(f"/desk/leads/{lead_id}{name}")
        assert (answer.status_code, "no \ufffd" in answer.text) == (200, True)


@pytest.mark.parametrize("pace", ["1e-320", "0.000001", "0", "-1", "nan", "inf", "1e9", "x"])
def test_no_pace_is_taken_that_keeps_leads_waiting_for_days(place: Place, pace: str) -> None:
    place.session()
    given = {"_csrf": csrf_of(place.client), "what": "pace", "per_second": pace}
    answer = place.client.post("/desk/destination/default", data=given)
    assert (answer.status_code, "expected a number from 0.01 to 1,000" in answer.text) == (422, True)
    assert f'value="{pace}" aria-invalid="true"' in answer.text

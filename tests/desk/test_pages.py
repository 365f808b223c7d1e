"""What the desk's pages show and do, without a browser."""

from __future__ import annotations

import csv
import json
import logging
import re
from collections.abc import Callable
from html import unescape
from io import StringIO
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.config.settings import AGENCYHANDY
from app.desk.story import in_words
from app.lead import Reason
from app.outbox.records import Role
from tests.desk.conftest import TOML, csrf_of, log_in, make_operator
from tests.desk.crowd import filled
from tests.running import SandboxClient, eventually, stored

Start = Callable[..., httpx.Client]
ADA = {"name": "Ada Lovelace", "email": "ada@example.com", "message": "An engine"}
ODD = ("'; DROP TABLE leads; --", '" OR 1=1 --', "%' UNION SELECT * FROM operators --", "\x00", "-", "9" * 300)


@pytest.fixture
def client(desk: Start) -> httpx.Client:
    return desk(TOML)


def sent(client: httpx.Client, **fields: str) -> str:
    """The form of TOML, posted; the lead's id."""
    client.post("/forms/contact", data=fields, headers={"Accept": "application/json"}).raise_for_status()
    return newest(client)


def hook(client: httpx.Client, body: Any) -> str:
    answer = client.post("/hooks/api", json=body).raise_for_status().json()
    return str(answer["leads"][0]["id"])


def newest(client: httpx.Client) -> str:
    log_in(client)
    return str(re.findall(r"/desk/leads/([0-9A-Z]{26})", client.get("/desk/leads").text)[0])


def text_of(page: str) -> str:
    """What a person reads."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def state(folder: Path, lead_id: str) -> str:
    return str(stored(folder, "SELECT state FROM leads WHERE id = ?", lead_id)[0][0])


class TestALead:
    def test_it_says_what_was_sent_what_it_became_and_why(self, client: httpx.Client, tmp_path: Path) -> None:
        lead_id = sent(client, **ADA, budget="5,000")
        eventually(lambda: state(tmp_path, lead_id) == "delivered", "it is delivered")
        page = text_of(client.get(f"/desk/leads/{lead_id}").text)
        for words in (
            "AgencyHandy has this lead. It took it",
            "budget 5,000",
            "Ada name",
            "E-mail ada@example.com email : ",
            "Received at contact read as html",
            "AgencyHandy took it HTTP 20",
            "name=Ada+Lovelace&email=ada%40example.com",
        ):
            assert words in page, words

    def test_it_says_when_agencyhandy_took_it_also_once_it_was_sent_again(
        self, client: httpx.Client, tmp_path: Path
    ) -> None:
        lead_id = sent(client, **ADA)
        eventually(lambda: state(tmp_path, lead_id) == "delivered", "it is delivered")
        when = r"\(\d+ \w{3} \d{4}, \d\d:\d\d UTC\)"
        taken = re.compile(rf'It took it <time datetime="(\S+)" .*?</time> {when}, as member')
        first = taken.findall(client.get(f"/desk/leads/{lead_id}").text)
        assert len(first) == 1
        client.post(f"/desk/leads/{lead_id}/resend", data={"_csrf": log_in(client)})
        tries = "SELECT outcome FROM attempts WHERE lead_id = ? ORDER BY id"
        eventually(lambda: stored(tmp_path, tries, lead_id) == [("created",), ("e-mail taken",)], "AgencyHandy has it")
        eventually(lambda: state(tmp_path, lead_id) == "delivered", "it is where it was")
        assert taken.findall(client.get(f"/desk/leads/{lead_id}").text) == first

    def test_spam_that_somebody_sent_is_not_said_to_be_too_little_for_spam(
        self, client: httpx.Client, tmp_path: Path
    ) -> None:
        lead_id = sent(client, **ADA, fax_number="1")
        assert "Speaks for spam" not in client.get(f"/desk/leads/{lead_id}").text
        client.post(f"/desk/leads/{lead_id}/release", data={"_csrf": log_in(client)})
        eventually(lambda: state(tmp_path, lead_id) == "delivered", "it is delivered")
        page = text_of(client.get(f"/desk/leads/{lead_id}").text)
        assert "Speaks for spam filled in a field" in page

    def test_what_agencyhandy_said_stands_there_in_plain_words_and_raw(
        self, client: httpx.Client, sandbox: SandboxClient, tmp_path: Path
    ) -> None:
        sandbox.fault(kind="refuse", pattern="ada@", status=422, message="The budget is too small")
        lead_id = sent(client, **ADA)
        eventually(lambda: state(tmp_path, lead_id) == "held", "it is held")
        page = text_of(client.get(f"/desk/leads/{lead_id}").text)
        assert "AgencyHandy refused this lead: The budget is too small HTTP 422" in page
        assert '"message": "The budget is too small"' in page
        assert "Change what AgencyHandy did not like with Edit and send." in page

    def test_of_a_web_page_that_a_proxy_answered_with_it_says_what_one_reads_there(
        self, client: httpx.Client, sandbox: SandboxClient, tmp_path: Path
    ) -> None:
        page = "<!doctype html>\n<HTML><head><TITLE>Oh</TITLE></head><body><H1 lang=en>Bad &amp; late\n</H1></HTML>"
        sandbox.fault(kind="status", status=502, body=page)
        lead_id = sent(client, **ADA)
        eventually(lambda: "HTTP 502" in client.get(f"/desk/leads/{lead_id}").text, "it was tried")
        shown = text_of(client.get(f"/desk/leads/{lead_id}").text)
        assert re.search(r"AgencyHandy [^:]+: Bad & late HTTP 502", shown)
        assert "lang=en>Bad & late" in unescape(unescape(client.get(f"/desk/leads/{lead_id}").text)), "one click away"

    def test_spam_says_what_every_layer_found(self, client: httpx.Client) -> None:
        lead_id = sent(client, **ADA, fax_number="1")
        page = text_of(client.get(f"/desk/leads/{lead_id}").text)
        [reason] = re.findall(r"Reason (filled in a field that people do not see: fax_number.*?) What was sent", page)
        assert len(reason.split("; ")) >= 1
        assert "If it is not, press Send." in page

    def test_each_of_a_requests_people_shows_their_own_fields_and_the_others(self, client: httpx.Client) -> None:
        log_in(client)
        answer = client.post("/hooks/api", json=[{**ADA}, {"name": "Bob", "email": "bob@example.com", "shoe": "44"}])
        ada, bob = (one["id"] for one in answer.json()["leads"])
        page = client.get(f"/desk/leads/{bob}").text
        assert "shoe 44" in text_of(page)
        assert "An engine" not in text_of(page).partition("The request as it came")[0]
        assert f"/desk/leads/{ada}" in page

    def test_the_download_is_what_the_command_line_says(self, client: httpx.Client, tmp_path: Path) -> None:
        lead_id = sent(client, **ADA)
        eventually(lambda: state(tmp_path, lead_id) == "delivered", "it is delivered")
        found = json.loads(client.get(f"/desk/leads/{lead_id}/lead.json").text)
        assert (found["firstName"], found["attempts"][0]["outcome"], found["repeats"]) == ("Ada", "created", 0)
        assert client.get(f"/desk/leads/{lead_id}/request").text.startswith("name=Ada+Lovelace")

    def test_what_was_typed_is_kept_where_it_was_wrong(self, client: httpx.Client, tmp_path: Path) -> None:
        lead_id = hook(client, {"message": "Two\nlines"})
        token = log_in(client)
        typed = {"_csrf": token, "email": "no address", "firstName": "Ada <b>", "message": "Two\r\nlines"}
        answer = client.post(f"/desk/leads/{lead_id}/edit", data=typed)
        assert answer.status_code == 409
        assert 'value="Ada &lt;b&gt;"' in answer.text
        assert 'aria-invalid="true" aria-describedby="wrong"' in answer.text
        client.post(f"/desk/leads/{lead_id}/edit", data={**typed, "email": "ada@example.com"})
        [(words,)] = stored(tmp_path, "SELECT words FROM audit WHERE what = 'edit'")
        assert words == "firstName, email"

    def test_of_one_that_was_erased_it_says_that_it_is_gone(self, client: httpx.Client) -> None:
        lead_id = sent(client, **ADA)
        client.post(f"/desk/leads/{lead_id}/erase", data={"_csrf": log_in(client)})
        page = text_of(client.get(f"/desk/leads/{lead_id}").text)
        assert "What it became What was read from it is gone too. What happened" in page

    def test_nothing_is_there_under_an_id_of_nobody(self, client: httpx.Client) -> None:
        log_in(client)
        answer = client.get("/desk/leads/01JD5V6Y1V0X2Z4Q8R6T7W9A3B")
        assert (answer.status_code, "There is no such lead" in answer.text) == (404, True)
        assert client.get("/desk/", follow_redirects=True).url.path == "/desk"
        answer = client.get("/desk/nowhere")
        assert (answer.status_code, 'href="/desk"' in answer.text) == (404, True)


def told(client: httpx.Client, asked: dict[str, str]) -> str:
    """The page that what is posted to the held leads leads to."""
    return client.post("/desk/held", data=asked, follow_redirects=True).text


class TestAQueue:
    def test_every_reason_to_hold_a_lead_is_said_in_words(self) -> None:
        said = {reason: in_words(f"{reason}: more; details 2") for reason in Reason}
        assert all(words.endswith(": more; details 2") for words in said.values())
        assert [reason for reason, words in said.items() if words.startswith(reason + ":")] == [Reason.NOT_NEW]

    def test_reasons_are_counted_by_kind_and_narrow_the_queue(self, client: httpx.Client, tmp_path: Path) -> None:
        for number in range(3):
            hook(client, {"name": f"Nobody {number}", "message": "x"})
        client.post("/hooks/nowhere", json=ADA)
        log_in(client)
        page = text_of(client.get("/desk/held").text)
        assert "All no e-mail address 3 not a form or hook of yours 1" in page
        strangers = client.get("/desk/held?why=unknown+endpoint").text
        assert "Held 1" in text_of(strangers)
        chosen = {"_csrf": csrf_of(client), "act": "remap", "as": "api", "all": "1", "why": "unknown endpoint"}
        sure = told(client, chosen)
        assert "They are read as sent to api." in text_of(sure)
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', sure.partition("<main")[2]))
        client.post("/desk/held", data=fields)
        wanted = [("api", "delivered")]
        found = "SELECT endpoint, state FROM leads WHERE email = 'ada@example.com'"
        eventually(lambda: stored(tmp_path, found) == wanted, "it is read as sent to api, and delivered")
        assert re.findall(r'<button class="" name="act" value="(\w+)"', strangers) == ["remap"]

    def test_all_means_those_that_were_counted_and_a_form_sent_twice_is_done_once(
        self, client: httpx.Client, tmp_path: Path
    ) -> None:
        ids = [hook(client, {"name": f"Nobody {number}", "message": "x"}) for number in range(3)]
        token = log_in(client)
        asked = told(client, {"_csrf": token, "act": "discard", "all": "1", "why": "no e-mail"})
        assert "Discard: 3 leads?" in text_of(asked)
        later = hook(client, {"name": "Late", "message": "x"})
        again = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', asked.partition("<main")[2]))
        first, second = (client.post("/desk/held", data=again).headers["location"] for _ in range(2))
        assert first == second
        eventually(lambda: "3 of 3: done" in text_of(client.get(first).text), "it is done")
        assert [state(tmp_path, one) for one in (*ids, later)] == ["discarded"] * 3 + ["held"]
        assert stored(tmp_path, "SELECT count(*) FROM audit WHERE what = 'discard'") == [(3,)]

    def test_known_customers_are_of_one_kind_whose_address_stands_in_no_link(
        self, client: httpx.Client, tmp_path: Path
    ) -> None:
        for number in range(2):
            lead_id = sent(client, **ADA | {"message": f"Enquiry {number}"})
            settled = "delivered" if not number else "duplicate"
            eventually(lambda lead_id=lead_id, settled=settled: state(tmp_path, lead_id) == settled, "it is settled")
        page = client.get("/desk/duplicate").text
        assert "1 e-mail taken" not in text_of(page)
        assert "ada@example.com" in page
        assert not re.search(r'(href|action)="[^"]*ada', page)
        assert "Wrote again 1" in text_of(client.get("/desk/duplicate?why=e-mail+taken").text)

    def test_before_it_is_done_one_reads_what_can_be_stopped_and_what_nobody_can_undo(
        self, client: httpx.Client
    ) -> None:
        lead_id = hook(client, {"name": "Nobody", "message": "x"})
        asked = {"_csrf": log_in(client), "id": lead_id}
        few = text_of(told(client, {**asked, "act": "erase"}))
        assert ("Nobody can undo that." in few, "can stop it" in few) == (True, False)
        many = text_of(told(client, {**asked, "act": "discard", "all": "1"}))
        assert ("Nobody can undo that." in many, "can stop it" in many) == (False, True)

    def test_what_cannot_be_done_is_said_lead_by_lead(self, client: httpx.Client) -> None:
        lead_id = hook(client, {"name": "Nobody", "message": "x"})
        page = text_of(told(client, {"_csrf": log_in(client), "act": "release", "id": lead_id}))
        assert "Nothing was done to 1: Nobody : it has no e-mail address" in page
        assert "to be sent" not in page

    def test_what_was_done_is_told_to_whoever_did_it_and_asked_of_no_link(
        self, client: httpx.Client, tmp_path: Path
    ) -> None:
        lead_id = hook(client, {"name": "Nobody", "message": "x"})
        given = {"_csrf": log_in(client), "id": lead_id}
        narrowed = {**given, "why": "no e-mail address", "act": "erase"}
        sure = client.post("/desk/held", data=narrowed).headers["location"]
        spelled_by_a_proxy = sure.replace("+", "%20").replace("-", "%2d")
        for address in (sure, spelled_by_a_proxy):
            assert "Erase: 1 lead?" in text_of(client.get(address).text)
        assert client.get(sure.replace("erase", "discard")).headers["location"].startswith("/desk/held?why=")
        done = client.post("/desk/held", data={**given, "act": "spam"}).headers["location"]
        assert "1 lead: marked as spam" in text_of(client.get(done).text)
        assert "marked as spam" not in text_of(client.get("/desk/held?did=spam.1").text)
        assert client.get(sure).headers["location"].startswith("/desk/held?why=")
        make_operator(tmp_path, "eve", Role.ADMIN)
        log_in(client, "eve")
        assert "marked as spam" not in text_of(client.get(done).text)
        assert client.get(sure).status_code == 303

    def test_held_requests_are_read_again_with_todays_mapping(self, client: httpx.Client, tmp_path: Path) -> None:
        lead_id = hook(client, {"name": "Nobody", "message": "x"})
        answer = client.post("/desk/held", data={"_csrf": log_in(client), "act": "remap", "id": lead_id})
        assert "1 lead: read again" in text_of(client.get(answer.headers["location"]).text)
        assert stored(tmp_path, "SELECT what FROM audit") == [("remap",)]

    def test_somebody_elses_job_is_nobodys_business(self, client: httpx.Client) -> None:
        log_in(client)
        assert client.get("/desk/jobs/0123456789abcdef").status_code == 404


class TestTheList:
    def test_no_filter_is_ever_sql(self, client: httpx.Client, tmp_path: Path) -> None:
        hook(client, ADA)
        token = log_in(client)
        for field, value in product(("words", "state", "endpoint", "source", "since", "until", "before"), ODD):
            for path in ("/desk/leads", "/desk/audit"):
                answer = client.post(path, data={"_csrf": token, field: value, "what": value})
                assert answer.status_code == 200, (path, field, value)
            for path in ("/desk/held", "/desk/spam"):
                there = 404 if "\0" in value else 200
                assert client.get(path, params={field: value, "why": value}).status_code == there
        assert stored(tmp_path, "SELECT count(*) FROM leads") == [(1,)]

    def test_the_export_has_what_was_found_and_no_formula_and_is_noted(
        self, client: httpx.Client, tmp_path: Path
    ) -> None:
        hook(client, {**ADA, "name": "=1+1 Evil", "message": '@SUM("x")'})
        other = hook(client, {"name": "Bob", "email": "bob@example.com"})
        answer = client.post("/desk/leads/export", data={"_csrf": log_in(client), "words": "evil"})
        assert answer.content.startswith(b'\xef\xbb\xbf"id"'), "by which Excel knows that it is UTF-8"
        [row] = csv.DictReader(StringIO(answer.text.removeprefix("\ufeff")))
        assert row["message"] == '\'@SUM("x")'
        assert answer.headers["content-disposition"].startswith('attachment; filename="leads-')
        assert stored(tmp_path, "SELECT lead_id = ? FROM audit WHERE what = 'export'", other) == [(0,)]

    def test_sources_that_there_are_can_be_chosen(self, client: httpx.Client) -> None:
        for name, source in (("Ada", "newsletter"), ("Bob", "fair")):
            hook(client, {"name": name, "email": f"{name}@example.com", "source": source})
        token = log_in(client)
        page = text_of(client.post("/desk/leads", data={"_csrf": token, "source": "fair"}).text)
        assert "1 lead, the newest first" in page
        assert "newsletter" in page

    def test_paging_shows_each_lead_once(self, desk: Start, tmp_path: Path) -> None:
        filled(tmp_path, 120)
        client = desk(TOML, role="intake")
        token, seen, before = log_in(client), list[str](), ""
        for since in ("", "2020-01-01"):
            seen, before = [], ""
            for _ in range(3):
                asked = {"_csrf": token, "before": before, "since": since}
                page = client.post("/desk/leads", data=asked, headers={"HX-Request": "true"}).text
                seen += re.findall(r"<a href=\"/desk/leads/([0-9A-Z]{26})", page)
                before = seen[-1]
            assert (len(seen), len(set(seen))) == (120, 120)
            assert seen == sorted(seen, reverse=True)


def test_the_overview_says_who_wrote_again_and_that_the_books_balance(
    client: httpx.Client, sandbox: SandboxClient, tmp_path: Path
) -> None:
    log_in(client)
    assert "No leads yet" in text_of(client.get("/desk").text)
    first = sent(client, **ADA)
    eventually(lambda: state(tmp_path, first) == "delivered", "it is delivered")
    again = sent(client, **{**ADA, "message": "One thing more"})
    eventually(lambda: state(tmp_path, again) == "duplicate", "AgencyHandy knows her")
    page = text_of(client.get("/desk").text)
    assert "1 known customer wrote again" in page
    assert "The books balance: 2 accepted in all, each accounted for. 2 came in within 24 hours" in page
    token = log_in(client)
    done = client.post("/desk/duplicate", data={"_csrf": token, "act": "discard", "id": again})
    assert "1 lead: discarded" in text_of(client.get(done.headers["location"]).text)
    assert "wrote again:" not in text_of(client.get("/desk").text)


def test_what_needs_somebody_says_what_to_press_and_not_what_to_type(
    client: httpx.Client, sandbox: SandboxClient, tmp_path: Path
) -> None:
    sandbox.fault(kind="status", status=422)
    refused = sent(client, **ADA)
    eventually(lambda: state(tmp_path, refused) == "held", "it is refused")
    for number in range(2):
        hook(client, {"name": f"Nobody {number}"})
    client.post("/hooks/nobody", json={"email": "stray@example.com"})
    page = client.get("/desk").text
    assert "2 things need you" in page
    assert "2 leads held: no e-mail address , 1 lead held: AgencyHandy refused it . Only you can put that" in text_of(
        page
    )
    assert "lead-relay" not in page
    links = re.findall(r'<a href="(/desk/held[^"]+)">([^<]+)</a>', page)
    assert [label for _, label in links] == [
        "2 leads held: no e-mail address",
        "1 lead held: AgencyHandy refused it",
        "Open Held",
    ]
    shown = [text_of(client.get(unescape(address)).text) for address, _ in links]
    assert ["Held 2" in shown[0], "Held 1" in shown[1], "Held 1" in shown[2]] == [True] * 3


def test_on_a_phone_each_time_in_a_list_says_what_it_is_of(client: httpx.Client) -> None:
    hook(client, {"name": "Nobody"})
    log_in(client)
    for path in ("leads", "held"):
        page = client.get(f"/desk/{path}").text
        assert re.search(r'<td data-label="From">api<.*?<td data-label="Came in"><time', page, re.DOTALL), path


def test_what_waits_is_counted_beside_the_queues_on_every_page_as_it_is_sent(client: httpx.Client) -> None:
    token = log_in(client)
    assert client.get("/desk").text.count('class="count" hidden>0</span>') == 3
    for number in range(2):
        hook(client, {"name": f"Nobody {number}"})
    for path in ("", "/leads", "/held", "/endpoints", "/leads/nobody"):
        assert 'class="count">2</span>' in client.get(f"/desk{path}").text, path
    assert 'class="count">2</span>' in client.post("/desk/leads", data={"_csrf": token}).text
    assert client.get("/desk").text.count('class="count" hidden>0</span>') == 2


def test_the_stylesheet_of_all_pages_is_small(client: httpx.Client) -> None:
    assert len(client.get("/desk/static/desk.css").content) <= 12 * 1024


def test_in_a_trial_every_page_says_where_leads_go(desk: Start) -> None:
    for given, is_trial in (({"agencyhandy_api_key": None, "agencyhandy_base_url": AGENCYHANDY}, True), ({}, False)):
        client = desk(TOML, **given)
        log_in(client)
        for path in ("", "/leads", "/held", "/endpoints/forms/contact", "/leads/nobody"):
            page = text_of(client.get(f"/desk{path}").text)
            assert ("Trial : leads go to the sandbox, not to AgencyHandy." in page) is is_trial, path
            assert ("Set AGENCYHANDY_API_KEY for that." in page) is is_trial


def test_the_trail_is_found_by_who_and_what(client: httpx.Client) -> None:
    ids = [hook(client, {"name": f"Nobody {number}", "message": "x"}) for number in range(2)]
    token = log_in(client)
    for act, lead_id in zip(("spam", "discard"), ids, strict=True):
        client.post(f"/desk/leads/{lead_id}/{act}", data={"_csrf": token})

    def rows(**asked: str) -> list[str]:
        page = client.post("/desk/audit", data={"_csrf": token, **asked}).text
        return re.findall(r'<th scope="row">([^<]*)', page)

    assert rows() == rows(by="admin") == ["discarded", "marked as spam"], "as their lead's own page says it"
    assert rows(what="marked as spam") == rows(what="spam") == ["marked as spam"], (
        "looked for as shown, or as the act is called"
    )
    assert rows(by="anna") == []


def test_nothing_personal_stands_in_an_address_a_referrer_or_a_log(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "lead_relay")
    lead_id = hook(client, ADA)
    token = log_in(client)
    pages = [client.get(f"/desk{path}") for path in ("", "/leads", "/held", "/audit", f"/leads/{lead_id}")]
    pages.append(client.post("/desk/leads", data={"_csrf": token, "words": "lovelace"}))
    client.post(f"/desk/leads/{lead_id}/edit", data={"_csrf": token, "lastName": "Byron"})
    for page in pages:
        assert page.headers["referrer-policy"] == "same-origin"
        assert page.headers["cache-control"] == "no-store"
        addresses = re.findall(r'(?:href|action|hx-get|hx-post)="([^"]*)"', page.text)
        assert [one for one in addresses if re.search(r"(?i)\bada\b|lovelace|engine", one)] == []
    assert [said for said in caplog.messages if re.search("(?i)lovelace|byron|ada@|engine", said)] == []

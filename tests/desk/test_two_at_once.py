"""Two people at work on the same leads, or one with an old page: nobody undoes what another has just done."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import httpx
import pytest

from tests.desk.conftest import TOML, csrf_of, log_in
from tests.desk.test_pages import ADA, Start, hook, sent, state, text_of
from tests.running import SandboxClient, eventually, stored

HIDDEN = re.compile(r'<input type="hidden" name="(was(?:\.\w+)?)" value="([^"]*)"')


@pytest.fixture
def client(desk: Start) -> httpx.Client:
    """A relay whose desk has a password, and a client of it."""
    return desk(TOML)


@pytest.fixture
def held(client: httpx.Client) -> str:
    """A lead without an address."""
    return hook(client, {"name": "Charles Babbage", "message": "An engine, please."})


def pause(client: httpx.Client) -> None:
    """Somebody who has logged in stops delivery."""
    client.post("/desk/destination/default", data={"_csrf": log_in(client), "what": "pause"})


def form_of(client: httpx.Client, lead_id: str) -> dict[str, str]:
    """What the form to edit a lead sends beside what is typed: the lead as it is shown just now."""
    page = client.get(f"/desk/leads/{lead_id}").text.partition('id="edit"')[2]
    return {name: unescape(value) for name, value in HIDDEN.findall(page)}


@pytest.mark.parametrize("act", ["discard", "spam", "erase", "release"])
def test_from_an_old_page_nothing_is_done_to_a_lead_that_somebody_has_mended_and_sent(
    client: httpx.Client, tmp_path: Path, held: str, act: str
) -> None:
    token = log_in(client)
    old = {"_csrf": token, **form_of(client, held)}
    client.post(f"/desk/leads/{held}/edit", data={**old, "email": "charles@example.com"})
    eventually(lambda: state(tmp_path, held) == "delivered", "it is delivered")

    answer = client.post(f"/desk/leads/{held}/{act}", data=old)
    assert answer.status_code == 409
    assert "Nothing was done: it is delivered" in text_of(answer.text)
    in_queue = {"_csrf": token, "act": act, "id": held, "confirmed": "1"}
    assert "it is delivered" in text_of(client.post("/desk/held", data=in_queue, follow_redirects=True).text)
    assert state(tmp_path, held) == "delivered"


def test_what_two_people_change_in_a_lead_is_both_in_it(client: httpx.Client, tmp_path: Path, held: str) -> None:
    pause(client)
    common = {"_csrf": csrf_of(client), **form_of(client, held)}
    typed = {name.removeprefix("was."): value for name, value in common.items() if name.startswith("was.")}
    first = {**typed, "email": "charles@example.com", "contactNo": "+44 20 7946 0958"}
    assert client.post(f"/desk/leads/{held}/edit", data={**common, **first}).status_code == 303
    second = {**common, **typed, "message": "Two engines, please."}
    answer = client.post(f"/desk/leads/{held}/edit", data=second)
    assert "it is pending by now" in text_of(answer.text)
    assert "Two engines, please." in answer.text
    again = {**second, **{name: value for name, value in form_of(client, held).items() if name == "was"}}
    assert client.post(f"/desk/leads/{held}/edit", data=again).status_code == 303
    found = stored(tmp_path, "SELECT email, contact_no, message FROM leads")
    assert found == [("charles@example.com", "+442079460958", "Two engines, please.")]


def test_a_field_that_both_have_changed_is_asked_about(client: httpx.Client, tmp_path: Path) -> None:
    lead_id = hook(client, {"name": "Charles Babbage", "message": "x"})
    pause(client)
    common = {"_csrf": csrf_of(client), **form_of(client, lead_id)}
    mine = {"_csrf": common["_csrf"], "firstName": "Karl", "email": "karl@example.com"}
    client.post(f"/desk/leads/{lead_id}/edit", data=mine)
    late = {name: value for name, value in common.items() if name != "was"} | {"firstName": "Carl"}
    answer = client.post(f"/desk/leads/{lead_id}/edit", data=late)

    assert answer.status_code == 409
    assert "somebody made this “Karl” meanwhile" in text_of(answer.text)
    assert 'value="Carl"' in answer.text
    again = {"_csrf": common["_csrf"], **form_of(client, lead_id), "firstName": "Carl"}
    assert client.post(f"/desk/leads/{lead_id}/edit", data=again).status_code == 303
    assert stored(tmp_path, "SELECT first_name, email FROM leads") == [("Carl", "karl@example.com")]


def test_who_came_to_stand_there_after_the_count_is_counted_anew(
    client: httpx.Client, sandbox: SandboxClient, tmp_path: Path
) -> None:
    """It came in before the others, but was held only after they had been counted."""
    pause(client)
    earlier = sent(client, **ADA)
    hook(client, {"name": "Nobody", "message": "x"})
    everybody = {"_csrf": csrf_of(client), "act": "erase", "all": "1"}
    asked = client.post("/desk/held", data=everybody, follow_redirects=True).text
    assert "Erase: 1 lead?" in text_of(asked)
    seen = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', asked.partition("<main")[2]))
    sandbox.fault(kind="refuse", pattern="ada@", status=422)
    client.post("/desk/destination/default", data={"_csrf": csrf_of(client), "what": "resume"})
    eventually(lambda: state(tmp_path, earlier) == "held", "it is held too")

    again = client.post("/desk/held", data=seen, follow_redirects=True).text
    assert "Erase: 2 leads?" in text_of(again)
    assert stored(tmp_path, "SELECT count(*) FROM leads WHERE state = 'erased'") == [(0,)]


def test_nothing_chosen_is_said(client: httpx.Client, held: str) -> None:
    answer = client.post("/desk/held", data={"_csrf": log_in(client), "act": "discard"}, follow_redirects=True)
    assert "Nobody was chosen: tick leads first, or all." in text_of(answer.text)


def test_what_agencyhandy_still_has_stays_delivered_when_it_is_sent_again(
    client: httpx.Client, sandbox: SandboxClient, tmp_path: Path
) -> None:
    lead_id = sent(client, **ADA)
    eventually(lambda: state(tmp_path, lead_id) == "delivered", "it is delivered")
    token = log_in(client)
    client.post(f"/desk/leads/{lead_id}/resend", data={"_csrf": token})
    eventually(lambda: len(sandbox.requests()) == 2, "it is sent again")
    eventually(lambda: state(tmp_path, lead_id) not in {"pending", "sending"}, "it is settled")

    page = text_of(client.get(f"/desk/leads/{lead_id}").text)
    assert "AgencyHandy has this lead." in page
    [(member,)] = stored(tmp_path, "SELECT member_id FROM leads")
    assert f"as member {member}" in page


class TestTheLeadsPage:
    """What it says to press is what helps."""

    def first_button(self, client: httpx.Client, lead_id: str) -> str:
        page = client.get(f"/desk/leads/{lead_id}").text.partition('<div class="acts">')[2]
        found = re.search(r'<(?:a class="button"|button class=""|button(?= title))[^>]*>([^<]+)<', page)
        return found[1] if found else ""

    def test_a_lead_without_an_address_is_to_be_edited(self, client: httpx.Client, held: str) -> None:
        log_in(client)
        assert self.first_button(client, held) == "Edit and send"
        assert f"/desk/leads/{held}/release" not in client.get(f"/desk/leads/{held}").text

    def test_a_slip_in_the_address_is_there_to_be_mended(self, client: httpx.Client) -> None:
        lead_id = hook(client, {"name": "Ada", "email": "ada@exam ple", "message": "x"})
        log_in(client)
        assert 'name="email" value="ada@exam ple"' in client.get(f"/desk/leads/{lead_id}").text

    def test_a_request_to_nobody_is_read_again_as_one_to_somebody(self, client: httpx.Client, tmp_path: Path) -> None:
        client.post("/hooks/nowhere", json=ADA)
        [(lead_id,)] = stored(tmp_path, "SELECT id FROM leads")
        token = log_in(client)
        page = client.get(f"/desk/leads/{lead_id}").text
        assert self.first_button(client, lead_id) == "Read again"
        assert '<select name="as"><option>contact</option><option>api</option></select>' in page
        refused = client.post(f"/desk/leads/{lead_id}/remap", data={"_csrf": token, "was": "held"})
        assert "say as which one that there is" in text_of(refused.text)
        client.post(f"/desk/leads/{lead_id}/remap", data={"_csrf": token, "was": "held", "as": "api"})
        eventually(lambda: state(tmp_path, lead_id) == "delivered", "it is delivered")

    def test_it_says_what_a_lead_waits_for(self, client: httpx.Client, sandbox: SandboxClient) -> None:
        pause(client)
        lead_id = sent(client, **ADA)
        assert "delivery was paused by admin. Resume it" in text_of(client.get(f"/desk/leads/{lead_id}").text)
        sandbox.fault(kind="status", status=503)
        client.post("/desk/destination/default", data={"_csrf": csrf_of(client), "what": "resume"})
        words = "AgencyHandy does not take leads at the moment"
        eventually(lambda: words in text_of(client.get(f"/desk/leads/{lead_id}").text), "it says so")

    def test_what_was_put_away_can_be_sent(self, client: httpx.Client, tmp_path: Path) -> None:
        pause(client)
        lead_id = sent(client, **ADA)
        token = csrf_of(client)
        client.post(f"/desk/leads/{lead_id}/discard", data={"_csrf": token})
        assert f'action="/desk/leads/{lead_id}/release"' in client.get(f"/desk/leads/{lead_id}").text
        client.post(f"/desk/leads/{lead_id}/release", data={"_csrf": token, "was": "discarded"})
        assert state(tmp_path, lead_id) == "pending"

    def test_the_address_of_an_act_leads_back_when_it_is_loaded(self, client: httpx.Client, held: str) -> None:
        log_in(client)
        assert client.get(f"/desk/leads/{held}/release").headers["location"] == f"/desk/leads/{held}"
        assert client.get(f"/desk/leads/{held}/nothing").status_code == 404

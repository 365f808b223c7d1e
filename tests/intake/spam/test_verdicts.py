"""What becomes of a form's post that may be spam, over HTTP: kept, never told, and no real enquiry lost for it."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.config.endpoints import Form
from app.intake.spam.case import Stamped
from app.intake.spam.stamp import Stamps
from tests.running import SandboxClient, eventually, stored

Start = Callable[..., httpx.Client]
SCRIPT = {"Accept": "application/json"}
ADA = {"name": "Ada Lovelace", "email": "ada@example.com", "message": "We need a new website for our engine."}
OFFER = {
    "name": "Rank Booster",
    "email": "rank@example.com",
    "message": "We rank your website on the first page of Google with dofollow backlinks: https://cheap-seo.top/x",
}
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def post(client: httpx.Client, data: dict[str, Any], form: str = "contact", **headers: str) -> str:
    """Posts a form; the receipt that it gets, as everybody does."""
    answer = client.post(f"/forms/{form}", data=data, headers=SCRIPT | headers)
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() - {"redirect"} == {"ok", "receipt", "message"}
    receipt: str = answer.json()["receipt"]
    return receipt


def leads(folder: Path) -> list[tuple[str, str]]:
    """State and reason of every lead, the oldest first; one that was delivered meanwhile was pending."""
    found = stored(folder, "SELECT state, reason FROM leads ORDER BY id")
    return [("pending" if state in {"sending", "delivered"} else state, reason) for state, reason in found]


def suspicions(folder: Path) -> list[list[str]]:
    return [json.loads(row[0])["suspicions"] for row in stored(folder, "SELECT details FROM leads ORDER BY id")]


def stamp(folder: Path, seconds: float, form: str = "contact") -> str:
    """A stamp of this relay's for a form that was shown so many seconds ago."""
    [(key,)] = stored(folder, "SELECT value FROM keys WHERE name = 'fingerprints'")
    stamps = Stamps(lambda: hmac.digest(key, b"stamps", "sha256"))
    return stamps.make(form, datetime.now(UTC) - timedelta(seconds=seconds))


def test_spam_is_kept_with_its_reasons_and_answered_as_everybody(
    relay: Start, sandbox: SandboxClient, tmp_path: Path
) -> None:
    client = relay()
    post(client, OFFER)
    post(client, ADA)

    eventually(sandbox.emails, "the good one arrives")
    assert sandbox.emails() == ["ada@example.com"]
    [(state, reason), good] = leads(tmp_path)
    assert state == "spam"
    assert "offers search ranking or links" in reason
    assert reason == "; ".join(suspicions(tmp_path)[0])
    assert good == ("pending", "")


def test_a_browser_that_sends_spam_is_thanked_like_any(relay: Start) -> None:
    answer = relay().post("/forms/contact", data=OFFER, headers={"Accept": "text/html"})

    assert (answer.status_code, answer.headers["location"]) == (303, "/forms/contact/thanks")


def test_what_is_only_suspicious_is_delivered_and_says_why(
    relay: Start, sandbox: SandboxClient, tmp_path: Path
) -> None:
    post(relay(), ADA | {"email": "ada@sub.mailinator.com"})

    eventually(sandbox.emails, "it arrives")
    assert suspicions(tmp_path) == [["an e-mail address to throw away"]]


def test_hooks_are_not_judged_by_their_words(relay: Start, tmp_path: Path) -> None:
    client = relay('[hooks.zaps]\nsource = "zapier"\nopen = true\n')
    client.post("/hooks/zaps", json=OFFER).raise_for_status()

    assert leads(tmp_path) == [("pending", "")]


class TestTheFormsOwnTraps:
    TOML = '[forms.contact.spam]\nhoneypots = ["fax_number", "contact[url]"]\n'

    @pytest.mark.parametrize("field", ["fax_number", "contact[url]", "contact.url"])
    def test_whoever_fills_one_is_a_robot(self, relay: Start, tmp_path: Path, field: str) -> None:
        post(relay(self.TOML), ADA | {field: "x"})

        [(state, reason)] = leads(tmp_path)
        assert (state, reason.partition(": ")[0]) == ("spam", "honeypot")

    @pytest.mark.parametrize("value", ["", " ", "0", "false"])
    def test_an_empty_one_says_nothing(self, relay: Start, tmp_path: Path, value: str) -> None:
        post(relay(self.TOML), ADA | {"fax_number": value})

        assert leads(tmp_path) == [("pending", "")]

    def test_it_decides_whatever_the_threshold(self, relay: Start, tmp_path: Path) -> None:
        post(relay("[forms.contact.spam]\nthreshold = 100\nhoneypots = ['fax']\n"), ADA | {"fax": "x"})

        assert leads(tmp_path) == [("spam", "honeypot: fax")]


class TestThreshold:
    def test_a_higher_one_lets_more_pass(self, relay: Start, tmp_path: Path) -> None:
        post(relay("[forms.contact.spam]\nthreshold = 100\n"), OFFER)

        assert leads(tmp_path) == [("pending", "")]
        assert suspicions(tmp_path)[0]

    def test_a_lower_one_less(self, relay: Start, tmp_path: Path) -> None:
        post(relay("[forms.contact.spam]\nthreshold = 4\n"), ADA | {"email": "ada@mailinator.com"})

        assert leads(tmp_path) == [("spam", "an e-mail address to throw away")]


class TestTheTimeTrap:
    def test_who_sends_a_form_at_once_is_very_suspicious_but_may_have_typed_it_before(
        self, relay: Start, tmp_path: Path
    ) -> None:
        client = relay()
        post(client, ADA | {"_stamp": stamp(tmp_path, 0)})
        post(client, ADA | {"_stamp": stamp(tmp_path, 0), "email": "ada@mailinator.com"})

        [good, (state, reason)] = leads(tmp_path)
        assert (good, state) == (("pending", ""), "spam")
        assert reason.startswith("sent within 0.")

    def test_the_forms_own_page_tells_when_it_was_shown(self, relay: Start, tmp_path: Path) -> None:
        client = relay()
        [token] = re.findall(r'name="_stamp" value="(contact\.[^"]+)"', client.get("/forms/contact").text)
        post(client, ADA | {"_stamp": token})

        assert suspicions(tmp_path)[0][0].startswith("sent within 0.")

    def test_the_page_to_mend_carries_it_on_and_shows_no_trap(self, relay: Start, tmp_path: Path) -> None:
        client = relay('[forms.contact.spam]\nhoneypots = ["fax_number"]\n')
        sent = {"name": "Ada", "email": "ada@", "fax_number": "", "_stamp": "some.stamp"}
        text = client.post("/forms/contact", data=sent, headers={"Accept": "text/html"}).text

        assert '<input type="hidden" name="_stamp" value="some.stamp">' in text
        assert '<input type="hidden" name="fax_number" value="">' in text
        assert text.count("fax_number") == 1

    def test_who_is_quick_is_only_suspicious(self, relay: Start, tmp_path: Path) -> None:
        post(relay(), ADA | {"_stamp": stamp(tmp_path, 1)})

        assert leads(tmp_path) == [("pending", "")]
        assert suspicions(tmp_path)[0][0].startswith("sent within 1.")

    @pytest.mark.parametrize("age", [3, 3600, 400 * 24 * 3600, -30])
    def test_whoever_takes_their_time_is_not_nor_is_a_cached_page(
        self, relay: Start, tmp_path: Path, age: float
    ) -> None:
        post(relay(), ADA | {"_stamp": stamp(tmp_path, age)})

        assert suspicions(tmp_path) == [[]]

    @pytest.mark.parametrize("token", ["", "  "])
    def test_a_static_page_has_no_stamp(self, relay: Start, tmp_path: Path, token: str) -> None:
        post(relay(), ADA | {"_stamp": token})

        assert suspicions(tmp_path) == [[]]

    @pytest.mark.parametrize("token", ["contact.1.x", "x", "…", ".", "\x00", "contact.1795521600000.AAAA", "9" * 5000])
    def test_a_stamp_that_is_not_ours_is_suspicious(self, relay: Start, tmp_path: Path, token: str) -> None:
        post(relay(), ADA | {"_stamp": token})

        assert leads(tmp_path) == [("pending", "")]
        assert suspicions(tmp_path) == [["a stamp that is not this form's"]]

    def test_so_is_another_forms(self, relay: Start, tmp_path: Path) -> None:
        post(relay(), ADA | {"_stamp": stamp(tmp_path, 60, form="callback")})

        assert suspicions(tmp_path) == [["a stamp that is not this form's"]]

    def test_it_is_none_of_the_visitors_words(self, relay: Start, tmp_path: Path) -> None:
        post(relay(), ADA | {"_stamp": "x"})

        assert "_stamp" not in stored(tmp_path, "SELECT details FROM leads")[0][0]

    def test_how_fast_is_too_fast_can_be_set(self, relay: Start, tmp_path: Path) -> None:
        post(relay('[forms.contact.spam]\nfastest = "10s"\n'), ADA | {"_stamp": stamp(tmp_path, 4)})

        assert suspicions(tmp_path)[0][0].startswith("sent within 4.")

    def test_every_relay_on_a_store_knows_the_others_stamps(self) -> None:
        one, two = (Stamps(lambda: b"the store's key" * 3) for _ in range(2))
        later = NOW + timedelta(seconds=2.5)

        assert two.read(one.make("contact", NOW), "contact", later) == Stamped(age=2.5)
        assert Stamps(lambda: b"another").read(one.make("contact", NOW), "contact", later) == Stamped(is_forged=True)


class TestTwins:
    """A retry whose verdict differs, and a real person who sends what a robot sent."""

    TOML = "[forms.contact.spam]\nthreshold = 8\n"

    @pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k-1"}])
    def test_what_was_judged_good_stays_so_however_a_retry_is_judged(
        self, relay: Start, tmp_path: Path, headers: dict[str, str]
    ) -> None:
        client = relay(self.TOML)
        first = post(client, ADA, **headers)
        again = post(client, ADA | {"_stamp": stamp(tmp_path, 0.01)}, **headers)

        assert again == first
        assert leads(tmp_path) == [("pending", "")]
        assert stored(tmp_path, "SELECT repeats FROM submissions") == [(1,)]

    @pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k-1"}])
    def test_what_is_judged_good_is_never_swallowed_by_the_same_as_spam(
        self, relay: Start, sandbox: SandboxClient, tmp_path: Path, headers: dict[str, str]
    ) -> None:
        client = relay(self.TOML)
        hasty = ADA | {"_stamp": stamp(tmp_path, 0)}
        spam = post(client, hasty, **headers)
        assert post(client, ADA | {"_stamp": stamp(tmp_path, 0)}, **headers) == spam
        good = post(client, ADA | {"_stamp": stamp(tmp_path, 60)}, **headers)

        assert good != spam
        assert post(client, ADA | {"_stamp": stamp(tmp_path, 0)}, **headers) == good
        assert [state for state, _ in leads(tmp_path)] == ["spam", "pending"]
        eventually(sandbox.emails, "the good one arrives")
        assert sandbox.emails() == ["ada@example.com"]

    @pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k-1"}])
    def test_nor_by_one_that_fell_into_a_trap(self, relay: Start, tmp_path: Path, headers: dict[str, str]) -> None:
        client = relay(self.TOML)
        spam = post(client, ADA | {"_gotcha": "x"}, **headers)

        assert post(client, ADA, **headers) != spam
        assert [state for state, _ in leads(tmp_path)] == ["spam", "pending"]


class TestOrigin:
    SITE = "https://www.example.com"
    TOML = f'[forms.contact]\nallowed_origins = ["{SITE}"]\n'

    @pytest.mark.parametrize(
        "origin",
        [
            "https://example.com",
            "https://evil.www.example.com",
            "https://www.example.com.evil.example",
            "http://www.example.com",
            "https://www.example.com:8443",
            "https://evil.example",
        ],
    )
    def test_another_origin_is_refused_be_it_a_subdomain(self, relay: Start, tmp_path: Path, origin: str) -> None:
        answer = relay(self.TOML).post("/forms/contact", data=ADA, headers=SCRIPT | {"Origin": origin})

        assert answer.status_code == 403
        assert leads(tmp_path) == []

    @pytest.mark.parametrize(
        ("headers", "signs"),
        [
            ({"Origin": SITE}, []),
            ({"Referer": f"{SITE}/contact"}, []),
            ({"Origin": "null"}, ["not from one of the form's pages"]),
            ({"Referer": "https://evil.example/x"}, ["not from one of the form's pages"]),
            ({"Referer": "nonsense"}, ["not from one of the form's pages"]),
            ({}, ["from no page"]),
        ],
    )
    def test_who_does_not_say_where_they_come_from_is_taken_all_the_same(
        self, relay: Start, tmp_path: Path, headers: dict[str, str], signs: list[str]
    ) -> None:
        """A page that tells no referrer has its forms sent with the origin `null`."""
        post(relay(self.TOML), ADA, **headers)

        assert leads(tmp_path) == [("pending", "")]
        assert suspicions(tmp_path) == [signs]

    def test_without_a_list_of_origins_it_is_no_matter(self, relay: Start, tmp_path: Path) -> None:
        post(relay(), ADA, Origin="null")

        assert suspicions(tmp_path) == [[]]


class TestRepeatedContent:
    TEXT = "Hello there, I have a nice thing to tell you about that you surely want to know more of, at our place."

    def test_the_same_of_ever_more_people_is_ever_more_suspicious_but_never_spam_by_itself(
        self, relay: Start, tmp_path: Path
    ) -> None:
        """A site may have typed the message for its visitors."""
        client = relay()
        for number in range(12):
            post(client, {"name": "Ada", "email": f"ada{number}@example.com", "message": self.TEXT})

        found = suspicions(tmp_path)
        assert found[:2] == [[], []]
        assert found[2] == ["2 others sent the same"]
        assert found[11] == ["11 others sent the same"]
        assert {state for state, _ in leads(tmp_path)} == {"pending"}

    def test_the_same_link_counts_at_any_form_but_not_one_to_the_forms_own_site(
        self, relay: Start, tmp_path: Path
    ) -> None:
        client = relay('[forms.contact]\nredirect = "https://www.example.com/thanks"\n[forms.other]\n')
        for number in range(3):
            form = ("contact", "other", "contact")[number]
            mail = f"ada{number}@example.com"
            message = f"Number {number} wants you to look at https://thing.example/a?x={number} and https://www.example.com/jobs"
            post(client, {"name": "Ada", "email": mail, "message": message}, form)

        assert suspicions(tmp_path)[2] == ["a link", "2 others sent the same"]
        post(client, {"name": "Bob", "email": "bob@example.com", "message": "I saw https://www.example.com/jobs"})
        assert suspicions(tmp_path)[3] == []

    def test_one_person_who_sends_again_and_again_is_one(self, relay: Start, tmp_path: Path) -> None:
        client = relay(repeat_window_minutes=0.000001)
        for _ in range(5):
            post(client, ADA | {"message": self.TEXT})

        assert suspicions(tmp_path) == [[]] * 5

    def test_short_messages_are_alike_by_chance(self, relay: Start, tmp_path: Path) -> None:
        client = relay()
        for number in range(5):
            post(client, {"name": "Ada", "email": f"ada{number}@example.com", "message": "Please call me back"})

        assert suspicions(tmp_path) == [[]] * 5


def test_spam_is_counted_by_form_and_layer(relay: Start) -> None:
    client = relay()
    post(client, OFFER)
    post(client, ADA | {"_gotcha": "x"})

    figures = client.get("/metrics").text
    assert 'lead_relay_spam_total{endpoint="contact",layer="phrases"} 1.0' in figures
    assert 'lead_relay_spam_total{endpoint="contact",layer="links"} 1.0' in figures
    assert 'lead_relay_spam_total{endpoint="contact",layer="honeypot"} 1.0' in figures


def test_a_form_that_nobody_set_up_for_it_bears_what_people_write() -> None:
    assert Form(name="contact").spam.threshold == 10

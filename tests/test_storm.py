"""Ten thousand posts of every kind, 200 a second: nobody genuine is lost or doubled, and nobody else gets through."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from bench.storm.posts import FORMS, Mix
from bench.storm.raging import Outcome, storm
from bench.storm.sending import ANSWER_SECONDS


def none(found: Sequence[str]) -> bool:
    """Whether there is nothing of it; fails with the first few."""
    assert len(found) == 0, f"{len(found)}, such as {found[:5]}"
    return True


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return asyncio.run(storm(10_000, 200, seed=1))


@pytest.mark.slow
@pytest.mark.timeout(300)
class TestTheStorm:
    def test_everybody_is_answered_as_he_should_be_and_nothing_is_a_fault(self, outcome: Outcome) -> None:
        assert none(outcome.unwanted)
        assert none(outcome.faults)
        assert not [status for found in outcome.statuses.values() for status in found if status >= 500]
        assert sum(outcome.sent.values()) == 10_000

    def test_every_genuine_enquiry_is_in_agencyhandy_once(self, outcome: Outcome) -> None:
        assert outcome.genuine > 5000
        assert none(outcome.lost)
        assert none(outcome.doubled)
        assert outcome.unsettled == outcome.unbalanced == 0

    def test_nobody_who_filled_a_honeypot_or_forged_or_tore_his_post_got_through(self, outcome: Outcome) -> None:
        assert outcome.sent["honeypot"] >= 1000
        assert none(outcome.let_through)
        assert none(outcome.not_spam)

    def test_answers_come_in_time(self, outcome: Outcome) -> None:
        """The CPU says how the relay is, whatever else the machine does; a visitor's patience is the outer bound."""
        assert outcome.cpu_ms < 10
        assert outcome.p99_ms < 1000 * ANSWER_SECONDS / 2


def test_the_same_seed_makes_the_same_storm_and_another_one_does_not() -> None:
    assert Mix(7).posts(300) == Mix(7).posts(300) != Mix(8).posts(300)


def test_a_storm_has_every_kind_and_no_two_people_of_one_address() -> None:
    posts = Mix(1).posts(2000)
    kinds = {post.kind for post in posts}
    assert kinds == {
        "lead",
        "slow lead",
        "repeat",
        "honeypot",
        "forged",
        "malformed",
        "unknown",
        "cut off",
        "huge",
        "sample",
    }
    emails = [email for post in posts if post.kind != "repeat" for email in post.emails]
    assert len(emails) == len(set(emails))
    assert {post.path for post in posts if post.kind == "lead"} >= {f"/forms/{name}" for name in FORMS}
    assert len({post.source for post in posts}) > 1500

"""From a request to leads: what is held and why, what counts as a repeat, what is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.config.endpoints import Endpoint, Form
from app.config.relay_toml import RelayConfig
from app.errors import ConfigurationError
from app.lead import LeadState, Reason, Submission
from app.reader import check, read
from app.sources.base import Inbound
from tests.sources.requests import (
    FORM,
    NOW,
    URLENCODED,
    as_json,
    extras,
    form,
    hook,
    lead,
    multipart,
    reading,
    request,
)

ADA = {"name": "Ada Lovelace", "email": "ada@example.com"}


def submission(inbound: Inbound, endpoint: Endpoint = FORM) -> Submission:
    return reading(inbound, endpoint).submission


def same(one: Inbound, other: Inbound, endpoint: Endpoint = FORM) -> bool:
    """Whether the second would count as a repeat of the first."""
    return submission(one, endpoint).fingerprint == submission(other, endpoint).fingerprint


class TestStates:
    def test_an_address_is_all_that_a_lead_needs(self) -> None:
        found = lead(form({"email": "ada@example.com"}))

        assert (found.state, found.reason, found.first_name) == (LeadState.PENDING, "", "")

    @pytest.mark.parametrize(
        ("typed", "reason"),
        [
            ({"name": "Ada"}, "no e-mail: there is none"),
            ({}, "no e-mail: there is none"),
            ({"name": "Ada", "email": ""}, "no e-mail: there is none"),
            ({"name": "Ada", "email": "ada@example"}, "no e-mail: not a valid address"),
            ({"phone": "+44 7911 123456"}, "no e-mail: there is none"),
        ],
    )
    def test_a_lead_without_an_address_is_held(self, typed: dict[str, str], reason: str) -> None:
        found = lead(form(typed))

        assert (found.state, found.reason) == (LeadState.HELD, reason)

    def test_a_mistyped_address_says_which_field_it_was_and_stays_there(self) -> None:
        found = lead(form({"Your mail": "ada@example"}))

        assert (found.origins["email"].key, found.origins["email"].score) == ("Your mail", 0)
        assert extras(found.extra) == {"Your mail": "ada@example"}

    def test_a_filled_honeypot_is_spam_and_says_so(self) -> None:
        found = lead(form({**ADA, "_gotcha": "x"}))

        assert (found.state, found.reason) == (LeadState.SPAM, "honeypot: _gotcha was filled in")
        assert found.email == "ada@example.com"

    def test_an_unreadable_body_is_held_in_quarantine_with_its_bytes(self) -> None:
        found = submission(request("{", "application/json"), hook())

        (only,) = found.leads
        assert (only.state, only.reason[:30]) == (LeadState.HELD, "unreadable: the body is not va")
        assert (found.quarantine, found.body) == (f"{Reason.UNREADABLE} json", b"{")

    def test_a_request_to_nobody_is_held_in_quarantine(self) -> None:
        nobody = Endpoint.model_construct(name="tpyeform", kind="hook", source="json", known=False)

        found = submission(as_json(ADA), nobody)

        assert found.quarantine == Reason.UNKNOWN_ENDPOINT
        assert [(one.state, one.reason) for one in found.leads] == [(LeadState.HELD, Reason.UNKNOWN_ENDPOINT)]

    def test_what_is_not_proved_and_not_readable_is_held_for_the_first(self) -> None:
        found = reading(request("{", "application/json"), hook("json", "secret"))

        assert found.submission.quarantine == f"{Reason.SIGNATURE} json"
        assert [one.reason for one in found.submission.leads] == [Reason.SIGNATURE]

    def test_a_partial_response_that_is_not_proved_is_kept_as_well(self) -> None:
        partial = as_json({"event_type": "form_response_partial", "form_response": {}})

        assert [one.reason for one in submission(partial, hook("typeform", "secret")).leads] == [Reason.SIGNATURE]

    def test_a_good_request_is_in_no_quarantine(self) -> None:
        found = reading(form(ADA))

        assert (found.problem, found.submission.quarantine, found.submission.note) == (None, "", "")
        assert (found.submission.endpoint, found.submission.source, found.submission.received_at) == (
            "contact",
            "html",
            NOW,
        )


class TestRepeats:
    def test_the_same_content_is_the_same_in_any_encoding(self) -> None:
        parts = [(f'name="{key}"', value) for key, value in ADA.items()]

        assert same(form(ADA), form(ADA))
        assert same(form(ADA), as_json(ADA))
        assert same(form(ADA), multipart(*parts))

    @pytest.mark.parametrize(
        "other",
        [
            {**ADA, "email": "bob@example.com"},
            {**ADA, "message": "And one more thing"},
            {**ADA, "topic": "Logo"},
            {**ADA, "utm_source": "ads"},
        ],
    )
    def test_other_content_is_another(self, other: dict[str, str]) -> None:
        assert not same(form(ADA), form(other))

    def test_what_was_judged_spam_is_the_same_content(self) -> None:
        """The store tells them apart: which of them came first decides."""
        assert same(form(ADA), form({**ADA, "_gotcha": "x"}))

    def test_a_captcha_solved_again_is_the_same_content(self) -> None:
        once, again = ({**ADA, "g-recaptcha-response": answer} for answer in ("a", "b"))

        assert same(form(once), form(again))

    def test_bodies_that_say_nothing_are_told_apart_by_their_bytes(self) -> None:
        assert not same(as_json({"_a": 1}), as_json({"_a": 2}))
        assert not same(request("{", "application/json"), request("[", "application/json"))

    def test_content_counts_for_the_window_only(self) -> None:
        found = read(form(ADA), FORM, NOW, timedelta(minutes=3)).submission

        assert found.fingerprint_expires == NOW + timedelta(minutes=3)

    def test_an_idempotency_key_counts_for_ever_and_for_the_same_enquiry(self) -> None:
        """What else a retry carries may differ; another message is another enquiry, whatever the key."""
        one = as_json({**ADA, "message": "a", "sent": "1"}, idempotency_key="k-1")

        assert submission(one).fingerprint_expires is None
        assert same(one, as_json({**ADA, "message": "a", "sent": "2"}, idempotency_key="k-1"))
        assert not same(one, as_json({**ADA, "message": "b", "sent": "1"}, idempotency_key="k-1"))
        assert not same(one, as_json({**ADA, "message": "a", "sent": "1"}, idempotency_key="k-2"))

    @pytest.mark.parametrize(
        "nothing", ["test", "null", "{{undefined}}", "None", "0", "00000000-0000-0000-0000-000000000000"]
    )
    def test_a_test_id_or_none_at_all_counts_as_the_content_does(self, nothing: str) -> None:
        given = as_json(ADA, idempotency_key=nothing)

        assert same(given, as_json(ADA))
        assert submission(given).fingerprint_expires is not None

    def test_an_id_swallows_nobody_who_gives_no_address(self) -> None:
        one = as_json({"first_name": "Ann", "city": "Rome"}, idempotency_key="constant")

        assert not same(one, as_json({"first_name": "Ann", "city": "Oslo"}, idempotency_key="constant"))

    def test_an_id_counts_for_the_same_people_only(self) -> None:
        """Some builders send a constant id: it must not swallow somebody else."""
        one = as_json(ADA, idempotency_key="form01")
        other = as_json({"email": "bob@example.com"}, idempotency_key="form01")

        assert not same(one, other)

    def test_a_constant_id_makes_no_repeat_of_somebody_else_at_the_same_address(self) -> None:
        family = {"id": "form01", "email": "info@example.com"}
        ada, bob = (as_json({**family, "name": name}) for name in ("Ada", "Bob"))

        assert not same(ada, bob, hook("json"))

    def test_the_same_content_at_another_endpoint_is_another(self) -> None:
        assert submission(form(ADA)).fingerprint != submission(form(ADA), Form(name="other")).fingerprint

    def test_what_is_not_proved_never_makes_the_good_one_a_repeat(self) -> None:
        endpoint = hook("json", "secret")

        assert not same(as_json(ADA), as_json(ADA, x_relay_token="secret"), endpoint)
        assert not same(
            as_json(ADA, idempotency_key="k"), as_json(ADA, idempotency_key="k", x_relay_token="secret"), endpoint
        )

    def test_values_do_not_run_into_each_other(self) -> None:
        assert not same(
            form({"email": "ada@example.com", "a": "1\x1eb=2"}), form({"email": "ada@example.com", "a": "1", "b": "2"})
        )


class TestSecrets:
    def test_a_secret_in_the_body_is_no_field_of_the_lead(self) -> None:
        """Google Ads and Wufoo send it so."""
        body = as_json({"email": "ada@example.com", "webhook_key": "s3cret-key", "plan": "A"})
        [found] = reading(replace(body, query={"token": "s3cret-key"}), hook("json", "s3cret-key")).submission.leads

        assert extras(found.extra) == {"plan": "A"}

    def test_a_header_with_a_secret_in_it_is_not_kept(self) -> None:
        found = reading(as_json({"a": "b"}, x_seen="/hooks/json?token=s3cret-key"), hook("json", "s3cret-key"))

        assert "x-seen" not in found.submission.headers


class TestHeaders:
    @pytest.mark.parametrize(
        "name",
        [
            "authorization",
            "proxy-authorization",
            "cookie",
            "x-api-key",
            "x-relay-token",
            "x-my-secret",
            "x-hook",
            "apikey",
            "x-original-url",
            "x-webhook-auth",
        ],
    )
    def test_credentials_are_never_kept(self, name: str) -> None:
        endpoint = hook("json", "secret", header="X-Hook")

        found = submission(Inbound(b"{}", {name: "secret", "user-agent": "Zapier"}), endpoint)

        assert found.headers == {"user-agent": "Zapier"}

    def test_the_token_in_the_address_is_not_kept_either(self) -> None:
        found = submission(Inbound(b"{}", {}, {"token": "secret"}), hook("json", "secret"))

        assert "secret" not in repr(found)

    def test_headers_are_bounded_and_the_content_type_is_always_there(self) -> None:
        many = {f"x-{number}": "v" * 5000 for number in range(100)}

        kept = submission(Inbound(b"a=b", {**many, "content-type": URLENCODED})).headers

        assert len(kept) == 60
        assert max(map(len, kept.values())) == 2000
        assert kept["content-type"] == URLENCODED

    def test_a_submission_is_read_again_from_what_is_kept(self) -> None:
        first = submission(form(ADA))

        again = submission(Inbound(first.body, first.headers))

        assert again == first


class TestCheck:
    @staticmethod
    def config(**more: Any) -> RelayConfig:
        return RelayConfig.model_validate({"hooks": {"crm": {"source": "json", "open": True, **more}}})

    def test_a_good_configuration_passes(self) -> None:
        check(self.config(mapping={"email": ["contact.email", "Your mail"]}), Path("relay.toml"))

    def test_an_unknown_source_stops_the_start(self) -> None:
        with pytest.raises(
            ConfigurationError, match=r"hooks.crm.source: there is no source 'tpyeform'; did you mean 'typeform'"
        ):
            check(self.config(source="tpyeform"), Path("relay.toml"))

    def test_a_broken_rule_stops_the_start(self) -> None:
        with pytest.raises(ConfigurationError, match=r"relay.toml: hooks.crm.mapping.email: 'a\[' is neither"):
            check(self.config(mapping={"email": "a["}), Path("relay.toml"))

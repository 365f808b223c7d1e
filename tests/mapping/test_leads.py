"""One person's lead, put together from what rules and inference find, and defaults."""

from __future__ import annotations

from typing import Any

import pytest

from app.config.endpoints import Form
from app.lead import Lead, LeadState
from tests.sources.requests import URLENCODED, as_json, extras, form, hook, lead, reading, request

ADA = {"name": "Ada Lovelace", "email": "ada@example.com"}
DEFAULTS = {"status": "New", "source": "Site", "positionInBoard": 3}


def ruled(mapping: dict[str, Any], **more: Any) -> Form:
    return Form.model_validate({"name": "contact", "mapping": mapping, **more})


class TestDefaults:
    def test_defaults_fill_what_the_submission_does_not_say(self) -> None:
        found = lead(form(ADA), ruled({}, defaults=DEFAULTS))

        assert (found.status, found.source, found.position_in_board) == ("New", "Site", 3)

    def test_what_the_submission_says_counts_more(self) -> None:
        mapping = {"status": "stage", "positionInBoard": "rank"}

        found = lead(form({**ADA, "source": "Fair", "stage": "Hot", "rank": "7"}), ruled(mapping, defaults=DEFAULTS))

        assert (found.status, found.source, found.position_in_board) == ("Hot", "Fair", 7)

    @pytest.mark.parametrize("rank", ["first", "-1", "1.5", "１", "99999999999"])
    def test_a_position_that_is_no_number_is_the_default(self, rank: str) -> None:
        found = lead(form({**ADA, "rank": rank}), ruled({"positionInBoard": "rank"}, defaults=DEFAULTS))

        assert found.position_in_board == 3
        assert extras(found.extra) == {"rank": rank}

    @pytest.mark.parametrize(
        ("typed", "source"),
        [
            ({"source": "Fair", "utm_source": "ads"}, "Fair"),
            ({"utm_source": "ads", "gclid": "x"}, "ads"),
            ({"page_url": "https://example.com/?utm_source=mail"}, "mail"),
            ({"gclid": "x"}, "Google Ads"),
            ({"fbclid": "x"}, "Meta"),
            ({"msclkid": "x"}, "Microsoft Ads"),
            ({"ttclid": "x"}, "TikTok"),
            ({"li_fat_id": "x"}, "LinkedIn"),
            ({}, "website"),
        ],
    )
    def test_a_source_is_told_or_is_the_campaigns(self, typed: dict[str, str], source: str) -> None:
        assert lead(form({**ADA, **typed})).source == source

    def test_the_operators_source_counts_more_than_the_campaigns(self) -> None:
        found = lead(form({**ADA, "utm_source": "ads"}), ruled({}, defaults=DEFAULTS))

        assert (found.source, found.utm) == ("Site", {"utm_source": "ads"})

    def test_secrets_are_counted(self) -> None:
        found = lead(form({**ADA, "password": "x", "notes": "4111 1111 1111 1111"}))

        assert (found.dropped, extras(found.extra)) == (2, {})

    def test_a_form_is_a_website_and_a_hook_is_nothing_yet(self) -> None:
        assert lead(form(ADA)).source == "website"
        assert lead(as_json(ADA), hook()).source == ""

    def test_the_region_makes_a_national_number_e164(self) -> None:
        inbound = form({**ADA, "phone": "07911 123456"})

        assert lead(inbound).contact_no == "07911 123456"
        assert lead(inbound, Form(name="contact", region="GB")).contact_no == "+447911123456"


class TestTemplates:
    def test_what_a_template_quotes_is_no_extra_where_the_lead_says_all_of_it(self) -> None:
        typed = {"wer": "Ada", "zu": "King", "email": "ada@example.com", "Budget": "5,000", "Project details": "A site"}
        mapping = {"name": "{wer} {zu}", "message": "{Budget} — {Project details}"}

        found = lead(form(typed), ruled(mapping))

        assert (found.first_name, found.last_name, found.message) == ("Ada", "King", "5,000 — A site")
        assert extras(found.extra) == {"Budget": "5,000", "Project details": "A site"}

    def test_what_a_template_quotes_may_be_another_field_as_well(self) -> None:
        found = lead(form(ADA), ruled({"message": "{name} <{email}>"}))

        assert (found.first_name, found.email) == ("Ada", "ada@example.com")
        assert found.message == "Ada Lovelace <ada@example.com>"
        assert found.extra == ()

    @pytest.mark.parametrize("rule", ["contact[address]", "contact.address", "{contact[address]}", "{contact.address}"])
    def test_a_forms_field_in_brackets_is_found_by_either_name(self, rule: str) -> None:
        assert (
            lead(form({"contact[address]": "ada@example.com"}), ruled({"message": rule})).message == "ada@example.com"
        )

    def test_a_template_that_finds_nothing_leaves_the_field_to_inference(self) -> None:
        assert lead(form({**ADA, "message": "Hello"}), ruled({"message": "{Budget} {Topic}"})).message == "Hello"


class TestNames:
    @pytest.mark.parametrize(
        ("typed", "first", "last"),
        [
            ({"name": "Ada Lovelace"}, "Ada", "Lovelace"),
            ({"name": "Ada"}, "Ada", ""),
            ({"prenom": "Clémence", "nom": "Beaulieu"}, "Clémence", "Beaulieu"),
            ({"vname": "Max", "name": "Muster"}, "Max", "Muster"),
            ({"name": "Max", "nachname": "Muster"}, "Max", "Muster"),
            ({"name": "Ada", "surname": "Lovelace"}, "Ada", "Lovelace"),
            ({"name": "Ada Lovelace", "surname": "LOVELACE"}, "Ada", "LOVELACE"),
            ({"name": "ada lovelace", "first_name": "Ada"}, "Ada", "lovelace"),
            ({"name": "Lovelace, Ada", "first_name": "Ada"}, "Ada", "Lovelace"),
            ({"name": "Annabel Lee", "first_name": "Ann"}, "Ann", "Annabel Lee"),
            ({"name": "Ada", "first_name": "Ada"}, "Ada", ""),
            ({"nome": "Pier Paolo", "cognome": "Degl'Innocenti"}, "Pier Paolo", "Degl'Innocenti"),
            ({"first_name": "Ada", "last_name": "Lovelace", "name": "Ada Lovelace"}, "Ada", "Lovelace"),
            ({"last_name": "Lovelace"}, "", "Lovelace"),
        ],
    )
    def test_names_are_put_together_from_what_there_is(self, typed: dict[str, str], first: str, last: str) -> None:
        found = lead(form({"email": "ada@example.com", **typed}))

        assert (found.first_name, found.last_name) == (first, last)
        assert found.extra == ()

    @pytest.mark.parametrize(
        "typed",
        [
            {"name": "Dr. Ada Lovelace"},
            {"name": "Ada Lovelace (Countess)"},
            {"first_name": "Ada", "last_name": "Lovelace", "name": "Analytical Engines"},
        ],
    )
    def test_a_name_that_does_not_fit_stays_as_it_was_typed(self, typed: dict[str, str]) -> None:
        found = lead(form({"email": "ada@example.com", **typed}))

        assert (found.first_name, found.last_name) == ("Ada", "Lovelace")
        assert extras(found.extra) == {"name": typed["name"]}


class TestRules:
    def test_a_rule_counts_more_than_inference(self) -> None:
        found = lead(form({**ADA, "private": "private@example.com"}), ruled({"email": "private"}))

        assert found.email == "private@example.com"
        assert found.origins["email"].why == "relay.toml maps 'private' here"
        assert extras(found.extra) == {"email": "ada@example.com"}

    def test_where_a_rule_finds_nothing_inference_does(self) -> None:
        assert lead(form(ADA), ruled({"email": "private"})).email == "ada@example.com"

    def test_a_field_that_a_rule_takes_is_nothing_else(self) -> None:
        found = lead(
            form({"name": "Redecorate", "colour": "Ada", "email": "ada@example.com"}), ruled({"message": "name"})
        )

        assert (found.message, found.first_name, extras(found.extra)) == ("Redecorate", "", {"colour": "Ada"})

    def test_a_rule_makes_a_control_or_a_trap_a_field(self) -> None:
        found = lead(form({**ADA, "_subject": "Hello", "hp": "250"}), ruled({"message": "_subject", "status": "hp"}))

        assert (found.state, found.message, found.status) == (LeadState.PENDING, "Hello", "250")

    def test_a_ruled_address_that_is_none_is_mistyped(self) -> None:
        found = lead(form({"contact": "ada@example", "Name": "Ada"}), ruled({"email": "contact"}))

        assert (found.reason, found.origins["email"].key) == ("no e-mail: not a valid address", "contact")
        assert extras(found.extra) == {"contact": "ada@example"}

    def test_a_whole_name_is_split(self) -> None:
        found = lead(form({"q1": "Ada Lovelace", **ADA}), ruled({"name": "q1"}))

        assert (found.first_name, found.last_name) == ("Ada", "Lovelace")

    def test_a_ruled_name_counts_more_than_two_that_were_found(self) -> None:
        typed = {"q1": "Ada Lovelace", "first_name": "Best", "last_name": "Friend", "email": "ada@example.com"}

        found = lead(form(typed), ruled({"name": "q1"}))

        assert (found.first_name, found.last_name) == ("Ada", "Lovelace")
        assert extras(found.extra) == {"first_name": "Best", "last_name": "Friend"}

    def test_a_field_that_two_rules_take_is_kept_once(self) -> None:
        found = lead(form({**ADA, "q1": "Dr. Ada"}), ruled({"name": "q1", "positionInBoard": "q1"}))

        assert [one.value for one in found.extra] == ["Ada Lovelace", "Dr. Ada"]

    def test_a_constant_needs_no_field(self) -> None:
        assert lead(form(ADA), ruled({"source": "'Campaign'"})).source == "Campaign"


class TestLeads:
    def test_each_person_of_an_array_has_an_own_state(self) -> None:
        sent = as_json([ADA, {"name": "Bob"}, {"email": "eve@example.com", "_gotcha": "x"}])

        assert [one.state for one in reading(sent, hook("zapier")).submission.leads] == [
            LeadState.PENDING,
            LeadState.HELD,
            LeadState.SPAM,
        ]

    def test_everything_else_is_an_extra_in_its_order(self) -> None:
        found = lead(
            form([*ADA.items(), ("b", "2"), ("company", "Engines"), ("b", "3"), ("password", "x"), ("_next", "y")])
        )

        assert [(one.key, one.value) for one in found.extra] == [("b", "2"), ("company", "Engines"), ("b", "3")]

    def test_a_message_has_plain_line_ends(self) -> None:
        assert lead(form({"message": "a\r\nb\r\n"})).message == "a\nb"

    def test_each_field_says_where_it_came_from(self) -> None:
        found = lead(form({"Your name": "Ada Lovelace", "mail": "ada@example.com", "email": "ada@work.example"}))

        assert found.origins["full_name"].why == "'Your name' means full name"
        assert (found.origins["email"].key, found.origins["email"].runner_up) == ("mail", "email")

    def test_a_form_without_a_body_has_a_lead_to_mend(self) -> None:
        assert reading(request("", URLENCODED)).lead == Lead(
            source="website", state=LeadState.HELD, reason="no e-mail: there is none"
        )


DECLARED = (
    {"name": "q1", "label": "Your name"},
    {"name": "q2", "type": "email"},
    {"name": "q3", "type": "tel"},
    {"name": "q4", "label": "What is it about?", "type": "textarea"},
    {"name": "q5", "label": "Budget", "type": "select", "options": ["under 5,000", "more"]},
)
ANSWERED = {"q1": "ada lovelace", "q2": "ada@example.com", "q3": "+44 20 7946 0958", "q4": "Engines", "q5": "more"}


class TestDeclaredFields:
    def test_a_form_knows_what_it_asked_for_by_any_name(self) -> None:
        found = lead(form(ANSWERED), ruled({}, fields=DECLARED))

        assert (found.first_name, found.last_name) == ("ada", "lovelace")
        assert (found.email, found.contact_no, found.message) == ("ada@example.com", "+442079460958", "Engines")
        assert [(one.key, one.label, one.value) for one in found.extra] == [("q5", "Budget", "more")]

    def test_a_rule_may_name_a_field_by_its_label_or_its_name(self) -> None:
        for rule in ("Budget", "q5"):
            assert lead(form(ANSWERED), ruled({"status": rule}, fields=DECLARED)).status == "more"

    def test_what_nobody_declared_is_found_as_ever(self) -> None:
        found = lead(form({**ADA, "q5": "more"}), ruled({}, fields=DECLARED))

        assert (found.first_name, found.email) == ("Ada", "ada@example.com")

"""What a form's fields are, when nobody said so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.lead import Field
from app.mapping.findings import Findings
from app.mapping.infer import infer, is_control, means_email
from app.mapping.vocabulary import words

MAIL = "ada@example.com"
FULL = "Ada Lovelace"
PHONE = "+44 7700 900184"
TEXT = "When does the term start?"


def found(findings: Findings) -> dict[str, str]:
    """Target → the key of the field taken for it."""
    return {target: match.field.key for target, match in findings.best.items()}


def of(**fields: str) -> Findings:
    return infer([Field(key, value) for key, value in fields.items()])


def of_pairs(*pairs: tuple[str, str]) -> Findings:
    return infer([Field(key, value) for key, value in pairs])


class TestNotThePerson:
    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("from_name", "ASB website"),
            ("form_name", "Contact – header"),
            ("form-name", "contact"),
            ("form.name", "Quote form"),
            ("company", "Lovelace Ltd"),
            ("Company name", "Lovelace Ltd"),
            ("businessName", "Lovelace Ltd"),
            ("Firma", "Lovelace GmbH"),
            ("product_name", "Green jumper"),
            ("campaign.name", "Spring"),
            ("event_name", "Open day"),
            ("page_name", "Prices"),
            ("file_name", "plan.pdf"),
            ("username", "ada99"),
            ("name_on_card", "A Lovelace"),
            ("organizer.name", "Bob Host"),
            ("agent.name", "Chat Bot"),
            ("friend_name", "Bob"),
            ("emergency contact name", "Bob"),
            ("country name", "France"),
            ("pet name", "Rex"),
        ],
    )
    def test_other_names_are_not_a_persons(self, key: str, value: str) -> None:
        findings = of_pairs((key, value))

        assert not {"full_name", "first_name", "last_name"} & findings.best.keys()
        assert found(of_pairs((key, value), ("your-name", FULL)))["full_name"] == "your-name"

    @pytest.mark.parametrize(
        "key",
        ["admin_email", "recipient", "organizer.email", "host_email", "referrer.email", "friend's email", "site.email"],
    )
    def test_other_addresses_are_not_a_persons(self, key: str) -> None:
        assert "email" not in of_pairs((key, "owner@example.com")).best
        assert found(of_pairs((key, "owner@example.com"), ("Correo", MAIL)))["email"] == "Correo"

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("company phone", "020 7946 0000"),
            ("emergency_contact.phone", "020 7946 0000"),
            ("user_answer", "11"),
            ("ip", "198.51.100.73"),
            ("date", "2026-05-19"),
            ("id", "12345678"),
        ],
    )
    def test_other_numbers_are_not_phones(self, key: str, value: str) -> None:
        assert "contact_no" not in of_pairs((key, value)).best

    @pytest.mark.parametrize(
        "key", ["form_fields.name", "contact_form.name", "formData.name", "contact.name", "data.name"]
    )
    def test_a_name_in_a_form_is_a_persons(self, key: str) -> None:
        assert found(of_pairs((key, FULL))) == {"full_name": key}

    @pytest.mark.parametrize(
        "key", ["form.email", "form_fields.email", "form_fields.field_3f2a1", "event.email", "page.mail"]
    )
    def test_an_address_in_a_thing_is_a_persons(self, key: str) -> None:
        assert found(of_pairs((key, MAIL))) == {"email": key}

    def test_a_file_and_a_routing_variable_are_nobody(self) -> None:
        fields = [
            Field("name", FULL, kind="variable"),
            Field("email", MAIL, kind="variable"),
            Field("name", "a.pdf", kind="file"),
        ]

        assert infer(fields).best == {}
        assert infer(fields).extra == fields


class TestTogether:
    @pytest.mark.parametrize(
        ("first", "last"), [("prenom", "nom"), ("vname", "name"), ("voornaam", "naam"), ("nombre de pila", "nombre")]
    )
    def test_a_name_beside_a_first_name_stays_a_name(self, first: str, last: str) -> None:
        """What a `name` beside another means is the reader's to say."""
        assert found(of_pairs((last, "Lovelace"), (first, "Ada"))) == {"first_name": first, "full_name": last}

    def test_the_surer_field_wins_and_the_other_is_the_runner_up(self) -> None:
        findings = of_pairs(("contact", "Bob Smith"), ("full_name", FULL))

        assert found(findings)["full_name"] == "full_name"
        assert findings.runner_up["full_name"].field.key == "contact"
        assert [one.key for one in findings.extra] == ["contact"]

    def test_an_address_is_taken_where_its_value_is_one(self) -> None:
        assert found(of_pairs(("email", "yes"), ("p1", MAIL), ("p2", FULL))) == {"email": "p1", "full_name": "p2"}

    def test_meaningless_keys_are_told_by_their_values(self) -> None:
        findings = of_pairs(
            ("1.3", MAIL), ("text-412", PHONE), ("p9", "I would like a new website for my bakery in Leeds")
        )

        assert found(findings) == {"email": "1.3", "contact_no": "text-412", "message": "p9"}

    def test_a_kind_says_what_a_meaningless_question_asks(self) -> None:
        fields = [
            Field("a", MAIL, "Where do we send it?", "email"),
            Field("b", "07700 900184", "And where can we reach you?", "phone"),
            Field("c", "Two rooms", "Anything?", "long_text"),
            Field("d", "Ada", "Pick your name", "choice"),
        ]

        assert found(infer(fields)) == {"email": "a", "contact_no": "b", "message": "c"}

    def test_replyto_is_the_visitors_address_where_there_is_no_other(self) -> None:
        assert found(of(name=FULL, _replyto=MAIL))["email"] == "_replyto"
        assert found(of(_replyto="site@example.com", email=MAIL))["email"] == "email"

    def test_an_address_as_a_name_is_none(self) -> None:
        assert found(of(name=MAIL)) == {"email": "name"}

    def test_targets_that_rules_have_found_are_not_looked_for(self) -> None:
        assert infer([Field("email", MAIL)], without={"email"}).extra == [Field("email", MAIL)]

    @pytest.mark.parametrize("value", ["null", "N/A", "undefined", "-", "None"])
    def test_words_for_nothing_are_not_taken(self, value: str) -> None:
        findings = of(name=value, email=value, phone=value, message=value, utm_source=value)

        assert findings.best == {}
        assert findings.utm == {}

    def test_a_field_for_an_address_that_holds_none_is_mistyped(self) -> None:
        assert of(email="ada(at)example.com").mistyped == Field("email", "ada(at)example.com")
        assert of(email=MAIL).mistyped is None
        assert of(admin_email="nobody").mistyped is None


class TestBesideThePerson:
    @pytest.mark.parametrize(
        "key", ["_gotcha", "_honey", "honeypot", "bot-field", "botcheck", "hp_field", "contact.honeypot"]
    )
    def test_a_filled_honeypot_tells_a_robot(self, key: str) -> None:
        assert of_pairs((key, "buy now")).honeypot is not None

    @pytest.mark.parametrize("value", ["", " ", "0", "false", "off", "No"])
    def test_an_empty_honeypot_does_not(self, value: str) -> None:
        findings = of(botcheck=value)

        assert findings.honeypot is None
        assert findings.extra == []

    def test_a_website_is_a_question_and_not_a_honeypot(self) -> None:
        findings = of(website="https://example.com")

        assert findings.honeypot is None
        assert [one.key for one in findings.extra] == ["website"]

    @pytest.mark.parametrize(
        "key",
        """_next _redirect redirect redirectTo redirect_to returnURL retURL _subject _cc _captcha _template _url
        _autoresponse form-name access_key accessKey g-recaptcha-response h-captcha-response cf-turnstile-response utf8
        form_type _wpcf7 _wpcf7_unit_tag csrf_token _charset_ submit User_Agent""".split(),
    )
    def test_what_steers_a_form_service_is_left_out(self, key: str) -> None:
        findings = of_pairs((key, "some value"))

        assert (findings.best, findings.extra, findings.utm) == ({}, [], {})
        assert is_control(key)

    @pytest.mark.parametrize("key", ["_replyto", "name", "subject", "website", "_name"])
    def test_what_a_visitor_types_is_not(self, key: str) -> None:
        assert not is_control(key)

    @pytest.mark.parametrize(
        "key",
        """password user.password passwordConfirmation new_password Passwort card_number cvc payment.card_number IBAN
        card.number pass""".split(),
    )
    def test_secrets_are_not_kept(self, key: str) -> None:
        assert of_pairs((key, "hunter2")) == Findings(dropped=1)

    def test_a_question_about_passwords_is_a_question(self) -> None:
        assert [one.value for one in of_pairs(("Do you need a password protected area?", "yes")).extra] == ["yes"]


class TestCampaign:
    @pytest.mark.parametrize(
        "key", ["utm_source", "UTM_Source", "utm.source", "hidden.utm_source", "fields.utmSource", "utm-source"]
    )
    def test_campaign_fields_are_found_however_they_are_written(self, key: str) -> None:
        assert of_pairs((key, " ads ")).utm == {"utm_source": "ads"}

    def test_click_ids_are_kept_with_them(self) -> None:
        assert of(gclid="abc", fbclid="def", gclid_note="no").utm == {"gclid": "abc", "fbclid": "def"}

    @pytest.mark.parametrize("key", ["Page URL", "page_url", "landingPage", "referrer", "meta.page_url", "url"])
    def test_a_visited_page_tells_the_campaign_in_its_address(self, key: str) -> None:
        findings = of_pairs((key, "https://www.example.com/?a=b&utm_source=ads&utm_term=&UTM_medium=cpc&gclid=x#top"))

        assert findings.utm == {"utm_source": "ads", "utm_medium": "cpc", "gclid": "x"}
        assert [one.key for one in findings.extra] == [key]

    def test_campaign_fields_count_more_than_the_page(self) -> None:
        assert of(url="https://a.example/?utm_source=page", utm_source="field").utm == {"utm_source": "field"}

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("message", "https://a.example/?utm_source=x"),
            ("website", "https://a.example/?utm_source=x"),
            ("url", "see https://a.example/?utm_source=x"),
            ("url", "http://[broken?utm_source=x"),
            ("url", "http://a/?" + "a=b&" * 200 + "utm_source=x"),
            ("url", "http://a/?utm_source=%00"),
        ],
    )
    def test_other_addresses_tell_nothing(self, key: str, value: str) -> None:
        assert of_pairs((key, value)).utm == {}

    def test_a_second_value_stays_an_extra(self) -> None:
        findings = of_pairs(("utm_source", "ads"), ("utm.source", "mail"))

        assert findings.utm == {"utm_source": "ads"}
        assert findings.extra == [Field("utm.source", "mail")]
        assert findings.best == {}


@pytest.mark.parametrize(
    ("key", "is_one"),
    [("email", True), ("contact[email]", True), ("E-Mail-Adresse", True), ("admin_email", False), ("name", False)],
)
def test_fields_for_an_address_are_known_by_their_key(key: str, is_one: bool) -> None:
    assert means_email(key) == is_one


class TestWhatItIsNot:
    @pytest.mark.parametrize("asked", ["Project type", "Type de projet", "Project deadline", "Lieu du projet"])
    def test_what_sort_of_a_project_it_is_is_not_what_is_said_of_it(self, asked: str) -> None:
        findings = of_pairs(("email", MAIL), (asked, "Extension of a house"), ("Your project", TEXT))
        assert found(findings)["message"] == "Your project"
        assert "message" not in found(of_pairs(("email", MAIL), (asked, "Extension of a house")))

    @pytest.mark.parametrize("moment", ["1761732000", "1761732000123"])
    def test_a_time_in_seconds_since_1970_is_no_phone(self, moment: str) -> None:
        assert "contact_no" not in found(of_pairs(("email", MAIL), ("q7", moment)))

    @pytest.mark.parametrize("key", ["x9-form7", "input-9f_ab12"])
    def test_a_key_that_a_builder_made_up_leaves_it_to_the_value(self, key: str) -> None:
        assert found(of_pairs(("email", MAIL), (key, FULL)))["full_name"] == key


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("contactEmail", "contact email"),
        ("contact-email2", "contact email"),
        ("Prénom *", "prenom"),
        ("Straße", "strasse"),
        ("What’s your name?", "what s your name"),
        ("text-412", "text 412"),
        ("ＦＵＬＬ　ＮＡＭＥ", "full name"),
        ("", ""),
    ],
)
def test_names_are_taken_apart_into_words(text: str, spelled: str) -> None:
    assert " ".join(words(text)) == spelled


@given(st.text(max_size=30))
def test_words_of_words_are_the_same_words(text: str) -> None:
    found = words(text)

    assert words(" ".join(found)) == found
    assert all(word == word.casefold() for word in found)


@given(st.lists(st.builds(Field, st.text(max_size=10), st.text(max_size=10), st.text(max_size=10))))
def test_no_field_is_taken_twice(fields: list[Field]) -> None:
    findings = infer(fields)
    taken = [id(match.field) for match in findings.best.values()]

    assert len(taken) == len(set(taken))
    assert not set(taken) & {id(one) for one in findings.extra}

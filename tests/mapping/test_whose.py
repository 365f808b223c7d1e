"""Whose a field is: the visitor's, the site's, a robot's, or nobody's to keep."""

from __future__ import annotations

import pytest

from app.lead import Field
from app.mapping.infer import infer

ADA = [Field("name", "Ada Lovelace"), Field("phone", "+442079460958")]


@pytest.mark.parametrize(
    "label", ["Please describe the honeypot cleaning job", "Leave this field empty if you have no children"]
)
def test_a_question_with_a_traps_words_is_none(label: str) -> None:
    assert infer([Field("q1", "Two of them", label)]).honeypot is None


@pytest.mark.parametrize("label", ["Leave this field empty", "Leave this field empty if you're human:"])
def test_a_trap_is_one_by_its_label(label: str) -> None:
    assert infer([Field("q1", "x", label)]).honeypot is not None


@pytest.mark.parametrize("whose", "realtor broker seller sales_person consultant provider inviter closer".split())
def test_another_persons_address_is_not_the_leads(whose: str) -> None:
    found = infer([Field(f"{whose}_email", "bob@example.org"), Field(f"{whose}_name", "Bob Agent"), *ADA]).best

    assert "email" not in found
    assert found["full_name"].value == "Ada Lovelace"


@pytest.mark.parametrize("key", ["to", "company_email", "business_email", "property_email"])
def test_the_sites_address_is_not_a_callers(key: str) -> None:
    assert "email" not in infer([Field(key, "info@example.org"), *ADA]).best


def test_a_firms_address_is_the_contact_where_there_is_no_phone() -> None:
    assert infer([Field("company_email", "info@example.org"), ADA[0]]).best["email"].value == "info@example.org"


@pytest.mark.parametrize("key", ["autoresponder_body", "autoresponder", "thank_you_message"])
def test_what_the_site_answers_is_no_message(key: str) -> None:
    assert "message" not in infer([Field(key, "Hello, we got your enquiry and will answer soon."), *ADA]).best


@pytest.mark.parametrize("key", ["google_key", "HandshakeKey", "webhook_secret", "auth.token", "clientSecret"])
def test_a_services_secret_is_not_kept(key: str) -> None:
    findings = infer([Field(key, "TOPSECRET"), *ADA])

    assert findings.dropped == 1
    assert all(one.value != "TOPSECRET" for one in findings.extra)


def test_secret_santa_is_no_secret() -> None:
    assert infer([Field("secret_santa", "yes")]).dropped == 0


@pytest.mark.parametrize(
    "label",
    ["How can we assist you?", "Wobei können wir helfen?", "Décrivez votre besoin", "Cuéntanos qué necesitas",
     "Scrivici", "Fale sobre seu projeto", "Stel uw vraag", "Napisz wiadomość", "Co vás zajímá?",
     "Beskriv ditt ärende"],
)  # fmt: skip
def test_what_real_sites_ask_is_the_message(label: str) -> None:
    assert infer([Field("q1", "Eine Website", label), *ADA]).best["message"].value == "Eine Website"

"""What single providers do that no other does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.sources import SOURCES, source_of
from app.sources.base import Credentials, Inbound, Parsed
from tests.sources.contract import CASES
from tests.sources.requests import as_json, form, hook, reading

STRANGERS: list[dict[str, Any]] = [
    {"object": "page", "id": "7b1c", "properties": {"Name": "Ada", "Email": "ada@example.com"}},
    {"website_id": "w1", "event": "form.submitted", "data": {"name": "Ada", "email": "ada@example.com"}},
    {"event": "form.sent", "payload": {"event_type": "contact", "name": "Ada", "email": "ada@example.com"}},
    {"eventId": "1", "eventType": "SENT", "data": {"fields": [{"label": "E-mail", "value": "ada@example.com"}]}},
]


def parsed(source: str, data: Any, **headers: str) -> Parsed:
    return SOURCES[source].parse(as_json(data, **headers))


@pytest.mark.parametrize("body", STRANGERS)
def test_what_only_resembles_a_provider_is_not_dropped_with_a_note(body: dict[str, Any]) -> None:
    assert any("ada@example.com" in one.email for one in reading(as_json(body)).submission.leads)
    found = source_of("auto", as_json(body)).parse(as_json(body))
    assert found.entries
    assert not found.note


def test_one_word_that_formstack_sends_in_a_form_is_no_name_of_a_part() -> None:
    sent = {
        "FormID": "31",
        "UniqueID": "1120388120",
        "Phone": "5550142",
        "Name": "first = Ada\nlast = King",
        "Go": "yes",
    }
    [entry] = SOURCES["formstack"].parse(form(sent)).entries
    assert {one.key: one.value for one in entry.fields} == {
        "FormID": "31", "UniqueID": "1120388120", "Phone": "5550142", "Name.first": "Ada", "Name.last": "King",
        "Go": "yes",
    }  # fmt: skip


def test_linkedins_signature_may_name_its_scheme() -> None:
    [case] = [one for one in CASES if one.sample.name == "linkedin-created"]
    good = case.signed()
    named = {**good.headers, "x-li-signature": f"hmacsha256={good.headers['x-li-signature']}"}
    case.source.verify(Inbound(good.body, named), Credentials((case.secret,)), case.sample.now)


def test_of_hubspots_new_objects_only_contacts_are_fetched() -> None:
    def event(kind: str, id_: int) -> dict[str, Any]:
        return {"subscriptionType": "object.creation", "objectTypeId": kind, "objectId": id_, "eventId": id_}

    assert parsed("hubspot", [event("0-1", 1), event("0-3", 2)]).to_fetch == ("1",)


def test_a_transcript_of_a_chat_is_held_for_a_person() -> None:
    visitor = {"name": "Ada King", "email": "ada@example.com"}
    found = parsed(
        "tawk", {"event": "chat:transcript_created", "chat": {"id": "1", "visitor": visitor, "messages": []}}
    )
    assert found.entries
    assert found.hold


def test_the_ping_of_woocommerce_is_answered_unsigned() -> None:
    ping = form({"webhook_id": "5"})
    assert SOURCES["woocommerce"].handshake(ping, Credentials(("secret",))) is not None
    assert SOURCES["woocommerce"].handshake(as_json({"webhook_id": 5, "id": 1}), Credentials(("secret",))) is None


def test_an_id_of_a_header_can_be_stored() -> None:
    found = reading(as_json({"email": "ada@example.com"}, idempotency_key="00000000\x00"))
    assert "\x00" not in str(found.submission.event_id)


@pytest.mark.parametrize(
    ("source", "body"),
    [
        ("linkedin", {"name": "Ada"}),
        ("json", {"name": "Ada", "challenge": "30-day"}),
        ("json", {"challenge": "ada@example.com", "telegram": "ada"}),
        ("woocommerce", {"webhook_id": "ada@example.com"}),
        ("woocommerce", {"webhook_id": {"email": "ada@example.com"}}),
    ],
)
def test_what_may_hold_a_person_is_never_taken_for_a_handshake(source: str, body: Any) -> None:
    sent = replace(as_json(body, x_hook_secret="abc"), query={"challengeCode": "abc", "validationToken": "abc"})
    assert SOURCES[source].handshake(sent, Credentials(("secret",))) is None


def test_only_a_get_is_a_challenge_of_linkedin() -> None:
    asked = Inbound(b"", query={"challengeCode": "abc"}, method="GET")
    assert SOURCES["linkedin"].handshake(asked, Credentials(("secret",))) is not None
    assert source_of("auto", replace(asked, method="POST")).name == "json"


def test_events_of_hubspot_without_ids_have_none() -> None:
    event = {"subscriptionType": "contact.creation", "objectId": 1, "portalId": 1}
    assert parsed("hubspot", [event, event]).event_id is None


@pytest.mark.parametrize("where", ["billing_address", "default_address"])
def test_a_guest_of_a_shop_is_called_as_the_address_says(where: str) -> None:
    address = {"first_name": "Ada", "last_name": "King", "phone": "+442079460958"}
    customer = {"first_name": None, "default_address": address if where == "default_address" else None}
    order = {"email": "ada@example.com", "customer": customer, "billing_address": None, where: address}
    [found] = reading(as_json(order), hook("shopify")).submission.leads
    assert (found.first_name, found.last_name, found.contact_no) == ("Ada", "King", "+442079460958")


def test_a_number_in_four_parts_is_one() -> None:
    phone = {"country": "1", "area": "415", "prefix": "555", "line": "0142"}
    [found] = reading(as_json({"email": "ada@example.com", "phone": phone}), hook()).submission.leads
    assert "".join(filter(str.isdigit, found.contact_no)) == "14155550142"


@pytest.mark.parametrize(
    ("source", "body", "headers"),
    [
        ("intercom", {"topic": "ticket.created", "data": {"item": {"contacts": [{"email": "ada@example.com"}]}}}, {}),
        ("crisp", {"website_id": "x", "event": "people:new", "data": {"email": "ada@example.com"}}, {}),
        ("shopify", {"email": "ada@example.com"}, {"x_shopify_topic": "companies/create"}),
        ("woocommerce", {"email": "ada@example.com"}, {"x_wc_webhook_topic": "action.my_form"}),
        ("mailchimp", {"data": {"email": "ada@example.com"}}, {}),
        ("tawk", {"event": "Summer gala", "email": "ada@example.com"}, {}),
        ("calendly", {"event": "user.signup", "payload": {"email": "ada@example.com"}}, {}),
    ],
)
def test_who_is_in_an_unknown_event_is_held_for_a_person(source: str, body: Any, headers: dict[str, str]) -> None:
    found = parsed(source, body, **headers)
    assert found.entries
    assert found.hold


@pytest.mark.parametrize("topic", ["customers/update", "customers/delete", "orders/cancelled", "orders/paid"])
def test_an_event_that_is_known_to_be_of_nobody_new_is_a_note(topic: str) -> None:
    found = parsed("shopify", {"email": "ada@example.com"}, x_shopify_topic=topic)
    assert not found.entries
    assert found.note

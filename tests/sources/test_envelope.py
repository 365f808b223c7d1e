"""What stands around people in anybody's requests: several of them, ids, and events."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sources.requests import as_json, hook, reading

ADA = {"name": "Ada King", "email": "ada@example.com"}
BOB = {"name": "Bob Lee", "email": "bob@example.com"}
BY_PHONE = [{"name": "Ada King", "phone": "+442079460958"}, {"name": "Bob Lee", "phone": "+442079460111"}]
P = {**ADA, "message": "Please come today."}


def people(body: Any) -> list[str]:
    return [one.first_name for one in reading(as_json(body), hook()).submission.leads]


def event_id(body: Any, **headers: str) -> str | None:
    return reading(as_json(body, **headers), hook()).submission.event_id


def state(body: Any) -> str:
    [found] = reading(as_json(body), hook()).submission.leads
    return found.state


@pytest.mark.parametrize(
    "body",
    [
        {"contacts": [ADA, BOB], "tags": ["a", "b"]},
        {"data": {"leads": [ADA, BOB]}},
        {"event": "x", "data": {"contacts": [ADA, BOB]}},
        {"count": 2, "users": [ADA, BOB]},
        {"meta": 1, "attendees": [ADA, BOB]},
        {"count": 2, "leads": BY_PHONE},
        [ADA, BOB, None],
        ["hdr", ADA, BOB],
        [ADA, BOB, ADA],
        [{"event": "heartbeat", "ts": 1780000000}, ADA, {"event": "stats", "count": 2}, BOB],
    ],
)
def test_each_of_several_people_is_a_lead_once(body: Any) -> None:
    assert people(body) == ["Ada", "Bob"]


@pytest.mark.parametrize(
    "body",
    [
        {"count": 2, "participants": [{**ADA, "role": "guest"}, {**BOB, "role": "host"}]},
        {**ADA, "attendees": [ADA, BOB]},
        {**ADA, "items": [{"sku": "a", "price": "1"}, {"sku": "b", "price": "2"}]},
    ],
)
def test_who_only_stands_beside_the_person_is_no_lead(body: Any) -> None:
    assert people(body) == ["Ada"]


@pytest.mark.parametrize("header", ["x_request_id", "fly_request_id", "x_correlation_id", "x_message_id"])
def test_an_id_that_a_proxy_stamps_is_not_the_senders(header: str) -> None:
    assert event_id(P, **{header: "1111111111111111"}) is None


def test_a_submissions_own_id_wins_over_that_of_a_delivery() -> None:
    assert event_id({**P, "submission_id": "s-1"}, x_delivery_id="1111111111") == "s-1"
    assert event_id({**P, "submission_id": "s-1"}, webhook_id="msg_1") == "msg_1"
    assert event_id({**P, "id": "7"}, x_github_delivery="1111111111") == "1111111111"
    assert event_id({**P, "MessageSid": "SM1"}) == "SM1"


@pytest.mark.parametrize(
    "more",
    [
        {"event": "Emergency repair"}, {"topic": "Emergency"}, {"topic": "Junk removal"}, {"test": "yes"},
        {"topic": "Cancellation policy", "utm": {"a": 1}}, {"topic": "Blood test", "utm": {"a": 1}},
        {"type": "Tree removal", "utm": {"a": 1}}, {"topic": "Test"},
    ],
)  # fmt: skip
def test_what_somebody_asks_for_is_no_event(more: dict[str, Any]) -> None:
    assert state({**P, **more}) == "pending"


@pytest.mark.parametrize(
    "body",
    [
        {"event": "contact.deleted", **P}, {"event": "BookingCancelled", "data": P}, {"type": "merged", "data": P},
        {"topic": "lead_no_show", "data": P}, {"event": "webhook-test", "data": P}, {**P, "is_test": True},
    ],
)  # fmt: skip
def test_an_event_about_no_new_lead_is_held(body: dict[str, Any]) -> None:
    assert state(body) == "held"


def test_very_many_ids_are_not_fetched() -> None:
    events = [{"subscriptionType": "contact.creation", "objectId": one, "portalId": 1} for one in range(19_900)]

    found = reading(as_json(events), hook("hubspot"))

    assert len(found.submission.leads) == 1
    assert "500 is the most" in str(found.problem)


@pytest.mark.parametrize(
    ("asked", "said"), [("question", "answer"), ("q", "a"), ("Q", "A"), ("key", "val"), ("question", "ans")]
)
@pytest.mark.parametrize("around", [{}, {"id": "e-81"}])
def test_a_list_of_answers_is_one_person_however_their_parts_are_called(
    asked: str, said: str, around: dict[str, str]
) -> None:
    answers = [("Your name?", "Ada King"), ("Mail", "ada@example.com"), ("Message", "Please come today.")]
    body = {**around, "answers": [{asked: question, said: answer} for question, answer in answers]}
    [lead] = reading(as_json(body), hook()).submission.leads
    assert (lead.first_name, lead.last_name, lead.email) == ("Ada", "King", "ada@example.com")
    assert lead.message == "Please come today."


def test_what_is_called_by_one_letter_is_no_answer_without_its_question() -> None:
    more = {"test": {"a": "1", "name": "red"}, "size": {"value": "L", "q": "2"}}
    [lead] = reading(as_json({**P, **more}), hook()).submission.leads
    kept = {(one.key, one.value) for one in lead.extra}
    assert kept == {("test.a", "1"), ("test.name", "red"), ("size", "L"), ("size.q", "2")}

"""The decision table: what AgencyHandy answers, and what becomes of the leads that were sent."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.delivery.contract import Answer, read_members, words_of
from app.delivery.outcomes import Outcome, retry_after
from app.delivery.policy import LONGEST_WAIT, Decision, Health, Policy, parted, requests_of
from app.lead import Lead, LeadState
from app.outbox.records import BREAKER_AFTER, QueuedLead, Workspace

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
POLICY = Policy(jitter=lambda least, most: most)
NAMES = ("Ada Lovelace", "Grace Hopper", "Mary Shelley")


def queued(name: str = NAMES[0], **more: Any) -> QueuedLead:
    first, _, last = name.partition(" ")
    lead = Lead(first_name=first, last_name=last, email=f"{first}@example.com".lower())
    return QueuedLead(id=f"lead-{first}", lead=lead, received_at=NOW - timedelta(minutes=1), **more)


def created(*names: str) -> Answer:
    body = {
        "message": "Lead created successfully",
        "createdMembers": [{"_id": f"id-{name}", "name": name} for name in names],
    }
    return Answer(201, json.dumps(body), members=read_members(json.dumps(body)))


def refused(status: int, message: str = "Bad things", **more: Any) -> Answer:
    return Answer(status, json.dumps({"statusCode": status, "message": message}), **more)


def ids(groups: tuple[tuple[QueuedLead, ...], ...]) -> list[list[str]]:
    return [[lead.id for lead in group] for group in groups]


def states(decision: Decision) -> dict[str, LeadState]:
    return {one.lead_id: one.state for one in decision.settlements}


ONE = (queued(),)
SEVERAL = tuple(queued(name) for name in NAMES)


def test_when_all_are_created_all_are_delivered_with_their_member_ids() -> None:
    decision = POLICY.decide(created(*NAMES), SEVERAL, NOW)

    assert [one.member_id for one in decision.settlements] == [f"id-{name}" for name in NAMES]
    assert set(states(decision).values()) == {LeadState.DELIVERED}
    assert (decision.health, decision.again) == (Health.WELL, ())


def test_two_people_of_one_name_get_a_member_id_each() -> None:
    twins = (queued(), replace(queued(), id="lead-other"))
    answer = replace(
        created(NAMES[0], NAMES[0]),
        members=read_members(
            '{"createdMembers": [{"_id": "1", "name": "Ada Lovelace"}, {"_id": "2", "name": "ada  lovelace"}]}'
        ),
    )

    assert [one.member_id for one in POLICY.decide(answer, twins, NOW).settlements] == ["1", "2"]


def test_of_two_people_of_one_name_neither_is_taken_for_the_one_that_was_created() -> None:
    twins = (queued(), replace(queued(), id="lead-other"))

    decision = POLICY.decide(created(NAMES[0]), twins, NOW)

    assert decision.settlements == ()
    assert [[lead.id for lead in group] for group in decision.again] == [["lead-Ada"], ["lead-other"]]


@pytest.mark.parametrize("email", ["unique@example.com", "role@example.com", "taken.exists@example.com"])
def test_words_of_the_leads_own_mean_nothing_in_an_answer(email: str) -> None:
    lead = replace(queued(), lead=Lead(first_name="Role", last_name="Taken", email=email))

    decision = POLICY.decide(refused(400, f"Lead Role Taken with email {email} is not acceptable"), (lead,), NOW)

    assert states(decision) == {lead.id: LeadState.HELD}


def test_of_a_short_answer_those_named_are_delivered_and_the_rest_sent_again_alone() -> None:
    decision = POLICY.decide(created("Grace Hopper"), SEVERAL, NOW)

    assert states(decision) == {"lead-Grace": LeadState.DELIVERED}
    assert [[lead.id for lead in group] for group in decision.again] == [["lead-Ada"], ["lead-Mary"]]
    assert all(group[0].unknown for group in decision.again)


def test_a_single_lead_that_the_answer_does_not_name_is_sent_again_as_unknown() -> None:
    decision = POLICY.decide(created(), ONE, NOW)

    assert states(decision) == {"lead-Ada": LeadState.PENDING}
    assert decision.settlements[0].unknown
    assert decision.settlements[0].next_attempt_at == NOW + timedelta(seconds=1)


def test_names_that_nobody_sent_confirm_nothing() -> None:
    decision = POLICY.decide(created("Somebody Else", "Another Person", "Third One"), SEVERAL, NOW)

    assert decision.settlements == ()
    assert len(decision.again) == 3


@pytest.mark.parametrize(
    "text", ["<html>ok</html>", "", "{}", '{"createdMembers": "many"}', '{"createdMembers": [{}]}', "[]"]
)
@pytest.mark.parametrize("leads", [ONE, SEVERAL], ids=["one", "several"])
def test_a_2xx_that_is_not_the_documented_json_confirms_nothing(text: str, leads: tuple[QueuedLead, ...]) -> None:
    decision = POLICY.decide(Answer(200, text, members=read_members(text)), leads, NOW)

    assert decision.outcome is Outcome.UNKNOWN
    assert all(one.state is LeadState.PENDING and one.unknown for one in decision.settlements)


TAKEN = [
    refused(409, "Conflict"),
    refused(409, "User with email a@b.c already exists"),
    refused(400, "E-mail already exists"),
    refused(422, "email must be unique"),
    refused(400, "E11000 duplicate key error collection: members index: email_1"),
    Answer(400, '{"message": ["email is taken"]}'),
]


@pytest.mark.parametrize("answer", TAKEN, ids=lambda answer: answer.text[:50])
def test_a_taken_email_makes_a_single_lead_a_duplicate(answer: Answer) -> None:
    assert states(POLICY.decide(answer, ONE, NOW)) == {"lead-Ada": LeadState.DUPLICATE}


@pytest.mark.parametrize("answer", TAKEN, ids=lambda answer: answer.text[:50])
def test_a_taken_email_after_an_unknown_outcome_means_that_the_lead_did_arrive(answer: Answer) -> None:
    assert states(POLICY.decide(answer, (queued(unknown=True),), NOW)) == {"lead-Ada": LeadState.DELIVERED}


@pytest.mark.parametrize(
    "answer", [*TAKEN, refused(400), refused(422, "firstName must be a string")], ids=lambda a: a.text[:50]
)
def test_a_batch_refused_for_one_that_the_answer_does_not_name_goes_on_as_one_each(answer: Answer) -> None:
    decision = POLICY.decide(answer, SEVERAL, NOW)

    assert ids(decision.again) == [["lead-Ada"], ["lead-Grace"], ["lead-Mary"]]
    assert decision.outcome is Outcome.APART  # it says nothing yet of any of them
    assert decision.settlements == ()
    assert decision.health is Health.WELL


@pytest.mark.parametrize(
    "words",
    ["User with email GRACE@example.com already exists", "1.email: must be an email", "[1].firstName is not a text"],
)
def test_of_a_refused_batch_whom_the_answer_names_goes_alone_and_the_rest_together(words: str) -> None:
    decision = POLICY.decide(refused(400, words), SEVERAL, NOW)

    assert ids(decision.again) == [["lead-Ada", "lead-Mary"], ["lead-Grace"]]


@pytest.mark.parametrize("words", ["9.email is wrong", "version 1.0 of the API", "1.5 seconds", "Bad [request]"])
def test_numbers_that_name_nobody_part_nobody(words: str) -> None:
    assert ids(parted(SEVERAL, words)) == [["lead-Ada"], ["lead-Grace"], ["lead-Mary"]]


def test_an_installation_can_teach_other_words_for_a_taken_email() -> None:
    policy = replace(POLICY, taken=re.compile("bereits vergeben"))

    assert policy.classify(refused(400, "Diese Adresse ist bereits vergeben")) is Outcome.TAKEN
    assert POLICY.classify(refused(400, "Diese Adresse ist bereits vergeben")) is Outcome.REFUSED


@pytest.mark.parametrize("status", [400, 422, 410, 418, 451])
def test_a_single_lead_that_is_refused_is_held_with_agencyhandys_words(status: int) -> None:
    [settlement] = POLICY.decide(refused(status, "contactNo is too long"), ONE, NOW).settlements

    assert (settlement.state, settlement.reason) == (LeadState.HELD, "refused: contactNo is too long")


@pytest.mark.parametrize("status", [400, 403, 422])
def test_a_refused_role_is_resolved_again_once_and_the_same_leads_are_sent_again(status: int) -> None:
    decision = POLICY.decide(refused(status, "Role not found: 123"), SEVERAL, NOW)

    assert decision.refresh_role
    assert decision.again == (SEVERAL,)


def test_of_a_web_page_only_what_one_reads_there_counts_not_its_markup() -> None:
    """Whoever guards AgencyHandy may have the browser proven first, with a page whose tags speak of roles."""
    page = """\ufeff<?xml version="1.0"?><!DOCTYPE html>
    <html><head><title>Just a moment...</title><style>.role { margin: 0 }</style></head>
    <body><div class="wrapper" role="main"><!-- the role --><p>Enable JavaScript &amp; cookies</p></div>"""

    decision = POLICY.decide(Answer(403, page), SEVERAL, NOW)

    assert (decision.outcome, decision.health) == (Outcome.ACCESS, Health.CLOSED)
    assert decision.words == "Enable JavaScript & cookies"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Too  busy\n", "Too busy"),
        ('{"message": "Bad things"}', "Bad things"),
        ("<html><head><title>502</title></head><body><h1>502 Bad Gateway</h1><hr>nginx", "502 Bad Gateway nginx"),
        ("<pre>Error: &quot;x&quot; is wrong</pre>", 'Error: "x" is wrong'),
        ("<email> is wrong", "<email> is wrong"),
        ('{"message": "<email> is wrong"}', "<email> is wrong"),
        ('{"message": "<html><div role=main>Bad things"}', "Bad things"),
        ("<html><head><title>Not now</title></head><body></body></html>", "Not now"),
        ("<html><head><title>Oh</title><body><p>Bad < 5", "Bad < 5"),
        (f"<html><head><title>Oh</title><style>{'p {}' * 5000}</style></head><h1>Bad", "Bad"),
        ("<?xml version='1.0'?><Error><Message><![CDATA[Bad things]]></Message></Error>", "Bad things"),
        ("<title" * 9000, "a web page"),
        (f"<p>Bad &#{'9' * 5000}; things &#0; &#xD800;", "Bad things \ufffd \ufffd"),
        (" <html>", "a web page"),
        ("<script" * 2000, "a web page"),
        ("1 < 2", "1 < 2"),
        ("<3", "<3"),
        ("", ""),
    ],
)
def test_what_was_said_is_told_in_one_line_without_markup(text: str, words: str) -> None:
    assert words_of(Answer(500, text)) == words


def test_a_role_that_is_refused_though_fresh_may_be_the_leads_doing() -> None:
    """Or one lead whose refusal speaks of roles would stop all others."""
    several = POLICY.decide(refused(400, "Role not found: 123"), SEVERAL, NOW, role_is_fresh=True)
    alone = POLICY.decide(refused(400, "Role not found: 123"), ONE, NOW, role_is_fresh=True)

    assert (len(several.again), several.refresh_role) == (3, False)
    assert (alone.health, [one.attempts for one in alone.settlements]) == (Health.FAILING, [1])


@pytest.mark.parametrize(
    "words", ["The e-mail domain does not exist", "email address doesn't exist", "This email is no longer existing"]
)
def test_an_address_that_does_not_exist_is_not_one_that_is_taken(words: str) -> None:
    assert states(POLICY.decide(refused(400, words), ONE, NOW)) == {"lead-Ada": LeadState.HELD}


def test_only_agencyhandys_message_counts_not_the_request_that_it_repeats() -> None:
    answer = Answer(
        400, json.dumps({"message": "firstName is too long", "request": [{"email": "x", "role": "unique"}]})
    )

    assert states(POLICY.decide(answer, ONE, NOW)) == {"lead-Ada": LeadState.HELD}


def test_a_retry_after_that_is_over_does_not_keep_the_breaker_from_opening() -> None:
    workspace = Workspace(failures=BREAKER_AFTER - 1)

    decision = POLICY.decide(refused(503, retry_after="0"), ONE, NOW)

    assert (POLICY.after(workspace, decision, NOW).not_before or NOW) > NOW


def test_a_success_does_not_cut_short_what_a_retry_after_asked_for() -> None:
    asked = Workspace(failures=1, not_before=NOW + timedelta(hours=1))

    assert POLICY.after(asked, POLICY.decide(created(NAMES[0]), ONE, NOW), NOW).not_before == asked.not_before


@pytest.mark.parametrize("status", [301, 401, 403, 404, 405])
@pytest.mark.parametrize("leads", [ONE, SEVERAL], ids=["one", "several"])
def test_refused_access_pauses_the_workspace_and_spends_no_attempt(status: int, leads: tuple[QueuedLead, ...]) -> None:
    decision = POLICY.decide(refused(status, "Forbidden"), leads, NOW)

    assert decision.health is Health.CLOSED
    assert all(
        (one.state, one.attempts, one.next_attempt_at) == (LeadState.PENDING, 0, NOW) for one in decision.settlements
    )


def test_a_probe_that_is_refused_though_the_key_is_good_lets_another_lead_try_next() -> None:
    decision = POLICY.decide(refused(403, "Forbidden"), ONE, NOW, is_probe=True)

    assert decision.health is Health.CLOSED
    assert [(one.attempts, one.next_attempt_at) for one in decision.settlements] == [(0, NOW + POLICY.probe_every)]


def test_leads_that_are_refused_access_though_the_key_is_good_are_the_trouble_themselves() -> None:
    several = POLICY.decide(refused(403, "Forbidden"), SEVERAL, NOW, access_is_proven=True)
    alone = POLICY.decide(refused(403, "Forbidden"), ONE, NOW, access_is_proven=True)

    assert ids(several.again) == [["lead-Ada"], ["lead-Grace"], ["lead-Mary"]]
    assert (several.health, alone.health) == (Health.WELL, Health.WELL)
    assert [(one.state, one.attempts) for one in alone.settlements] == [(LeadState.PENDING, 1)]


LATER = [refused(status) for status in (408, 425, 429, 500, 502, 503, 504, 599)] + [
    Answer(None, "ConnectError", sent=False)
]


@pytest.mark.parametrize("answer", LATER, ids=lambda answer: str(answer.status))
@pytest.mark.parametrize("leads", [ONE, SEVERAL], ids=["one", "several"])
def test_what_agencyhandy_cannot_take_now_waits(answer: Answer, leads: tuple[QueuedLead, ...]) -> None:
    decision = POLICY.decide(answer, leads, NOW)

    assert decision.health is Health.FAILING
    assert all((one.state, one.attempts) == (LeadState.PENDING, 1) for one in decision.settlements)
    assert len(decision.settlements) == len(leads)


@pytest.mark.parametrize("answer", LATER, ids=lambda answer: str(answer.status))
def test_an_error_of_the_servers_may_hide_that_the_lead_was_created(answer: Answer) -> None:
    """A gateway that gave up waiting answers 502 or 504 for what AgencyHandy did all the same."""
    [settlement] = POLICY.decide(answer, ONE, NOW).settlements

    assert settlement.unknown == ((answer.status or 0) >= 500)


def test_leads_that_may_spoil_a_request_go_alone_and_the_others_together() -> None:
    fresh, unknown, failed = SEVERAL[0], replace(SEVERAL[1], unknown=True), replace(SEVERAL[2], attempts=2)

    assert ids(tuple(requests_of([fresh, unknown, replace(fresh, id="other"), failed]))) == [
        ["lead-Ada", "other"],
        ["lead-Grace"],
        ["lead-Mary"],
    ]


@pytest.mark.parametrize("leads", [ONE, SEVERAL], ids=["one", "several"])
def test_a_connection_lost_after_sending_leaves_every_outcome_unknown(leads: tuple[QueuedLead, ...]) -> None:
    decision = POLICY.decide(Answer(None, "ReadTimeout", sent=True), leads, NOW)

    assert all(one.unknown and one.state is LeadState.PENDING for one in decision.settlements)


@pytest.mark.parametrize(
    "answer", [refused(503), refused(429), refused(401), Answer(None, "ConnectError", sent=False)], ids=str
)
def test_an_unknown_outcome_stays_unknown_through_later_failures(answer: Answer) -> None:
    [settlement] = POLICY.decide(answer, (queued(unknown=True),), NOW).settlements

    assert settlement.unknown


@pytest.mark.parametrize(
    ("attempts", "most"), [(0, 1), (1, 2), (2, 4), (5, 32), (10, 1024), (11, 1800), (40, 1800), (10_000, 1800)]
)
def test_the_wait_doubles_from_a_second_to_half_an_hour(attempts: int, most: int) -> None:
    [settlement] = POLICY.decide(refused(503), (queued(attempts=attempts),), NOW).settlements

    assert settlement.next_attempt_at == NOW + timedelta(seconds=most)
    assert timedelta(seconds=most) <= LONGEST_WAIT


def test_the_wait_has_full_jitter() -> None:
    drawn: list[tuple[float, float]] = []
    policy = Policy(jitter=lambda least, most: drawn.append((least, most)) or 0.25)  # type: ignore[func-returns-value]

    [settlement] = policy.decide(refused(503), (queued(attempts=3),), NOW).settlements

    assert drawn == [(0, 8.0)]
    assert settlement.next_attempt_at == NOW + timedelta(seconds=0.25)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("120", timedelta(minutes=2)),
        ("0", timedelta()),
        ("Mon, 23 Nov 2026 12:00:30 GMT", timedelta(seconds=30)),
        ("Mon, 23 Nov 2026 11:00:00 GMT", timedelta()),
        ("99999999999999", timedelta(days=1)),
        ("soon", None),
        ("-5", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("", None),
        ("²", None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_bounded(header: str, wait: timedelta | None) -> None:
    assert retry_after(header, NOW) == wait


def test_retry_after_is_honoured_by_the_leads_and_by_the_workspace() -> None:
    decision = POLICY.decide(refused(429, retry_after="90"), SEVERAL, NOW)

    assert {one.next_attempt_at for one in decision.settlements} == {NOW + timedelta(seconds=90)}
    assert POLICY.after(Workspace(), decision, NOW).not_before == NOW + timedelta(seconds=90)


def test_a_lead_that_fails_for_72_hours_is_held_never_dropped() -> None:
    old = replace(queued(attempts=50), received_at=NOW - timedelta(hours=72))

    [settlement] = POLICY.decide(refused(503, "Maintenance"), (old,), NOW).settlements

    assert (settlement.state, settlement.reason) == (LeadState.HELD, "gave up: Maintenance")


def test_an_old_lead_that_only_waited_is_tried_before_it_is_given_up() -> None:
    waited = replace(queued(attempts=0), received_at=NOW - timedelta(days=4))

    [settlement] = POLICY.decide(refused(503), (waited,), NOW).settlements

    assert settlement.state is LeadState.PENDING


def test_a_lead_that_fails_by_itself_again_is_the_suspect() -> None:
    assert POLICY.decide(refused(500), (queued(attempts=2),), NOW).suspect == "lead-Ada"
    assert POLICY.decide(refused(500), (queued(attempts=1),), NOW).suspect == ""
    assert POLICY.decide(Answer(None, "ConnectError", sent=False), (queued(attempts=2),), NOW).suspect == ""


def test_a_fault_of_the_relays_own_is_tried_again_and_then_held() -> None:
    assert POLICY.faulty(queued(), NOW, "ValueError").state is LeadState.PENDING
    assert POLICY.faulty(queued(attempts=4), NOW, "ValueError").reason.startswith("gave up: ValueError")


def failing() -> Decision:
    return POLICY.decide(refused(503), ONE, NOW)


def test_after_five_failures_in_a_row_only_one_lead_at_a_time_tries_the_way() -> None:
    workspace = Workspace()
    opened = []
    for _ in range(BREAKER_AFTER):
        workspace = POLICY.after(workspace, failing(), NOW)
        opened.append(not workspace.is_troubled)

    assert opened == [True, True, True, True, False]
    assert workspace.not_before == NOW + timedelta(seconds=1)


def test_the_breaker_waits_longer_each_time_but_never_over_a_minute() -> None:
    workspace = Workspace(failures=BREAKER_AFTER)
    waits = []
    for _ in range(10):
        workspace = POLICY.after(workspace, failing(), NOW, is_probe=True)
        waits.append((workspace.not_before or NOW) - NOW)

    assert [wait.total_seconds() for wait in waits] == [2, 4, 8, 16, 32, 60, 60, 60, 60, 60]


def test_what_was_under_way_as_the_way_closed_does_not_lengthen_its_wait() -> None:
    closed = Workspace(failures=BREAKER_AFTER, not_before=NOW + timedelta(seconds=1))
    probed = Workspace(failures=BREAKER_AFTER, not_before=NOW + POLICY.probe_every)
    paused = Workspace(paused="Invalid API key", not_before=NOW + POLICY.probe_every)

    for workspace in (closed, probed, paused):
        assert POLICY.after(workspace, failing(), NOW) == workspace


def test_a_late_answer_that_asks_for_time_is_heard_though_the_way_is_closed() -> None:
    closed = Workspace(failures=BREAKER_AFTER, not_before=NOW + timedelta(seconds=1))
    asks = POLICY.decide(Answer(429, retry_after="90"), ONE, NOW)

    assert POLICY.after(closed, asks, NOW) == replace(closed, not_before=NOW + timedelta(seconds=90))


def test_a_pause_is_probed_every_minute_and_ends_with_the_first_success() -> None:
    paused = POLICY.after(Workspace(), POLICY.decide(refused(401, "Invalid API key"), ONE, NOW), NOW)

    assert (paused.paused, paused.not_before) == ("Invalid API key", NOW + POLICY.probe_every)
    assert paused.is_troubled
    assert not POLICY.after(paused, POLICY.decide(created(NAMES[0]), ONE, NOW), NOW).is_troubled


def test_what_agencyhandy_says_is_bounded_before_it_becomes_a_reason() -> None:
    [settlement] = POLICY.decide(refused(400, "x" * 100_000), ONE, NOW).settlements

    assert len(settlement.reason) < 400


@pytest.mark.parametrize("word", ["email ", "duplicate ", "abcdefg "])
def test_a_page_of_a_megabyte_keeps_nobody_waiting(word: str) -> None:
    many = tuple(replace(queued(f"Ada{number} King{number}"), id=f"lead-{number}") for number in range(500))
    answer = Answer(400, word * (1024 * 1024 // len(word)))

    started = time.process_time()
    assert POLICY.classify(answer, many) is Outcome.REFUSED

    assert time.process_time() - started < 0.3


@pytest.mark.parametrize("text", ["[" * 100_000, '{"message": {"deep": 1}}', "null", '"words"', "\x00"])
def test_no_answer_is_too_strange_to_be_decided_on(text: str) -> None:
    for status in (100, 200, 299, 302, 400, 409, 422, 500, 999):
        decision = POLICY.decide(Answer(status, text, members=read_members(text)), SEVERAL, NOW)
        assert decision.settlements or decision.again

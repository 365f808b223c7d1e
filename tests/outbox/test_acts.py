"""What a person does to leads; what a worker has is left to it, and the trail names fields, never their values."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Update, update

from app.config.endpoints import Form, Hook, unknown_endpoint
from app.config.relay_toml import RelayConfig
from app.desk.acting import doing
from app.errors import ActRefused, StoreUnavailable
from app.lead import Lead, LeadState, Reason, Submission
from app.outbox.acts import ACTS
from app.outbox.hands import Hands
from app.outbox.outbox import Outbox
from app.outbox.records import Settlement
from app.outbox.rehearsal import rehearse
from app.outbox.remap import Change, remap
from app.outbox.tables import leads, submissions
from app.reader import read
from app.sources.base import Inbound
from tests.outbox.by_hand import NOW, add, claim, does, hands, outbox, person, settled, state_of, trail, url

__all__ = ["hands", "outbox", "url"]

HELD = LeadState.HELD
DISCARDED = LeadState.DISCARDED
LATER = NOW + timedelta(hours=1)
ZAP = Hook(name="zap", source="json", secrets=("s",))
CONTACT = Form(name="contact")
PEOPLE = b'[{"name": "Ada King", "email": "ada@example.com"}, {"name": "Mary Shaw", "email": "mary@example.com"}]'
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize("state", [LeadState.HELD, LeadState.SPAM, LeadState.DUPLICATE])
async def test_a_stopped_lead_is_released_and_due_at_once(outbox: Outbox, hands: Hands, state: LeadState) -> None:
    lead_id = await settled(outbox, 1, state, attempts=5, unknown=True)
    woken: list[bool] = []
    outbox.on_due = lambda: woken.append(True)
    assert await does(hands, "release", lead_id) == ""

    assert woken
    [lead] = await claim(outbox, LATER)
    assert (lead.id, lead.attempts, lead.unknown) == (lead_id, 0, True)
    found = await outbox.books.lead(lead_id)
    assert found is not None
    assert (found.lead.reason, found.settled_at) == ("", None)
    assert await trail(outbox) == [("cli:mary", "release", lead_id, "")]


@pytest.mark.parametrize("what", ["release", "edit"])
async def test_what_was_put_away_is_sent_where_it_is_named(outbox: Outbox, hands: Hands, what: str) -> None:
    [lead_id] = await add(outbox)
    await does(hands, "discard", lead_id)
    assert await does(hands, what, lead_id, message="x") == ""
    assert [lead.id for lead in await claim(outbox, LATER)] == [lead_id]


@pytest.mark.parametrize("what", ["discard", "spam", "erase", "release"])
async def test_nothing_is_done_to_who_is_not_any_more_what_was_chosen(outbox: Outbox, hands: Hands, what: str) -> None:
    """Mended and sent by somebody else meanwhile, or delivered."""
    [lead_id] = await add(outbox, 1, person(1, state=HELD))
    await does(hands, "edit", lead_id, message="mended")

    assert (await hands.do(what, [lead_id], chosen_in={HELD}))[lead_id].startswith("it is pending")
    assert [lead.lead.message for lead in await claim(outbox, LATER)] == ["mended"]


async def test_whom_agencyhandy_has_had_is_unknown_there_when_sent_again(outbox: Outbox, hands: Hands) -> None:
    """It refuses the address of who is still there: that is no second enquiry."""
    had = await settled(outbox, 1, LeadState.DELIVERED, member_id="m" * 24)
    await does(hands, "resend", had)
    [lead] = await claim(outbox, LATER)
    assert lead.unknown
    await outbox.settle([Settlement(had, lead.claim, LeadState.DELIVERED, "it has it")], (), LATER)
    found = await outbox.books.lead(had)
    assert found is not None
    assert found.member_id == "m" * 24
    await does(hands, "discard", had)
    await does(hands, "edit", had, email="other@example.com")
    [lead] = await claim(outbox, LATER)
    assert not lead.unknown
    found = await outbox.books.lead(had)
    assert found is not None
    assert found.member_id == ""


async def test_a_known_customer_is_no_less_one_when_sent_again(outbox: Outbox, hands: Hands) -> None:
    known = await settled(outbox, 1, LeadState.DUPLICATE)
    await does(hands, "resend", known)
    [lead] = await claim(outbox, LATER)
    assert not lead.unknown


async def test_what_was_done_when_and_by_whom_is_listed_the_newest_first(outbox: Outbox, hands: Hands) -> None:
    [one] = await add(outbox, 1)
    await does(hands, "spam", one)
    await does(hands, "discard", one)

    deeds = await outbox.books.trail(one)
    assert [(deed.what, deed.who, deed.at) for deed in deeds] == [
        ("discard", "cli:mary", LATER),
        ("spam", "cli:mary", LATER),
    ]
    assert await outbox.books.trail("another") == []


async def test_every_act_is_refused_in_every_other_state(outbox: Outbox, hands: Hands) -> None:
    for number, state in enumerate(LeadState):
        for what in ("release", "edit", "spam", "discard", "erase"):
            [lead_id] = await add(outbox, f"{number} {what}", person(number, state=state))  # type: ignore[arg-type]
            why = await does(hands, what, lead_id, message="x")
            if state in ACTS[what].states | ACTS[what].also:
                assert not why
                assert await state_of(outbox, lead_id) is ACTS[what].becomes
            else:
                assert why.startswith("it is ")
                assert await state_of(outbox, lead_id) is state
    assert await does(hands, "release", "none") == "there is no such lead"


async def test_of_several_leads_those_go_on_that_may(outbox: Outbox, hands: Hands) -> None:
    gone = await settled(outbox, 2, LeadState.DELIVERED)
    [held] = await add(outbox, 1, person(1, state=HELD))
    assert await hands.do("release", [held, gone, "none"]) == {
        gone: "it is delivered",
        "none": "there is no such lead",
    }
    assert [lead.id for lead in await claim(outbox, LATER)] == [held]
    assert await trail(outbox) == [("cli:mary", "release", held, "")]


async def test_a_lead_without_an_address_is_not_released_but_edited(outbox: Outbox, hands: Hands) -> None:
    [lead_id] = await add(outbox, 1, person(email="", state=HELD, reason="no e-mail: there is none"))
    assert "edit it" in await does(hands, "release", lead_id)
    assert "edit it" in await does(hands, "edit", lead_id, firstName="Augusta")
    changes = {"email": "Ada@EXAMPLE.com", "contactNo": "020 7946 0958", "positionInBoard": "2"}
    assert await does(hands, "edit", lead_id, **changes) == ""

    [lead] = await claim(outbox, LATER)
    assert (lead.lead.email, lead.lead.contact_no) == ("Ada@example.com", "+442079460958")
    assert (lead.lead.first_name, lead.lead.position_in_board) == ("Ada", 2)
    assert lead.lead.origins["email"].why == "changed by hand"
    assert await trail(outbox) == [("cli:mary", "edit", lead_id, "email, contactNo, positionInBoard")]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"e-mail": "a@example.com"}, "no field e-mail"),
        ({}, "no field nothing"),
        ({"email": "nobody"}, "not a valid e-mail"),
        ({"email": ""}, "not a valid e-mail"),
        ({"positionInBoard": "first"}, "a whole number"),
    ],
)
async def test_what_cannot_be_a_fields_value_is_refused(
    outbox: Outbox, hands: Hands, changes: dict[str, str], words: str
) -> None:
    [lead_id] = await add(outbox)
    with pytest.raises(ActRefused, match=words):
        await hands.do("edit", [lead_id], changes)
    assert await trail(outbox) == []


async def test_another_address_is_not_taken_for_the_one_that_may_have_arrived(outbox: Outbox, hands: Hands) -> None:
    same = await settled(outbox, 1, HELD, unknown=True)
    other = await settled(outbox, 2, HELD, unknown=True)
    await does(hands, "edit", same, message="again", email="ada1@example.com")
    await does(hands, "edit", other, email="new@example.com")

    found = {lead.id: lead.unknown for _ in range(2) for lead in await claim(outbox, LATER)}
    assert found == {same: True, other: False}


async def test_a_lead_that_a_worker_has_is_left_to_it(outbox: Outbox, hands: Hands) -> None:
    [lead_id] = await add(outbox)
    await claim(outbox)
    for what in ("release", "edit", "spam", "discard", "erase"):
        assert "being sent at this moment" in await does(hands, what, lead_id, message="x")
    assert await trail(outbox) == []


async def test_of_an_act_and_a_claim_at_once_one_wins(outbox: Outbox, hands: Hands, url: str) -> None:
    """Two processes: whoever comes second sees what the first did."""
    ids = [one for [one] in await asyncio.gather(*(add(outbox, number) for number in range(40)))]
    worker = Outbox(url)
    await worker.open()

    async def discard(lead_id: str) -> str:
        return "" if await does(hands, "discard", lead_id) else lead_id

    async def claims() -> list[str]:
        return [lead.id for _ in range(10) for lead in await worker.claim("default", NOW, NOW + timedelta(hours=1), 3)]

    claimed, *discarded = await asyncio.gather(claims(), *map(discard, ids))
    await worker.close()
    assert set(claimed) | set(filter(None, discarded)) == set(ids)
    assert not set(claimed) & set(discarded)


async def test_a_request_that_a_person_has_begun_with_is_not_let_go_with_the_quarantine(
    outbox: Outbox, hands: Hands
) -> None:
    ada, mary = (Lead(email=f"{name}@example.com", state=HELD, reason=Reason.SIGNATURE) for name in ("ada", "mary"))
    begun = Submission("zap", "json", NOW, {}, b"", fingerprint="x", quarantine=Reason.SIGNATURE, leads=(ada, mary))
    (first, _), (second, _) = (await outbox.add(begun)).leads
    await hands.do("discard", [first])
    outbox._adding = replace(outbox._adding, quarantine_rows=2)
    for number in range(5):
        await outbox.add(replace(begun, fingerprint=str(number), leads=(ada,)))

    assert await state_of(outbox, second) is HELD
    assert await unbalanced(outbox) == []


async def test_what_a_person_released_is_not_let_go_with_the_quarantine_even_if_it_is_held_again(
    outbox: Outbox, hands: Hands
) -> None:
    held = Lead(first_name="Ada", email="ada@example.com", state=HELD, reason=Reason.SIGNATURE)
    junk = [
        Submission("zap", "json", NOW, {}, b"", fingerprint=str(number), quarantine=Reason.SIGNATURE, leads=(held,))
        for number in range(10)
    ]
    receipt = await outbox.add(junk[0])
    [(lead_id, _)] = receipt.leads
    assert await hands.do("release", [lead_id]) == {}
    [lead] = await claim(outbox, LATER)
    refused = Settlement(lead.id, lead.claim, HELD, "refused: no")
    await outbox.settle([refused], [], LATER)
    outbox._adding = replace(outbox._adding, quarantine_rows=2)
    for one in junk[1:]:
        await outbox.add(one)

    assert await state_of(outbox, lead_id) is HELD
    assert await unbalanced(outbox) == []


class TestRemap:
    async def test_a_lead_with_a_bad_signature_becomes_what_it_would_have_been(
        self, outbox: Outbox, hands: Hands
    ) -> None:
        receipt = await outbox.add(read(Inbound(PEOPLE, JSON), ZAP, NOW).submission)
        assert {state for _, state in receipt.leads} == {HELD}
        [first, second] = await remapped(hands, receipt.leads[0][0], ZAP)

        assert not first.refusal
        assert not second.refusal
        sent = await claim(outbox, LATER)
        assert [lead.id for lead in sent] == [lead_id for lead_id, _ in receipt.leads]
        assert [lead.lead.email for lead in sent] == ["ada@example.com", "mary@example.com"]
        assert {what for _, what, *_ in await trail(outbox)} == {"remap"}

    async def test_of_many_in_two_steps_none_is_read_twice(self, outbox: Outbox, hands: Hands) -> None:
        """Two leads of one request, of which one step ends with the first."""
        receipt = await outbox.add(read(Inbound(PEOPLE, JSON), ZAP, NOW).submission)
        work = doing(hands, RelayConfig(hooks={"zap": ZAP}), "remap", chosen_in={HELD})
        assert [await work([lead_id]) for lead_id, _ in receipt.leads] == [{}, {}]

    async def test_what_a_person_marked_as_spam_is_read_again_with_the_step_that_it_is_chosen_in(
        self, outbox: Outbox, hands: Hands
    ) -> None:
        """It stays spam where another of its request is chosen, and counted as done then, with nothing done to it."""
        receipt = await outbox.add(read(Inbound(PEOPLE, JSON), ZAP, NOW).submission)
        ada, mary = [lead_id for lead_id, _ in receipt.leads]
        await does(hands, "spam", mary)
        work = doing(hands, RelayConfig(hooks={"zap": ZAP}), "remap", chosen_in=None)
        assert await work([ada]) == {}
        assert await state_of(outbox, mary) is LeadState.SPAM
        assert [await work([mary]), await work([ada])] == [{}, {}]
        assert [await state_of(outbox, one) for one in (ada, mary)] == [LeadState.PENDING] * 2

    async def test_an_unknown_endpoints_lead_is_refused_until_it_is_read_as_a_known_one(
        self, outbox: Outbox, hands: Hands
    ) -> None:
        receipt = await outbox.add(read(Inbound(PEOPLE, JSON), unknown_endpoint("hook", "zaq"), NOW).submission)
        lead_id = receipt.leads[0][0]
        for what in ("release", "edit"):
            assert "no form or hook is called zaq" in await does(hands, what, lead_id, email="a@example.com")
        await remapped(hands, receipt.leads[0][0], ZAP)

        assert [lead.lead.email for lead in await claim(outbox, LATER)] == ["ada@example.com", "mary@example.com"]
        found = await outbox.books.lead(lead_id)
        assert found is not None
        assert found.endpoint == "zap"
        assert await unbalanced(outbox) == []

    async def test_leads_that_are_more_are_added_and_counted_once(self, outbox: Outbox, hands: Hands) -> None:
        reading = read(Inbound(b"{", JSON), ZAP, NOW).submission
        receipt = await outbox.add(reading)
        assert len(receipt.leads) == 1
        await outbox.write(lambda open_: open_.execute(_body(receipt.id, PEOPLE)))
        dry = await remapped(hands, receipt.leads[0][0], ZAP, dry_run=True)
        assert [bool(change.stored) for change in dry] == [True, False]
        assert dry[0].fields["email"] == ("", "ada@example.com")
        assert await trail(outbox) == []
        await remapped(hands, receipt.leads[0][0], ZAP)
        again = await remapped(hands, receipt.leads[0][0], ZAP)

        assert [change.refusal for change in again] == ["it is pending", "it is pending"]
        assert [lead.lead.email for lead in await claim(outbox, LATER)] == ["ada@example.com", "mary@example.com"]
        assert await unbalanced(outbox) == []

    async def test_a_lead_that_was_sent_stays(self, outbox: Outbox, hands: Hands) -> None:
        receipt = await outbox.add(read(Inbound(PEOPLE, JSON), ZAP.model_copy(update={"open": True}), NOW).submission)
        ada, mary = [lead_id for lead_id, _ in receipt.leads]
        await outbox.write(lambda open_: open_.execute(_state(mary, HELD)))
        await claim(outbox)
        changes = await remapped(hands, receipt.leads[0][0], CONTACT)

        assert [change.refusal for change in changes] == ["it is sending", ""]
        assert await state_of(outbox, ada) is LeadState.SENDING
        assert [lead.id for lead in await claim(outbox, LATER)] == [mary]
        assert await unbalanced(outbox) == []

    async def test_others_of_the_request_are_read_again_only_in_the_state_that_was_chosen(
        self, outbox: Outbox, hands: Hands
    ) -> None:
        receipt = await outbox.add(read(Inbound(PEOPLE, JSON), ZAP, NOW).submission)
        ada, mary = [lead_id for lead_id, _ in receipt.leads]
        await outbox.write(lambda open_: open_.execute(_state(mary, LeadState.DUPLICATE)))
        config = RelayConfig.model_construct(forms={}, hooks={"zap": ZAP})
        changes = await remap(hands, ada, config, chosen_in={HELD})

        assert [change.refusal for change in changes] == ["", "it is duplicate by now"]
        assert [lead.id for lead in await claim(outbox, LATER)] == [ada]

    @pytest.mark.parametrize("reason", [Reason.TEST, Reason.IMPORTED])
    async def test_what_is_held_because_somebody_wanted_it_so_stays_held(
        self, outbox: Outbox, hands: Hands, reason: Reason
    ) -> None:
        given = read(Inbound(PEOPLE, JSON), ZAP.model_copy(update={"open": True}), NOW).submission
        held = tuple(replace(one, state=HELD, reason=reason.value) for one in given.leads)
        receipt = await outbox.add(replace(given, leads=held))
        await remapped(hands, receipt.leads[0][0], ZAP)

        assert await claim(outbox, LATER) == []
        assert {lead.lead.reason for lead in await outbox.books.leads()} == {reason.value}

    async def test_who_is_nobody_today_stays(self, outbox: Outbox, hands: Hands) -> None:
        event = b'{"event_type": "form_response_partial", "form_response": {}}'
        survey = Hook(name="survey", source="typeform", secrets=("s",))
        receipt = await outbox.add(read(Inbound(event, JSON), survey, NOW).submission)
        [(lead_id, _)] = receipt.leads
        [change] = await remapped(hands, receipt.leads[0][0], survey)
        assert "finds nobody" in change.refusal
        assert await state_of(outbox, lead_id) is HELD

    async def test_what_was_erased_cannot_be_read_again(self, outbox: Outbox, hands: Hands) -> None:
        receipt = await outbox.add(read(Inbound(PEOPLE, JSON), ZAP, NOW).submission)
        await does(hands, "erase", receipt.leads[0][0])
        for dry_run in (True, False):
            [change, *_] = await remapped(hands, receipt.leads[0][0], ZAP, dry_run=dry_run)
            assert change.refusal == "the request that it came with is gone"

    async def test_what_was_found_to_speak_for_spam_stands(self, outbox: Outbox, hands: Hands) -> None:
        """Reading again does not judge: it takes a release to send it."""
        given = read(Inbound(PEOPLE, JSON), CONTACT, NOW).submission
        spam = replace(given.leads[0], state=LeadState.SPAM, reason="5 links; BBCode", suspicions=("5 links", "BBCode"))
        receipt = await outbox.add(replace(given, leads=(spam, replace(given.leads[1], suspicions=("a link",)))))
        ada, mary = [lead_id for lead_id, _ in receipt.leads]
        await does(hands, "spam", mary)
        await remapped(hands, ada, CONTACT)

        kept = {lead.id: lead.lead for lead in await outbox.books.leads()}
        assert (kept[ada].state, kept[ada].reason, kept[ada].suspicions) == (
            LeadState.SPAM,
            "5 links; BBCode",
            ("5 links", "BBCode"),
        )
        assert (kept[mary].state, kept[mary].suspicions) == (LeadState.SPAM, ("a link",))
        done = await rehearse(outbox.books, RelayConfig(forms={"contact": CONTACT}), 10, None, lambda _: None)
        assert (done.changed, done.unchanged) == (0, 2)


class TestSenders:
    """Whose leads are never spam."""

    async def test_a_release_teaches_nothing_unless_the_senders_are_allowed(self, outbox: Outbox, hands: Hands) -> None:
        [one] = await add(outbox, 1, person(1, state=LeadState.SPAM))
        [other] = await add(outbox, 2, person(2, state=LeadState.SPAM, email="Ada2@Example.com"))
        await does(hands, "release", one)
        await hands.do("release", [other, "none"], allow=True)

        assert not await outbox.books.is_allowed_sender("ada1@example.com")
        assert await outbox.books.is_allowed_sender("ADA2@example.com")
        [sender] = await outbox.books.allowed_senders()
        assert (sender.address, sender.since, sender.who) == ("ada2@example.com", LATER, "cli:mary")
        assert sorted(await trail(outbox)) == [
            ("cli:mary", "allow", other, "senders: 1"),
            ("cli:mary", "release", one, ""),
            ("cli:mary", "release", other, ""),
        ]

    async def test_what_was_not_released_allows_nobody(self, outbox: Outbox, hands: Hands) -> None:
        lead_id = await settled(outbox, 1, LeadState.DELIVERED)

        assert await hands.do("release", [lead_id], allow=True) == {lead_id: "it is delivered"}
        assert await outbox.books.allowed_senders() == []

    async def test_they_are_allowed_once_and_forgotten_and_the_trail_does_not_name_them(
        self, outbox: Outbox, hands: Hands
    ) -> None:
        for _ in range(2):
            await hands.allow(["Mary@Example.com", "mary@example.com", "bob@example.com"])
        assert [one.address for one in await outbox.books.allowed_senders()] == ["bob@example.com", "mary@example.com"]
        assert await hands.forget(["MARY@example.com", "none@example.com"]) == ["none@example.com"]

        assert [one.address for one in await outbox.books.allowed_senders()] == ["bob@example.com"]
        assert [(what, words) for _, what, _, words in await trail(outbox)] == [
            *[("allow", "senders: 2")] * 2,
            ("forget", "senders: 1"),
        ]

    async def test_what_is_no_address_is_refused_and_nobody_allowed(self, outbox: Outbox, hands: Hands) -> None:
        with pytest.raises(ActRefused, match="mary: this is not a valid e-mail address"):
            await hands.allow(["bob@example.com", "mary"])

        assert await outbox.books.allowed_senders() == []
        assert not await outbox.books.is_allowed_sender("")


async def test_how_delivery_goes_is_changed_only_where_the_audit_trail_says_so(outbox: Outbox) -> None:
    nobody = Hands(outbox, None, lambda: NOW)  # type: ignore[arg-type] # whom the trail cannot hold
    with pytest.raises(StoreUnavailable):
        await nobody.change_way("default", "pace", 5)
    assert (await outbox.books.workspace("default")).per_second is None

    await Hands(outbox, "desk:mary", lambda: NOW).change_way("default", "pace", 5)
    assert (await outbox.books.workspace("default")).per_second == 5
    assert [deed.words for deed in await outbox.books.trail()] == ["default: 5 a second"]


async def remapped(hands: Hands, lead_id: str, endpoint: Form | Hook, *, dry_run: bool = False) -> list[Change]:
    """What reading a lead's request again as one to that endpoint makes of its leads."""
    known = {endpoint.name: endpoint}
    config = RelayConfig.model_construct(
        forms={name: one for name, one in known.items() if isinstance(one, Form)},
        hooks={name: one for name, one in known.items() if isinstance(one, Hook)},
    )
    return await remap(hands, lead_id, config, endpoint.name, dry_run=dry_run)


def _state(lead_id: str, state: LeadState) -> Update:
    return update(leads).where(leads.c.id == lead_id).values(state=state.value)


def _body(submission_id: str, body: bytes) -> Update:
    return update(submissions).where(submissions.c.id == submission_id).values(body=body)


async def unbalanced(outbox: Outbox) -> list[tuple[int, str]]:
    return list((await outbox.books.balance()).differences())

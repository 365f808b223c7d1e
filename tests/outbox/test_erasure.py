"""What has to go is gone, from the rows and from the files; what has to stay, for the books and for repeats, stays."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from time import time
from urllib.parse import quote

import httpx
import pytest
from sqlalchemy import insert

from app.config.relay_toml import RelayConfig
from app.lead import LeadState, Reason
from app.main import housekeeping
from app.outbox import search, turns
from app.outbox.by_address import BESIDE, _texts, erase_beside, leads_with, mentions
from app.outbox.erasure import clear_away, keep_house, wipe
from app.outbox.hands import Hands
from app.outbox.outbox import Outbox
from app.outbox.records import Attempt, Settlement, Sought
from app.outbox.tables import alerts
from tests.desk.conftest import PASSWORD, log_in
from tests.outbox.by_hand import (
    NOW,
    add,
    claim,
    does,
    hands,
    outbox,
    person,
    said,
    settled,
    state_of,
    submission,
    trail,
    url,
)
from tests.outbox.test_acts import unbalanced
from tests.running import SandboxClient, eventually, started, stored

__all__ = ["hands", "outbox", "url"]

ADA = "ada.king+x@example.com"
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    "text",
    [
        ADA,
        "ADA.King+X@Example.COM",
        f"Ada <{ADA}>, and more",
        f"email={quote(ADA)}&name=Ada",
        json.dumps({"email": ADA}).replace("@", "\\u0040"),
        json.dumps({"said": f"Ask\n{ADA}\n"}),
        f"{ADA}.",
    ],
)
def test_an_address_is_found_however_it_is_written(text: str) -> None:
    assert mentions(ADA)(text)


@pytest.mark.parametrize(
    "text", [f"m{ADA}", f"o'{ADA}", f"m.{ADA}", f"{ADA}.uk", f"{ADA}m", "ada.king@example.com", ""]
)
def test_another_address_that_holds_it_is_another(text: str) -> None:
    assert not mentions(ADA)(text)


async def filled(outbox: Outbox) -> dict[str, str]:
    """A store with the address in every place there is; leads by what they are."""
    [own] = await add(outbox, 1, person(email=ADA), body=f"email={quote(ADA)}".encode(), event_id=ADA)
    [mail] = await add(outbox, 2, person(2, message=f"Ask {ADA.upper()}"))
    [extra] = await add(outbox, 3, person(3, extra=(said("friend", ADA),)), headers={"referer": f"https://x/?m={ADA}"})
    [blamed] = await add(outbox, 4)
    [nobody] = await add(outbox, 5, person(5), body=b'{"email": "Mary <ada.king+x\\u0040example.com>"}')
    [two, beside] = await add(outbox, 6, person(6, email=ADA), person(7))
    held = {one.id: one for _ in range(2) for one in await claim(outbox)}
    tries = [Attempt(one, NOW, "refused", 422, f"{ADA} exists", 1) for one in (own, nobody)]
    gone = [replace(Settlement(one, held[one].claim, LeadState.DELIVERED), member_id="m") for one in held]
    gone = [
        replace(one, state=LeadState.HELD, reason=f"gave up: {ADA}") if one.lead_id == blamed else one for one in gone
    ]
    await outbox.settle(gone, tries, NOW)
    await outbox.change_workspace("default", lambda known: replace(known, paused=f"no {ADA}"))
    alert = {"name": "stuck", "since": NOW, "words": f"{ADA} is stuck"}
    await outbox.write(lambda open_: open_.execute(insert(alerts).values(alert)))
    await Hands(outbox, "cli:mary", lambda: NOW).allow([ADA, "other@example.com"])
    return {"own": own, "mail": mail, "extra": extra, "blamed": blamed, "nobody": nobody, "two": two, "beside": beside}


async def test_an_address_is_erased_wherever_it_stands_and_its_rows_stay(outbox: Outbox, hands: Hands) -> None:
    ids = await filled(outbox)
    assert await leads_with(outbox, ADA) == [ids[one] for one in ("own", "mail", "extra", "two")]
    assert await erase_address(hands, ADA) == {}

    assert (await outbox.books.counts())[LeadState.ERASED] == 4
    assert [await state_of(outbox, ids[one]) for one in ("blamed", "nobody", "beside")] == [
        LeadState.HELD,
        LeadState.DELIVERED,
        LeadState.DELIVERED,
    ]
    blamed, own = await outbox.books.lead(ids["blamed"]), await outbox.books.lead(ids["own"])
    assert blamed is not None
    assert blamed.lead.reason == "words erased"
    assert own is not None
    assert (own.lead.email, own.lead.message, own.lead.reason, own.member_id) == ("", "", "by request", "")
    assert [one.answer for one in await outbox.books.attempts(ids["nobody"])] == ["words erased"]
    assert (await outbox.books.workspace("default")).paused == "words erased"
    kept = await outbox.books.submission(own.submission_id)
    assert kept is not None
    assert (kept.body, kept.headers, kept.event_id, kept.note) == (b"", {}, None, "its contents were erased")
    assert [one.address for one in await outbox.books.allowed_senders()] == ["other@example.com"]
    assert await leads_with(outbox, ADA) == []
    for table, columns in BESIDE.items():
        async for row in outbox.books.each(table):
            assert not mentions(ADA)(_texts(row, columns)), table.name
    assert await unbalanced(outbox) == []
    assert all(ADA not in deed.words for deed in await outbox.books.trail())


async def erase_address(hands: Hands, address: str) -> dict[str, str]:
    """As `leads erase --email`; the leads that were left."""
    refused = await hands.do("erase", await leads_with(hands.outbox, address))
    await erase_beside(hands, address)
    return refused


async def test_that_an_address_was_erased_is_in_the_audit_trail_without_it(outbox: Outbox, hands: Hands) -> None:
    await filled(outbox)
    await erase_address(hands, ADA)

    who, what, lead_id, words = (await trail(outbox))[-1]
    assert (who, what, lead_id) == ("cli:mary", "erase", None)
    assert re.fullmatch(r"by e-mail address: \d+ requests, files, answers and words", words)
    assert not any(ADA in str(deed) for deed in await trail(outbox))


async def test_after_it_the_address_is_in_no_byte_of_the_files(tmp_path: Path) -> None:
    store = Outbox(f"sqlite+aiosqlite:///{tmp_path}/relay.db")
    await store.open()
    addresses = {number: ADA if number % 10 == 0 else f"x{number}@example.com" for number in range(100, 300)}
    bodies = {
        number: json.dumps({"email": one, "more": "y" * (number * 7)}).encode() for number, one in addresses.items()
    }
    await asyncio.gather(
        *(add(store, number, person(number, email=one), body=bodies[number]) for number, one in addresses.items())
    )
    await filled(store)
    files = [tmp_path / "relay.db", tmp_path / "relay.db-wal"]
    assert any(ADA.encode() in file.read_bytes() for file in files)
    await erase_address(Hands(store, "cli:mary", lambda: NOW), ADA)
    assert await wipe(store)

    for file in files:
        assert ADA.encode() not in file.read_bytes().lower(), file.name
        assert quote(ADA).encode() not in file.read_bytes()
    await store.close()


UNUSUAL = ("xylophagous", "quizzacious", "zyzzyva")


@asynccontextmanager
async def store_in(folder: Path) -> AsyncIterator[Outbox]:
    """A folder's store, as one process has it."""
    store = Outbox(f"sqlite+aiosqlite:///{folder}/relay.db")
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def left_in(folder: Path) -> set[str]:
    """Which of the unusual words stand in the store's files."""
    files = (folder / "relay.db", folder / "relay.db-wal")
    contents = b"".join(file.read_bytes().lower() for file in files if file.exists())
    return {word for word in UNUSUAL if word.encode() in contents}


async def test_what_was_erased_at_the_desk_is_in_no_file_after_anothers_housekeeping(
    relay: Callable[..., httpx.Client], tmp_path: Path
) -> None:
    client = relay("[hooks.api]\nsource = 'json'\nopen = true\n", desk_password=PASSWORD)
    for words in (" ".join(UNUSUAL), "somebody who stays"):
        client.post("/hooks/api", json={"message": words}).raise_for_status()
    assert left_in(tmp_path) == set(UNUSUAL)
    [[lead_id]] = stored(tmp_path, "SELECT id FROM leads WHERE state = 'held' AND message NOT LIKE '%stays'")
    assert client.post(f"/desk/leads/{lead_id}/erase", data={"_csrf": log_in(client)}).status_code == 303

    async with store_in(tmp_path) as other:
        await housekeeping(RelayConfig(), other)(datetime.now(UTC))
        assert left_in(tmp_path) == set()
        [found] = await other.books.read(partial(search.find, sought=Sought("stays")))
        assert found.lead.message == "somebody who stays"


async def test_the_next_round_takes_what_was_erased_out_of_the_files(
    outbox: Outbox, hands: Hands, tmp_path: Path
) -> None:
    own = await add(outbox, 1, person(1, message=UNUSUAL[0]))
    await add(outbox, 2, body=f"{ADA} {UNUSUAL[1]}".encode(), headers={"referer": UNUSUAL[2]})
    chore, now = housekeeping(RelayConfig(), outbox), datetime.now(UTC)
    is_file = (tmp_path / "relay.db").exists()

    await hands.do("erase", own)
    await chore(now)
    assert left_in(tmp_path) == (set(UNUSUAL[1:]) if is_file else set())
    assert await outbox.books.read(turns.erased) is None
    await erase_beside(hands, ADA)
    await chore(now + timedelta(seconds=15))
    assert left_in(tmp_path) == set()
    assert await outbox.books.read(turns.erased) is None


async def test_what_the_quarantine_let_go_is_in_no_file_after_the_next_round(tmp_path: Path) -> None:
    async with store_in(tmp_path) as store:
        store._adding = replace(store._adding, quarantine_rows=1)
        for number, words in enumerate((" ".join(UNUSUAL), "the newest")):
            held = person(number, message=words, state=LeadState.HELD, reason=Reason.SIGNATURE)
            await add(store, number, held, quarantine=Reason.SIGNATURE)
        await housekeeping(RelayConfig(), store)(datetime.now(UTC))
        assert left_in(tmp_path) == set()


async def test_what_a_reader_keeps_in_the_files_a_later_round_takes_out(tmp_path: Path) -> None:
    async with store_in(tmp_path) as store:
        erased = await add(store, 1, person(1, message=" ".join(UNUSUAL)))
        with closing(sqlite3.connect(tmp_path / "relay.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM leads").fetchall()
            await Hands(store, "desk:mary", lambda: NOW).do("erase", erased)
            assert not await clear_away(store)
            assert left_in(tmp_path) == set(UNUSUAL)
    async with store_in(tmp_path) as again:
        await keep_house(again, {}, NOW)
        assert left_in(tmp_path) == set()
        assert await again.books.read(turns.erased) is None


async def test_a_lead_that_is_being_sent_is_left_and_named(outbox: Outbox, hands: Hands) -> None:
    [lead_id] = await add(outbox, 1, person(email=ADA))
    await claim(outbox)

    assert list(await erase_address(hands, ADA)) == [lead_id]
    assert await state_of(outbox, lead_id) is LeadState.SENDING


async def test_a_repeat_of_what_was_erased_is_still_one(outbox: Outbox, hands: Hands) -> None:
    first = await outbox.add(submission(1, person(email=ADA), event_id="event-1"))
    await erase_address(hands, ADA)
    again = await outbox.add(submission(1, person(email=ADA), event_id="event-1"))

    assert (again.repeat, again.id) == (True, first.id)
    assert again.leads == ((first.leads[0][0], LeadState.ERASED),)


async def test_one_lead_is_erased_with_the_request_it_came_in(outbox: Outbox, hands: Hands) -> None:
    ada, mary = await add(outbox, 1, person(1), person(2))
    await does(hands, "erase", ada)

    found = await outbox.books.lead(mary)
    assert found is not None
    assert found.lead.email == "ada2@example.com"
    kept = await outbox.books.submission(found.submission_id)
    assert kept is not None
    assert kept.body == b""


async def answers(outbox: Outbox, lead_id: str) -> list[str]:
    return [one.answer for one in await outbox.books.attempts(lead_id)]


async def test_what_agencyhandy_answered_to_a_lead_goes_with_it(outbox: Outbox, hands: Hands) -> None:
    [lead_id] = await add(outbox, 1)
    [lead] = await claim(outbox)
    answer = Attempt(lead_id, NOW, "refused", 400, "Ada is not wanted", 5)
    await outbox.settle([Settlement(lead.id, lead.claim, LeadState.HELD, "refused")], [answer], NOW)
    assert await answers(outbox, lead_id) == ["Ada is not wanted"]

    await does(hands, "erase", lead_id)
    assert await answers(outbox, lead_id) == [""]


async def test_an_answer_that_comes_after_its_lead_was_erased_is_not_kept(outbox: Outbox, hands: Hands) -> None:
    [lead_id] = await add(outbox, 1)
    [lead] = await claim(outbox)
    await outbox.reclaim(NOW + timedelta(minutes=1))
    await does(hands, "erase", lead_id)
    answer = Attempt(lead_id, NOW, "refused", 400, "Ada is not wanted", 5)
    await outbox.settle([Settlement(lead.id, lead.claim, LeadState.HELD, "refused")], [answer], NOW)

    assert await answers(outbox, lead_id) == [""]
    assert await state_of(outbox, lead_id) is LeadState.ERASED


class TestRetention:
    async def test_what_is_finished_goes_after_its_time_and_what_waits_stays(self, outbox: Outbox) -> None:
        states = {
            state: (await settled(outbox, number, state))
            for number, state in enumerate(LeadState, 10)
            if state not in {LeadState.SENDING, LeadState.PENDING, LeadState.ERASED}
        }
        [sending] = await add(outbox, 2)
        await claim(outbox)
        [pending] = await add(outbox, 1)

        assert await keep_house(outbox, {"contact": 30 * DAY}, NOW + 29 * DAY) == 0
        assert await keep_house(outbox, {"other": DAY}, NOW + 99 * DAY) == 0
        assert await keep_house(outbox, {"contact": 30 * DAY}, NOW + 30 * DAY) == 4
        assert await state_of(outbox, states[LeadState.HELD]) is LeadState.HELD
        assert await state_of(outbox, pending) is LeadState.PENDING
        assert await state_of(outbox, sending) is LeadState.SENDING
        for state in (LeadState.DELIVERED, LeadState.DUPLICATE, LeadState.DISCARDED, LeadState.SPAM):
            found = await outbox.books.lead(states[state])
            assert found is not None
            assert (found.lead.state, found.lead.reason) == (LeadState.ERASED, "after its time")
            kept = await outbox.books.submission(found.submission_id)
            assert kept is not None
            assert kept.body == b""
        assert await unbalanced(outbox) == []

    async def test_a_relay_lets_go_hourly_whatever_its_clock_does(self, outbox: Outbox) -> None:
        chore = housekeeping(RelayConfig.model_validate({"keep": "30d", "forms": {"contact": {}}}), outbox)
        now = datetime.now(UTC)
        first = await settled(outbox, 1, LeadState.SPAM)

        await chore(now + 400 * DAY)
        assert await state_of(outbox, first) is LeadState.ERASED
        second = await settled(outbox, 2, LeadState.SPAM)
        await chore(now + 400 * DAY + timedelta(minutes=59))
        assert await state_of(outbox, second) is LeadState.SPAM
        await chore(now + 100 * DAY)
        assert await state_of(outbox, second) is LeadState.ERASED

    async def test_time_runs_from_when_it_was_finished(self, outbox: Outbox, hands: Hands) -> None:
        [lead_id] = await add(outbox, 1, person(state=LeadState.HELD))
        await does(replace(hands, clock=lambda: NOW + 29 * DAY), "discard", lead_id)

        assert await keep_house(outbox, {"contact": 30 * DAY}, NOW + 58 * DAY) == 0
        assert await keep_house(outbox, {"contact": 30 * DAY}, NOW + 59 * DAY) == 1

    async def test_a_request_stays_whole_while_a_lead_of_it_waits(self, outbox: Outbox, hands: Hands) -> None:
        _, mary = await add(outbox, 1, person(1, state=LeadState.SPAM), person(2, state=LeadState.HELD))
        assert await keep_house(outbox, {"contact": DAY}, NOW + 2 * DAY) == 1

        found = await outbox.books.lead(mary)
        assert found is not None
        kept = await outbox.books.submission(found.submission_id)
        assert kept is not None
        assert kept.body == b"body"
        await does(hands, "discard", mary)
        assert await keep_house(outbox, {"contact": DAY}, NOW + 9 * DAY) == 1
        kept = await outbox.books.submission(found.submission_id)
        assert kept is not None
        assert kept.body == b""

    async def test_a_request_without_a_lead_goes_too_and_its_repeat_is_known(self, outbox: Outbox) -> None:
        empty = replace(submission(1), leads=(), note="a test event")
        first = await outbox.add(empty)
        await keep_house(outbox, {"": DAY}, NOW + 2 * DAY)

        assert await outbox.books.submission(first.id) is None
        assert (await outbox.add(empty)).repeat

    @pytest.mark.parametrize("size", [2_500, 20_000], ids=["a page each", "several pages each"])
    async def test_the_file_is_really_smaller_afterwards(self, tmp_path: Path, size: int) -> None:
        store = Outbox(f"sqlite+aiosqlite:///{tmp_path}/relay.db")
        await store.open()
        some = [submission(number, person(number, state=LeadState.SPAM), body=b"x" * size) for number in range(1200)]
        await asyncio.gather(*map(store.add, some))
        await store.tidy()
        before = (tmp_path / "relay.db").stat().st_size
        assert await keep_house(store, {"contact": DAY}, NOW + 2 * DAY) == 1200

        assert (tmp_path / "relay.db").stat().st_size < before / 2
        assert (tmp_path / "relay.db-wal").stat().st_size == 0
        await store.close()

    async def test_a_reader_keeps_nobody_waiting(self, tmp_path: Path) -> None:
        store = Outbox(f"sqlite+aiosqlite:///{tmp_path}/relay.db")
        await store.open()
        await add(store)
        with closing(sqlite3.connect(tmp_path / "relay.db", isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT * FROM leads").fetchall()
            await add(store, 2)
            assert not await store.tidy()
        assert await store.tidy()
        await store.close()


def test_a_relay_that_runs_lets_go_of_what_is_kept_too_long(
    relay: Callable[..., httpx.Client], sandbox: SandboxClient, tmp_path: Path
) -> None:
    toml = tmp_path / "keep.toml"
    toml.write_text("[forms.contact]\nkeep = '1s'\n")
    with ExitStack() as stack:
        client = started(stack, sandbox, tmp_path, toml)
        client.post("/forms/contact", data={"name": "Ada", "email": ADA})
        eventually(lambda: stored(tmp_path, "SELECT 1 FROM leads WHERE state = 'delivered'"), "it is delivered")
    eventually(lambda: stored(tmp_path, "SELECT 1 FROM leads WHERE settled_at < ?", (time() - 1) * 1000), "it is old")
    relay(toml.read_text())

    eventually(lambda: stored(tmp_path, "SELECT 1 FROM leads WHERE state = 'erased' AND email = ''"), "it is erased")
    assert sandbox.emails() == [ADA]

"""Leads are found by what stands in them, on both engines alike, and at once among very many."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from app.lead import Field, Lead, LeadState, Submission
from app.outbox import search, stats
from app.outbox.hands import Hands
from app.outbox.outbox import Outbox
from app.outbox.records import Sought

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
ADA = Lead("Ada", "Lovelace", "ada@example.com", "+442079460958", "Straße und Größe; café")
WANG = Lead("小明", "王", "wang@example.cn", "+8613812345678", "你好，我想要一个网站")
JOSE = Lead("José", "Núñez", "jose@example.es", extra=(Field("firma", "Ünïted Wörks"),), state=LeadState.HELD)
PRIYA = Lead("प्रिया", "शर्मा", "priya@example.in", message="मुझे वेबसाइट चाहिए")
OMAR = Lead("عُمَر", "خالد", "omar@example.com", "0044 20 7946-0000", "x" * 20_000)


LONG = "@" + "\ufdfa" * 99
"""Each of its letters is spelled with fifteen: more bytes than a word of PostgreSQL's may have."""


@pytest.fixture
async def outbox(store_url: str) -> AsyncIterator[Outbox]:
    """A store with a few people."""
    opened = Outbox(store_url)
    await opened.open()
    for number, lead in enumerate((ADA, WANG, JOSE, PRIYA, OMAR)):
        at = NOW + timedelta(minutes=number)
        await opened.add(Submission("contact", "html", at, {}, b"", fingerprint=str(number), leads=(lead,)))
    yield opened
    await opened.close()


async def found(outbox: Outbox, words: str, **more: object) -> list[str]:
    """Whose leads are found, the newest first."""
    sought = Sought(words, **more)  # type: ignore[arg-type]
    leads = await outbox.books.read(lambda connection: search.find(connection, sought))
    return [one.lead.email.partition("@")[0] for one in leads]


@pytest.mark.parametrize(
    ("words", "whose"),
    [
        (" \ufffd !", ["omar", "priya", "jose", "wang", "ada"]),
        ("ada", ["ada"]),
        ("LOVE ada", ["ada"]),
        ("ada@exam", ["ada"]),
        ("Ada@Example.com", ["ada"]),
        ("@", ["omar", "priya", "jose", "wang", "ada"]),
        ("strasse", ["ada"]),
        ("grosse CAFE", ["ada"]),
        ("7946 0958", ["ada"]),
        ("+44 20 7946", ["omar", "ada"]),
        ("0958", ["ada"]),
        ("王小明", ["wang"]),
        ("小明王", ["wang"]),
        ("网站", ["wang"]),
        ("nunez jose", ["jose"]),
        ("united works", ["jose"]),
        ("शर्मा", ["priya"]),
        ("वेबसाइट", ["priya"]),
        ("عمر", ["omar"]),
        ("example", ["omar", "priya", "jose", "wang", "ada"]),
        ("nobody", []),
        ("ada wang", []),
        ("", ["omar", "priya", "jose", "wang", "ada"]),
        ("\"' * OR NEAR( ) : -^ & | ! <-> \\ \x00", []),
    ],
)
async def test_words_find_whom_they_begin_a_word_of(outbox: Outbox, words: str, whose: list[str]) -> None:
    assert await found(outbox, words) == whose


async def test_a_word_that_is_long_once_it_is_spelled_out_keeps_nobody_out(outbox: Outbox) -> None:
    lead = Lead("Zoe", email="zoe@example.com", message=LONG)
    await outbox.add(Submission("contact", "html", NOW, {}, b"", fingerprint="long", leads=(lead,)))
    assert await found(outbox, "zoe") == await found(outbox, LONG) == ["zoe"]


async def test_words_go_together_with_states_endpoints_and_times(outbox: Outbox) -> None:
    assert await found(outbox, "example", states=(LeadState.HELD,)) == ["jose"]
    assert await found(outbox, "example", endpoint="other") == []
    between = {"since": NOW + timedelta(minutes=1), "until": NOW + timedelta(minutes=3)}
    assert await found(outbox, "example", **between) == ["jose", "wang"]


async def test_a_page_goes_on_where_the_one_before_ended(outbox: Outbox) -> None:
    before, seen = "", list[str]()
    while page := await outbox.books.read(partial(search.find, sought=Sought("example"), before=before, limit=2)):
        seen += [one.lead.email for one in page]
        before = page[-1].id
    assert [one.partition("@")[0] for one in seen] == ["omar", "priya", "jose", "wang", "ada"]


async def test_counting_stops_where_nobody_wants_to_know_it_better(outbox: Outbox) -> None:
    async def count(most: int) -> int:
        return await outbox.books.read(lambda connection: search.count(connection, Sought("example"), most))

    assert [await count(10), await count(3)] == [5, 4]


async def test_an_endpoints_newest_leads_are_counted_by_state(outbox: Outbox) -> None:
    async def counted(endpoint: str, most: int) -> dict[LeadState, int]:
        return await outbox.books.read(partial(stats.states_of, endpoint=endpoint, most=most))

    assert await counted("contact", 10) == {LeadState.PENDING: 4, LeadState.HELD: 1}
    assert await counted("contact", 2) == {LeadState.PENDING: 2}
    assert await counted("nowhere", 10) == {}


async def test_a_lead_that_was_edited_is_found_by_its_new_words_only(outbox: Outbox) -> None:
    hands = Hands(outbox, "operator", lambda: NOW)
    [lead] = await outbox.books.read(lambda connection: search.find(connection, Sought("jose")))
    await hands.do("edit", [lead.id], {"lastName": "Ibáñez"})

    assert await found(outbox, "ibanez") == ["jose"]
    assert await found(outbox, "nunez") == []


async def test_an_erased_lead_is_found_by_nothing(outbox: Outbox) -> None:
    hands = Hands(outbox, "operator", lambda: NOW)
    [lead] = await outbox.books.read(lambda connection: search.find(connection, Sought("jose")))
    await hands.do("erase", [lead.id])

    assert await found(outbox, "jose") == []
    assert await found(outbox, "works") == []

"""The second road: what does not reach AgencyHandy goes to people, whole, once, and nobody is flooded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx
import pytest

from app.alerts import tell
from app.lead import LeadState
from app.outbox.facts import stuck
from app.outbox.outbox import Outbox
from app.outbox.records import StoredLead
from tests.alerts.conftest import Clock, Phone, Watching, ada, held, submission
from tests.running import SandboxClient, eventually, stored

HELD_BY_STRANGERS = ("signature", "unknown endpoint")


def roads(phone: Phone) -> dict[str, list[str]]:
    return {"leads_to": [phone.target("sales")]}


async def unsent(outbox: Outbox, clock: Clock) -> list[StoredLead]:
    return await outbox.books.read(partial(stuck, before=clock(), limit=5))


async def test_a_lead_that_is_late_is_sent_whole_and_once(
    watching: Watching, phone: Phone, outbox: Outbox, clock: Clock
) -> None:
    receipt = await outbox.add(submission(clock(), ada()))
    watch = watching(alerts=roads(phone))
    clock.forward(minutes=14)
    await watch.round()
    assert phone.posts == []
    clock.forward(minutes=2)
    await watch.round()
    clock.forward(minutes=2)
    await watch.round()

    [text] = phone.texts("sales")
    assert phone.titles("sales") == ["Lead Relay: 1 lead for you"]
    said = ("firstName: Ada", "lastName: Lovelace", "email: ada@example.com", "contactNo: +442079460958")
    more = ("message: Can you count?", "Your budget: 9000", "utm_source: fair", "at contact", receipt.leads[0][0])
    for line in (*said, *more, "AgencyHandy has not confirmed it; not tried yet"):
        assert line in text
    assert await unsent(outbox, clock) == []


async def test_a_held_lead_goes_at_once_with_its_reason(
    watching: Watching, phone: Phone, outbox: Outbox, clock: Clock
) -> None:
    await outbox.add(submission(clock(), held("refused: We do not like this one")))
    await watching(alerts=roads(phone)).round()

    assert "it is held for you (refused: We do not like this one)" in phone.texts("sales")[0]


async def test_what_nobody_could_read_goes_with_its_raw_body(
    watching: Watching, phone: Phone, outbox: Outbox, clock: Clock
) -> None:
    body = b"{broken" + b"x" * 5000
    await outbox.add(submission(clock(), held("unreadable: not JSON", email=""), body=body))
    await watching(alerts=roads(phone)).round()

    assert phone.texts("sales")[0].endswith(body[:2000].decode())


async def test_what_nobody_trusted_is_never_sent(
    watching: Watching, phone: Phone, outbox: Outbox, clock: Clock
) -> None:
    for reason in HELD_BY_STRANGERS:
        await outbox.add(submission(clock(), held(reason), quarantine=reason))
    await outbox.add(submission(clock(), ada(state=LeadState.SPAM, reason="honeypot")))
    clock.forward(days=1)
    await watching(alerts={**roads(phone), "to": [phone.target("boss")]}).round()

    assert phone.posts == []


async def test_an_endpoints_own_people_get_its_leads_and_no_others(
    watching: Watching, phone: Phone, outbox: Outbox, clock: Clock
) -> None:
    for endpoint in ("contact", "shop"):
        await outbox.add(submission(clock(), held(f"refused: {endpoint}"), endpoint=endpoint))
    forms = {"contact": {}, "shop": {"leads_to": [phone.target("shop")]}}
    await watching(alerts=roads(phone), forms=forms).round()

    for name, own, another in (("sales", "contact", "shop"), ("shop", "shop", "contact")):
        [told] = phone.texts(name)
        assert f"refused: {own}" in told
        assert f"refused: {another}" not in told


async def test_where_nobody_is_named_nothing_counts_as_sent(watching: Watching, outbox: Outbox, clock: Clock) -> None:
    await outbox.add(submission(clock(), held("refused: x")))
    await watching().round()

    assert len(await unsent(outbox, clock)) == 1


async def test_a_lead_that_nobody_took_is_sent_again(
    watching: Watching, phone: Phone, outbox: Outbox, clock: Clock
) -> None:
    await outbox.add(submission(clock(), held("refused: x")))
    phone.broken.add("sales")
    watch = watching(alerts=roads(phone))
    await watch.round()
    phone.broken.clear()
    await watch.round()

    assert len(phone.texts("sales")) == 1


async def test_whoever_does_not_take_leads_is_told_of_to_the_others(
    watching: Watching, phone: Phone, outbox: Outbox, clock: Clock
) -> None:
    await outbox.add(submission(clock(), held("refused: x")))
    phone.broken.add("sales")
    watch = watching(alerts=roads(phone) | {"to": [phone.target("boss")]})
    for _ in range(5):
        await watch.round()
        clock.forward(minutes=1)
    assert len(phone.texts("boss")) == 1, "of the lead that is held"
    await watch.round()
    assert "alerts.leads_to 1 (JSON at 127.0.0.1) has not taken the last 5 messages" in phone.texts("boss")[1]

    phone.broken.clear()
    for _ in range(2):
        clock.forward(minutes=1)
        await watch.round()
    assert "has not taken" in phone.texts("boss")[2]
    assert phone.texts("boss")[2].startswith("Over after")


async def test_an_outage_makes_bundles_oldest_first_and_one_message_a_minute(
    watching: Watching, phone: Phone, outbox: Outbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tell, "PAUSE", timedelta(minutes=1))
    people = [ada(email=f"person{number}@example.com") for number in range(50)]
    for number, one in enumerate(people):
        await outbox.add(submission(clock() + timedelta(milliseconds=number), one))
    clock.forward(hours=1)
    watch = watching(alerts=roads(phone))
    await watch.round()
    await watch.round()
    assert phone.titles("sales") == ["Lead Relay: 20 leads for you"]
    assert [f"person{number}@" in phone.texts("sales")[0] for number in (0, 19, 20)] == [True, True, False]

    for _ in range(3):
        clock.forward(minutes=1)
        await watch.round()
    assert [title[12:14] for title in phone.titles("sales")] == ["20", "20", "10"]


async def test_a_lead_longer_than_anybody_reads_is_cut(
    watching: Watching, phone: Phone, outbox: Outbox, clock: Clock
) -> None:
    receipt = await outbox.add(submission(clock(), held("refused: x", message="long " * 50_000)))
    await watching(alerts=roads(phone)).round()

    assert phone.texts("sales")[0].endswith(f"cut here; lead-relay leads show {receipt.leads[0][0]} has all of it")


def test_from_a_post_to_people_while_agencyhandy_refuses_the_key(
    quick: Callable[..., httpx.Client], sandbox: SandboxClient, phone: Phone, tmp_path: Path
) -> None:
    """The real app: a lead waits, and one has no e-mail; the boss hears why, and sales get both."""
    sandbox.put("/key", key="another")
    toml = f"""
    [alerts]
    to = ["{phone.target("boss")}"]
    leads_to = ["{phone.target("sales")}"]
    after = "1s"
    [forms.contact]
    [hooks.json]
    source = "json"
    open = true
    """
    client = quick(toml)
    client.post("/forms/contact", data={"name": "Ada Lovelace", "email": "ada@example.com", "message": "Hello"})
    client.post("/hooks/json", json={"name": "Grace Hopper", "phone": "+12125550143", "wants": "a compiler"})

    def sales() -> str:
        return "\n".join(phone.texts("sales"))

    eventually(lambda: "wants: a compiler" in sales(), "the lead without an e-mail is sent")
    assert "it is held for you (no e-mail: there is none)" in sales()
    told = eventually(lambda: "\n".join(phone.texts("boss")) if len(phone.texts("boss")) > 1 else "", "the boss hears")
    assert "AgencyHandy does not let the relay in for default" in told
    eventually(lambda: "1 lead held: no e-mail" in "\n".join(phone.texts("boss")), "the boss hears of the held one")
    marked = "SELECT count(*) FROM leads WHERE passed_on_at IS NOT NULL"
    eventually(lambda: stored(tmp_path, marked) == [(2,)], "both are marked")
    assert (sales().count("wants: a compiler"), sales().count("ada@example.com")) == (1, 1)

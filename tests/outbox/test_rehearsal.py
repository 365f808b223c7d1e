"""What today's mapping would change in what is stored, on both engines; nothing is written."""

from __future__ import annotations

import asyncio
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from app.config.endpoints import for_programs
from app.config.relay_toml import RelayConfig
from app.lead import LeadState
from app.outbox.hands import Hands
from app.outbox.outbox import Outbox
from app.outbox.records import Settlement
from app.outbox.rehearsal import AT_ONCE, SHOWN, Rehearsal, rehearse
from app.outbox.remap import read_again, remap
from app.outbox.tables import audit, leads, submissions
from app.reader import read
from app.sources.base import Inbound
from tests.outbox.by_hand import NOW, claim, does, hands, outbox, url

__all__ = ["hands", "outbox", "url"]

JSON = {"content-type": "application/json"}
ADA = '{"name": "Ada King", "email": "ada@example.com", "Zusatz": "Wann?", "team": "A"}'
NOBODY = '{"name": "Ada King", "user": "ada"}'


def config(mapping: dict[str, Any] | None = None, **more: Any) -> RelayConfig:
    return RelayConfig.model_validate(
        {"forms": {"contact": {"mapping": mapping or {}, **more}, "other": {}}, "hooks": {}},
        context={"environ": {}},
    )


async def came(outbox: Outbox, *bodies: str, endpoint: str = "contact", given: RelayConfig | None = None) -> list[str]:
    """The ids of the leads that requests of other contents became, as `given` mapped them."""
    form = (given or config()).forms[endpoint]
    ids: list[str] = []
    for body in bodies:
        receipt = await outbox.add(read(Inbound(body.encode(), JSON), form, NOW).submission)
        ids += [lead_id for lead_id, _ in receipt.leads]
    return ids


async def rehearsed(outbox: Outbox, today: RelayConfig, last: int = 100, endpoint: str | None = None) -> Rehearsal:
    return await rehearse(outbox.books, today, last, endpoint, lambda _: None)


async def everything(outbox: Outbox) -> list[Any]:
    tables = (submissions, leads, audit)
    return [row for table in tables for row in await outbox.books._all(select(table).order_by(table.c.id))]


async def test_the_same_mapping_changes_nothing(outbox: Outbox) -> None:
    await came(outbox, ADA, NOBODY, "{", f"[{ADA}, {ADA.replace('ada@', 'mary@')}]")
    found = await rehearsed(outbox, config())
    assert (found.requests, found.unchanged, found.changed, found.new, found.gone) == (4, 5, 0, 0, 0)
    assert (found.first, found.fields, found.becomes) == ({}, {}, {})


async def test_what_a_new_rule_changes_is_counted_and_shown(outbox: Outbox) -> None:
    [ada, nobody] = await came(outbox, ADA, NOBODY)
    before = await everything(outbox)
    found = await rehearsed(
        outbox, config({"message": "{Zusatz}", "email": ["email", "{user}@example.com"]}, region="GB")
    )

    assert (found.unchanged, found.changed) == (0, 2)
    assert found.first[ada]["message"] == ("", "Wann?")
    assert found.first[nobody]["email"] == ("", "ada@example.com")
    assert found.first[nobody]["state"] == ("held", "pending")
    assert found.becomes == {"pending": 1}
    assert found.fields["message"] == found.fields["email"] == found.fields["state"] == 1
    assert await everything(outbox) == before


async def test_requests_are_read_again_beside_everything_else(
    outbox: Outbox, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which in the event loop would wait for each."""

    def seen(*given: Any) -> Any:
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()
        return read_again(*given)

    for module in ("rehearsal", "remap"):
        monkeypatch.setattr(f"app.outbox.{module}.read_again", seen)
    [nobody] = await came(outbox, NOBODY)
    assert (await rehearsed(outbox, config())).requests == 1
    assert len(await remap(hands, nobody, config())) == 1


async def test_leads_that_would_be_held_or_spam_are_counted_apart(outbox: Outbox) -> None:
    await came(outbox, ADA, ADA.replace("ada@", "mary@"))
    found = await rehearsed(outbox, config({"email": "team"}))
    assert found.becomes == {"held": 2}


async def test_people_who_are_new_or_gone_are_counted(outbox: Outbox) -> None:
    two = f"[{ADA}, {ADA.replace('ada@', 'mary@')}]"
    await came(outbox, two)
    await outbox.write(lambda open_: open_.execute(submissions.update().values(body=ADA.encode())))
    assert (await rehearsed(outbox, config())).gone == 1
    three = f"{two[:-1]}, {ADA.replace('ada@', 'eve@')}]"
    await outbox.write(lambda open_: open_.execute(submissions.update().values(body=three.encode())))
    found = await rehearsed(outbox, config())
    assert (found.new, found.becomes) == (1, {"pending": 1})
    assert any(lead_id.startswith("new in ") for lead_id in found.first)


async def test_what_people_and_agencyhandy_did_is_no_difference(outbox: Outbox, hands: Hands) -> None:
    bodies = [ADA.replace("ada@", f"ada{number}@") for number in range(5)]
    edited, spam, gone, refused, delivered = await came(outbox, *bodies)
    [released] = await came(outbox, ADA.replace("}", ', "_gotcha": "a bot"}'))
    await does(hands, "release", released)
    await does(hands, "edit", edited, message="By hand", email="mary@example.com")
    await does(hands, "spam", spam)
    await does(hands, "discard", gone)
    claimed = {lead.id: lead.claim for lead in await claim(outbox)}
    ends = [(refused, LeadState.HELD, "refused: no"), (delivered, LeadState.DELIVERED, "")]
    await outbox.settle([Settlement(id_, claimed[id_], state, why) for id_, state, why in ends], (), NOW)

    found = await rehearsed(outbox, config())
    assert (found.unchanged, found.changed, found.first) == (6, 0, {})
    assert (await rehearsed(outbox, config({"status": "team"}))).fields == {"status": 6, "other fields": 6}


async def test_an_edited_lead_that_was_held_is_not_held_again(outbox: Outbox, hands: Hands) -> None:
    [nobody] = await came(outbox, NOBODY)
    await does(hands, "edit", nobody, email="ada@example.com")
    assert (await rehearsed(outbox, config())).becomes == {}


async def test_what_was_erased_is_passed_over_and_what_has_no_endpoint_is_skipped(outbox: Outbox, hands: Hands) -> None:
    [erased] = await came(outbox, ADA)
    await does(hands, "erase", erased)
    await came(outbox, NOBODY, endpoint="other")
    today = RelayConfig.model_validate({"forms": {"contact": {}}})
    found = await rehearsed(outbox, today)
    assert (found.requests, found.skipped, found.unchanged) == (0, 1, 0)


async def test_the_newest_count_of_one_endpoint_or_all(outbox: Outbox) -> None:
    many = [ADA.replace("ada@", f"ada{number}@") for number in range(2 * AT_ONCE + 5)]
    ids = await came(outbox, *many)
    await came(outbox, NOBODY, endpoint="other")
    for last, endpoint, requests in ((1000, None, len(many) + 1), (AT_ONCE + 3, "contact", AT_ONCE + 3)):
        assert (await rehearsed(outbox, config(), last, endpoint)).requests == requests
    found = await rehearsed(outbox, config({"message": "Zusatz"}), len(many) + 1)
    assert found.changed == len(many)
    assert list(found.first) == ids[::-1][:SHOWN]


async def test_a_strangers_field_names_and_long_values_stay_out_of_the_figures(outbox: Outbox) -> None:
    [lead_id] = await came(outbox, '{"email": "ada@example.com", "Zusatz": "%s"}' % ("x" * 5000))
    found = await rehearsed(outbox, config({"message": "Zusatz"}))
    assert found.fields == {"message": 1, "other fields": 1}
    assert found.first[lead_id]["message"] == ("", "x" * 200)


@pytest.mark.slow
async def test_many_requests_take_little_memory(outbox: Outbox) -> None:
    """Bodies of 20 kB: 30 MB of them, of which a page at a time is in memory."""
    body = '{"email": "ada@example.com", "Zusatz": "%s"}'
    one = read(Inbound((body % ("x" * 20_000)).encode(), JSON), config().forms["contact"], NOW).submission
    await outbox.add(one)

    async def multiply(open_: Any) -> None:
        [row] = (await open_.execute(select(submissions))).all()
        [lead] = (await open_.execute(select(leads))).all()
        for start in range(0, 1_500, 500):
            ids = [f"{number:026}" for number in range(start, start + 500)]
            await open_.execute(submissions.insert(), [{**row._mapping, "id": id_} for id_ in ids])
            await open_.execute(leads.insert(), [{**lead._mapping, "id": id_, "submission_id": id_} for id_ in ids])

    await outbox.write(multiply)
    assert (await outbox.books._all(select(func.count()).select_from(submissions)))[0][0] == 1_501
    tracemalloc.start()
    found = await rehearsed(outbox, config({"message": "Zusatz"}), 1_500)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (found.requests, found.changed) == (1_500, 1_500)
    assert peak < 10 * 1024 * 1024


class TestASenderWhoIsNeverSpam:
    """Who was released so, and fills in the field that nobody sees again: as when it came, that is no spam."""

    TRAPPED = ADA.replace("{", '{"_gotcha": "1", ', 1)

    async def test_is_none_by_todays_mapping_either(self, outbox: Outbox, hands: Hands) -> None:
        [lead_id] = await came(outbox, self.TRAPPED)
        [lead] = await outbox.books.of_ids([lead_id])
        assert lead.lead.state is LeadState.SPAM
        assert await hands.do("release", [lead_id], allow=True) == {}
        [other] = await came(outbox, self.TRAPPED.replace("ada@", "mary@"))
        [again] = await came(outbox, self.TRAPPED.replace("Wann?", "Wo?").replace("ada@", "ADA@"))
        found = await rehearsed(outbox, config())
        assert (found.becomes, found.first[again]["state"]) == ({"pending": 1}, ("spam", "pending"))

        [change] = await remap(hands, again, config())
        assert (change.refusal, change.lead.state) == ("", LeadState.PENDING)
        [lead] = await outbox.books.of_ids([again])
        assert (lead.lead.state, lead.lead.reason) == (LeadState.PENDING, "")
        [change] = await remap(hands, other, config())
        assert change.lead.state is LeadState.SPAM

    async def test_is_none_where_it_was_let_through_when_it_came(self, outbox: Outbox, hands: Hands) -> None:
        [first] = await came(outbox, self.TRAPPED)
        assert await hands.do("release", [first], allow=True) == {}
        given = read(Inbound(self.TRAPPED.replace("Wann?", "Wo?").encode(), JSON), config().forms["contact"], NOW)
        judged = tuple(replace(lead, state=LeadState.PENDING, reason="") for lead in given.submission.leads)
        await outbox.add(replace(given.submission, leads=judged))
        found = await rehearsed(outbox, config())
        assert (found.unchanged, found.becomes) == (2, {})

    async def test_is_spam_where_no_form_was_posted(self, outbox: Outbox, hands: Hands) -> None:
        await hands.allow(["ada@example.com"])
        given: dict[str, Any] = {"forms": {"contact": {}}, "hooks": {"crm": {"source": "json", "open": True}}}
        today = RelayConfig.model_validate(given, context={"environ": {}})
        ids: list[str] = []
        for number, endpoint in enumerate((today.hooks["crm"], for_programs(today.forms["contact"], None))):
            body = self.TRAPPED.replace("Wann?", f"Wo {number}?").encode()
            receipt = await outbox.add(read(Inbound(body, JSON), endpoint, NOW).submission)
            ids += [lead_id for lead_id, _ in receipt.leads]
        found = await rehearsed(outbox, today)
        assert (found.unchanged, found.becomes) == (2, {})

        changes = [await remap(hands, lead_id, today) for lead_id in ids]
        assert [change.lead.state for [change] in changes] == [LeadState.SPAM, LeadState.SPAM]
        changes = [await remap(hands, lead_id, today, "contact") for lead_id in ids]
        assert [change.lead.state for [change] in changes] == [LeadState.PENDING, LeadState.SPAM]

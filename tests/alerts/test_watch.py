"""Who is told what, when, and how often: a watch over a real store, told over a real wire."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from app.alerts import tell
from app.alerts.watch import Watch
from app.config.relay_toml import RelayConfig
from app.metrics import Metrics
from app.outbox.outbox import Outbox
from tests.alerts.conftest import SECRET, Clock, Phone, Watching, ada, submission


def alerts(phone: Phone, *names: str, **more: Any) -> dict[str, Any]:
    return {"to": [phone.target(name) for name in names or ("boss",)], "after": "15m", "every": "4h", **more}


@pytest.fixture
async def waiting(outbox: Outbox, clock: Clock) -> None:
    """A lead that nobody delivers, and that is late."""
    await outbox.add(submission(clock(), ada()))
    clock.forward(minutes=16)


async def test_all_is_well_and_nobody_hears_of_it(watching: Watching, phone: Phone) -> None:
    await watching(alerts=alerts(phone)).round()

    assert phone.posts == []


@pytest.mark.usefixtures("waiting")
async def test_new_trouble_is_told_at_once_and_once(watching: Watching, phone: Phone) -> None:
    watch = watching(alerts=alerts(phone))
    await watch.round()
    await watch.round()

    assert phone.titles("boss") == ["Lead Relay: 1 thing needs you"]
    assert "default the oldest has waited 16 min" in phone.texts("boss")[0]


@pytest.mark.usefixtures("waiting")
async def test_what_is_still_so_is_told_again_after_a_while(watching: Watching, phone: Phone, clock: Clock) -> None:
    watch = watching(alerts=alerts(phone))
    await watch.round()
    clock.forward(hours=3, minutes=59)
    await watch.round()
    assert len(phone.posts) == 1
    clock.forward(minutes=2)
    await watch.round()
    await watch.round()

    assert phone.texts("boss")[1].startswith("Still so after 4 h 1 min: Leads do not get through")
    assert len(phone.posts) == 2


@pytest.mark.usefixtures("waiting")
async def test_when_it_is_over_there_is_an_all_clear(watching: Watching, phone: Phone, outbox: Outbox) -> None:
    watch = watching(alerts=alerts(phone))
    await watch.round()
    await _deliver_all(outbox)
    await watch.round()
    await watch.round()

    assert phone.titles("boss") == ["Lead Relay: 1 thing needs you", "Lead Relay: all clear"]
    assert await outbox.books.alerts() == {}


@pytest.mark.usefixtures("waiting")
async def test_a_restart_neither_repeats_nor_forgets(watching: Watching, phone: Phone, outbox: Outbox) -> None:
    for _ in range(2):
        async with watching(alerts=alerts(phone), every=timedelta(seconds=0.02)).running():
            await asyncio.sleep(0.3)
    assert len(phone.posts) == 1

    await _deliver_all(outbox)
    after = watching(alerts=alerts(phone))
    await after.round()
    assert phone.titles("boss")[1:] == ["Lead Relay: all clear"]


@pytest.mark.usefixtures("waiting")
async def test_of_two_replicas_one_tells(outbox: Outbox, clock: Clock, phone: Phone, store_url: str) -> None:
    other = Outbox(store_url)
    await other.open()
    config = RelayConfig.model_validate({"alerts": alerts(phone)})
    done: list[str] = []

    def replica(name: str, of: Outbox) -> Watch:
        async def chore(_: object) -> None:
            done.append(name)

        return Watch(of, config, Metrics(), clock, workspaces=("default",), folder=None, chores=[chore])

    one, two = replica("one", outbox), replica("two", other)
    for _ in range(3):
        await one.round()
        await two.round()
    assert (len(phone.posts), set(done)) == (1, {"one"})

    clock.forward(minutes=2)
    await two.round()
    await one.round()
    await other.close()
    assert (len(phone.posts), done[-1]) == (1, "two"), "who takes over knows what was told"


@pytest.mark.usefixtures("waiting")
async def test_a_target_that_fails_is_tried_again_and_the_others_get_it_once(watching: Watching, phone: Phone) -> None:
    phone.broken.add("boss")
    watch = watching(alerts=alerts(phone, "boss", "pager"))
    with capture_logs() as logs:
        await watch.round()
        await watch.round()
    assert (phone.texts("boss"), len(phone.texts("pager"))) == ([], 1)
    failed = [one for one in logs if one["event"] == "target_failed"]
    assert failed[0]["target"] == "alerts.to 1 (JSON at 127.0.0.1)"

    phone.broken.clear()
    await watch.round()
    await watch.round()
    assert (len(phone.texts("boss")), len(phone.texts("pager"))) == (1, 1)


@pytest.mark.usefixtures("waiting")
async def test_who_was_out_of_reach_hears_all_of_it_in_one_message(
    watching: Watching, phone: Phone, outbox: Outbox
) -> None:
    phone.broken.add("boss")
    watch = watching(alerts=alerts(phone, "boss", "pager"))
    await watch.round()
    await _pause(outbox)
    await watch.round()
    await _deliver_all(outbox)
    await watch.round()
    assert len(phone.texts("pager")) == 3

    phone.broken.clear()
    await watch.round()
    [text] = phone.texts("boss")
    assert phone.titles("boss") == ["Lead Relay: 1 thing needs you"]
    assert ("wrong key" in text, "Over after" in text) == (True, True)


@pytest.mark.usefixtures("waiting")
async def test_what_nobody_took_is_told_as_it_is_by_then(watching: Watching, phone: Phone, outbox: Outbox) -> None:
    phone.broken.add("boss")
    watch = watching(alerts=alerts(phone))
    await watch.round()
    assert await outbox.books.alerts() == {}
    await _deliver_all(outbox)
    phone.broken.clear()
    await watch.round()

    assert phone.posts == []


@pytest.mark.usefixtures("waiting")
async def test_what_comes_and_goes_is_told_once(outbox: Outbox, clock: Clock, phone: Phone) -> None:
    config = RelayConfig.model_validate({"alerts": alerts(phone)})
    watch = Watch(outbox, config, Metrics(), clock, workspaces=("default",), folder=None)
    for _ in range(10):
        await watch.round()
        await _deliver_all(outbox)
        clock.forward(minutes=2)
        await watch.round()
        await outbox.add(submission(clock() - timedelta(hours=1), ada()))
    assert len(phone.posts) == 1

    await _deliver_all(outbox)
    await watch.round()
    clock.forward(minutes=6)
    await watch.round()
    assert phone.titles("boss")[1:] == ["Lead Relay: all clear"]


@pytest.mark.usefixtures("waiting")
async def test_a_target_gets_one_message_a_minute(
    outbox: Outbox, clock: Clock, phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tell, "PAUSE", timedelta(minutes=1))
    config = RelayConfig.model_validate({"alerts": alerts(phone)})
    watch = Watch(outbox, config, Metrics(), clock, workspaces=("default",), folder=None)
    await watch.round()
    await _pause(outbox)
    await watch.round()
    assert len(phone.posts) == 1
    clock.forward(minutes=1)
    await watch.round()
    assert "wrong key" in phone.texts("boss")[1]


async def test_a_step_that_breaks_is_logged_and_the_next_goes_on(outbox: Outbox, clock: Clock) -> None:
    done = []

    async def broken(_: object) -> None:
        raise ZeroDivisionError

    async def good(_: object) -> None:
        done.append(True)

    more: dict[str, Any] = {"workspaces": ("default",), "folder": None, "chores": [broken, good]}
    watch = Watch(outbox, RelayConfig(), Metrics(), clock, **more)
    with capture_logs() as logs:
        await watch.round()
        await watch.round()

    assert len(done) == 2
    assert [one["fault"] for one in logs if one["event"] == "watch_failed"] == ["ZeroDivisionError"] * 2


@pytest.mark.usefixtures("waiting")
async def test_where_nobody_is_named_trouble_is_in_the_log_once(watching: Watching) -> None:
    watch = watching()
    with capture_logs() as logs:
        await watch.round()
        await watch.round()

    assert [(one["event"], one["trouble"]) for one in logs] == [("trouble", "waiting default")]


@pytest.mark.usefixtures("waiting")
async def test_nothing_personal_and_no_address_is_logged(
    watching: Watching, phone: Phone, outbox: Outbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    phone.broken.add("broken")
    await _pause(outbox)
    watch = watching(alerts=alerts(phone, "boss", "broken", leads_to=[phone.target("sales")]))
    with capture_logs() as logs:
        await watch.round()
        await watch.round()

    spelled = f"{logs} {[one.getMessage() for one in caplog.records]}"
    assert phone.texts("sales")
    for secret in (SECRET, "Ada", "ada@", "+4420", "Can you count?", "wrong key"):
        assert secret not in spelled


async def _deliver_all(outbox: Outbox) -> None:
    await outbox.write(lambda connection: connection.execute(text("UPDATE leads SET state = 'delivered'")))


async def _pause(outbox: Outbox) -> None:
    await outbox.change_workspace("default", lambda known: replace(known, paused="wrong key"))

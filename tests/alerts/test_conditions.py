"""When something counts as wrong, as a table; and from real requests."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.alerts.conditions import CONDITIONS, MIB, spelled, troubles
from app.config.relay_toml import RelayConfig
from app.outbox.outbox import Outbox
from app.outbox.records import Balance, Facts, Workspace
from app.sandbox import DEMO_KEY
from tests.alerts.conftest import Clock, Phone, Watching, ada, held, submission
from tests.running import ROOT, RelayProcess, SandboxClient, eventually, stored

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
TODAY = int(NOW.timestamp()) // 86400
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
CONFIG = RelayConfig.model_validate({"forms": {"contact": {}, "daily": {"expect_every": "1d"}}})

TABLE: list[tuple[str, dict[str, Any], list[str]]] = [
    ("nothing", {}, []),
    ("a lead just young enough", {"waiting": {"default": NOW - 15 * MINUTE}}, []),
    ("a late lead", {"waiting": {"default": NOW - 16 * MINUTE, "other": NOW}}, ["waiting default"]),
    ("of a clock that was ahead", {"waiting": {"default": NOW + 16 * MINUTE}}, ["waiting default"]),
    ("a workspace just gone", {"waiting": {"gone": NOW}, "unserved": {"gone"}}, []),
    ("a workspace that is gone", {"waiting": {"gone": NOW - HOUR}, "unserved": {"gone"}}, ["unserved gone"]),
    ("a key refused", {"workspaces": {"default": Workspace(paused="no")}}, ["paused default"]),
    ("stopped by a person", {"workspaces": {"default": Workspace(stopped_by="ada")}}, ["stopped default"]),
    ("failures in a row", {"workspaces": {"default": Workspace(failures=5)}}, []),
    ("held", {"held": {"refused: a": 1, "refused: b": 2, "no e-mail: c": 1}}, ["held no e-mail", "held refused"]),
    ("some in quarantine", {"quarantined": {"unknown endpoint": 50}}, []),
    ("more", {"quarantined": {"signature contact": 51, "unknown endpoint": 1}}, ["quarantine signature contact"]),
    ("a wrong secret", {"distrusted": {"signature contact": 1, "unreadable contact": 1}}, ["signature contact"]),
    ("a wrong address", {"distrusted": {"unknown endpoint": 1}}, ["unknown others"]),
    ("dropped", {"balance": Balance({(TODAY, "x", "accepted"): 1, (TODAY, "x", "dropped"): 1})}, ["dropped x"]),
    ("dropped long ago", {"balance": Balance({(1, "x", "accepted"): 1, (1, "x", "dropped"): 1})}, []),
    ("disk enough", {"disk_free": 500 * MIB}, []),
    ("disk low", {"disk_free": 500 * MIB - 1}, ["disk"]),
    ("somebody who hears", {"deaf": {"alerts.leads_to 1 (JSON)": 4}}, []),
    ("somebody who does not", {"deaf": {"alerts.leads_to 1 (JSON)": 5}}, ["deaf alerts.leads_to 1 (JSON)"]),
    ("silent as ever", {"last_seen": {"contact": (NOW - 15 * HOUR, 10 * HOUR)}}, []),
    ("silent for longer", {"last_seen": {"contact": (NOW - 15.1 * HOUR, 10 * HOUR)}}, ["silent contact"]),
    ("busy, silent for less than an hour", {"last_seen": {"contact": (NOW - HOUR, MINUTE)}}, []),
    ("busy, silent for more", {"last_seen": {"contact": (NOW - 1.1 * HOUR, MINUTE)}}, ["silent contact"]),
    ("too little to tell", {"last_seen": {"contact": (NOW - 900 * HOUR, None)}}, []),
    ("as expected", {"last_seen": {"daily": (NOW - 24 * HOUR, MINUTE)}}, []),
    ("not as expected", {"last_seen": {"daily": (NOW - 25 * HOUR, 90 * HOUR)}}, ["silent daily"]),
    ("never came", {"began": NOW - 25 * HOUR}, ["silent daily"]),
    ("may yet come", {"began": NOW - 23 * HOUR}, []),
    ("books right", {"balance": Balance({(1, "contact", "accepted"): 2, (1, "contact", "held"): 2})}, []),
    ("one missing", {"balance": Balance({(1, "contact", "accepted"): 2, (1, "contact", "held"): 1})}, [
        "books contact 1970-01-02"
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("facts", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_is_wrong(facts: dict[str, Any], expected: list[str]) -> None:
    assert list(troubles(Facts(NOW, **facts), CONFIG)) == expected


def test_the_table_has_every_condition() -> None:
    assert {key.partition(" ")[0] for *_, expected in TABLE for key in expected} == set(CONDITIONS)


def test_every_condition_is_documented() -> None:
    document = (ROOT / "docs/alerts.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \| [^|]*\| [^|]+ \|$", document, re.MULTILINE) == [*CONDITIONS]


async def test_what_nobody_trusts_is_told_until_it_is_dealt_with_or_old(
    watching: Watching, outbox: Outbox, clock: Clock, phone: Phone
) -> None:
    for number in range(2):
        await outbox.add(submission(clock(), held("signature"), quarantine="signature contact", body=b"%d" % number))
    strange = submission(clock(), held("unknown endpoint"), endpoint="bob", quarantine="unknown endpoint")
    await outbox.add(strange)
    watch = watching(alerts={"to": [phone.target("boss")]})
    assert await keys(watch) == {"signature contact", "unknown others"}
    assert await keys(watch) == {"signature contact", "unknown others"}
    [told] = phone.texts("boss")
    assert "2 requests with a wrong secret or signature came to contact" in told
    assert "1 request came within the last hour to addresses" in told
    assert "bob" not in told
    assert "ada" not in told.lower()

    release = text("UPDATE leads SET state = 'discarded' WHERE reason = 'signature'")
    await outbox.write(lambda connection: connection.execute(release))
    assert await keys(watch) == {"unknown others"}
    clock.forward(hours=1.1)
    assert await keys(watch) == set()
    assert len(phone.texts("boss")) == 3


async def test_a_strangers_name_for_an_endpoint_is_not_passed_on(
    watching: Watching, outbox: Outbox, clock: Clock, phone: Phone
) -> None:
    await outbox.add(submission(clock(), held("unknown endpoint"), endpoint="ada@example.com", quarantine="unknown"))
    await outbox.write(lambda connection: connection.execute(text("DELETE FROM leads")))
    await watching(alerts={"to": [phone.target("boss")]}).round()

    [told] = phone.texts("boss")
    assert told.startswith(f"The books do not balance for others {clock():%Y-%m-%d} (UTC): 1 lead missing.")


@pytest.mark.parametrize(
    ("time", "expected"),
    [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (3600, "1 h"), (90_000, "1 d 1 h"), (86_460, "1 d 1 min")],
)
def test_times_are_spelled_in_two_units(time: int, expected: str) -> None:
    assert spelled(timedelta(seconds=time)) == expected


async def keys(watch: Any) -> set[str]:
    await watch.round()
    return set(watch._troubles)


async def test_an_endpoint_that_is_silent_for_longer_than_it_ever_was(
    watching: Watching, outbox: Outbox, clock: Clock
) -> None:
    start = clock()
    for number in range(20):
        await outbox.add(submission(start + number * timedelta(hours=2), ada(email=f"{number}@example.com")))
    watch = watching(alerts={"after": "90d"})
    clock.forward(hours=38 + 2.9)
    assert await keys(watch) == set()
    clock.forward(hours=0.2)
    assert await keys(watch) == {"silent contact"}

    await outbox.add(submission(clock(), held("signature"), quarantine="signature contact"))
    assert "silent contact" in await keys(watch), "what nobody trusts breaks no silence"
    await outbox.add(submission(clock(), ada()))
    assert await keys(watch) == set()


async def test_a_lead_that_vanished_from_the_store_is_noticed(
    watching: Watching, outbox: Outbox, clock: Clock, phone: Phone
) -> None:
    for day in (3, 0):
        for number in range(3):
            await outbox.add(submission(clock() - timedelta(days=day), ada(email=f"{day}{number}@example.com")))
    watch = watching(alerts={"after": "90d", "to": [phone.target("boss")]})
    assert await keys(watch) == set()

    newest = text("DELETE FROM leads WHERE email = '02@example.com'")
    await outbox.write(lambda connection: connection.execute(newest))
    assert await keys(watch) == {f"books contact {clock():%Y-%m-%d}"}
    assert "contact" in phone.texts("boss")[0]
    assert "1 lead missing" in phone.texts("boss")[0]

    oldest = text("DELETE FROM leads WHERE email = '30@example.com'")
    await outbox.write(lambda connection: connection.execute(oldest))
    assert len(await keys(watch)) == 1
    clock.forward(hours=1)
    assert len(await keys(watch)) == 2, "every day is looked at hourly"


async def test_what_makes_room_in_the_quarantine_stays_in_the_books(
    watching: Watching, outbox: Outbox, clock: Clock
) -> None:
    for number in range(8):
        one = held("unknown endpoint", email=f"{number}@example.com")
        await outbox.add(submission(clock(), one, endpoint="nobody", quarantine="unknown endpoint"))

    assert await keys(watching()) == {"dropped others", "unknown others"}


async def test_a_disk_with_little_room(watching: Watching, tmp_path: Path) -> None:
    assert await keys(watching(folder=tmp_path, alerts={"disk_mib": 1})) == set()
    assert await keys(watching(folder=tmp_path, alerts={"disk_mib": 10**9})) == {"disk"}


async def test_what_an_earlier_trial_left_is_nobodys_trouble(outbox: Outbox, watching: Watching, clock: Clock) -> None:
    await outbox.add(submission(clock(), ada(), workspace="sandbox"))
    clock.forward(days=1)

    assert await keys(watching()) == set()


@pytest.mark.slow
def test_leads_of_a_workspace_that_relay_toml_names_no_more_are_told_and_can_be_given_to_another(
    tmp_path: Path, sandbox: SandboxClient, phone: Phone, launch: Callable[[RelayProcess], RelayProcess]
) -> None:
    alerts = f"[alerts]\nto = ['{phone.target('boss')}']\nafter = '1s'\n[forms.contact]\n"
    toml = tmp_path / "relay.toml"
    toml.write_text(f"{alerts}workspace = 'gone'\n[workspaces.gone]\napi_key = 'wrong'\n")
    relay = launch(RelayProcess(tmp_path, sandbox.address, toml=toml))
    httpx.post(f"{relay.address}/forms/contact", data={"name": "Ada", "email": "ada@example.com"})
    relay.stop()

    toml.write_text(alerts)
    relay.start()
    eventually(lambda: any("Nobody delivers the leads of gone" in said for said in phone.texts("boss")), "it is told")
    [(lead_id,)] = stored(tmp_path, "SELECT id FROM leads")
    relay.command("leads", "spam", lead_id)
    relay.command("leads", "remap", lead_id)

    eventually(lambda: sandbox.emails() == ["ada@example.com"], "it goes to the workspace that the form has today")


def test_that_nobody_delivers_is_told_by_who_only_takes_enquiries(
    quick: Callable[..., httpx.Client], phone: Phone
) -> None:
    client = quick(f"[alerts]\nto = ['{phone.target('boss')}']\nafter = '1s'\n[forms.contact]\n", role="intake")
    client.post("/forms/contact", data={"name": "Ada", "email": "ada@example.com"})

    eventually(lambda: any("for default the oldest has waited" in said for said in phone.texts("boss")), "it is told")


def test_a_quarantine_that_grows_is_told_from_real_requests(quick: Callable[..., httpx.Client], phone: Phone) -> None:
    toml = f"""
    [alerts]
    to = ["{phone.target("boss")}"]
    quarantine = 2
    [hooks.json]
    source = "json"
    secrets = ["s3cret"]
    """
    client = quick(toml)
    for number in range(3):
        assert client.post("/hooks/json", json={"email": f"{number}@example.com"}).status_code == 401

    told = "3 requests went into quarantine within the last hour: signature json."
    eventually(lambda: any(told in text for text in phone.texts("boss")), "it is told")


def test_agencyhandy_being_down_is_told_and_so_is_its_return(
    quick: Callable[..., httpx.Client], sandbox: SandboxClient, phone: Phone
) -> None:
    toml = f"[alerts]\nto = ['{phone.target('boss')}']\n[forms.contact]\n"
    client = quick(toml, delivery_probe_seconds=0.2)
    sandbox.put("/key", key="another")
    client.post("/forms/contact", data={"name": "Ada", "email": "ada@example.com"})
    eventually(lambda: any("does not let the relay in" in said for said in phone.texts("boss")), "the pause is told")

    sandbox.put("/key", key=DEMO_KEY)
    eventually(lambda: "Lead Relay: all clear" in phone.titles("boss"), "the end is told")

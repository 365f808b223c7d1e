"""The drill: what it plans, how it counts, what it refuses, and that it leaves nothing behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from app.cli import app
from app.config.settings import SQLITE
from app.drill import run
from app.drill.faults import DISK_FULL, FAULTS
from app.drill.plan import KILL, MIDWAY, Drill
from app.drill.processes import Process, free_ports
from app.drill.reconcile import reconcile
from app.errors import ConfigurationError, RelayError
from app.outbox.books import Books
from tests.running import ROOT, SandboxClient, environment, eventually

KEYS = ["sent", "acknowledged", "once", "lost", "doubled", "longest_wait_s"]
NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z


def member(email: str, at: str = "2026-01-01T12:00:01Z") -> dict[str, Any]:
    return {"email": email, "createdAt": at}


BEHIND = ("env", "--ignore-signal=INT")
"""As a script's shell starts something with `&`."""


def start_drill(folder: Path, *args: str, under: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """`lead-relay drill …` in a folder whose .env would lead a relay astray, its temporary files below it."""
    (folder / "tmp").mkdir()
    (folder / ".env").write_text("AGENCYHANDY_BASE_URL=http://127.0.0.1:9\nPORT=nonsense\nMAX_BODY_BYTES=1\n")
    return subprocess.Popen(
        [*under, sys.executable, "-m", "app", "drill", *args],
        cwd=folder,
        env=environment(folder, PYTHONPATH=str(ROOT), TMPDIR=str(folder / "tmp"), QUARANTINE_ROWS="none"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def processes_of(folder: Path) -> list[int]:
    """Who works in a folder below this one."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if entry.readlink().is_relative_to(folder / "tmp"):
                found.append(int(entry.parent.name))
        except OSError:  # it has just ended
            continue
    return found


class TestPlan:
    def test_it_is_the_same_for_the_same_seed(self) -> None:
        assert Drill(seed=7).plan() == Drill(seed=7).plan()
        assert Drill(seed=7).plan() != Drill(seed=8).plan()

    def test_it_has_every_kill_and_every_fault_that_this_machine_can_have(self) -> None:
        names = [event.name for event in Drill(leads=2000, kills=10).plan()]
        assert names.count(KILL) == 10
        assert set(FAULTS) - {DISK_FULL} <= set(names)
        assert (DISK_FULL in names) == (sys.platform == "linux")

    def test_kills_are_spread_over_all_of_it(self) -> None:
        at = [event.at for event in Drill(leads=10_000, kills=10, seed=3).plan() if event.name == KILL]
        assert all(sum(970 * n <= one <= 970 * (n + 1) for one in at) == 1 for n in range(10))

    @pytest.mark.parametrize(("leads", "kills"), [(1, 0), (1, 5), (30, 3), (300, 3), (20_000, 50)])
    def test_all_of_it_comes_while_enquiries_do(self, leads: int, kills: int) -> None:
        events = Drill(leads=leads, kills=kills, midway="true").plan()
        assert events == sorted(events)
        assert all(1 <= event.at <= leads for event in events)
        assert [event.name for event in events].count(MIDWAY) == 1

    def test_a_store_that_is_not_on_this_disk_cannot_be_filled_up(self) -> None:
        names = {event.name for event in Drill(store="postgresql+asyncpg://u@127.0.0.1/drill").plan()}
        assert DISK_FULL not in names


class TestReconciling:
    @pytest.mark.parametrize(
        ("members", "leads", "once", "lost", "doubled"),
        [
            pytest.param(["a@x.io", "b@x.io"], ["a@x.io", "b@x.io"], 2, 0, 0, id="all is well"),
            pytest.param(["a@x.io"], ["a@x.io", "b@x.io"], 1, 1, 0, id="AgencyHandy lacks one"),
            pytest.param([], [], 0, 2, 0, id="nobody has anything"),
            pytest.param(["a@x.io", "b@x.io", "B@x.io"], ["a@x.io", "b@x.io"], 1, 0, 1, id="AgencyHandy has one twice"),
            pytest.param(["a@x.io", "b@x.io"], ["a@x.io", "a@x.io", "b@x.io"], 2, 0, 1, id="the relay has one twice"),
            pytest.param(["a@x.io", "b@x.io", "c@x.io"], ["a@x.io"], 2, 0, 0, id="one was never acknowledged"),
        ],
    )
    def test_it_counts_what_is_there_once_what_is_lost_and_what_is_doubled(
        self, members: list[str], leads: list[str], once: int, lost: int, doubled: int
    ) -> None:
        found = reconcile(
            2,
            {"a@x.io": NOON, "b@x.io": NOON},
            members=[member(email) for email in members],
            leads=[(email, "delivered") for email in leads],
        )
        assert (found.once, found.lost, found.doubled) == (once, lost, doubled)
        assert found.is_well == (once == 2 and not doubled)

    def test_what_the_relay_calls_a_duplicate_it_sent_twice_without_knowing(self) -> None:
        found = reconcile(1, {"a@x.io": NOON}, members=[member("a@x.io")], leads=[("a@x.io", "duplicate")])
        assert (found.once, found.doubled, found.is_well) == (1, 1, False)

    def test_an_address_that_is_doubled_in_several_ways_counts_once(self) -> None:
        twice = [member("a@x.io"), member("a@x.io")]
        found = reconcile(1, {"a@x.io": NOON}, members=twice, leads=[("a@x.io", "duplicate"), ("a@x.io", "pending")])
        assert found.doubled == 1

    def test_all_is_not_well_before_everything_is_acknowledged_and_settled(self) -> None:
        here: dict[str, Any] = {"members": [member("a@x.io")], "leads": [("a@x.io", "delivered")]}
        assert reconcile(1, {"a@x.io": NOON}, **here).is_well
        assert not reconcile(2, {"a@x.io": NOON}, **here).is_well
        assert not reconcile(1, {"a@x.io": NOON}, **here, unsettled=1).is_well

    def test_the_longest_wait_is_from_the_answer_to_the_creation_and_never_below_zero(self) -> None:
        early, late = member("a@x.io", "2026-01-01T11:59:59Z"), member("b@x.io", "2026-01-01T12:00:02.500Z")
        both = {"a@x.io": NOON, "b@x.io": NOON}
        assert reconcile(2, both, members=[early, late], leads=[]).longest_wait_s == 2.5
        assert reconcile(1, {"a@x.io": NOON}, members=[early], leads=[]).longest_wait_s == 0


class TestRefusals:
    @pytest.mark.parametrize(
        ("toml", "words"),
        [
            ('[forms.contact]\n[workspaces.main]\napi_key = "k"\n', "never reach"),
            ('[forms.contact]\n[alerts]\nto = ["json://127.0.0.1:9"]\n', "never reach"),
            ('[forms.contact]\n[alerts]\nleads_to = ["env:MAIL"]\n', "never reach"),
            ('[forms.contact]\nleads_to = ["json://127.0.0.1:9"]\n', "never reach"),
            ("[forms.enquiry]\n", "no form 'contact'"),
            ("[forms.contact\n", "not TOML"),
        ],
    )
    def test_a_relay_toml_that_is_not_fit_for_a_drill_is_refused(self, toml: str, words: str, tmp_path: Path) -> None:
        (tmp_path / "relay.toml").write_text(toml)
        answer = CliRunner().invoke(app, ["drill", "--config", f"{tmp_path}/relay.toml"])
        assert answer.exit_code == 2
        assert words in answer.stderr

    def test_a_secret_of_this_machine_that_would_reach_in_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(run, "RUN_SECRETS", str(tmp_path))
        (tmp_path / "agencyhandy_api_key").write_text("the drill sets this itself")
        run.own_config(Drill(), tmp_path)
        (tmp_path / "agencyhandy_company_id").write_text("653ec43cfdd385da07927d7e")
        with pytest.raises(ConfigurationError, match="agencyhandy_company_id"):
            run.own_config(Drill(), tmp_path)

    def test_a_store_means_the_same_from_wherever_a_process_runs(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert run.own_store(None, tmp_path) == f"{SQLITE}{tmp_path}/relay.db"
        assert run.own_store(f"{SQLITE}data/drill.db", tmp_path / "other") == f"{SQLITE}{tmp_path}/data/drill.db"
        postgres = "postgresql+asyncpg://u:p@127.0.0.1/drill"
        assert run.own_store(postgres, tmp_path) == postgres
        with pytest.raises(ConfigurationError, match="--store: expected"):
            run.own_store("mysql://127.0.0.1/drill", tmp_path)

    async def test_a_store_that_holds_leads_is_refused(self, relay: Any, tmp_path: Path) -> None:
        store = f"{SQLITE}{tmp_path}/relay.db"
        books = Books(store)
        await run.check_empty(books)
        visitor = relay()
        await run.check_empty(books)
        visitor.post("/forms/contact", data={"email": "ada@example.com"})
        with pytest.raises(ConfigurationError, match="holds leads"):
            await run.check_empty(books)
        await books.close()

    async def test_a_store_without_tables_is_empty(self, new_store: Callable[[], str]) -> None:
        books = Books(new_store())
        await run.check_empty(books)
        await books.close()

    async def test_a_process_that_cannot_start_is_told_of_in_its_own_words(self, tmp_path: Path) -> None:
        port = free_ports(1)[0]
        relay = Process(tmp_path, ("serve",), port, "/healthz", {"PORT": "nonsense"})
        async with httpx.AsyncClient() as http:
            with pytest.raises(RelayError, match=r"ended by itself:(?s:.)*PORT"):
                await relay.start(http)


def test_a_relay_that_loses_a_lead_is_noticed(relay: Any, sandbox: SandboxClient) -> None:
    visitor = relay()
    acknowledged = {}
    for number in range(3):
        email = f"visitor{number}@example.com"
        assert visitor.post("/forms/contact", data={"email": email}).status_code == 303
        acknowledged[email] = time.time()
    eventually(lambda: len(sandbox.members()) == 3, "everything is delivered")
    members, leads = sandbox.members(), [(email, "delivered") for email in acknowledged]

    assert reconcile(3, acknowledged, members=members, leads=leads).is_well
    one_lost = reconcile(3, acknowledged, members=members[1:], leads=leads)
    assert (one_lost.lost, one_lost.is_well) == (1, False)


@pytest.mark.slow
def test_a_small_drill_finds_nothing_lost_and_nothing_doubled_and_leaves_nothing_behind(tmp_path: Path) -> None:
    drill = start_drill(tmp_path, "--leads", "300", "--kills", "3", "--json")
    output, words = drill.communicate(timeout=100)

    assert drill.returncode == 0, words
    found = json.loads(output.splitlines()[-1])
    assert list(found) == KEYS
    assert found["longest_wait_s"] < 60
    assert {key: found[key] for key in KEYS[:5]} == {
        "sent": 300,
        "acknowledged": 300,
        "once": 300,
        "lost": 0,
        "doubled": 0,
    }
    assert "Seed 1." in words
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="finds processes by their /proc, which Linux alone has")
@pytest.mark.parametrize(
    ("how", "under"),
    [(signal.SIGINT, ()), (signal.SIGTERM, ()), (signal.SIGTERM, BEHIND), (signal.SIGHUP, BEHIND)],
    ids=["by a key", "by its manager", "behind a script", "as its terminal closes"],
)
def test_a_drill_that_is_stopped_leaves_no_process_and_no_folder_behind(
    tmp_path: Path, how: signal.Signals, under: tuple[str, ...]
) -> None:
    drill = start_drill(tmp_path, "--leads", "2000", under=under)
    eventually(lambda: len(processes_of(tmp_path)) >= 2, "sandbox and relay run", 30)
    assert len(list((tmp_path / "tmp").iterdir())) == 1
    drill.send_signal(how)
    drill.communicate(timeout=60)

    assert drill.returncode == 130
    assert processes_of(tmp_path) == []
    assert list((tmp_path / "tmp").iterdir()) == []

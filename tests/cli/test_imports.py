"""`lead-relay import`: people of a CSV file, beside a relay that delivers them, or while nothing runs."""

from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from subprocess import PIPE
from typing import Any

import httpx
import pytest

from app.sandbox import DEMO_KEY
from tests.cli.test_commands import Run, folder, objects, run
from tests.cli.test_tree import make_store
from tests.running import ROOT, SandboxClient, environment, eventually, stored

__all__ = ["folder", "run"]

PEOPLE = """\
Vorname;Nachname;E-Mail;Telefon;Budget;Notiz
Mia;Koch;mia@example.com;020 7946 0958;5000;"Hallo
Welt"
Jan;;;+44 20 7946 0959;;
Nix;;;;;
Mia;Koch;mia@example.com;020 7946 0958;5000;"Hallo
Welt"
Zu;viel;a@example.com;;;;7
Gut;Mensch;gut@example.com;;;=1+1
"""


@pytest.fixture
def people(folder: Path) -> Path:
    make_store(folder)
    (folder / "people.csv").write_bytes(PEOPLE.encode("windows-1252"))
    return folder / "people.csv"


def imported(run: Run, *words: str, **settings: str) -> dict[str, Any]:
    """What an import of people.csv as contact says."""
    [found] = objects(run("import", "people.csv", "--as", "contact", "--json", *words, **settings))
    return found


def test_a_dry_run_shows_what_would_be_and_changes_nothing(run: Run, folder: Path, people: Path) -> None:
    said = imported(run, "--dry-run")
    assert (said["rows"], said["leads"], said["known"]) == (6, {"pending": 2, "held": 1}, 1)
    assert said["rejected"] == {
        "no e-mail: there is none, and no phone": 1,
        "it has 7 cells, and there are 6 columns": 1,
    }
    assert said["columns"] == {
        "Vorname": "firstName", "Nachname": "lastName", "E-Mail": "email", "Telefon": "contactNo", "Budget": "extra",
        "Notiz": "message",
    }  # fmt: skip
    assert [lead["lead"]["firstName"] for lead in said["first"]] == ["Mia", "Jan", "Gut"]
    shown = run("import", "people.csv", "--as", "contact", "--dry-run")
    assert "would be new leads, pending: 2" in shown.stderr
    assert "Budget     extra" in shown.stdout
    assert stored(folder, "SELECT count(*) FROM leads") == stored(folder, "SELECT count(*) FROM audit") == [(0,)]
    assert sorted(one.name for one in folder.glob("*.csv*")) == ["people.csv"]


def test_it_asks_with_the_count_before_anything_is_sent(run: Run, folder: Path, people: Path) -> None:
    result = run("import", "people.csv", "--as", "contact")
    assert result.exit_code == 2
    assert "import: 3 new leads as contact; 2 are sent to AgencyHandy, within about a minute" in result.stderr
    assert stored(folder, "SELECT count(*) FROM leads") == [(0,)]


def test_rows_become_leads_once_and_the_books_balance(run: Run, folder: Path, people: Path) -> None:
    assert imported(run, "--yes")["leads"] == {"pending": 2, "held": 1}
    again = imported(run, "--yes")
    assert (again["leads"], again["known"]) == ({}, 4)
    [mia] = [lead for lead in objects(run("leads", "list", "--json")) if lead["firstName"] == "Mia"]
    assert (mia["message"], mia["extra"], mia["endpoint"]) == ("Hallo\nWelt", {"Budget": "5000"}, "contact")
    assert stored(folder, "SELECT DISTINCT source FROM submissions") == [("csv",)]
    [stats] = objects(run("stats", "--json"))
    assert stats["balanced"]
    assert stats["endpoints"] == {"contact": {"pending": 2, "held": 1}}
    assert [deed["what"] for deed in objects(run("audit", "--json"))] == ["import", "import"]


def test_rejected_rows_are_mended_and_read_in(run: Run, folder: Path, people: Path) -> None:
    said = imported(run, "--yes", "--rejects", "mend.csv")
    assert said["rejects"] == "mend.csv"
    assert imported(run, "--yes")["rejects"] == "people-rejects.csv"
    assert "is there already" in run("import", "people.csv", "--as", "contact", "--yes", "--rejects", "mend.csv").stderr
    with (folder / "mend.csv").open(newline="", encoding="utf-8-sig") as file:
        head, nobody, wide = csv.reader(file)
    assert head[-2:] == ["rejected line", "rejected because"]
    assert nobody == ["Nix", "", "", "", "", "", "5", "no e-mail: there is none, and no phone"]
    assert wide[:3] == ["Zu", "viel", "a@example.com"]
    with (folder / "people.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, ["Nix", "", "nix@example.com", *nobody[3:]], wide[:8]])
    assert imported(run, "--yes")["leads"] == {"pending": 2}
    found = objects(run("leads", "list", "--json", "--limit", "2"))
    assert [lead["extra"] for lead in found] == [{}, {}]


def test_an_endpoints_own_mapping_and_defaults_count(run: Run, folder: Path, people: Path) -> None:
    mapping = "[hooks.old]\nsource = 'typeform'\nsecrets = ['s']\n[hooks.old.mapping]\nmessage = 'Budget: {Budget}'\n"
    (folder / "relay.toml").write_text(mapping + "[hooks.old.defaults]\nsource = 'old list'\n")
    [said] = objects(run("import", "people.csv", "--yes", "--hold", "--json"))
    assert (said["endpoint"], said["leads"]) == ("old", {"held": 3})
    found = {lead["firstName"]: lead for lead in objects(run("leads", "list", "--json"))}
    assert (found["Mia"]["message"], found["Mia"]["source"]) == ("Budget: 5000", "old list")
    assert (found["Mia"]["reason"], found["Jan"]["reason"]) == ("imported", "no e-mail: there is none")
    [change] = objects(run("leads", "remap", found["Mia"]["id"], "--dry-run", "--json"))
    assert change["changes"] == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["people.csv"], "Say --as NAME"),
        (["people.csv", "--as", "nowhere"], "relay.toml has no such form or hook"),
        (["none.csv", "--as", "contact"], "none.csv: cannot be read: No such file"),
        (["relay.db", "--as", "contact"], "something binary. In Excel: Save as, CSV UTF-8"),
        (["people.csv", "--as", "contact", "--yes", "--rejects", "no/folder.csv"], "cannot be written"),
    ],
)
def test_what_it_cannot_do_it_says(run: Run, people: Path, words: list[str], said: str) -> None:
    result = run("import", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


def test_leads_that_are_read_in_are_delivered(
    relay: Callable[..., httpx.Client], run: Run, people: Path, sandbox: SandboxClient
) -> None:
    relay()
    imported(run, "--yes", agencyhandy_api_key=DEMO_KEY, agencyhandy_base_url=sandbox.address)
    eventually(lambda: sorted(sandbox.emails()) == ["gut@example.com", "mia@example.com"], "both are delivered")


def test_an_export_makes_the_same_leads_elsewhere(run: Run, folder: Path) -> None:
    make_store(folder)
    hostile = [
        "=HYPERLINK(1)",
        "'=1",
        "+44 20 7946 0958",
        "a;b: c",
        '"quoted", and\r\nmore',
        "\u200fעמר",
        "-1",
        "'plain",
    ]
    rows = [[f"Ada {text}", f"a{number}@example.com", text, text] for number, text in enumerate(hostile)]
    with (folder / "people.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["name", "email", "message", "Lieblingsfarbe", "utm_source"], *rows])
    imported(run, "--yes")
    assert run("leads", "export", "leads.csv", "--all").exit_code == 0
    assert "is there already" in run("leads", "export", "leads.csv", "--all").stderr
    assert run("leads", "export", "leads.jsonl", "--all", "--format", "jsonl").exit_code == 0
    before = objects(run("leads", "list", "--json"))
    assert [json.loads(one) for one in (folder / "leads.jsonl").read_text().splitlines()] == before[::-1]

    (folder / "elsewhere").mkdir()
    make_store(folder / "elsewhere")
    there = {"database_url": f"sqlite+aiosqlite:///{folder}/elsewhere/relay.db"}
    [said] = objects(run("import", "leads.csv", "--as", "contact", "--yes", "--json", **there))
    assert said["leads"] == {"pending": len(rows)}
    after = objects(run("leads", "list", "--json", **there))
    own = ("id", "receivedAt")
    assert [{**lead, **dict.fromkeys(own)} for lead in after] == [{**lead, **dict.fromkeys(own)} for lead in before]


def test_what_was_put_away_is_not_sent_elsewhere(run: Run, folder: Path, people: Path) -> None:
    imported(run, "--yes")
    run("leads", "spam", "--endpoint", "contact", "--yes")
    run("leads", "export", "leads.csv", "--all")
    [said] = objects(run("import", "leads.csv", "--as", "brief", "--yes", "--json"))
    assert (said["leads"], said["rejected"]) == ({}, {"it was spam where it was exported": 3})


@pytest.mark.slow
def test_an_import_that_is_killed_goes_on_and_loses_and_doubles_nothing(folder: Path) -> None:
    make_store(folder)
    count = 5000
    with (folder / "people.csv").open("w") as file:
        file.write("name,email\n")
        file.writelines(f"Ada No {number},ada{number}@example.com\n" for number in range(count))
    command = [sys.executable, "-m", "app", "import", "people.csv", "--as", "contact", "--yes", "--json"]
    for share, end in ((0.1, signal.SIGKILL), (0.4, signal.SIGKILL), (0.7, signal.SIGINT)):
        process = subprocess.Popen(command, cwd=folder, env=environment(folder), stdout=PIPE, stderr=PIPE, text=True)
        eventually(
            lambda share=share: stored(folder, "SELECT count(*) FROM leads")[0][0] > count * share, "some are there", 30
        )
        process.send_signal(end)
        printed, said = process.communicate(timeout=10)
        assert process.returncode in {-9, 130}, "it was done before it was ended"
    assert (printed, said) == ("", "Stopped. Say the same again: it goes on where it stopped.\n")
    done = subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, check=True)
    said = json.loads(done.stdout)

    assert said["known"] + said["leads"]["pending"] == count
    assert said["known"] > count * 0.7
    emails = Counter(email for (email,) in stored(folder, "SELECT email FROM leads"))
    assert emails == Counter(f"ada{number}@example.com" for number in range(count))
    assert stored(folder, "SELECT sum(repeats) FROM submissions") == [(0,)]
    assert stored(folder, "SELECT sum(accepted) FROM ledger") == [(count,)]
    assert sorted(one.name for one in folder.glob("*reject*")) == []


def test_the_commands_of_the_document_are_carried_out(run: Run, folder: Path, people: Path) -> None:
    text = (ROOT / "docs/command-line.md").read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    assert len(lines) == 9
    for line in lines:
        result = run(*line.split()[1:], *(["--yes"] if line.endswith("--as contact") else []))
        assert result.exit_code == 0, (line, result.output)

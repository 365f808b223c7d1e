"""Leads put right from the command line, while the relay runs on the same store and delivers what is let go."""

from __future__ import annotations

import csv
import getpass
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.sheets.sheet import cell, plain
from tests.cli.test_commands import Run, folder, objects, run
from tests.running import SandboxClient, eventually, stored

__all__ = ["folder", "run"]

Start = Callable[..., httpx.Client]
TOKEN = {"X-Relay-Token": "demo-zapier-secret"}
ADA = {"name": "Ada Lovelace", "email": "ada@example.com", "message": "Hello"}


@pytest.fixture
def client(relay: Start) -> httpx.Client:
    return relay()


def post(client: httpx.Client, path: str, body: Any, **headers: str) -> str:
    """The id of the first lead that came of it."""
    found: str = client.post(path, json=body, headers={"Accept": "application/json", **headers}).json()["leads"][0][
        "id"
    ]
    return found


def state(folder: Path, lead_id: str) -> str:
    [(found,)] = stored(folder, "SELECT state FROM leads WHERE id = ?", lead_id)
    return str(found)


def delivered(folder: Path, lead_id: str) -> bool:
    return state(folder, lead_id) == "delivered"


@pytest.mark.slow
class TestByHand:
    def test_a_lead_held_for_its_signature_is_released_and_delivered(
        self, client: httpx.Client, run: Run, folder: Path, sandbox: SandboxClient
    ) -> None:
        lead_id = post(client, "/hooks/zapier", ADA)
        assert state(folder, lead_id) == "held"
        result = run("leads", "release", lead_id)

        assert (result.exit_code, result.stderr) == (0, "released: 1\n")
        eventually(lambda: delivered(folder, lead_id), "it is delivered")
        assert sandbox.emails() == ["ada@example.com"]
        [deed] = objects(run("audit", "--json"))
        assert (deed["who"], deed["what"], deed["leadId"]) == (f"cli:{getpass.getuser()}", "release", lead_id)

    def test_a_lead_without_an_address_gets_one_and_is_delivered(
        self, client: httpx.Client, run: Run, folder: Path, sandbox: SandboxClient
    ) -> None:
        lead_id = post(client, "/hooks/zapier", {"name": "Ada Lovelace"}, **TOKEN)
        refused = run("leads", "release", lead_id)
        assert refused.exit_code == 1
        assert "✗ " + lead_id in refused.stderr
        assert "no e-mail address" in refused.stderr
        result = run("leads", "edit", lead_id, "--set", "email=ada@example.com", "--set", "lastName=King")

        assert result.exit_code == 0, result.output
        eventually(lambda: delivered(folder, lead_id), "it is delivered")
        [member] = sandbox.members()
        assert (member["email"], member["lastName"]) == ("ada@example.com", "King")
        [deed] = objects(run("audit", "--json", "--lead", lead_id))
        assert deed["words"] == "email, lastName"
        assert "ada@example.com" not in str(stored(folder, "SELECT * FROM audit"))

    def test_an_unknown_endpoints_lead_is_read_as_a_known_ones_and_delivered(
        self, client: httpx.Client, run: Run, folder: Path, sandbox: SandboxClient
    ) -> None:
        lead_id = post(client, "/hooks/contcat", ADA)
        assert "have it read again" in run("leads", "release", lead_id).stderr
        assert "say as which one that there is" in run("leads", "remap", lead_id).stderr
        [change] = objects(run("leads", "remap", lead_id, "--as", "contact", "--dry-run", "--json"))
        assert change["changes"]["state"] == ["held", "pending"]
        assert state(folder, lead_id) == "held"
        assert "becomes" in run("leads", "remap", lead_id, "--as", "contact", "--dry-run").stdout
        assert run("leads", "remap", lead_id, "--as", "nowhere").exit_code == 2
        assert run("leads", "remap", lead_id, "--as", "contact").exit_code == 0

        eventually(lambda: delivered(folder, lead_id), "it is delivered")
        assert sandbox.emails() == ["ada@example.com"]
        assert [lead["endpoint"] for lead in objects(run("leads", "list", "--json"))] == ["contact"]

    def test_a_refused_lead_is_put_right_and_delivered(
        self, client: httpx.Client, run: Run, folder: Path, sandbox: SandboxClient
    ) -> None:
        sandbox.fault(kind="refuse", pattern="ada@example", status=422, message="We do not like this one")
        lead_id = post(client, "/hooks/zapier", ADA, **TOKEN)
        eventually(lambda: state(folder, lead_id) == "held", "it is refused")
        assert run("leads", "edit", lead_id, "--set", "email=mary@example.org").exit_code == 0

        eventually(lambda: delivered(folder, lead_id), "it is delivered")
        assert sandbox.emails() == ["mary@example.org"]

    def test_spam_is_discarded_and_never_sent(
        self, client: httpx.Client, run: Run, folder: Path, sandbox: SandboxClient
    ) -> None:
        lead_id = post(client, "/hooks/zapier", ADA)
        for command in ("spam", "discard"):
            assert run("leads", command, lead_id).exit_code == 0
        assert run("leads", "discard", lead_id, "none").stderr.splitlines() == [
            "discarded: 0; refused: 2",
            f"✗ {lead_id}: it is discarded",
            "✗ none: there is no such lead",
        ]

        assert state(folder, lead_id) == "discarded"
        assert sandbox.emails() == []
        assert [line.split()[3] for line in run("audit").stdout.splitlines()[2:]] == ["discard", "spam"]

    @pytest.mark.parametrize(
        ("args", "words"),
        [
            (("release",), "Name leads by their ids, or choose"),
            (("export", "leads.csv"), "Name leads by their ids, or choose"),
            (("release", "x", "--all"), "Name leads by their ids, or choose"),
            (("edit", "x", "--set", "email"), "expected FIELD=VALUE"),
            (("erase", "--email", "ada"), "expected an e-mail address"),
            (("erase", "x", "--email", "ada@example.com"), "Name leads by their ids, or choose"),
            (("export", "no/such/folder.csv", "--all"), "cannot be written"),
        ],
    )
    def test_what_it_cannot_do_it_says(self, client: httpx.Client, run: Run, args: tuple[str, ...], words: str) -> None:
        result = run("leads", *args)
        assert result.exit_code == 2
        assert words in result.stderr

    def test_without_a_store_it_says_so(self, run: Run) -> None:
        result = run("leads", "release", "x")
        assert result.exit_code == 2
        assert "There is no store" in result.stderr


class TestMany:
    def test_leads_are_chosen_by_what_they_have_in_common_once_it_is_confirmed(
        self, client: httpx.Client, run: Run, folder: Path, sandbox: SandboxClient
    ) -> None:
        people = [{"name": "A", "email": f"a{number}@example.com"} for number in range(120)]
        client.post("/hooks/zapier", json=people)
        nobody = post(client, "/hooks/json", {"name": "Nobody"})
        asked = run("leads", "release", "--state", "held", "--endpoint", "zapier")
        assert asked.exit_code == 2
        assert "release: 120 leads" in asked.stderr
        assert "say --yes" in asked.stderr
        assert run("leads", "release", "--state", "spam", "--yes").stderr.splitlines() == [
            "release: 0 leads",
            "released: 0",
        ]
        assert stored(folder, "SELECT count(*) FROM leads WHERE state = 'held'") == [(121,)]
        done = run("leads", "release", "--endpoint", "zapier", "--yes")

        assert done.stderr.splitlines() == ["release: 120 leads", "released: 120"]
        eventually(lambda: len(sandbox.emails()) == 120, "all are delivered")
        assert state(folder, nobody) == "held"
        assert stored(folder, "SELECT count(*) FROM audit") == [(120,)]

    def test_of_those_that_cannot_be_the_first_are_named(self, client: httpx.Client, run: Run) -> None:
        client.post("/hooks/zapier", json=[{"name": f"No {number}"} for number in range(30)], headers=TOKEN)
        result = run("leads", "release", "--all", "--yes")
        assert result.exit_code == 1
        assert "released: 0; refused: 30" in result.stderr
        assert "and 10 more" in result.stderr


class TestErase:
    def test_an_address_is_erased_and_what_is_elsewhere_is_named(
        self, client: httpx.Client, run: Run, folder: Path, sandbox: SandboxClient
    ) -> None:
        lead_id = post(client, "/hooks/zapier", ADA, **TOKEN)
        eventually(lambda: delivered(folder, lead_id), "it is delivered")
        assert run("leads", "erase", "--email", "Ada@example.com").exit_code == 2
        result = run("leads", "erase", "--email", "Ada@example.com", "--yes")

        assert result.exit_code == 0, result.output
        assert "erase: 1 leads that have or mention this address" in result.stderr
        assert "has to be deleted there" in result.stderr
        assert state(folder, lead_id) == "erased"
        for file in folder.glob("relay.db*"):
            assert b"ada@example.com" not in file.read_bytes().lower(), file
        assert run("leads", "show", lead_id).stdout.startswith("erased by request")

    def test_even_one_that_is_named_is_erased_only_when_it_is_meant(
        self, client: httpx.Client, run: Run, folder: Path
    ) -> None:
        lead_id = post(client, "/hooks/zapier", ADA)
        assert run("leads", "erase", lead_id).exit_code == 2
        assert state(folder, lead_id) == "held"
        assert run("leads", "erase", lead_id, "--yes").exit_code == 0
        assert state(folder, lead_id) == "erased"


class TestExport:
    def test_a_file_has_every_field_and_no_formula(self, client: httpx.Client, run: Run, folder: Path) -> None:
        evil = {"firstName": "=HYPERLINK()", "email": "eve@example.com", "phone": "+442079460958", "team": "@a"}
        post(client, "/hooks/zapier", evil)
        assert run("leads", "export", "leads.csv", "--all").exit_code == 0
        with (folder / "leads.csv").open(newline="", encoding="utf-8-sig") as file:
            [row] = csv.DictReader(file)
        assert row["email"] == "eve@example.com"
        assert row["contactNo"] == "'+442079460958"
        assert row["extra"] == '{"team": "@a"}'
        assert not any(value.startswith(("=", "+", "-", "@")) for value in row.values())
        assert (folder / "leads.csv").stat().st_mode & 0o777 == 0o600
        [deed] = objects(run("audit", "--json"))
        assert (deed["what"], deed["leadId"], deed["words"]) == ("export", row["id"], "")

    def test_a_table_tells_a_spreadsheet_that_it_is_utf_8_and_programs_do_not_trip_over_that(
        self, client: httpx.Client, run: Run, folder: Path
    ) -> None:
        for number in range(3):
            post(client, "/hooks/zapier", {**ADA, "lastName": "Müller", "email": f"ada{number}@example.com"})
        said = {"-": run("leads", "export", "-", "--all").stdout.encode()}
        for name, form in (("leads.csv", "csv"), ("leads.jsonl", "jsonl")):
            assert run("leads", "export", name, "--all", "--format", form).exit_code == 0
            said[name] = (folder / name).read_bytes()
        marks = {name: text.count("\ufeff".encode()) for name, text in said.items()}
        assert marks == {"-": 0, "leads.csv": 1, "leads.jsonl": 0}
        assert said["leads.csv"].startswith('\ufeff"id",'.encode())
        for more in ((), ("--encoding", "utf-8")):
            [read] = objects(run("import", "leads.csv", "--as", "zapier", "--dry-run", "--json", *more))
            assert (read["rows"], read["encoding"], read["rejected"]) == (3, "utf-8-sig", {})
            assert read["columns"]["lastName"] == "lastName"

    def test_some_leads_go_to_standard_output(self, client: httpx.Client, run: Run) -> None:
        ada = post(client, "/hooks/zapier", ADA)
        nobody = post(client, "/hooks/zapier", {"name": "Nobody"})

        def exported(*args: str) -> list[str]:
            return [row["id"] for row in csv.DictReader(run("leads", "export", "-", *args).stdout.splitlines())]

        assert exported("--state", "held") == [ada, nobody]
        assert exported("--state", "spam") == []
        assert exported("--email", "ada@example.com") == [ada]
        assert exported(nobody) == [nobody]
        assert run("leads", "export", "-", nobody, "none").stderr.splitlines() == [
            "exported: 1; refused: 1",
            "✗ none: there is no such lead",
        ]

    @pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx"])
    def test_what_a_spreadsheet_would_carry_out_is_a_text(self, text: str) -> None:
        assert cell(text) == f"'{text}"
        assert cell(f"a{text}") == f"a{text}"
        assert [plain(cell(one)) for one in (text, f"'{text}", f"''{text}", "'a")] == [
            text,
            f"'{text}",
            f"''{text}",
            "'a",
        ]


@pytest.mark.slow
class TestBackup:
    def test_a_running_relays_backup_is_whole_and_goes_into_an_empty_store_only(
        self, client: httpx.Client, run: Run, folder: Path
    ) -> None:
        lead_id = post(client, "/hooks/zapier", ADA)
        assert run("backup", "copy.db").exit_code == 0
        assert "is there already" in run("backup", "copy.db").stderr
        assert run("backup", "copy.db", "--force").exit_code == 0
        assert stored(folder, "SELECT what FROM audit") == [("backup",)] * 2
        checked = run("restore", "copy.db", "--check")
        assert checked.exit_code == 0, checked.output
        assert checked.stderr.splitlines() == ["held: 1", "The backup is whole."]
        full = run("restore", "copy.db", "--json")
        assert (full.exit_code, full.stdout) == (2, "")
        assert "not empty" in full.stderr
        done = run("restore", "copy.db", "--json", database_url=f"sqlite+aiosqlite:///{folder}/new/relay.db")
        assert done.exit_code == 0, done.output
        [said] = objects(done)
        assert (said["leads"], said["restored"]) == ({"held": 1}, True)
        [lead] = objects(run("leads", "list", "--json", database_url=f"sqlite+aiosqlite:///{folder}/new/relay.db"))
        assert lead["id"] == lead_id

    def test_a_file_that_is_none_is_told_so(self, run: Run, folder: Path) -> None:
        (folder / "copy.db").write_text("nonsense " * 999)
        for name in ("copy.db", "none.db"):
            done = run("restore", name, "--check")
            assert done.exit_code == 1
            assert f"{name} cannot be read as a backup" in done.stderr


class TestRehearsal:
    """`lead-relay remap --dry-run`, while the relay runs on the same store."""

    @pytest.fixture
    def lead_id(self, client: httpx.Client) -> str:
        return post(client, "/hooks/zapier", {"email": "ada@example.com", "first": "Ada", "Zusatz": "Wann?"}, **TOKEN)

    def test_it_shows_what_a_new_relay_toml_would_change(self, run: Run, folder: Path, lead_id: str) -> None:
        assert "1 unchanged, 0 changed, 0 new, 0 gone" in run("remap", "--dry-run").stdout
        with (folder / "relay.toml").open("a") as file:
            file.write("\n[hooks.zapier.mapping]\nmessage = 'Question: {Zusatz}'\n")
        result = run("remap", "--dry-run")

        assert result.exit_code == 0, result.output
        assert "1 read again, 0 of no form or hook" in result.stdout
        assert [line.split() for line in result.stdout.splitlines() if line.startswith(lead_id)] == [
            [lead_id, "message", "Question:", "Wann?"]
        ]
        [found] = objects(run("remap", "--dry-run", "--last", "5", "--endpoint", "zapier", "--json"))
        assert found["fields"] == {"message": 1}
        assert found["first"] == {lead_id: {"message": ["", "Question: Wann?"]}}
        [(message,)] = stored(folder, "SELECT message FROM leads")
        assert message == ""
        assert objects(run("audit", "--json")) == []

    def test_it_only_shows_and_says_what_changes(self, run: Run, lead_id: str) -> None:
        result = run("remap")
        assert (result.exit_code, result.stdout) == (2, "")
        assert "say --dry-run. lead-relay leads remap changes it" in result.stderr
        assert "no such form or hook" in run("remap", "--dry-run", "--endpoint", "nowhere").stderr

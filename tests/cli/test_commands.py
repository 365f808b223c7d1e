"""The command line, as somebody at a terminal and somebody's script use it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from app.cli import app, checkup
from app.config.relay_toml import load_relay_config
from app.config.settings import Settings, load_settings
from app.sandbox import DEMO_KEY
from tests.running import DEMO_TOML, SandboxClient, environment, eventually, free_port, started, stored

LEAD_KEYS = ["id", "state", "endpoint", "firstName", "lastName", "email", "contactNo", "memberId", "receivedAt"]
NAUGHTY = "[bold]x[/] $(reboot);`ls`|&<b>\\"
STEERING = "\x1b]0;owned\x07\x9b31m\u2028"
LONG_EMAIL = f"{'ada' * 20}@{'long-' * 11}name.example.com"

Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a relay.toml to run in, and no settings but a store of its own."""
    for name in list(os.environ):
        if name.lower().removesuffix("_file") in Settings.model_fields:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", f"sqlite+aiosqlite:///{tmp_path}/relay.db")
    monkeypatch.setenv("PORT", str(free_port()))
    shutil.copy(DEMO_TOML, tmp_path / "relay.toml")
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    """`lead-relay …` in this process, its output not a terminal."""

    def run(*args: str, typed: str | bytes | None = None, **settings: str) -> Result:
        return CliRunner().invoke(app, args, input=typed, env={key.upper(): value for key, value in settings.items()})

    return run


def lead_relay(folder: Path, *args: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """`lead-relay …` as a process that ends by itself."""
    command = [sys.executable, "-m", "app", *args]
    env = environment(folder, **settings)
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=30, check=False)


@contextmanager
def running(folder: Path, *args: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """`lead-relay …` as a process that is stopped in the end."""
    command = [sys.executable, "-m", "app", *args]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=environment(folder, **settings), stdout=log, stderr=log, text=True
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def says_what_is_wrong(done: subprocess.CompletedProcess[str] | Result, *words: str) -> None:
    """An end in words: exit code 2, nothing on standard output, no traceback."""
    code = done.exit_code if isinstance(done, Result) else done.returncode
    assert code == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=1).is_success
    except httpx.HTTPError:
        return False


def objects(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


class TestHelp:
    def test_it_names_every_command(self, run: Run) -> None:
        said = run("--help").stdout
        assert all(command in said for command in ("serve", "sandbox", "check", "preview", "leads"))

    def test_the_release_is_told(self, run: Run) -> None:
        assert run("--version").output == f"lead-relay {version('lead-relay')}\n"

    def test_it_is_what_a_call_without_a_command_gets(self, run: Run) -> None:
        assert "Usage" in run().output
        assert "Usage" in run("leads").output

    def test_python_m_app_is_lead_relay(self, tmp_path: Path) -> None:
        done = lead_relay(tmp_path, "leads", "--help")
        assert done.returncode == 0
        assert "show" in done.stdout

    def test_an_output_that_lacks_a_letter_gets_another(self, folder: Path) -> None:
        done = lead_relay(folder, "check", PYTHONIOENCODING="ascii")
        assert done.returncode == 0
        assert "? configuration" in done.stdout


@pytest.mark.slow
class TestServe:
    def test_a_wrong_setting_stops_it_with_the_name_and_what_is_expected(self, run: Run) -> None:
        result = run("serve", port="eight")
        assert result.exit_code == 2
        assert result.stderr == "✗ environment or .env: PORT: expected a whole number\n"

    def test_a_wrong_file_stops_it_with_the_file_the_key_and_what_is_expected(self, run: Run, folder: Path) -> None:
        (folder / "relay.toml").write_text("[forms.contact]\nredirect = '/thanks'\ncolour = 'red'\n")
        says_what_is_wrong(
            run("serve"),
            "relay.toml: forms.contact.redirect: expected the whole address of a page",
            "relay.toml: forms.contact.colour: no such key",
        )

    def test_a_missing_file_stops_it(self, run: Run) -> None:
        result = run("serve", relay_config="none.toml")
        assert result.exit_code == 2
        assert "none.toml: no such file" in result.stderr

    def test_a_port_that_is_taken_stops_it_before_it_begins(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            done = lead_relay(folder, "serve", PORT=str(port))
        says_what_is_wrong(done, f"Cannot listen on 127.0.0.1, port {port}: Address already in use", "set PORT")
        assert not (folder / "relay.db").exists()

    def test_a_host_that_is_not_here_stops_it(self, run: Run) -> None:
        says_what_is_wrong(run("serve", "--host", "192.0.2.1", sandbox="true"), "Cannot listen on 192.0.2.1")

    def test_several_companies_stop_the_first_start_and_are_named(self, folder: Path, sandbox: SandboxClient) -> None:
        sandbox.put("/companies", count=2)
        done = lead_relay(folder, "serve", PORT="0", AGENCYHANDY_BASE_URL=sandbox.address, AGENCYHANDY_API_KEY=DEMO_KEY)
        says_what_is_wrong(done, "AGENCYHANDY_COMPANY_ID", "Sandbox Agency 1", "Sandbox Agency 2")

    @pytest.mark.parametrize(
        ("kind", "key"),
        [("a folder", ""), ("another file", DEMO_KEY), ("in no folder", ""), ("in no folder", DEMO_KEY)],
    )
    def test_a_store_that_is_none_stops_it(self, folder: Path, sandbox: SandboxClient, kind: str, key: str) -> None:
        (folder / "folder").mkdir()
        (folder / "notes").write_text("This is not a database. " * 100)
        file = {"a folder": "folder", "another file": "notes", "in no folder": "notes/relay.db"}[kind]
        done = lead_relay(
            folder,
            "serve",
            PORT="0",
            DATABASE_URL=f"sqlite+aiosqlite:///{folder}/{file}",
            AGENCYHANDY_API_KEY=key,
            AGENCYHANDY_BASE_URL=sandbox.address if key else "",
        )
        says_what_is_wrong(done, "store", str(folder / "notes" if kind != "a folder" else folder / "folder"))
        assert (folder / "notes").read_text().startswith("This is not a database.")

    def test_a_sandbox_that_lost_its_memory_stops_it(self, folder: Path) -> None:
        (folder / "sandbox.jsonl").write_text("nonsense\n")
        says_what_is_wrong(lead_relay(folder, "serve", PORT="0"), "sandbox.jsonl, line 1", "delete the file")

    def test_it_says_where_it_is_and_that_leads_go_to_the_sandbox(self, folder: Path) -> None:
        port = free_port()
        with running(folder, "serve", "--port", str(port)) as process:
            eventually(lambda: answers(f"http://127.0.0.1:{port}/healthz"), "it answers", 60)
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        said = (folder / "log").read_text()
        assert f"http://127.0.0.1:{port} (forms: contact, brief; hooks: typeform, zapier, json)" in said
        assert "leads go to the built-in sandbox" in said
        assert "Traceback" not in said


class TestSandbox:
    def test_it_serves_agencyhandys_contract(self, folder: Path) -> None:
        port = free_port()
        with running(folder, "sandbox", "--port", str(port), "--journal", "journal"):
            eventually(lambda: answers(f"http://127.0.0.1:{port}/_sandbox"), "it answers", 60)
            companies = httpx.get(f"http://127.0.0.1:{port}/accounts/companies", headers={"x-api-key": DEMO_KEY})
            assert len(companies.json()["companies"]) == 1
        said = (folder / "log").read_text()
        assert f"AGENCYHANDY_BASE_URL=http://127.0.0.1:{port} AGENCYHANDY_API_KEY={DEMO_KEY}" in said

    def test_a_journal_that_is_none_stops_it(self, run: Run, folder: Path) -> None:
        (folder / "journal").write_text("nonsense\n")
        says_what_is_wrong(run("sandbox", "--journal", "journal"), "--journal", "line 1")


class TestCheck:
    @pytest.fixture
    def earnest(self, folder: Path, sandbox: SandboxClient) -> dict[str, str]:
        """Settings as in earnest: a key, and secrets of one's own."""
        (folder / "relay.toml").write_text('[hooks.z]\nsource = "zapier"\nsecrets = ["env:Z_TOKEN"]\n')
        return {"agencyhandy_base_url": sandbox.address, "agencyhandy_api_key": DEMO_KEY, "z_token": "s"}

    def test_all_is_well_in_a_trial(self, run: Run) -> None:
        result = run("check")
        assert result.exit_code == 0, result.output
        assert "✗" not in result.stdout
        lines = [line.split()[1] for line in result.stdout.splitlines()]
        assert lines == ["configuration", "secrets", "alerts", "store", "key", "address"]

    def test_all_is_well_with_a_good_key(self, run: Run, earnest: dict[str, str]) -> None:
        result = run("check", **earnest)
        assert result.exit_code == 0, result.output
        lines = [line.split()[1] for line in result.stdout.splitlines()]
        assert lines == ["configuration", "alerts", "store", "key", "company", "role", "address"]

    @pytest.mark.parametrize("company", ["", "653ec43cfdd385da07927d7e"])
    def test_a_wrong_key_is_not_accepted(self, run: Run, earnest: dict[str, str], company: str) -> None:
        result = run("check", **{**earnest, "agencyhandy_api_key": "wrong", "agencyhandy_company_id": company})
        assert result.exit_code == 1
        assert "✗ destination  AgencyHandy answered 401" in result.stdout
        assert "check AGENCYHANDY_API_KEY" in result.stdout
        assert "accepted" not in result.stdout

    def test_each_workspaces_key_is_tried(self, run: Run, earnest: dict[str, str], folder: Path) -> None:
        with (folder / "relay.toml").open("a") as file:
            file.write(f"[workspaces.good]\napi_key = '{DEMO_KEY}'\n[workspaces.bad]\napi_key = 'wrong'\n")
        result = run("check", **earnest)

        assert result.exit_code == 1
        assert re.search(r"✓ workspace good +company [0-9a-f]{24}, role [0-9a-f]{24}", result.stdout)
        assert re.search(r"✗ workspace bad +AgencyHandy answered 401", result.stdout)
        assert "✓ key" in result.stdout

    def test_a_workspace_whose_leads_nobody_delivers_is_named(
        self, run: Run, earnest: dict[str, str], folder: Path, sandbox: SandboxClient
    ) -> None:
        gone = "[forms.contact]\nworkspace = 'gone'\n[workspaces.gone]\napi_key = 'wrong'\n"
        with ExitStack() as stack:
            (folder / "gone.toml").write_text(gone)
            client = started(stack, sandbox, folder, folder / "gone.toml")
            client.post("/forms/contact", data={"name": "Ada", "email": "ada@example.com"})
            eventually(lambda: stored(folder, "SELECT 1 FROM workspaces WHERE paused != ''"), "it is paused")

        assert re.search("✗ delivery gone +paused", run("check", **earnest, relay_config="gone.toml").stdout)
        assert re.search("✗ delivery gone +nobody delivers its leads", run("check", **earnest).stdout)

    def test_several_companies_are_named(self, run: Run, earnest: dict[str, str], sandbox: SandboxClient) -> None:
        sandbox.put("/companies", count=2)
        result = run("check", **earnest)
        assert result.exit_code == 1
        assert "set AGENCYHANDY_COMPANY_ID to one of Sandbox Agency 1" in result.stdout

    def test_an_address_where_nobody_answers_is_named(self, run: Run, earnest: dict[str, str]) -> None:
        result = run("check", **{**earnest, "agencyhandy_base_url": f"http://127.0.0.1:{free_port()}"})
        assert result.exit_code == 1
        assert "AgencyHandy cannot be reached at http://127.0.0.1" in result.stdout

    def test_a_public_address_that_leads_elsewhere_is_not_well(
        self, run: Run, earnest: dict[str, str], sandbox: SandboxClient
    ) -> None:
        result = run("check", **earnest, public_url="http://relay.invalid")
        assert result.exit_code == 1
        assert "✗ address  http://relay.invalid/healthz does not lead to the relay" in result.stdout

    def test_a_relay_that_runs_is_found(self, run: Run, relay: Callable[..., httpx.Client]) -> None:
        result = run("check", public_url=str(relay().base_url).replace("127.0.0.1", "localhost"))
        assert "leads to a running relay" in result.stdout

    def test_the_demos_secrets_are_well_in_a_trial_and_not_in_earnest(
        self, run: Run, earnest: dict[str, str], folder: Path
    ) -> None:
        shutil.copy(DEMO_TOML, folder / "relay.toml")
        assert "✓ secrets  typeform, zapier, json: the demo's secrets" in run("check", **earnest).stdout
        settings = load_settings(agencyhandy_api_key="key", relay_config=DEMO_TOML)
        [finding] = checkup._secrets(settings, load_relay_config(DEMO_TOML, {}))
        assert not finding.is_well
        assert "put your own in" in finding.words

    def test_a_store_that_is_none_is_not_well(self, run: Run, folder: Path) -> None:
        (folder / "relay.db").mkdir()
        result = run("check")
        assert result.exit_code == 1
        assert f"✗ store  The store {folder}/relay.db cannot be opened" in result.stdout
        assert "Check DATABASE_URL" in result.stdout

    def test_a_file_without_forms_and_hooks_is_not_well(self, run: Run, folder: Path) -> None:
        (folder / "relay.toml").write_text("")
        result = run("check")
        assert result.exit_code == 1
        assert "✗ configuration  relay.toml: forms 0, hooks 0; so it takes nothing in." in result.stdout

    def test_it_says_who_is_told_of_trouble(self, run: Run, folder: Path) -> None:
        assert "✓ alerts  nobody is told" in run("check").stdout
        (folder / "relay.toml").write_text(
            '[forms.contact]\n[alerts]\nto = ["json://127.0.0.1/a", "json://127.0.0.1/b"]\n'
        )
        assert "✓ alerts  2 addresses; lead-relay alerts test" in run("check").stdout

    def test_a_wrong_configuration_is_all_that_is_looked_at(self, run: Run, folder: Path) -> None:
        (folder / "relay.toml").write_text("colour = 1\nshape = 2")
        result = run("check")
        assert result.exit_code == 1
        assert result.stdout.splitlines() == [
            "✗ configuration  relay.toml: colour: no such key; docs/configuration.md lists those there are",
            "  relay.toml: shape: no such key; docs/configuration.md lists those there are",
        ]

    def test_a_misspelt_setting_in_dotenv_is_reported(self, run: Run, folder: Path, earnest: dict[str, str]) -> None:
        (folder / ".env").write_text("AGENCYHANDY_APIKEY=x\nCOLOUR=red\nZ_TOKEN=s\nRELAY_SUBNET=10.0.0.0/24\nport=0\n")
        result = run("check", **earnest)
        assert result.exit_code == 1
        assert [line for line in result.stdout.splitlines() if "setting" in line] == [
            "✗ setting  no setting is called AGENCYHANDY_APIKEY; is AGENCYHANDY_API_KEY meant?",
            "✗ setting  no setting is called COLOUR; docs/configuration.md lists those there are",
        ]

    def test_a_misspelt_setting_is_reported_where_it_breaks_the_configuration(
        self, run: Run, earnest: dict[str, str]
    ) -> None:
        del earnest["agencyhandy_api_key"]
        result = run("check", **earnest, agencyhandy_apikey=DEMO_KEY)
        assert "AGENCYHANDY_API_KEY is not" in result.stdout
        assert "no setting is called AGENCYHANDY_APIKEY; is AGENCYHANDY_API_KEY meant?" in result.stdout

    def test_lines_are_not_cut_or_broken(self, run: Run, earnest: dict[str, str]) -> None:
        result = run("check", **{**earnest, "agencyhandy_base_url": f"http://127.0.0.1:{free_port()}/{'long/' * 40}"})
        assert any("long/" * 39 + "long (" in line for line in result.stdout.splitlines())


class TestPreview:
    ADA = json.dumps({"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+44 20 7946 0958", "team": "A"})

    def test_it_shows_the_lead_and_why_each_field_was_chosen(self, run: Run, folder: Path) -> None:
        (folder / "body.json").write_text(self.ADA)
        result = run("preview", "body.json")
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith("pending")
        [email] = [line.split() for line in result.stdout.splitlines() if "ada@example.com" in line]
        assert email[:3] == ["email", "ada@example.com", "email"]
        assert "'email' means e-mail" in result.stdout
        assert "kept beside: team: A" in result.stdout
        assert not (folder / "relay.db").exists()

    def test_it_reads_standard_input(self, run: Run) -> None:
        form = "name=Ada+Lovelace&email=ada%40example.com"
        result = run("preview", "-", "--content-type", "application/x-www-form-urlencoded", typed=form)
        assert "ada@example.com" in result.stdout

    def test_as_json_it_is_one_object_with_a_lead_a_person(self, run: Run) -> None:
        body = json.dumps([json.loads(self.ADA), {"name": "Grace Hopper", "email": "grace@example.com"}])
        [request] = objects(run("preview", "-", "--json", typed=body))
        ada, grace = request["leads"]
        assert (ada["lead"]["firstName"], ada["lead"]["lastName"]) == ("Ada", "Lovelace")
        assert ada["lead"]["contactNo"] == "+442079460958"
        assert ada["extra"] == {"team": "A"}
        [email] = [field for field in ada["fields"] if field["field"] == "email"]
        assert (email["value"], email["origin"], email["why"]) == ("ada@example.com", "email", "'email' means e-mail")
        assert email["score"] >= 100
        assert (grace["lead"]["email"], grace["state"], request["problem"]) == ("grace@example.com", "pending", "")
        assert (request["verified"], request["repeat_by"]) == (None, "content")

    def test_it_shows_the_score_the_runner_up_and_what_is_not_kept(self, run: Run) -> None:
        body = {"email": "ada@example.com", "other_email": "king@example.com", "password": "hush", "event_id": "e-1"}
        result = run("preview", "-", typed=json.dumps(body))
        [email] = [line.split() for line in result.stdout.splitlines() if line.startswith("email")]
        assert email[-1] == "other_email"
        assert email[-2].isdigit()
        assert "not kept: password (secret)" in result.stdout
        assert "hush" not in result.stdout

    def test_a_request_without_proof_is_said_to_be_held_but_its_lead_is_shown(self, run: Run) -> None:
        result = run("preview", "-", "--endpoint", "zapier", typed=self.ADA)
        assert result.exit_code == 0
        assert result.stdout.startswith("! as it is, it would be held: there is no token")
        assert "ada@example.com" in result.stdout
        assert (
            "read as zapier; its sender did not prove itself; a repeat of it is known by what it says" in result.stdout
        )
        [request] = objects(run("preview", "-", "--endpoint", "zapier", "--json", typed=self.ADA))
        assert "there is no token" in request["problem"]
        assert request["verified"] is False
        [lead] = request["leads"]
        assert (lead["state"], lead["lead"]["email"]) == ("pending", "ada@example.com")

    def test_a_header_can_prove_the_sender(self, run: Run, secrets: dict[str, str]) -> None:
        token = f"X-Relay-Token: {secrets['zapier']}"
        args = ("preview", "-", "--endpoint", "zapier", "--header", token, "--header", "Idempotency-Key: abc-1")
        [request] = objects(run(*args, "--json", typed=self.ADA))
        assert (request["problem"], request["verified"], request["repeat_by"]) == ("", True, "id")
        assert "its sender proved itself; a repeat of it is known by its id" in run(*args, typed=self.ADA).stdout

    def test_a_body_that_cannot_be_read_is_said_to_be(self, run: Run) -> None:
        result = run("preview", "-", typed="{")
        assert "held" in result.stdout
        assert "not valid JSON" in result.stdout

    def test_a_request_without_anybody_in_it_is_said_to_be(self, run: Run, folder: Path) -> None:
        (folder / "relay.toml").write_text('[hooks.typeform]\nsource = "typeform"\nopen = true\n')
        event = json.dumps({"event_type": "form_response_partial", "form_response": {}})
        result = run("preview", "-", "--endpoint", "typeform", typed=event)
        assert "No lead: Typeform sent form_response_partial, not a finished response" in result.stderr
        assert result.stdout == ""

    @pytest.mark.parametrize(
        ("args", "words"),
        [
            (("-", "--header", "no colon"), "--header 'no colon': expected 'Name: value'"),
            (("-", "--endpoint", "nowhere"), "There is no form or hook 'nowhere' in relay.toml; there are: contact"),
            (("none.json",), "none.json: cannot be read: No such file"),
            ((".",), ".: cannot be read: Is a directory"),
        ],
    )
    def test_what_it_cannot_do_it_says(self, run: Run, args: tuple[str, ...], words: str) -> None:
        result = run("preview", *args, typed="{}")
        assert result.exit_code == 2
        assert words in result.stderr
        assert result.stdout == ""


class TestLeads:
    @pytest.fixture
    def ids(self, relay: Callable[..., httpx.Client], run: Run, sandbox: SandboxClient) -> list[str]:
        """Three leads, the oldest first: delivered, held, and one with an unpleasant name, which is delivered."""
        client = relay()
        token = {"X-Relay-Token": "demo-zapier-secret"}
        people = [
            {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+442079460958", "message": "Hello"},
            {"name": "Nobody"},
            {"firstName": NAUGHTY, "lastName": f"y{STEERING}", "email": LONG_EMAIL},
        ]
        receipts = [client.post("/hooks/zapier", json=person, headers=token).json() for person in people]
        eventually(lambda: len(sandbox.emails()) == 2, "both are delivered")
        eventually(lambda: not objects(run("leads", "list", "--json", "--state", "sending")), "and settled")
        return [receipt["leads"][0]["id"] for receipt in receipts]

    def test_there_may_be_none(self, run: Run, relay: Callable[..., httpx.Client]) -> None:
        relay()
        result = run("leads", "list")
        assert result.exit_code == 0
        assert "No leads" in result.stderr
        assert run("leads", "list", "--json").stdout == ""

    def test_json_is_an_object_a_line_the_newest_first(self, run: Run, ids: list[str]) -> None:
        found = objects(run("leads", "list", "--json"))
        assert [lead["id"] for lead in found] == ids[::-1]
        assert all(list(lead)[: len(LEAD_KEYS)] == LEAD_KEYS for lead in found)
        ada = found[-1]
        assert (ada["state"], ada["endpoint"], ada["contactNo"]) == ("delivered", "zapier", "+442079460958")
        assert ada["memberId"]
        assert ada["receivedAt"].endswith("+00:00")
        held = found[1]
        assert (held["state"], held["memberId"], held["reason"]) == ("held", None, "no e-mail: there is none")

    def test_filters_narrow_the_list(self, run: Run, ids: list[str]) -> None:
        def listed(*options: str) -> list[str]:
            return [lead["id"] for lead in objects(run("leads", "list", "--json", *options))]

        assert listed("--state", "held") == [ids[1]]
        assert listed("--endpoint", "zapier", "--limit", "1") == [ids[2]]
        assert listed("--endpoint", "contact") == []

    def test_a_table_that_is_piped_is_not_cut_or_broken(self, run: Run, ids: list[str]) -> None:
        lines = run("leads", "list").stdout.splitlines()
        assert [line.split()[0] for line in lines[2:]] == ids[::-1]
        assert LONG_EMAIL in lines[2]
        assert "…" not in "".join(lines)

    def test_a_terminal_gets_the_whole_table_too(self, run: Run, ids: list[str]) -> None:
        lines = run("leads", "list", force_color="1", columns="40").stdout
        assert LONG_EMAIL in lines
        assert "delivered" in lines

    def test_a_leads_name_is_printed_as_it_is(self, run: Run, ids: list[str]) -> None:
        assert NAUGHTY in run("leads", "list").stdout
        assert NAUGHTY in run("leads", "show", ids[2]).stdout
        assert objects(run("leads", "list", "--json"))[0]["firstName"] == NAUGHTY

    def test_a_leads_name_does_not_steer_the_terminal(self, run: Run, ids: list[str]) -> None:
        for command in (("list",), ("show", ids[2]), ("list", "--json"), ("show", ids[2], "--json")):
            said = run("leads", *command).stdout
            assert not set(STEERING) - set("]0;owned31m") & set(said), command

    def test_one_lead_is_shown_with_all_that_happened_to_it(self, run: Run, ids: list[str]) -> None:
        said = run("leads", "show", ids[0]).stdout
        assert said.startswith("delivered")
        for words in ("Ada", "+442079460958", "Hello", "at zapier as zapier", "created 201"):
            assert words in said

    def test_one_lead_is_shown_as_json(self, run: Run, ids: list[str]) -> None:
        [lead] = objects(run("leads", "show", ids[0], "--json"))
        assert list(lead)[: len(LEAD_KEYS)] == LEAD_KEYS
        assert (lead["message"], lead["repeats"]) == ("Hello", 0)
        assert [attempt["status"] for attempt in lead["attempts"]] == [201]
        [held] = objects(run("leads", "show", ids[1], "--json"))
        assert held["attempts"] == []

    def test_what_nobody_could_read_is_shown_as_it_came(self, run: Run, relay: Callable[..., httpx.Client]) -> None:
        body = f'{{"name": "Ada{STEERING}",\n' + "x" * 3000
        answer = relay().post("/hooks/nobody", content=body, headers={"Content-Type": "application/json"})
        shown = run("leads", "show", answer.json()["leads"][0]["id"]).stdout

        assert '\n{"name": "Ada' in shown
        assert "\x1b" not in shown
        assert "x" * 1900 in shown
        assert "x" * 2000 not in shown
        assert "next best" not in shown

    def test_a_store_without_anything_in_it_is_said_to_be(self, run: Run, folder: Path) -> None:
        (folder / "relay.db").touch()
        says_what_is_wrong(run("leads", "list"), "There is nothing in it yet: start the relay on it once.")

    def test_a_server_that_is_not_there_is_said_to_be(self, run: Run) -> None:
        url = f"postgresql+asyncpg://me:s3cret@127.0.0.1:{free_port()}/relay"
        done = run("leads", "list", database_url=url)
        says_what_is_wrong(done, "The store cannot be read: connection refused")
        assert "s3cret" not in done.stderr

    def test_it_says_that_it_only_delivers(self, folder: Path) -> None:
        with running(folder, "serve", "--role", "delivery", SANDBOX="true"):
            eventually(lambda: "(it only delivers;" in (folder / "log").read_text(), "it says so", 60)

    def test_an_unknown_id_is_said_to_be(self, run: Run, ids: list[str]) -> None:
        result = run("leads", "show", "01NONE")
        assert result.exit_code == 2
        assert "There is no lead 01NONE" in result.stderr

    @pytest.mark.parametrize("command", [("list",), ("show", "01NONE")])
    def test_without_a_store_it_says_where_it_looked(self, run: Run, folder: Path, command: tuple[str, ...]) -> None:
        result = run("leads", *command)
        assert result.exit_code == 2
        assert f"There is no store at {folder}/relay.db" in result.stderr
        assert not (folder / "relay.db").exists()

    @pytest.mark.parametrize("kind", ["a folder", "another file"])
    def test_a_store_that_is_none_is_said_to_be(self, run: Run, folder: Path, kind: str) -> None:
        file = folder / "relay.db"
        file.mkdir() if kind == "a folder" else file.write_text("This is not a database. " * 100)
        says_what_is_wrong(run("leads", "list"), "store")

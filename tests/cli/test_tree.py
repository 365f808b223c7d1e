"""What holds for every command: `--json`, and what a shell completes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from app.cli import app
from app.cli.base import ORDER
from tests.cli.test_commands import Run, folder, run
from tests.running import environment

__all__ = ["folder", "run"]

WITHOUT = {
    "serve": "runs until it is stopped, and logs as LOG_FORMAT says",
    "sandbox": "runs until it is stopped",
}
"""Commands that take no `--json`, with the reason."""
TRIED = [
    "check", "stats", "audit", "form list", "form snippet contact", "senders list", "senders allow a@example.com",
    "senders forget a@example.com", "operator list", "token list", "token create x --scope preview", "leads list",
    "leads release --all --yes", "leads resend --all --yes", "leads discard --all --yes", "leads spam --all --yes",
    "leads erase --all --yes", "leads edit --all --yes --set firstName=A", "leads remap --all --yes",
    "leads export - --all", "remap --dry-run", "backup copy.db", "restore copy.db --check",
    "import people.csv --as contact --dry-run", "import people.csv --as contact --yes", "preview people.csv",
    "leads show {id}", "leads export - {id}", "leads files {id} --to .", "leads release {id}",
]  # fmt: skip


def every_command(command: Any = None, name: str = "") -> Iterator[tuple[str, Any]]:
    command = command or get_command(app)
    for word, one in getattr(command, "commands", {}).items():
        yield from every_command(one, f"{name} {word}".strip())
    if not hasattr(command, "commands"):
        yield name, command


def test_every_command_takes_json_but_those_that_run_until_they_are_stopped() -> None:
    found = dict(every_command())
    assert {"leads list", "import", "stats", "check", "operator add"} <= set(found)
    without = {
        name for name, one in found.items() if "--json" not in [option for had in one.params for option in had.opts]
    }
    assert without == set(WITHOUT)


def test_help_has_them_in_the_order_in_which_they_are_needed(run: Run) -> None:
    def listed(*words: str) -> list[str]:
        return re.findall(r"^│ (\w+) ", run(*words, "--help").stdout.partition("Commands")[2], re.MULTILINE)

    assert listed() == list(ORDER)
    assert listed("leads")[:6] == ["list", "show", "release", "edit", "resend", "remap"]
    refused = run("leads", "list", "--state", "hold").stderr
    assert "'hold' is not one of" in refused
    assert "Value error" not in refused


@pytest.mark.slow
def test_what_is_printed_is_an_object_a_line(run: Run, folder: Path) -> None:
    (folder / "people.csv").write_text('name,email\nAda,ada@example.com\nNobody,\n"\u2028",b@example.com\n')
    assert run("operator", "add", "anna", "--json", typed="four words are easy\n").exit_code == 2  # there is no store
    make_store(folder)
    said = json.loads(run("operator", "add", "anna", "--json", typed="four words are easy\n").stdout)
    assert said == {"name": "anna", "role": "work"}
    lead_id = ""
    for line in TRIED:
        result = run(*line.format(id=lead_id).split(), "--json")
        assert result.exit_code in {0, 1}, (line, result.output)
        assert all(isinstance(json.loads(one), dict) for one in result.stdout.splitlines()), line
        if line.startswith("import") and "--yes" in line:
            assert json.loads(result.stdout)["leads"] == {"pending": 2}
            lead_id = json.loads(run("leads", "list", "--json").stdout.splitlines()[0])["id"]


def make_store(folder: Path) -> None:
    """A store as a relay leaves it."""
    code = "import asyncio, os; from app.outbox.outbox import Outbox; o = Outbox(os.environ['DATABASE_URL'])\n"
    code += "async def run():\n await o.open(); await o.close()\nasyncio.run(run())"
    subprocess.run([sys.executable, "-c", code], env=environment(folder), check=True)


@pytest.fixture
def lead_relay(folder: Path) -> Path:
    """The command by its name, as it is installed, on a path of its own."""
    (folder / "bin").mkdir()
    command = folder / "bin/lead-relay"
    command.write_text(f"#!{sys.executable}\nfrom app.cli import main\nmain()\n")
    command.chmod(0o755)
    return command


def completed(command: Path, shell: str, words: str) -> str:
    """What the command answers the shell's completion."""
    env = environment(command.parent.parent, _LEAD_RELAY_COMPLETE=f"complete_{shell}")
    env |= {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    env |= {"_TYPER_COMPLETE_ARGS": words, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    done = subprocess.run(
        [command], check=False, env=env, cwd=command.parent.parent, capture_output=True, text=True, timeout=30
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.slow
class TestCompletion:
    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_commands_states_and_endpoints_are_completed(self, lead_relay: Path, shell: str) -> None:
        acts = completed(lead_relay, shell, "lead-relay leads re")
        assert all(act in acts for act in ("release", "resend", "remap"))
        assert "held" in completed(lead_relay, shell, "lead-relay leads list --state he")
        assert "contact" in completed(lead_relay, shell, "lead-relay leads list --endpoint con")
        assert "typeform" in completed(lead_relay, shell, "lead-relay import people.csv --as ty")
        assert "typeform" not in completed(lead_relay, shell, "lead-relay form snippet ty")

    def test_a_broken_relay_toml_completes_nothing_and_says_nothing(self, lead_relay: Path, folder: Path) -> None:
        (folder / "relay.toml").write_text("forms = 3 [")
        assert "contact" not in completed(lead_relay, "bash", "lead-relay leads list --endpoint con")

    def test_bash_takes_the_script_that_is_shown(self, lead_relay: Path, folder: Path) -> None:
        bash = shutil.which("bash") or pytest.fail("there is no bash")
        path = f"{lead_relay.parent}:{os.environ['PATH']}"
        env = environment(folder, PATH=path, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
        asked = (
            'eval "$(lead-relay --show-completion bash)"; COMP_WORDS=(lead-relay leads list --endpoint con);'
            " COMP_CWORD=4;"
            ' $(complete -p lead-relay | sed "s/.*-F \\([^ ]*\\).*/\\1/") lead-relay; echo "${COMPREPLY[@]}"'
        )
        done = subprocess.run(
            [bash, "-c", asked], env=env, cwd=folder, check=False, capture_output=True, text=True, timeout=30
        )
        assert "contact" in done.stdout, done

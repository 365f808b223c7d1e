"""Who is named in relay.toml: tried out by a command, checked at start, and never shown."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.alerts.tell import people
from app.config.relay_toml import RelayConfig
from app.errors import ConfigurationError
from tests.alerts.conftest import SECRET, Phone
from tests.running import ROOT, environment

TELEGRAM = f"tgram://123456789:{'a' * 20}{SECRET}/42"


def command(folder: Path, toml: str, *words: str) -> tuple[int, str]:
    (folder / "relay.toml").write_text(toml)
    env = environment(folder, RELAY_CONFIG=str(folder / "relay.toml"), BOSS=os.environ.get("BOSS", ""))
    ran = subprocess.run(
        [sys.executable, "-m", "app", *words], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    return ran.returncode, ran.stdout + ran.stderr


def test_the_command_sends_everybody_a_test_and_says_who_took_it(phone: Phone, tmp_path: Path) -> None:
    phone.broken.add("sales")
    toml = f"""
    [alerts]
    to = ["{phone.target("boss")}"]
    leads_to = ["{phone.target("sales")}"]
    [forms.contact]
    leads_to = ["{phone.target("shop")}"]
    """
    code, said = command(tmp_path, toml, "alerts", "test")

    assert code == 1
    assert phone.titles("boss") == phone.titles("shop") == ["Lead Relay: a test"]
    assert [line[0] for line in said.splitlines()] == ["✓", "✗", "✓"]
    assert "alerts.leads_to 1 (JSON at 127.0.0.1)" in said
    assert "forms.contact.leads_to 1 (JSON at 127.0.0.1)" in said
    assert SECRET not in said


def test_where_nobody_is_named_the_command_says_what_to_do(tmp_path: Path) -> None:
    code, said = command(tmp_path, "[forms.contact]\n", "alerts", "test")

    assert (code, "relay.toml names nobody to tell" in said) == (2, True)


@pytest.mark.slow
def test_an_address_that_cannot_be_read_is_named_but_not_shown(phone: Phone, tmp_path: Path) -> None:
    toml = f"[alerts]\nto = ['{phone.target('boss')}', 'nothing://{SECRET}']\n[forms.contact]\n"
    code, said = command(tmp_path, toml, "check")

    assert code == 1
    assert "alerts.to 2: not an address that Apprise reads" in said
    assert SECRET not in said
    code, said = command(tmp_path, toml, "serve", "--port", "0")
    assert (code, "alerts.to 2: not an address that Apprise reads" in said, SECRET in said) == (2, True, False)


def test_all_that_is_wrong_is_named_at_once() -> None:
    config = RelayConfig.model_validate({"alerts": {"to": ["x://a"], "leads_to": ["json://localhost", "y://b"]}})
    with pytest.raises(ConfigurationError, match=r"alerts\.to 1: .*\n.*alerts\.leads_to 2: "):
        people(config)


def test_a_token_in_a_hosts_place_is_not_shown() -> None:
    [target] = people(RelayConfig.model_validate({"alerts": {"to": [TELEGRAM]}}))["alerts.to"]

    assert target.label == "alerts.to 1 (Telegram)"

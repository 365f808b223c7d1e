"""`lead-relay senders …` and `leads release --allow`: whose posts are never taken for spam."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.cli.test_commands import Run, folder, objects, run
from tests.running import SandboxClient, eventually, stored
from tests.samples import samples

__all__ = ["folder", "run"]

OFFER = {
    "name": "Rank Booster",
    "email": "Rank@Example.com",
    "message": "We rank your website on the first page of Google with dofollow backlinks: https://cheap-seo.top/x",
}
TOML = '[forms.contact.spam]\nhoneypots = ["fax"]\n'


@pytest.fixture
def client(relay: Callable[..., httpx.Client], folder: Path) -> httpx.Client:
    return relay(TOML)


def states(folder: Path) -> list[str]:
    return [state for (state,) in stored(folder, "SELECT state FROM leads ORDER BY id")]


def test_who_is_released_and_allowed_is_never_spam_again(
    client: httpx.Client, run: Run, folder: Path, sandbox: SandboxClient
) -> None:
    client.post("/forms/contact", data=OFFER)
    [(lead_id,)] = stored(folder, "SELECT id FROM leads")
    assert run("leads", "release", lead_id).exit_code == 0
    client.post("/forms/contact", data=OFFER | {"message": OFFER["message"] + " Again."})
    assert states(folder)[1] == "spam", "a release teaches nothing"
    result = run("leads", "release", "--state", "spam", "--allow", "--yes")
    assert result.exit_code == 0, result.output

    for number, more in enumerate(({}, {"fax": "x"}, {"_gotcha": "x"}, {"_stamp": "x"})):
        client.post("/forms/contact", data=OFFER | more | {"message": f"{OFFER['message']} Number {number}."})
    assert "spam" not in states(folder)
    eventually(lambda: len(sandbox.members()) + states(folder).count("duplicate") == 6, "all are sent")
    [sender] = objects(run("senders", "list", "--json"))
    assert sender["address"] == "rank@example.com"
    assert "rank@example.com" in run("senders", "list").stdout

    assert run("senders", "forget", "RANK@example.com").exit_code == 0
    client.post("/forms/contact", data=OFFER | {"message": f"{OFFER['message']} Once more."})
    assert states(folder)[-1] == "spam"
    assert run("audit").stdout.count("allow") == 1


def test_senders_are_allowed_by_name(client: httpx.Client, run: Run, folder: Path) -> None:
    assert run("senders", "allow", "rank@example.com", "mary@example.com").stderr.strip() == "allowed: 2"
    client.post("/forms/contact", data=OFFER)

    assert "spam" not in states(folder)
    assert run("senders", "allow", "mary").exit_code == 2
    missing = run("senders", "forget", "nobody@example.com", "mary@example.com")
    assert (missing.exit_code, missing.stderr.strip()) == (1, "✗ nobody@example.com was not allowed")


def test_what_was_suspicious_is_shown(client: httpx.Client, run: Run, folder: Path) -> None:
    client.post("/forms/contact", data={"email": "ada@mailinator.com", "message": "Hello"})
    [(lead_id,)] = stored(folder, "SELECT id FROM leads")

    assert "suspicious: an e-mail address to throw away" in run("leads", "show", lead_id).stdout
    assert objects(run("leads", "show", lead_id, "--json"))[0]["suspicions"] == ["an e-mail address to throw away"]


def test_the_service_that_took_the_form_has_the_last_word(
    relay: Callable[..., httpx.Client], run: Run, folder: Path
) -> None:
    """What a provider marks as spam stays so, whoever sends it."""
    [sample] = samples("more/forminit-spam")
    client = relay('[forms.contact]\nsource = "forminit"\n')
    client.post("/forms/contact", content=sample.body, headers=dict(sample.headers)).raise_for_status()
    [(state, reason, address)] = stored(folder, "SELECT state, reason, email FROM leads")
    assert (state, bool(address)) == ("spam", True)
    run("senders", "allow", address)
    changed = sample.body.replace(b"frm_", b"frn_").replace(b'"id":"', b'"id":"x')
    client.post("/forms/contact", content=changed, headers=dict(sample.headers)).raise_for_status()

    assert {(state, reason) for state, reason in stored(folder, "SELECT state, reason FROM leads")} == {
        ("spam", reason)
    }

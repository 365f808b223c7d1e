"""A relay that stops while somebody is at work: it stops soon, and nothing is half done."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from app.lead import LeadState
from app.outbox.acts import A_STEP
from tests.desk.conftest import PASSWORD, log_in
from tests.desk.crowd import filled
from tests.running import RelayProcess, SandboxClient, eventually, stored

pytestmark = pytest.mark.slow

Launch = Callable[[RelayProcess], RelayProcess]
TOKEN = "a" * 40
CROWD = 8000


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_an_act_on_many_ends_with_the_step_that_it_is_at_and_is_in_the_audit_trail_as_far_as_it_got(
    launch: Launch, sandbox: SandboxClient, tmp_path: Path, how: str
) -> None:
    filled(tmp_path, CROWD, states=[LeadState.SPAM])
    relay = launch(RelayProcess(tmp_path, sandbox.address, desk_password=PASSWORD))
    with httpx.Client(base_url=relay.address, timeout=10) as client:
        everything = {"_csrf": log_in(client), "act": "discard", "all": "1", "confirmed": "10000"}
        job = client.post("/desk/spam", data=everything).headers["location"]
        assert job.startswith("/desk/jobs/")
    eventually(lambda: stored(tmp_path, "SELECT 1 FROM audit LIMIT 1"), "it has begun")
    began = time.monotonic()
    getattr(relay, how)()

    assert time.monotonic() - began < 10  # all of it would take longer
    [(done,)] = stored(tmp_path, "SELECT count(*) FROM leads WHERE state = 'discarded'")
    assert 0 < done < CROWD
    assert stored(tmp_path, "SELECT count(*), count(DISTINCT lead_id) FROM audit") == [(done, done)]
    assert "Traceback" not in relay.log.read_text()
    with closing(sqlite3.connect(tmp_path / "relay.db")) as store, store:
        store.execute("UPDATE jobs SET at = at - 60000")
    relay.start()
    with httpx.Client(base_url=relay.address, timeout=10) as client:
        log_in(client)
        page = client.get(job).text
        noted = {done} if how == "stop" else {done, done - A_STEP}  # killed between a step and the note of it
        assert any(f"<p>{one:,} of {CROWD:,}: stopped." in page for one in noted)
        assert ("The relay that did this has stopped." in page) == (how == "kill")


def test_who_waits_for_an_outcome_is_answered_when_the_relay_stops(
    launch: Launch, sandbox: SandboxClient, tmp_path: Path
) -> None:
    sandbox.fault(kind="status", status=503)
    relay = launch(RelayProcess(tmp_path, sandbox.address, api_token=TOKEN))

    def send() -> httpx.Response:
        asked = {"params": {"wait": 30}, "headers": {"Authorization": f"Bearer {TOKEN}"}, "timeout": 40}
        return httpx.post(f"{relay.address}/api/v1/leads", json={"email": "ada@example.com"}, **asked)  # type: ignore[arg-type]

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(send)
        eventually(lambda: stored(tmp_path, "SELECT 1 FROM attempts"), "it was tried")
        began = time.monotonic()
        relay.stop()
        assert time.monotonic() - began < 15  # and the wait was for 30
        assert (answer.result().status_code, answer.result().json()["leads"][0]["state"]) == (202, "pending")

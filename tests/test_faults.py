"""The rest of "Faults survived": a full disk, a locked store, a day without AgencyHandy, a stop, a fault of our own."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app import main
from app.delivery import agencyhandy, contract, worker
from app.lead import Lead
from tests.running import RelayProcess, SandboxClient, eventually, locked, stored

pytestmark = pytest.mark.slow

Start = Callable[..., httpx.Client]
Launch = Callable[[RelayProcess], RelayProcess]
BATCH = "[hooks.json]\nsource = 'json'\nopen = true\n"
SIZE = 4 * 1024 * 1024


def send(address: str, count: int, mark: str) -> tuple[list[str], list[httpx.Response]]:
    """Posts so many enquiries; whose was acknowledged, and the other answers."""
    acknowledged, others = [], []
    for number in range(count):
        email = f"{mark}{number}@example.com"
        answer = httpx.post(f"{address}/forms/contact", data={"email": email, "message": "x" * 20_000}, timeout=30)
        if answer.status_code == 303:
            acknowledged.append(email)
        else:
            others.append(answer)
    return acknowledged, others


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MiB, where this machine lets us mount one; else a folder."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    is_root = os.geteuid() == 0
    mounted = is_root and not subprocess.run(["mount", *options], check=False, capture_output=True).returncode
    yield folder
    if mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def full(folder: Path, relay: RelayProcess) -> Iterator[None]:
    """No space is left on the relay's disk; where the disk is everybody's, the relay's files can grow no more."""
    if folder.is_mount():
        junk = folder / "junk"
        with junk.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        yield
        junk.unlink()
    else:
        _, most = resource.prlimit(relay.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(relay.pid, resource.RLIMIT_FSIZE, (1, most))
        yield
        resource.prlimit(relay.pid, resource.RLIMIT_FSIZE, (most, most))


def test_on_a_full_disk_senders_are_told_to_come_back_and_what_was_acknowledged_is_delivered(
    small_disk: Path, sandbox: SandboxClient, launch: Launch
) -> None:
    relay = launch(RelayProcess(small_disk, sandbox.address))
    before, _ = send(relay.address, 5, "before")
    with full(small_disk, relay):
        amid, refused = send(relay.address, 40, "amid")
    after, _ = send(relay.address, 5, "after")

    assert refused
    assert {(one.status_code, "retry-after" in one.headers) for one in refused} == {(503, True)}
    assert (len(before), len(after)) == (5, 5)
    acknowledged = {*before, *amid, *after}
    eventually(lambda: acknowledged <= set(sandbox.emails()), "everything acknowledged is delivered", 30)
    eventually(lambda: relay.states() == {"delivered"}, "the books are settled", 30)
    assert sorted(sandbox.emails()) == sorted(acknowledged)


def test_while_somebody_locks_the_store_senders_are_told_to_come_back_and_nothing_is_lost(
    tmp_path: Path, sandbox: SandboxClient, launch: Launch
) -> None:
    relay = launch(RelayProcess(tmp_path, sandbox.address))
    sandbox.fault(kind="delay", seconds=2, times=1)
    before, _ = send(relay.address, 3, "before")
    with locked(tmp_path):
        _, refused = send(relay.address, 1, "amid")
    after, _ = send(relay.address, 3, "after")

    assert [one.status_code for one in refused] == [503]
    eventually(lambda: {*before, *after} == set(sandbox.emails()), "everything acknowledged is delivered", 30)
    eventually(lambda: relay.states() == {"delivered"}, "the books are settled", 40)


def test_after_a_day_without_agencyhandy_every_lead_is_delivered_once(
    relay: Start, sandbox: SandboxClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, passed = main.now, timedelta()
    monkeypatch.setattr(main, "now", lambda: now() + passed)
    sandbox.fault(kind="status", status=503)
    client = relay(BATCH, delivery_probe_seconds=1)
    people = [{"name": f"Person No{n}", "email": f"p{n}@example.com"} for n in range(20)]
    assert client.post("/hooks/json", json=people).status_code == 200
    for _ in range(6):
        tried = len(sandbox.requests())
        passed += timedelta(hours=4)
        eventually(lambda: len(sandbox.requests()) > tried, "it goes on trying")  # noqa: B023 - called at once
    assert client.post("/hooks/json", json={"email": "late@example.com"}).status_code == 200
    sandbox.heal()

    eventually(lambda: len(sandbox.emails()) == 21, "all arrive once it is back", 30)
    eventually(lambda: stored(tmp_path, "SELECT DISTINCT state FROM leads") == [("delivered",)], "all are settled")


def test_after_the_window_a_lead_is_held_and_not_dropped(
    relay: Start, sandbox: SandboxClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, passed = main.now, timedelta()
    monkeypatch.setattr(main, "now", lambda: now() + passed)
    monkeypatch.setattr(worker, "LOOK_EVERY", timedelta(seconds=0.05))
    sandbox.fault(kind="status", status=503, body="Maintenance")
    client = relay(BATCH, delivery_probe_seconds=0.1)
    client.post("/hooks/json", json={"email": "ada@example.com"})
    eventually(lambda: len(sandbox.requests()) >= 2, "it is tried")
    passed = timedelta(hours=73)

    def state() -> Any:
        nonlocal passed
        passed += timedelta(minutes=31)
        return stored(tmp_path, "SELECT state, reason FROM leads") == [("held", "gave up: Maintenance")]

    eventually(state, "it is held", 20)


def test_a_stop_amid_the_parts_of_a_refused_request_loses_and_doubles_nothing(
    tmp_path: Path, sandbox: SandboxClient, launch: Launch
) -> None:
    toml = tmp_path / "relay.toml"
    toml.write_text(BATCH)
    relay = launch(RelayProcess(tmp_path, sandbox.address, toml=toml, delivery_requests_per_second="5"))
    sandbox.fault(kind="refuse", pattern="p7@", message="Something is wrong")
    people = [{"name": f"Person No{n}", "email": f"p{n}@example.com"} for n in range(20)]
    assert httpx.post(f"{relay.address}/hooks/json", json=people).status_code == 200
    eventually(lambda: len(sandbox.emails()) >= 2, "the parts are being sent")
    relay.stop()
    assert len(sandbox.emails()) < 19
    assert relay.states() <= {"pending", "delivered", "held"}
    relay.start()

    eventually(lambda: len(sandbox.emails()) == 19, "the others arrive", 30)
    eventually(lambda: relay.states() == {"delivered", "held"}, "all are settled", 30)


def test_a_lead_that_the_relay_itself_stumbles_over_is_held_in_the_end_and_takes_nobody_with_it(
    relay: Start, sandbox: SandboxClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    payload = contract.payload

    def stumbles(lead: Lead, role_id: str) -> dict[str, Any]:
        if lead.email == "p3@example.com":
            raise ValueError("a fault of our own")
        return payload(lead, role_id)

    monkeypatch.setattr(agencyhandy, "payload", stumbles)
    client = relay(BATCH)
    client.post("/hooks/json", json=[{"email": f"p{n}@example.com"} for n in range(6)])

    eventually(lambda: len(sandbox.emails()) == 5, "the others arrive", 30)
    held = "SELECT state, reason FROM leads WHERE email = 'p3@example.com'"
    reason = "gave up: ValueError in the relay, see its log"
    eventually(lambda: stored(tmp_path, held) == [("held", reason)], "it is held", 40)


def has_at_each_thread(tracer: int, pid: int) -> bool:
    """Whether it traces every thread of a process: it is one thread that asks the disk, and not the first."""
    threads = list(Path(f"/proc/{pid}/task").glob("*/status"))
    try:
        return bool(threads) and all(f"TracerPid:\t{tracer}\n" in one.read_text() for one in threads)
    except OSError:  # a thread has just ended
        return False


@contextlib.contextmanager
def disturbed(relay: RelayProcess, how: str) -> Iterator[None]:
    """What the relay asks the disk to confirm meets with `how`, as strace's `inject` spells it."""
    calls = "fsync,fdatasync"
    traced = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={calls}", "-e", f"inject={calls}:{how}"]
    with subprocess.Popen([*traced, "-p", str(relay.pid)]) as tracer:
        eventually(lambda: has_at_each_thread(tracer.pid, relay.pid), "strace is attached")
        try:
            yield
        finally:
            tracer.terminate()


def test_nobody_is_thanked_before_the_disk_has_confirmed(
    tmp_path: Path, sandbox: SandboxClient, launch: Launch
) -> None:
    """What a power cut leaves is what the disk confirmed."""
    relay = launch(RelayProcess(tmp_path, sandbox.address))
    with disturbed(relay, "delay_enter=700000"):
        began = time.monotonic()
        [acknowledged], _ = send(relay.address, 1, "slow")
        assert time.monotonic() - began >= 0.7

    eventually(lambda: sandbox.emails() == [acknowledged], "it is delivered", 30)


def test_nobody_is_thanked_for_what_the_disk_could_not_confirm(
    tmp_path: Path, sandbox: SandboxClient, launch: Launch
) -> None:
    relay = launch(RelayProcess(tmp_path, sandbox.address))
    before, _ = send(relay.address, 2, "before")
    eventually(lambda: relay.states() == {"delivered"}, "the first are settled", 30)
    with disturbed(relay, "error=EIO"):
        amid, refused = send(relay.address, 3, "amid")
    after, _ = send(relay.address, 2, "after")

    assert (amid, [one.status_code for one in refused]) == ([], [503] * 3)
    eventually(lambda: {*before, *after} == set(sandbox.emails()), "what was acknowledged is delivered", 30)

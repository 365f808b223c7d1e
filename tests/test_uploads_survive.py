"""Files through faults: a kill amid uploads, a full disk, several large ones at once. Real processes, real signals."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from app.outbox.attachments import MARK
from tests.files import BOUNDARY, HEADERS, body_of, part
from tests.running import ROOT, RelayProcess, SandboxClient, eventually, stored
from tests.test_faults import full, small_disk

__all__ = ["small_disk"]

pytestmark = pytest.mark.slow

Launch = Callable[[RelayProcess], RelayProcess]
MIB = 1024 * 1024
JSON = {**HEADERS, "Accept": "application/json"}
SWEEP = """
import asyncio, sys
from pathlib import Path
from app.outbox import erasure
from app.outbox.outbox import Outbox
async def sweep():
    outbox = Outbox(sys.argv[1], attachments=Path(sys.argv[2]))
    await outbox.open()
    erasure.UNWANTED_AFTER = 0
    await erasure.sweep(outbox)
    await outbox.close()
asyncio.run(sweep())
"""


def files(folder: Path) -> dict[str, Path]:
    found = folder / "attachments"
    return {one.name: one for one in found.iterdir() if one.name != MARK} if found.exists() else {}


def assert_whole(folder: Path) -> None:
    """Every row's file is there, as it was sent."""
    for file, sha256 in stored(folder, "SELECT file, sha256 FROM attachments"):
        assert hashlib.sha256(files(folder)[file].read_bytes()).hexdigest() == sha256


def resident(relay: RelayProcess) -> int:
    """Bytes of memory that the process has."""
    pages = int(Path(f"/proc/{relay.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("after", [1, 25])
def test_after_a_kill_amid_uploads_what_was_acknowledged_has_its_files_whole_and_no_other_is_left(
    tmp_path: Path, sandbox: SandboxClient, launch: Launch, after: int
) -> None:
    relay = launch(RelayProcess(tmp_path, sandbox.address))
    acknowledged: dict[str, str] = {}
    lock = threading.Lock()

    def send(number: int) -> None:
        content = f"{number} ".encode() * (20_000 * (1 + number % 5))
        email = f"v{number}@example.com"
        body = body_of([part("email", email.encode()), part("cv", content, f"cv{number}.txt")])
        try:
            answer = httpx.post(f"{relay.address}/forms/contact", content=body, headers=JSON, timeout=20)
        except httpx.HTTPError:
            return
        if answer.status_code == 200:
            with lock:
                acknowledged[email] = hashlib.sha256(content).hexdigest()
                is_time = len(acknowledged) == after
            if is_time:
                relay.kill()

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(send, range(100)))
    assert after <= len(acknowledged) < 100
    relay.start()

    of = "SELECT email, sha256 FROM leads JOIN attachments USING (submission_id)"
    assert acknowledged.items() <= dict(stored(tmp_path, of)).items()
    assert_whole(tmp_path)
    store = f"sqlite+aiosqlite:///{tmp_path}/relay.db"
    subprocess.run([sys.executable, "-c", SWEEP, store, f"{tmp_path}/attachments"], cwd=ROOT, check=True)
    assert set(files(tmp_path)) == {file for (file,) in stored(tmp_path, "SELECT file FROM attachments")}
    eventually(lambda: set(acknowledged) <= set(sandbox.emails()), "all are delivered", 30)


def test_what_a_crash_left_is_swept_up_at_the_next_start(
    tmp_path: Path, sandbox: SandboxClient, launch: Launch
) -> None:
    relay = launch(RelayProcess(tmp_path, sandbox.address))
    post(relay, b"words")
    relay.stop()  # a killed one keeps its duty to sweep for a minute, which would only take its time here
    old = time.time() - 7200
    for name in ("a" * 32, f"{'b' * 32}.part"):
        (tmp_path / "attachments" / name).write_text("x")
        os.utime(tmp_path / "attachments" / name, (old, old))
    relay.start()

    [(file,)] = stored(tmp_path, "SELECT file FROM attachments")
    eventually(lambda: set(files(tmp_path)) == {file}, "only what a row names is left", 30)


def post(relay: RelayProcess, content: bytes, mark: str = "a") -> httpx.Response:
    body = body_of([part("email", f"{mark}@example.com".encode()), part("cv", content, "cv.txt")])
    return httpx.post(f"{relay.address}/forms/contact", content=body, headers=JSON, timeout=30)


def test_on_a_full_disk_nothing_is_acknowledged_and_nothing_of_it_is_left(
    small_disk: Path, sandbox: SandboxClient, launch: Launch
) -> None:
    relay = launch(RelayProcess(small_disk, sandbox.address))
    assert post(relay, b"x" * 300_000, "before").status_code == 200
    with full(small_disk, relay):
        refused = [post(relay, b"y" * size, f"amid{size}") for size in (1, 10, 300_000, 3_000_000)]
        left = set(files(small_disk))
    assert post(relay, b"z" * 300_000, "after").status_code == 200

    assert {(one.status_code, "retry-after" in one.headers) for one in refused} == {(503, True)}
    named = {file for (file,) in stored(small_disk, "SELECT file FROM attachments")}
    assert len(named) == 2
    assert left <= named
    assert_whole(small_disk)
    eventually(lambda: {"before@example.com", "after@example.com"} <= set(sandbox.emails()), "both arrive", 30)


def test_several_large_files_at_once_take_no_memory_to_speak_of(
    tmp_path: Path, sandbox: SandboxClient, launch: Launch
) -> None:
    toml = tmp_path / "relay.toml"
    toml.write_text("[forms.contact]\nfiles = { max_mib = 25 }\n")
    relay = launch(RelayProcess(tmp_path, sandbox.address, toml=toml))
    for number in range(4):
        assert post(relay, b"warm " * 100_000, f"warm{number}").status_code == 200
    before, most, over = resident(relay), 0, threading.Event()

    def body(number: int) -> Iterator[bytes]:
        yield part("email", f"large{number}@example.com".encode()) + part("cv", b"", "cv.txt")[:-2]
        for _ in range(20 * 16):
            yield f"{number}".encode() * (MIB // 16)
        yield f"\r\n--{BOUNDARY}--\r\n".encode()

    def watch() -> None:
        nonlocal most
        while not over.wait(0.02):
            most = max(most, resident(relay))

    watching = threading.Thread(target=watch)
    watching.start()
    with ThreadPoolExecutor(6) as pool:
        answers = list(
            pool.map(
                lambda n: httpx.post(f"{relay.address}/forms/contact", content=body(n), headers=JSON, timeout=60),
                range(6),
            )
        )
    over.set()
    watching.join()

    assert [one.status_code for one in answers] == [200] * 6
    assert_whole(tmp_path)
    assert most - before < 24 * MIB, f"grew by {(most - before) / MIB:.1f} MiB while 120 MiB came in"
    print(f"grew by {(most - before) / MIB:.1f} MiB")

"""`lead-relay tail` beside a relay that runs, as a terminal and a pipe have it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import IO

import httpx
import pytest

from tests.cli.test_commands import folder, lead_relay
from tests.postgresql import PostgreSQL
from tests.running import ROOT, environment, eventually

__all__ = ["folder"]

Start = Callable[..., httpx.Client]
NUMBERS = count()


@contextmanager
def tailing(folder: Path, *words: str, **settings: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """The command, and the file that it writes into, once it has looked for the first time."""
    file = folder / "tail.out"
    with file.open("wb") as out, (folder / "tail.err").open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "tail", *words],
            cwd=ROOT, env=environment(folder, **settings), stdout=out, stderr=err,
        )  # fmt: skip
    try:
        yield process, file
    finally:
        process.kill()
        process.wait(10)


def keep_posting(client: httpx.Client, until: Callable[[], object]) -> None:
    """Sends enquiries until one has been seen: when a command begins to look is its own affair."""

    def post() -> object:
        client.post("/forms/contact", data={"email": f"tail{next(NUMBERS)}@example.com"})
        time.sleep(0.1)
        return until()

    eventually(post, "it is told")


def has_ended(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is not None


def read_into(file: IO[bytes], lines: list[bytes]) -> None:
    lines.append(file.readline())


@pytest.mark.slow
def test_a_line_a_change_until_it_is_interrupted(relay: Start, folder: Path) -> None:
    client = relay()
    with tailing(folder) as (process, file):
        keep_posting(client, lambda: "✓ delivered contact 01" in file.read_text())
        assert "example.com" not in file.read_text()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert (folder / "tail.err").read_text() == ""


@pytest.mark.slow
def test_as_json_into_a_pipe_that_is_closed(relay: Start, folder: Path) -> None:
    client = relay()
    for words in (["--json"], []):
        with subprocess.Popen(
            [sys.executable, "-m", "app", "tail", *words],
            cwd=ROOT, env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            assert process.stderr is not None
            lines: list[bytes] = []
            reading = threading.Thread(target=read_into, args=(process.stdout, lines))
            reading.start()
            keep_posting(client, lines.__len__)
            if words:
                told = json.loads(lines[0])
                assert set(told) == {"at", "id", "state", "endpoint", "reason", "receivedAt"}
            process.stdout.close()
            keep_posting(client, partial(has_ended, process))
            assert (process.returncode, process.stderr.read()) == (0, b"")


def test_without_a_store_it_says_what_to_do(folder: Path) -> None:
    refused = lead_relay(folder, "tail")
    assert refused.returncode == 2
    assert "There is no store at" in refused.stderr


@pytest.mark.slow
def test_it_goes_on_when_postgresql_was_away(relay: Start, folder: Path, postgresql: PostgreSQL) -> None:
    url = postgresql.create_database()
    client = relay(database_url=url)
    with tailing(folder, database_url=url) as (_, file):
        keep_posting(client, lambda: "delivered" in file.read_text())
        postgresql.stop(signal.SIGQUIT)
        eventually(lambda: "It is tried again." in (folder / "tail.err").read_text(), "it says so")
        postgresql.start()
        before = len(file.read_text())
        keep_posting(client, lambda: len(file.read_text()) > before)

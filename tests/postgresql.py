"""A real PostgreSQL for tests, made of Debian's binaries: started, stopped, restarted and thrown away."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, count
from pathlib import Path

import pytest

from app.outbox.engine import migrate
from tests.running import eventually, free_port

NEW_KEY = "UPDATE keys SET value = decode(replace(gen_random_uuid()::text || gen_random_uuid(), '-', ''), 'hex')"
BINARIES = "/usr/lib/postgresql"
OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "fsync": "off",  # the tests end servers, not the machine: what the kernel was given stays
    "full_page_writes": "off",
    "autovacuum_naptime": "5s",
}


def binaries() -> Path:
    """Where PostgreSQL's newest programs are; a test that needs them fails where there are none."""
    found = sorted(Path(BINARIES).glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if not found:
        pytest.fail(f"There is no PostgreSQL under {BINARIES}: apt install --no-install-recommends postgresql", False)
    return found[-1].parent


class PostgreSQL:
    """A server with a data folder of its own, on a free port of this machine.

    PostgreSQL refuses to run as root, so root has it run as Debian's user `postgres`.
    """

    def __init__(self) -> None:
        self._binaries = binaries()
        self._folder = Path(tempfile.mkdtemp(prefix="relay-pg-"))
        self._as_user: tuple[str, ...] = ()
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
            self._as_user = ("setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups")
        self.port = free_port()
        self.log = self._folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = count(1)
        self._made: str | None = None
        self._run("initdb", "--pgdata", str(self._data), "--username", "relay", "--auth", "trust", "--no-sync")

    def start(self) -> None:
        """Starts it, and waits until it takes connections."""
        options = [f"-c{name}={value}" for name, value in OPTIONS.items()]
        where = ["-D", str(self._data), "-p", str(self.port), "-k", str(self._folder)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._as_user, self._binaries / "postgres", *where, *options],
                cwd="/",
                stdout=log,
                stderr=log,
            )
        eventually(self._is_up, "PostgreSQL takes connections", 30)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Ends it: SIGINT breaks off every connection, SIGQUIT leaves at once, as in a crash."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(30)

    def restart(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stops it and starts it again, on the same port."""
        self.stop(how)
        self.start()

    def freeze(self) -> None:
        """Stops every process of it where it stands: connections stay open, and nobody answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        eventually(self._stands_still, "PostgreSQL stands still")
        self._signal_children(signal.SIGSTOP)

    def thaw(self) -> None:
        """Lets it go on."""
        assert self._process is not None
        self._signal_children(signal.SIGCONT)
        self._process.send_signal(signal.SIGCONT)

    def remove(self) -> None:
        """Ends it and deletes its data."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._folder)

    def create_database(self) -> str:
        """A new, empty database's address, as DATABASE_URL has it."""
        name = f"relay{next(self._numbers)}"
        self._sql("postgres", f"CREATE DATABASE {name}")
        return self._address(name)

    def create_store(self) -> str:
        """A new store's address: a copy of one that was made before, which is far quicker, with a key of its own."""
        if self._made is None:
            self._made = self.create_database()
            with ThreadPoolExecutor(1) as thread:  # a browser's loop may be running here
                thread.submit(lambda url: asyncio.run(migrate(url)), self._made).result()
        name = f"relay{next(self._numbers)}"
        copy = f"CREATE DATABASE {name} TEMPLATE {self._made.rpartition('/')[2]} STRATEGY FILE_COPY"
        self._sql("postgres", copy, f"\\c {name}", NEW_KEY)
        return self._address(name)

    def _address(self, name: str) -> str:
        return f"postgresql+asyncpg://relay@127.0.0.1:{self.port}/{name}"

    def drop_database(self, url: str) -> None:
        """Deletes it, whoever still uses it."""
        self._sql("postgres", f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def stored(self, url: str, sql: str) -> list[Sequence[str]]:
        """What a query finds in a database, past the relay: every value as text."""
        return [line.split("|") for line in self._sql(url.rpartition("/")[2], sql).splitlines()]

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _stands_still(self) -> bool:
        assert self._process is not None
        return Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    def _signal_children(self, how: signal.Signals) -> None:
        """Signals the process of each connection and duty, while the server stands still.

        Then it neither begins one nor clears an ended one away, so none is missed and none is gone.
        """
        assert self._process is not None
        for child in Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split():
            os.kill(int(child), how)

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"PostgreSQL ended:\n{self.log.read_text()}"
        ready = [str(self._binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(ready, check=False).returncode == 0

    def _sql(self, database: str, *sql: str) -> str:
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "relay", "-d", database]
        return self._run("psql", *where, "-XqAt", "-v", "ON_ERROR_STOP=1", *chain(*(("-c", one) for one in sql)))

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [*self._as_user, self._binaries / program, *arguments], cwd="/", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{program}: {done.stderr}"
        return done.stdout

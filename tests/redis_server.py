"""A real Redis for tests, made of Debian's binary: started, killed and thrown away."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests.running import eventually, free_port


class RedisServer:
    """A server that keeps nothing, on a free port of this machine."""

    def __init__(self) -> None:
        self._program = shutil.which("redis-server")
        if self._program is None:
            pytest.fail("There is no redis-server: apt install --no-install-recommends redis-server", False)
        self._folder = Path(tempfile.mkdtemp(prefix="relay-redis-"))
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, and waits until it answers."""
        assert self._program is not None
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen([self._program, *options], cwd=self._folder, stdout=log, stderr=log)
        eventually(self._is_up, "Redis answers", 30)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)

    def remove(self) -> None:
        """Ends it and deletes its folder."""
        self.kill()
        shutil.rmtree(self._folder)

    def names(self) -> list[str]:
        """What all that it holds is called."""
        with Redis.from_url(self.url) as client:
            return [name.decode() for name in client.scan_iter()]

    def _is_up(self) -> bool:
        try:
            with Redis.from_url(self.url) as client:
                return bool(client.ping())
        except RedisError:
            return False

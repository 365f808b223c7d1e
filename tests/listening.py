"""Server-sent events, as a browser hears them."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.running import eventually


@dataclass
class Stream:
    """What comes over an open stream, until it is closed or ends; every event as (name, data)."""

    client: httpx.Client
    address: str
    headers: Mapping[str, str] = field(default_factory=dict)
    events: list[tuple[str, Any]] = field(default_factory=list)
    id: str = ""
    lines: int = 0
    has_ended: bool = False

    def __enter__(self) -> Stream:
        asked = self.client.build_request("GET", self.address, headers=dict(self.headers), timeout=60)
        self.response = self.client.send(asked, stream=True)
        assert self.response.status_code == 200, self.response.read()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()
        eventually(lambda: self.lines > 4, "it is kept up to date")
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self.response.extensions["network_stream"].get_extra_info("socket").shutdown(2)
        self._reading.join(5)
        self.response.close()

    def leads(self) -> dict[str, str]:
        """Lead → the last state that was told."""
        return {data["id"]: data["state"] for name, data in self.events if name == "lead"}

    def of(self, name: str) -> list[Any]:
        """The data of all events of that name."""
        return [data for its, data in self.events if its == name]

    def _read(self) -> None:
        name, data, id_ = "", "", self.id
        with suppress(httpx.HTTPError, OSError):
            for line in self.response.iter_lines():
                self.lines += 1
                kind, _, value = line.partition(": ")
                if kind == "event":
                    name = value
                elif kind == "data":
                    data = value
                elif kind == "id":
                    id_ = value
                elif not line:
                    self.id = id_
                    if data:
                        self.events.append((name, json.loads(data)))
                    name, data = "", ""
        self.has_ended = True

"""A request that is only looked at: what it would become, and why."""

from __future__ import annotations

from datetime import datetime

from app.endpoints import Hook, RelayConfig
from app.errors import ConfigurationError, SignatureRefused
from app.reader import Reading, read
from app.sources.base import Inbound


def read_request(
    config: RelayConfig, endpoint: str, body: bytes, *, content_type: str, headers: list[str], now: datetime
) -> Reading:
    """The reading of a request to `endpoint` as if its sender had proved itself; `problem` says where it did not."""
    found = next((one for one in config.endpoints() if one.name == endpoint), None)
    if found is None:
        names = ", ".join(one.name for one in config.endpoints()) or "none"
        raise ConfigurationError(f"There is no form or hook {endpoint!r} in relay.toml; there are: {names}.")
    inbound = Inbound(body, {"content-type": content_type, **dict(map(_header, headers))})
    reading = read(inbound, found, now)
    if isinstance(found, Hook) and isinstance(reading.problem, SignatureRefused):
        proved = read(inbound, found.model_copy(update={"open": True}), now)
        return Reading(proved.submission, proved.entries, reading.problem)
    return reading


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise ConfigurationError(f"--header {line!r}: expected 'Name: value'")
    return name.strip().lower(), value.strip()

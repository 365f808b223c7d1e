"""A request that is only looked at: what it would become, and why."""

from __future__ import annotations

from datetime import datetime

from app.endpoints import RelayConfig
from app.errors import ConfigurationError
from app.reader import Reading, read
from app.sources.base import Inbound


def read_request(
    config: RelayConfig, endpoint: str, body: bytes, *, content_type: str, headers: list[str], now: datetime
) -> Reading:
    """The reading of a request to `endpoint`. Without valid proof its leads are held, but read all the same."""
    found = next((one for one in config.endpoints() if one.name == endpoint), None)
    if found is None:
        names = ", ".join(one.name for one in config.endpoints()) or "none"
        raise ConfigurationError(f"There is no form or hook {endpoint!r} in relay.toml; there are: {names}.")
    inbound = Inbound(body, {"content-type": content_type, **dict(map(_header, headers))})
    return read(inbound, found, now)


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise ConfigurationError(f"--header {line!r}: expected 'Name: value'")
    return name.strip().lower(), value.strip()

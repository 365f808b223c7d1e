"""Tells people, through Apprise's hundred services. Their addresses are secrets: only service and host may be shown."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from pydantic import SecretStr

from app.config.relay_toml import RelayConfig
from app.errors import ConfigurationError
from app.logs import log

PAUSE = timedelta(minutes=1)
TIMEOUT_SECONDS = 40


@dataclass(slots=True)
class Target:
    """Somebody who is told. `owed`: trouble → what it was not yet told of it, being out of reach.

    `missed` counts the messages that were not taken since the last one that was.
    """

    label: str
    service: Any
    tried_at: datetime | None = None
    owed: dict[str, str] = field(default_factory=dict)
    missed: int = 0

    async def send(self, title: str, body: str, now: datetime) -> bool:
        """Whether it was taken. It is asked to take at most one message in `PAUSE`."""
        if self.tried_at is not None and timedelta() <= now - self.tried_at < PAUSE:
            return False
        self.tried_at = now
        taken = await self.reach(title, body)
        self.missed = 0 if taken else self.missed + 1
        if not taken:
            log.warning("target_failed", target=self.label)
        return taken

    async def reach(self, title: str, body: str) -> bool:
        """Whether it was taken."""
        from apprise import Apprise

        notify = Apprise([self.service]).async_notify
        return bool(await notify(body, title, body_format="text", timeout=TIMEOUT_SECONDS))


def people(config: RelayConfig) -> dict[str, list[Target]]:
    """Everybody who is named, by where in relay.toml. ConfigurationError with a line for each unreadable address."""
    named = {"alerts.to": config.alerts.to, "alerts.leads_to": config.alerts.leads_to}
    named |= {f"{one.table}.leads_to": one.leads_to for one in config.endpoints()}
    found = {
        where: [_target(f"{where} {number}", address) for number, address in enumerate(addresses, 1)]
        for where, addresses in named.items()
    }
    wrong = [
        f"relay.toml: {one.label}: not an address that Apprise reads, such as "
        "mailtos://USER:PASSWORD@HOST?to=ADDRESS; docs/alerts.md has examples"
        for one in chain.from_iterable(found.values())
        if one.service is None
    ]
    if wrong:
        raise ConfigurationError("\n".join(wrong))
    return found


async def try_all(config: RelayConfig) -> list[tuple[str, bool]]:
    """Sends everybody a message to try it out: who, without secrets, and whether it was taken."""
    everybody = [*chain.from_iterable(people(config).values())]
    body = "This is a test: whoever reads it will hear of trouble, or get leads that do not reach AgencyHandy."
    taken = await asyncio.gather(*(one.reach("Lead Relay: a test", body) for one in everybody))
    return [(one.label, was) for one, was in zip(everybody, taken, strict=True)]


def problems(config: RelayConfig) -> list[str]:
    """A line for each address that Apprise cannot read, for `lead-relay check`."""
    try:
        people(config)
    except ConfigurationError as error:
        return str(error).splitlines()
    return []


def _target(where: str, address: SecretStr) -> Target:
    """Its label has the host, where that is one: many services have a token in its place. No service: unreadable."""
    from apprise import Apprise, OverflowMode

    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it names addresses and hosts
    service: Any = Apprise.instantiate(address.get_secret_value())
    if service is None:
        return Target(where, None)
    service.overflow_mode = OverflowMode.SPLIT
    has_host = service.host and all("{host}" in template for template in service.templates)
    return Target(f"{where} ({service.service_name}{f' at {service.host}' if has_host else ''})", service)

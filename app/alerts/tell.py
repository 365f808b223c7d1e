"""Tells people, through Apprise's hundred services. Their addresses are secrets: only service and host may be shown."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from app.alerts.news import News
from app.endpoints import RelayConfig
from app.errors import ConfigurationError
from app.logs import log

TIMEOUT_SECONDS = 40
LONGEST_WAIT_SECONDS = 900
FIRST_WAIT_SECONDS = 15
PARTS = 4
"""Into so many parts a message may be cut for a service that takes short ones only."""


class Log:
    """Hears of everything, also where nobody else is told."""

    id = ""

    async def tell(self, news: News) -> bool:
        """Names only: words can have AgencyHandy's in them."""
        for trouble in (*news.new, *(trouble for trouble, _ in news.still)):
            log.warning("trouble", trouble=trouble.key)
        for alert in news.over:
            log.info("trouble_over", trouble=alert.name)
        return True


class Target:
    """Somebody who is told. `id` is kept with what was told; `room` is how long a message may be."""

    def __init__(self, where: str, address: SecretStr) -> None:
        self.id = hashlib.sha256(address.get_secret_value().encode()).hexdigest()[:12]
        self._service = _service(where, address.get_secret_value())
        self.label = f"{where} ({_shown(self._service)})"
        self.room = self._service.body_maxlen * PARTS
        self._failures = 0
        self._again_at = 0.0

    async def tell(self, news: News) -> bool:
        """Whether it was taken."""
        return await self.send(news.title, news.body)

    async def send(self, title: str, body: str) -> bool:
        """Whether it was taken. What fails is left alone for a while that doubles each time."""
        if time.monotonic() < self._again_at:
            return False
        if await self.reach(title, body):
            self._failures = 0
            return True
        wait = min(FIRST_WAIT_SECONDS * 2**self._failures, LONGEST_WAIT_SECONDS) if self._failures else 0
        self._failures = min(self._failures + 1, 10)
        self._again_at = time.monotonic() + wait
        log.warning("target_failed", target=self.label)
        return False

    async def reach(self, title: str, body: str) -> bool:
        """Whether it was taken."""
        from apprise import Apprise

        return bool(
            await Apprise([self._service]).async_notify(body, title, body_format="text", timeout=TIMEOUT_SECONDS)
        )


@dataclass(frozen=True, slots=True)
class People:
    """Who is told what is wrong, and who gets leads: those of an endpoint, or of any that names nobody."""

    to: tuple[Target, ...]
    leads_to: tuple[Target, ...]
    by_endpoint: Mapping[str, tuple[Target, ...]]

    def all(self) -> Iterator[Target]:
        """Every target."""
        yield from (*self.to, *self.leads_to, *(one for targets in self.by_endpoint.values() for one in targets))


def people(config: RelayConfig) -> People:
    """Everybody who is named. ConfigurationError with a line for each address that Apprise cannot read."""
    problems: list[str] = []

    def targets(where: str, addresses: Sequence[SecretStr]) -> Iterator[Target]:
        for number, address in enumerate(addresses, 1):
            try:
                yield Target(f"{where} {number}", address)
            except ConfigurationError as error:
                problems.append(str(error))

    found = People(
        tuple(targets("alerts.to", config.alerts.to)),
        tuple(targets("alerts.leads_to", config.alerts.leads_to)),
        {
            one.name: tuple(targets(f"{one.kind}s.{one.name}.leads_to", one.leads_to))
            for one in config.endpoints()
            if one.leads_to
        },
    )
    if problems:
        raise ConfigurationError("\n".join(problems))
    return found


async def try_all(config: RelayConfig) -> list[tuple[str, bool]]:
    """Sends everybody a message to try it out: who, without secrets, and whether it was taken."""
    everybody = list(people(config).all())
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


def _service(where: str, address: str) -> Any:
    from apprise import Apprise, OverflowMode

    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it names addresses and hosts
    service = Apprise.instantiate(address)
    if service is None:
        raise ConfigurationError(
            f"relay.toml: {where}: not an address that Apprise reads, such as mailtos://USER:PASSWORD@HOST?to=ADDRESS; "
            "docs/alerts.md has examples"
        )
    service.overflow_mode = OverflowMode.SPLIT
    return service


def _shown(service: Any) -> str:
    """The service, and its host where that is one: many services have a token in its place."""
    has_host = all("{host}" in template for template in service.templates)
    return f"{service.service_name} at {service.host}" if has_host and service.host else str(service.service_name)

"""What forms and hooks share: a request becomes an inbound, a reading, and a receipt once it is on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from app.config.endpoints import Endpoint
from app.config.relay_toml import RelayConfig
from app.intake.guard import Limits
from app.intake.spam.captcha import Captchas
from app.intake.spam.judge import Judge
from app.lead import Receipt
from app.logs import log
from app.outbox.outbox import Outbox
from app.reader import Reading, read
from app.sources.base import Inbound

LARGE = 20_000
"""Bytes of a body that takes longer to read than a thread to start."""


@dataclass(frozen=True, slots=True)
class Intake:
    """What a request is taken in with. `limits` bounds how often, `judge` finds spam.

    `trying` is held while a request is tried: one at a time, as each may keep a thread for many seconds, and there are
    few, of which what is written needs one now and then.
    """

    config: RelayConfig
    outbox: Outbox
    clock: Callable[[], datetime]
    public_url: str
    max_body_bytes: int
    repeat_window: timedelta
    limits: Limits
    captchas: Captchas
    judge: Judge
    unknown_hook_status: int
    trying: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def read(self, inbound: Inbound, endpoint: Endpoint) -> Reading:
        """What the request says. A large body is read beside the others, so that nobody waits for it."""
        reading = partial(read, inbound, endpoint, self.clock(), self.repeat_window)
        return reading() if len(inbound.body) < LARGE else await asyncio.to_thread(reading)

    async def store(self, reading: Reading) -> Receipt:
        """The receipt, when everything is on disk."""
        receipt = await self.outbox.add(reading.submission)
        log.info(
            "submission_accepted",
            endpoint=reading.submission.endpoint,
            receipt=receipt.id,
            leads={lead_id: state.value for lead_id, state in receipt.leads},
            repeat=receipt.repeat,
        )
        return receipt

    async def close(self) -> None:
        """Lets go of connections."""
        await self.captchas.close()
        await self.limits.counts.close()

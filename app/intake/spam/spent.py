"""Answers to captchas that were good once: each lets one enquiry pass, and the same enquiry again, but no other."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Final

from app.intake.counting import Counts

SECONDS: Final = 1800
"""For how long an answer is remembered: longer than any is taken."""
LOOK_AGAIN: Final = 0.1
"""Seconds after which another replica has told for what it took an answer."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Remembers answers and the fingerprints of what they let pass, with all relays on one Redis where there is one."""

    counts: Counts

    async def is_for(self, answer: str, fingerprint: str) -> bool | None:
        """Whether it was the same enquiry that an answer let pass before; None where it is a new one."""
        if not await self.counts.number(_key(answer), 1, SECONDS):
            return None
        return await self._is_known(answer, fingerprint)

    async def spend(self, answer: str, fingerprint: str) -> bool:
        """Takes an answer for an enquiry; False where it was taken for another before."""
        if await self.counts.take(_key(answer), 1, SECONDS):
            return await self._is_known(answer, fingerprint)
        await self.counts.take(_key(answer, fingerprint), 1, SECONDS)
        return True

    async def _is_known(self, answer: str, fingerprint: str) -> bool:
        key = _key(answer, fingerprint)
        if await self.counts.number(key, 1, SECONDS):
            return True
        await asyncio.sleep(LOOK_AGAIN)
        return bool(await self.counts.number(key, 1, SECONDS))


def _key(*parts: str) -> str:
    """What it is counted under: nothing that can be guessed, as nobody guesses an answer."""
    return f"captcha {hashlib.sha256(' '.join(parts).encode()).hexdigest()}"

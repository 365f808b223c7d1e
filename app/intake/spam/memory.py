"""What answers to captchas were good for: each lets one enquiry pass, and the same enquiry again, but no other."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

SECONDS: Final = 1800
"""For how long an answer is remembered: longer than any answer is taken."""
MOST: Final = 20_000


class Memory(Protocol):
    """Answers by their ids, each with the fingerprint of the enquiry that it let pass."""

    async def recall(self, answer: str) -> str | None:
        """The fingerprint that the answer let pass, if any."""

    async def keep(self, answer: str, fingerprint: str) -> str:
        """Remembers it, unless another was first; gives the fingerprint that was."""


class OwnMemory:
    """This process's memory. It holds `MOST` answers; the oldest go first. `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: OrderedDict[str, tuple[str, float]] = OrderedDict()

    async def recall(self, answer: str) -> str | None:
        """As Memory says."""
        fingerprint, until = self._kept.get(answer, ("", 0.0))
        return fingerprint if until > self._clock() else None

    async def keep(self, answer: str, fingerprint: str) -> str:
        """As Memory says."""
        if (held := await self.recall(answer)) is not None:
            return held
        self._kept[answer] = fingerprint, self._clock() + SECONDS
        self._kept.move_to_end(answer)
        if len(self._kept) > MOST:
            self._kept.popitem(last=False)
        return fingerprint

"""What somebody wants to see survived, and from that what goes wrong when: the same for the same seed. Pure."""

from __future__ import annotations

import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from app.config.settings import SQLITE
from app.drill.faults import DISK_FULL, FAULTS

KILL: Final = "kill -9"
MIDWAY: Final = "midway command"
LEADS_PER_FAULT = 100
LEADS_PER_ROUND = 10_000


class Event(NamedTuple):
    """Something that goes wrong when `at` enquiries have been acknowledged."""

    at: int
    name: str


@dataclass(frozen=True)
class Drill:
    """How many enquiries, what troubles and with which processes; `store` is a DATABASE_URL."""

    leads: int = 2000
    kills: int = 10
    seed: int = 1
    store: str | None = None
    replicas: int = 1
    midway: str | None = None
    config: Path | None = None
    form: str = "contact"

    def plan(self) -> list[Event]:
        """What goes wrong when: the same for the same seed. Faults come in rounds, each once in a round."""
        chance = random.Random(self.seed)  # noqa: S311 - to be had again, not to be secret
        on_this_disk = sys.platform == "linux" and (self.store or SQLITE).startswith(SQLITE)
        faults = [name for name in FAULTS if name != DISK_FULL or on_this_disk]
        rounds = [chance.sample(faults, len(faults)) for _ in range(1 + self.leads // LEADS_PER_ROUND)]
        names = [name for one in rounds for name in one][: max(self.leads // LEADS_PER_FAULT, 3)]
        events = _spread(chance, names, self.leads * 0.85) + _spread(chance, [KILL] * self.kills, self.leads * 0.97)
        if self.midway:
            events.append(Event(max(1, self.leads // 2), MIDWAY))
        return sorted(events)


def _spread(chance: random.Random, names: Sequence[str], end: float) -> list[Event]:
    share = end / max(len(names), 1)
    return [Event(max(1, round((number + chance.random()) * share)), name) for number, name in enumerate(names)]

"""The same message or link from several senders, at any form, within a day. Only keyed hashes are kept."""

from __future__ import annotations

import hmac
from asyncio import gather
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from app.intake.counting import Counts
from app.intake.spam.case import Case
from app.intake.spam.said import host_of, is_of
from app.intake.spam.vocabulary import vocabulary

DAY: Final = 24 * 60 * 60
MOST: Final = 50
MOST_LINKS: Final = 3
SAYS_SOMETHING: Final = 40
"""Letters of a message that two people do not write alike by chance."""


@dataclass(frozen=True, slots=True)
class Repeats:
    """Counts who sent what; `key` is the same on all replicas."""

    counts: Counts
    key: Callable[[], bytes]

    async def others(self, case: Case) -> int:
        """How many others sent the same message, or the same link, whichever is more; this one is counted too.

        One sender at several forms counts at each.
        """
        who = f"{case.lead.email.casefold()} {case.form.name}"
        return max(await gather(*(self._count(what, who) for what in _contents(case))), default=0)

    async def _count(self, what: str, who: str) -> int:
        content = self._hash(what)
        if not await self.counts.take(f"{content}/{self._hash(who)}", 1, DAY):
            await self.counts.take(content, MOST, DAY)
        return max(await self.counts.number(content, MOST, DAY) - 1, 0)

    def _hash(self, text: str) -> str:
        return hmac.digest(self.key(), text.encode("utf-8", "surrogatepass"), "sha256").hex()[:32]


def _contents(case: Case) -> Iterator[str]:
    """What is compared: the message if it is long enough, and links to websites that not everybody links to."""
    if sum(map(str.isalpha, case.said.words)) >= SAYS_SOMETHING:
        yield f"message {case.said.words}"
    strange = (one for one in case.said.links if not is_of(host_of(one), case.own_hosts | vocabulary().links["known"]))
    links = dict.fromkeys(one.partition("?")[0].partition("#")[0].rstrip("/") for one in strange)
    yield from (f"link {link}" for link in list(links)[:MOST_LINKS])

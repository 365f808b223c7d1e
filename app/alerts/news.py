"""What there is to say to one target now, and in which words. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.alerts.conditions import Trouble, spelled
from app.outbox.records import Alert

SKEW = timedelta(minutes=1)
"""By how much the clocks of replicas may differ. What was told later than that from now, a clock was set back since."""


@dataclass(frozen=True, slots=True)
class News:
    """What is new, what still is so, and what is over; told in one message at `at`."""

    at: datetime
    new: tuple[Trouble, ...]
    still: tuple[tuple[Trouble, datetime], ...]
    over: tuple[Alert, ...]

    def __bool__(self) -> bool:
        return bool(self.new or self.still or self.over)

    @property
    def title(self) -> str:
        """The message's title."""
        count = len(self.new) + len(self.still)
        return (
            f"Lead Relay: {count} thing{'s need' if count > 1 else ' needs'} you" if count else "Lead Relay: all clear"
        )

    @property
    def body(self) -> str:
        """The message's plain text."""
        return "\n\n".join(self._paragraphs())

    def _paragraphs(self) -> Iterator[str]:
        yield from (trouble.words for trouble in self.new)
        yield from (f"Still so after {spelled(self.at - since)}: {trouble.words}" for trouble, since in self.still)
        yield from (f"Over after {spelled(self.at - one.since)}, nothing to do: {one.words}" for one in self.over)


def news(
    troubles: Mapping[str, Trouble], told: Mapping[str, Alert], over: Collection[str], now: datetime, every: timedelta
) -> News:
    """`told` is what one target has heard, or is still to hear, by the trouble's key; `over` the keys of what ended."""
    new = tuple(one for key, one in troubles.items() if key not in told or told[key].told_at is None)
    still = (
        (troubles[key], alert.since)
        for key, alert in told.items()
        if key in troubles and alert.told_at is not None and not -SKEW < now - alert.told_at < every
    )
    return News(now, new, tuple(still), tuple(told[key] for key in over if told[key].told_at is not None))

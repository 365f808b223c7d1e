"""How often something may happen, as it is written: `60/minute;1000/hour`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rate:
    """So many within so many seconds."""

    most: int
    seconds: int


def rates(text: str) -> tuple[Rate, ...]:
    """What a text such as `60/minute` or `5/10 seconds` says; ValueError where it says none."""
    from limits import parse_many

    try:
        found = tuple(Rate(item.amount, item.get_expiry()) for item in parse_many(text))
    except ValueError:
        found = ()
    if not found or any(rate.most < 1 or rate.seconds < 1 for rate in found):
        raise ValueError("expected a rate such as 60/minute, or several such as 60/minute;1000/hour")
    return found

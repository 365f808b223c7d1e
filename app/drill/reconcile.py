"""What was acknowledged, what AgencyHandy holds, and what the relay's books say, compared. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.lead import LeadState


@dataclass(frozen=True)
class Outcome:
    """What became of the enquiries. `lost` were acknowledged and are not in AgencyHandy; `doubled` are addresses."""

    sent: int
    acknowledged: int
    once: int
    lost: int
    doubled: int
    longest_wait_s: float
    unsettled: int
    injected: Mapping[str, int]

    @property
    def is_well(self) -> bool:
        """Whether every enquiry was acknowledged and is in AgencyHandy, once, and the books say so."""
        return self.once == self.acknowledged == self.sent and not (self.lost or self.doubled or self.unsettled)


def reconcile(
    sent: int,
    acknowledged: Mapping[str, float],
    *,
    members: Iterable[Mapping[str, Any]],
    leads: Iterable[tuple[str, str]],
    unsettled: int = 0,
    injected: Mapping[str, int] | None = None,
) -> Outcome:
    """Compares `acknowledged` (address → seconds since the epoch) with the sandbox's members, and with the relay's
    leads as (address, state).

    Every address of a drill is new: one that the relay has twice, or calls a duplicate, it sent twice unknowingly.
    """
    created = [(one["email"].lower(), datetime.fromisoformat(one["createdAt"]).timestamp()) for one in members]
    held = Counter(email for email, _ in created)
    booked = list(leads)
    doubled = {email for email, times in held.items() if times > 1}
    doubled |= {email for email, times in Counter(email for email, _ in booked).items() if times > 1}
    doubled |= {email for email, state in booked if state == LeadState.DUPLICATE}
    waits = (at - acknowledged[email] for email, at in created if email in acknowledged)
    return Outcome(
        sent=sent,
        acknowledged=len(acknowledged),
        once=sum(held[email] == 1 for email in acknowledged),
        lost=sum(not held[email] for email in acknowledged),
        doubled=len(doubled),
        longest_wait_s=round(max((0.0, *waits)), 2),
        unsettled=unsettled,
        injected=dict(injected or {}),
    )

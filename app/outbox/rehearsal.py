"""What today's mapping would make of the newest requests, beside what became of them. Nothing is written."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from app.config.relay_toml import RelayConfig
from app.lead import FIELDS, LeadState, Reason
from app.outbox import rows
from app.outbox.books import Books
from app.outbox.erasure import EMPTY
from app.outbox.hands import BY_HAND, BY_PERSON, endpoint_called
from app.outbox.records import StoredLead
from app.outbox.remap import Change, as_allowed, name_of, read_again
from app.outbox.tables import audit, leads, submissions

AT_ONCE = 20
"""So many requests are in memory, with their bodies."""
SHOWN = 20
LONGEST = 200
NOT_MAPPED: Final = (Reason.SIGNATURE, Reason.REFUSED, Reason.GAVE_UP, Reason.IMPORTED, Reason.TEST)
"""Reasons that do not come from mapping."""

Page = list[tuple[Any, list[StoredLead], set[str]]]
"""Requests, each with its leads, and the ids of those that a person has released."""


@dataclass(slots=True)
class Rehearsal:
    """`requests` read again; `skipped` are of a form or hook that relay.toml does not have today.

    Leads are `unchanged`, `changed`, `new`, or `gone`; `fields`: how often which one changes; `becomes`: how many leads
    would be held, spam or pending that were not. `first` are differences: lead's id → field → what it is, and becomes.
    """

    requests: int = 0
    skipped: int = 0
    unchanged: int = 0
    changed: int = 0
    new: int = 0
    gone: int = 0
    becomes: Counter[str] = field(default_factory=Counter)
    fields: Counter[str] = field(default_factory=Counter)
    first: dict[str, Mapping[str, tuple[str, str]]] = field(default_factory=dict)

    def count(self, change: Change, *, is_released: bool = False) -> None:
        """Adds a lead to the figures."""
        found = differences(change, is_released=is_released)
        self.changed += bool(change.stored and found)
        self.unchanged += not found
        self.new += not change.stored
        self.fields.update({name_of(name) for name in found})
        if "state" in found:
            self.becomes[found["state"][1]] += 1
        if found and len(self.first) < SHOWN:
            self.first[change.id] = {name: (was[:LONGEST], is_[:LONGEST]) for name, (was, is_) in found.items()}


async def rehearse(
    books: Books, config: RelayConfig, last: int, endpoint: str | None, advance: Callable[[int], None]
) -> Rehearsal:
    """Reads the last so many requests again, of one endpoint or all, the newest first."""
    done, before = Rehearsal(), None
    allowed = {sender.address for sender in await books.allowed_senders()}
    while last > 0 and (page := await books.read(partial(_page, endpoint, before, min(last, AT_ONCE)))):
        for row, found, released in page:
            today = endpoint_called(config, row.endpoint)
            done.requests += today is not None
            done.skipped += today is None
            again = as_allowed(await asyncio.to_thread(read_again, row, today), today, allowed) if today else None
            for stored, lead in zip_longest(found, again.leads) if again else ():
                if lead is None:
                    done.gone += 1
                else:
                    id_ = stored.id if stored else f"new in {row.id}"
                    done.count(Change(id_, stored, lead), is_released=id_ in released)
        last, before = last - len(page), page[-1][0].id
        advance(len(page))
    return done


def differences(change: Change, *, is_released: bool) -> dict[str, tuple[str, str]]:
    """What mapping alone would change: not what a person did, nor what AgencyHandy made of the lead."""
    stored, lead = change.stored, change.lead
    if lead.reason.startswith(Reason.NEEDS_FETCHING):
        return {}
    by_hand = {name for name, one in stored.lead.origins.items() if one.why == BY_HAND} if stored else set()
    unasked = {"state", "reason", *(name for name, ours in FIELDS.items() if ours in by_hand)}
    found = {name: pair for name, pair in change.fields.items() if name not in unasked}
    was = _mapped(stored) if stored and not by_hand else lead.state if stored else ""
    return found if is_released or was in {lead.state, None} else {"state": (was, lead.state.value), **found}


def _mapped(stored: StoredLead) -> str | None:
    """The state that mapping gave a lead; None where a person's has taken its place."""
    state, reason = stored.lead.state, stored.lead.reason
    if state is LeadState.DISCARDED or reason == BY_PERSON:
        return None
    is_mapped = state in {LeadState.HELD, LeadState.SPAM} and not reason.startswith(NOT_MAPPED)
    is_mapped = is_mapped and not stored.lead.is_suspect
    return state.value if is_mapped else LeadState.PENDING.value


async def _page(endpoint: str | None, before: str | None, size: int, connection: AsyncConnection) -> Page:
    which = select(submissions).where(submissions.c.note != EMPTY["note"]).order_by(submissions.c.id.desc())
    which = which if endpoint is None else which.where(submissions.c.endpoint == endpoint)
    which = which if before is None else which.where(submissions.c.id < before)
    requests = (await connection.execute(which.limit(size))).all()
    theirs = select(leads).where(leads.c.submission_id.in_([row.id for row in requests])).order_by(leads.c.id)
    found = defaultdict(list)
    for row in await connection.execute(theirs):
        found[row.submission_id].append(rows.to_stored(row))
    ids = [lead.id for some in found.values() for lead in some]
    let_go = select(audit.c.lead_id).where(audit.c.lead_id.in_(ids), audit.c.what == "release")
    released = set((await connection.execute(let_go)).scalars())
    return [(row, found[row.id], released) for row in requests]

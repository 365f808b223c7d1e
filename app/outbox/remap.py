"""Reading a request again, from its raw bytes, with today's configuration: what would change, and changing it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.endpoints import OWN_WORKSPACES, Endpoint, Hook
from app.errors import ActRefused
from app.lead import FIELDS, Lead, LeadState, Submission
from app.outbox import rows
from app.outbox.acts import MAY, Hands, due
from app.outbox.adding import day_of, note_in_ledger
from app.outbox.erasure import EMPTY
from app.outbox.records import StoredLead, StoredSubmission
from app.outbox.tables import leads, submissions
from app.reader import read
from app.sources.base import Inbound

NAMED = {*FIELDS, "state", "reason"}
NOBODY = "today's mapping finds nobody in its place"


@dataclass(frozen=True, slots=True)
class Change:
    """What reading again makes of one lead: `stored` is None of one that is new; `refusal` says why it stays."""

    stored: StoredLead | None
    lead: Lead
    refusal: str = ""

    @property
    def fields(self) -> dict[str, tuple[str, str]]:
        """What differs: name → what it was, and what it becomes."""
        was = self.stored.lead if self.stored else Lead(state=self.lead.state)
        pairs = {name: (getattr(was, ours), getattr(self.lead, ours)) for name, ours in FIELDS.items()}
        pairs |= {"state": (was.state.value, self.lead.state.value), "reason": (was.reason, self.lead.reason)}
        pairs |= {one.key: ("", one.value) for one in self.lead.extra if one not in was.extra}
        pairs |= {one.key: (one.value, "") for one in was.extra if one not in self.lead.extra}
        return {name: (_text(old), _text(new)) for name, (old, new) in pairs.items() if old != new}


def read_again(stored: StoredSubmission, endpoint: Endpoint) -> Submission:
    """The request as it would be read today, its sender's proof, which was checked when it came, taken as given."""
    proved = endpoint.model_copy(update={"open": True}) if isinstance(endpoint, Hook) else endpoint
    return read(Inbound(stored.body, stored.headers), proved, stored.received_at).submission


async def look(hands: Hands, submission_id: str, endpoint: Endpoint) -> list[Change]:
    """What `remap` would do."""
    stored = await hands.outbox.books.submission(submission_id)
    if stored is None or stored.note == EMPTY["note"]:
        raise ActRefused("the request that it came with is gone")
    found = [rows.to_stored(row) async for row in hands.outbox.books.each(leads, _of(submission_id))]
    return _compared(found, read_again(stored, endpoint).leads)


async def remap(hands: Hands, submission_id: str, endpoint: Endpoint) -> list[Change]:
    """Reads a request again as one to `endpoint`, and gives its stopped leads what comes out. Sent ones stay."""

    async def work(connection: AsyncConnection) -> list[Change]:
        of = select(submissions).where(submissions.c.id == submission_id).with_for_update()
        row = (await connection.execute(of)).one_or_none()
        if row is None or row.note == EMPTY["note"]:
            return []
        new = read_again(rows.to_submission(row), endpoint)
        theirs = select(leads).where(_of(submission_id)).order_by(leads.c.id).with_for_update()
        found = [rows.to_stored(one) for one in await connection.execute(theirs)]
        own = next((one.workspace for one in found if one.workspace in OWN_WORKSPACES), hands.outbox.workspace_name)
        new = replace(new, workspace=new.workspace or own)
        changes = _compared(found, new.leads)
        if not all(change.refusal for change in changes):
            again = {column: getattr(new, column) for column in ("endpoint", "source", "event_id", "note")}
            await connection.execute(
                update(submissions).where(submissions.c.id == row.id).values(**again, quarantine=new.quarantine)
            )
        for change in changes:
            if not change.refusal:
                await _apply(connection, hands, row.id, new, change)
        return changes

    changes = await hands.outbox.write(work)
    if not changes:
        raise ActRefused("the request that it came with is gone")
    hands.outbox.on_due()
    return changes


def _of(submission_id: str) -> Any:
    return leads.c.submission_id == submission_id


def _compared(found: Sequence[StoredLead], new: Sequence[Lead]) -> list[Change]:
    """The leads of a request, in order, beside those of today."""
    changes = []
    for stored, lead in zip_longest(found, new):
        refusal = NOBODY if lead is None else ""
        if stored and stored.lead.state not in MAY["remap"]:
            refusal = f"it is {stored.lead.state.value}"
        changes.append(Change(stored, lead or stored.lead, refusal))
    return changes


async def _apply(connection: AsyncConnection, hands: Hands, id_: str, new: Submission, change: Change) -> None:
    """Changes or adds one lead. The ledger counts it where it stands now."""
    now, stored = hands.clock(), change.stored
    values = rows.of_lead(stored.id if stored else hands.outbox.new_id(), id_, new.workspace, new, change.lead)
    values |= {**due(now), "state": change.lead.state.value}
    day, counted = day_of(new.received_at), Counter[tuple[int, str]]()
    if stored is None:
        await connection.execute(insert(leads).values(values))
    else:
        values["unknown"] = stored.unknown and stored.lead.email == change.lead.email
        if change.lead.state is not LeadState.PENDING:
            values["settled_at"] = stored.settled_at
        await connection.execute(update(leads).where(leads.c.id == stored.id).values(values))
        counted[day, stored.endpoint] -= 1
    counted[day, new.endpoint] += 1
    await note_in_ledger(connection, accepted={key: number for key, number in counted.items() if number})
    named = {name if name in NAMED else "other fields": None for name in change.fields}
    await hands.note(connection, "remap", f"as {new.endpoint}: {', '.join(named)}", values["id"])


def _text(value: object) -> str:
    return "" if value is None else str(value)

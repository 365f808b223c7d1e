"""What a person does to leads: release, edit, mark as spam, discard, erase. Each with its row in the audit trail.

Every act is one transaction, whose conditions are in its UPDATE: a lead that a worker has just claimed is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.errors import ActRefused
from app.lead import FIELDS, LeadState, Origin, Reason
from app.mapping import people
from app.outbox import erasure
from app.outbox.outbox import Outbox
from app.outbox.tables import audit, leads, submissions
from app.sources.trees import clean

STOPPED: Final = frozenset((LeadState.HELD, LeadState.SPAM, LeadState.DUPLICATE))
SETTLED: Final = frozenset(LeadState) - {LeadState.SENDING, LeadState.ERASED}
MAY: Final[Mapping[str, frozenset[LeadState]]] = {
    "release": STOPPED,
    "edit": STOPPED | {LeadState.PENDING},
    "remap": STOPPED,
    "spam": STOPPED - {LeadState.SPAM} | {LeadState.PENDING},
    "discard": SETTLED - {LeadState.DISCARDED},
    "erase": SETTLED,
}
"""What may be done to a lead in which states."""

ANYWHERE_KNOWN = ~exists().where(
    submissions.c.id == leads.c.submission_id, submissions.c.quarantine == Reason.UNKNOWN_ENDPOINT.value
)
"""That a lead came to a form or hook that is configured, or was read again as one."""
NO_EMAIL = "it has no e-mail address, without which AgencyHandy takes no lead: edit it"


@dataclass(frozen=True, slots=True)
class Hands:
    """The acts of one person, `who`. Each raises ActRefused, saying why, where it may not be done to the lead."""

    outbox: Outbox
    who: str
    clock: Callable[[], datetime]

    async def release(self, lead_id: str) -> None:
        """Sends a lead that was stopped, at once. What is unknown of earlier tries stays so."""
        values = {**due(self.clock()), "reason": ""}
        await self._act("release", lead_id, values, leads.c.email != "", ANYWHERE_KNOWN)
        self.outbox.on_due()

    async def edit(self, lead_id: str, changes: Mapping[str, str], region: str | None = None) -> None:
        """Gives fields, named as AgencyHandy names them, new values, and sends the lead."""
        columns = checked(changes, region)
        origins = {name: asdict(Origin("", "changed by hand")) for name in columns}

        async def work(connection: AsyncConnection) -> str:
            row = await find(connection, lead_id)
            conditions = [ANYWHERE_KNOWN] if "email" in columns else [ANYWHERE_KNOWN, leads.c.email != ""]
            values = {**due(self.clock()), **columns, "reason": ""}
            if row is not None and row.state != LeadState.ERASED:
                values["details"] = {**row.details, "origins": {**row.details["origins"], **origins}}
                values["unknown"] = row.unknown and columns.get("email", row.email) == row.email
            return await self.change(connection, "edit", lead_id, values, *conditions, words=", ".join(changes))

        refuse(await self.outbox.write(work))
        self.outbox.on_due()

    async def mark_spam(self, lead_id: str) -> None:
        """Keeps a lead, and does not send it."""
        values = {"state": LeadState.SPAM.value, "reason": "marked by a person", "settled_at": self.clock()}
        await self._act("spam", lead_id, values)

    async def discard(self, lead_id: str) -> None:
        """Puts a lead away for good; why it was stopped stays with it."""
        await self._act("discard", lead_id, {"state": LeadState.DISCARDED.value, "settled_at": self.clock()})

    async def erase(self, lead_id: str) -> None:
        """Deletes a lead's contents, and the request that it came with."""

        async def work(connection: AsyncConnection) -> str:
            refusal = await self.change(connection, "erase", lead_id, erasure.blank("by request", self.clock()))
            if not refusal:
                await erasure.blank_around(connection, [lead_id])
            return refusal

        refuse(await self.outbox.write(work))

    async def _act(self, what: str, lead_id: str, values: Mapping[str, Any], *conditions: Any) -> None:
        refuse(await self.outbox.write(lambda open_: self.change(open_, what, lead_id, values, *conditions)))

    async def change(
        self, open_: AsyncConnection, what: str, lead_id: str, values: Mapping[str, Any], *only: Any, words: str = ""
    ) -> str:
        """Changes one lead if it may be, with its row in the trail; else why not."""
        allowed = [state.value for state in MAY[what]]
        found = update(leads).where(leads.c.id == lead_id, leads.c.state.in_(allowed), *only).values(values)
        if (await open_.execute(found)).rowcount:
            await self.note(open_, what, words, lead_id)
            return ""
        return why_not(what, await find(open_, lead_id))

    async def note(self, connection: AsyncConnection, what: str, words: str, lead_id: str | None = None) -> None:
        """A row of the audit trail. `words` name fields, never their values."""
        row = {"id": self.outbox.new_id(), "at": self.clock(), "who": self.who, "what": what, "lead_id": lead_id}
        await connection.execute(insert(audit).values(**row, words=words))


def chosen(
    states: Collection[LeadState],
    *,
    endpoint: str | None = None,
    reason: str | None = None,
    since: datetime | None = None,
    before: datetime | None = None,
    ids: Collection[str] = (),
) -> list[ColumnElement[bool]]:
    """The conditions of leads in those states, of an endpoint, whose reason begins so, received within a time."""
    conditions: list[ColumnElement[bool]] = [leads.c.state.in_([state.value for state in states])]
    if ids:
        conditions.append(leads.c.id.in_(ids))
    if endpoint:
        conditions.append(leads.c.endpoint == endpoint)
    if reason:
        conditions.append(leads.c.reason.startswith(reason, autoescape=True))
    if since:
        conditions.append(leads.c.received_at >= since)
    if before:
        conditions.append(leads.c.received_at < before)
    return conditions


def due(now: datetime) -> dict[str, Any]:
    """The columns of a lead that waits for its first try."""
    return {"state": LeadState.PENDING.value, "next_attempt_at": now, "attempts": 0, "settled_at": None}


def refuse(why: str) -> None:
    """Raises ActRefused where there is a reason to."""
    if why:
        raise ActRefused(why)


def checked(changes: Mapping[str, str], region: str | None) -> dict[str, Any]:
    """Fields as the store has them, from AgencyHandy's names and what a person typed. ActRefused where it cannot be."""
    if strange := [name for name in changes if name not in FIELDS] or ([] if changes else ["nothing"]):
        raise ActRefused(f"there is no field {strange[0]}; there are: {', '.join(FIELDS)}")
    values: dict[str, Any] = {FIELDS[name]: clean(value).strip() for name, value in changes.items()}
    if "email" in values and not (address := people.email(values["email"])):
        raise ActRefused("email: this is not a valid e-mail address")
    if "email" in values:
        values["email"] = address
    if "contact_no" in values:
        values["contact_no"] = people.phone(values["contact_no"], region)
    if (position := values.get("position_in_board")) is not None:
        if not (position.isascii() and position.isdigit() and len(position) < 10) and position:
            raise ActRefused("positionInBoard: expected a whole number")
        values["position_in_board"] = int(position) if position else None
    return values


async def find(connection: AsyncConnection, lead_id: str) -> Row[Any] | None:
    """A lead's row, held until the transaction ends, with what its request is in quarantine for."""
    of = select(leads, submissions.c.quarantine).join(submissions).where(leads.c.id == lead_id)
    return (await connection.execute(of.with_for_update(of=leads))).one_or_none()


def why_not(what: str, row: Row[Any] | None) -> str:
    """Why an act was not done to the lead of a row."""
    if row is None:
        return "there is no such lead"
    if row.state == LeadState.SENDING:
        return "it is being sent at this moment: try again when that is done"
    if LeadState(row.state) not in MAY[what]:
        return f"it is {row.state}"
    if row.quarantine == Reason.UNKNOWN_ENDPOINT:
        return f"no form or hook is called {row.endpoint}: re-map it as one that there is"
    return NO_EMAIL if not row.email else "it was changed at this moment: try again"

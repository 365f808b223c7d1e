"""A person's acts on leads: each in one transaction, with its rows in the audit trail.

Rows are locked before they are judged, so that a lead that a worker has just claimed is left to it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.config.endpoints import API, Endpoint, for_programs
from app.config.relay_toml import RelayConfig
from app.lead import LeadState, Origin
from app.mapping import people
from app.outbox.acts import ACTS, addresses, checked, why_not
from app.outbox.engine import UPSERT
from app.outbox.erasure import blank, blank_around
from app.outbox.outbox import Outbox, hurry_failed
from app.outbox.records import Workspace
from app.outbox.search import note_again
from app.outbox.tables import IS_QUARANTINED, allowed_senders, audit, leads, submissions

WAYS: Final[Mapping[str, Callable[[Workspace, str, float | None], Workspace]]] = {
    "pause": lambda way, who, _: replace(way, stopped_by=who),
    "resume": lambda way, *_: replace(way, stopped_by="", not_before=None),
    "check": lambda way, *_: replace(way, resolved_at=None, not_before=None),
    "pace": lambda way, _, per_second: replace(way, per_second=per_second),
}
"""What a person may change of the way to AgencyHandy; a check has the worker ask for company and role anew."""
BY_HAND = "changed by hand"
BY_PERSON = "marked by a person"


@dataclass(frozen=True, slots=True)
class Hands:
    """The acts of one person, `who`."""

    outbox: Outbox
    who: str
    clock: Callable[[], datetime]

    async def do(
        self,
        what: str,
        ids: Sequence[str],
        changes: Mapping[str, str] | None = None,
        config: RelayConfig | None = None,
        *,
        allow: bool = False,
        chosen_in: Collection[str] | None = None,
    ) -> dict[str, str]:
        """Does an act to the leads that it may be done to. The ids of the others, each with the reason.

        To who is in none of the states `chosen_in` by now nothing is done: somebody else was quicker, or the worker.
        With `allow` what their addresses send is never spam again. `edit` takes `changes`, of fields by AgencyHandy's
        names, and reads phones as `config` says of their endpoint; ActRefused where a value cannot be one of its field.
        """
        columns = checked(changes) if changes is not None else {}
        files: list[str] = []

        async def work(connection: AsyncConnection) -> dict[str, str]:
            found = await locked(connection, ids)
            email = columns.get("email")
            refused = {id_: why for id_ in ids if (why := why_not(what, found.get(id_), email, chosen_in))}
            done = [lead_id for lead_id in ids if lead_id not in refused]
            for lead_id in done:
                values = {**outcome(what, self.clock(), found[lead_id]), **edited(found[lead_id], columns, config)}
                await connection.execute(update(leads).where(leads.c.id == lead_id).values(values))
            if ACTS[what].becomes is LeadState.PENDING:
                theirs = [found[lead_id].submission_id for lead_id in done]
                quarantined = update(submissions).where(submissions.c.id.in_(theirs), IS_QUARANTINED)
                await connection.execute(quarantined.values(quarantine=""))
            if what == "erase":
                files[:] = await blank_around(connection, done)
            if columns or what == "erase":
                await note_again(connection, done)
            await self.note(connection, what, ", ".join(changes or ()), done)
            if allow and done:
                await self._allow(connection, [found[lead_id].email.casefold() for lead_id in done], done)
            return refused

        refused = await self.outbox.write(work)
        await self.outbox.remove_files(files)
        self.outbox.on_due()
        return refused

    async def allow(self, given: Sequence[str]) -> None:
        """What these e-mail addresses send to forms is never spam. ActRefused where one is none."""
        chosen = addresses(given)
        await self.outbox.write(lambda connection: self._allow(connection, chosen))

    async def forget(self, given: Sequence[str]) -> list[str]:
        """Takes e-mail addresses off the list of allowed senders. Those that were not on it."""
        theirs = [one.strip().casefold() for one in given]

        async def work(connection: AsyncConnection) -> list[str]:
            gone = delete(allowed_senders).where(allowed_senders.c.address.in_(theirs))
            found = {row.address for row in await connection.execute(gone.returning(allowed_senders.c.address))}
            if found:
                await self.note(connection, "forget", f"senders: {len(found)}")
            return [one for one in dict.fromkeys(theirs) if one not in found]

        return await self.outbox.write(work)

    async def _allow(
        self, connection: AsyncConnection, chosen: Sequence[str], ids: Sequence[str | None] = (None,)
    ) -> None:
        new = UPSERT[connection.dialect.name](allowed_senders).on_conflict_do_nothing()
        rows = [{"address": one, "since": self.clock(), "who": self.who} for one in dict.fromkeys(chosen) if one]
        if rows:
            await connection.execute(new, rows)
        await self.note(connection, "allow", f"senders: {len(rows)}", ids)

    async def change_way(self, name: str, what: str, per_second: float | None = None) -> None:
        """Changes how a workspace is delivered to, on all replicas: one of WAYS."""
        now = self.clock()

        def change(known: Workspace) -> Workspace:
            return WAYS[what](known, self.who, per_second)

        words = f"{name}: {per_second:g} a second" if per_second else name

        async def along(connection: AsyncConnection) -> None:
            if what in {"resume", "check"}:
                await hurry_failed(connection, name, now)
            await self.note(connection, f"{what} delivery", words)

        await self.outbox.change_workspace(name, change, along=along)
        self.outbox.on_due()

    async def note_export(self, ids: Sequence[str]) -> None:
        """Keeps that leads were copied out of the store."""
        await self.outbox.write(lambda connection: self.note(connection, "export", "", ids))

    async def note(
        self, connection: AsyncConnection, what: str, words: str, ids: Sequence[str | None] = (None,)
    ) -> None:
        """Rows of the audit trail, one a lead. `words` name fields, never their values."""
        same = {"at": self.clock(), "who": self.who, "what": what, "words": words}
        if ids:
            found = [{**same, "id": self.outbox.new_id(), "lead_id": lead_id} for lead_id in ids]
            await connection.execute(insert(audit), found)


async def locked(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, Any]:
    """Leads' rows by id, held until the transaction ends, each with what its request is in quarantine for."""
    of = select(leads, submissions.c.quarantine).join(submissions).where(leads.c.id.in_(ids)).order_by(leads.c.id)
    return {row.id: row for row in await connection.execute(of.with_for_update(of=leads))}


def outcome(what: str, now: datetime, row: Any = None) -> dict[str, Any]:
    """The columns that an act changes. What is unknown of earlier tries stays so; so does why it was discarded.

    Of a lead that AgencyHandy has had it is unknown whether it has it still: where it has, it refuses the address.
    """
    becomes = ACTS[what].becomes
    if becomes is LeadState.ERASED:
        return blank("by request", now)
    if becomes is LeadState.PENDING:
        again = {"next_attempt_at": now, "attempts": 0, "settled_at": None, "passed_on_at": None, "to_fetch": None}
        had = row is not None and (row.state == LeadState.DELIVERED or row.member_id)
        return {"state": becomes.value, "reason": "", **again, **({"unknown": True} if had else {})}
    reason = {"reason": BY_PERSON} if becomes is LeadState.SPAM else {}
    return {"state": str(becomes), "settled_at": now, "to_fetch": None, **reason}


def edited(row: Any, columns: Mapping[str, Any], config: RelayConfig | None) -> dict[str, Any]:
    """The columns of a lead that a person gave fields. Of another address AgencyHandy cannot have heard."""
    if not columns:
        return {}
    values = dict(columns)
    if "contact_no" in values and config:
        endpoint = endpoint_called(config, row.endpoint)
        values["contact_no"] = people.phone(values["contact_no"], endpoint.region if endpoint else config.region)
    origins = {name: asdict(Origin("", BY_HAND)) for name in columns}
    values["details"] = {**row.details, "origins": {**row.details["origins"], **origins}}
    if columns.get("email", row.email) != row.email:
        values |= {"unknown": False, "member_id": ""}
    return values


def endpoint_called(config: RelayConfig, name: str) -> Endpoint | None:
    """The form or hook of that name, if relay.toml has one; else the API's own, if it is meant."""
    found = config.called(name)
    return for_programs(None, config.region) if found is None and name == API else found

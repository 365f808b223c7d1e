"""Reading a request again, from its raw bytes, with today's configuration: what would change, and changing it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.config.endpoints import API, Endpoint, Form, for_programs, trusted
from app.config.relay_toml import OWN_WORKSPACES, RelayConfig
from app.lead import FIELDS, Lead, LeadState, Reason, Submission
from app.outbox import rows
from app.outbox.acts import not_in
from app.outbox.adding import day_of, note_in_ledger
from app.outbox.erasure import EMPTY
from app.outbox.hands import BY_PERSON, Hands, endpoint_called, outcome
from app.outbox.records import StoredLead
from app.outbox.search import note_again
from app.outbox.tables import allowed_senders, leads, submissions
from app.reader import HONEYPOT, TABLE, of_table, read
from app.sources.base import Inbound

NAMED = {*FIELDS, "state", "reason"}
NOT_BY_MAPPING = (Reason.IMPORTED, Reason.TEST)
"""Why leads are stopped that no mapping sends."""


@dataclass(frozen=True, slots=True)
class Change:
    """What reading again makes of one lead: `stored` is None of one that is new; `refusal` says why it stays."""

    id: str
    stored: StoredLead | None
    lead: Lead
    refusal: str = ""

    @property
    def fields(self) -> dict[str, tuple[str, str]]:
        """What differs: name → what it was, and what it becomes."""
        was, is_ = _flat(self.stored.lead if self.stored else Lead()), _flat(self.lead)
        pairs = {name: (was.get(name, ""), is_.get(name, "")) for name in {**was, **is_}}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


async def remap(
    hands: Hands,
    lead_id: str,
    config: RelayConfig,
    named: str | None = None,
    *,
    dry_run: bool = False,
    chosen: Collection[str] = (),
    chosen_in: Collection[str] | None = None,
) -> list[Change]:
    """Reads a lead's request again, as one to its own endpoint or the `named` one; its stopped leads become that.

    The first lead is the first person of today, and so on; who is new is a new lead; a lead that was sent stays, and
    so does one in none of the states `chosen_in`, and as spam what a person marked so and is not among the `chosen`.
    """

    async def work(connection: AsyncConnection) -> list[Change]:
        its = select(leads.c.submission_id).where(leads.c.id == lead_id).scalar_subquery()
        theirs = select(leads).where(leads.c.submission_id == its).order_by(leads.c.id).with_for_update()
        found = [rows.to_stored(one) for one in await connection.execute(theirs)]
        of = select(submissions).where(submissions.c.id == its).with_for_update()
        row = (await connection.execute(of)).one_or_none()
        endpoint = endpoint_called(config, named or row.endpoint) if row else None
        if row is None or row.note == EMPTY["note"] or endpoint is None:
            return [Change(lead_id, None, Lead(), _nothing_to_read(row))]
        new = await asyncio.to_thread(read_again, row, endpoint)
        allowed = allowed_senders.c.address.in_([_trapped(lead) for lead in new.leads])
        listed = set(await connection.scalars(select(allowed_senders.c.address).where(allowed)))
        new = as_allowed(new, endpoint, listed)
        own = next((one.workspace for one in found if one.workspace in OWN_WORKSPACES), hands.outbox.workspace_name)
        new = replace(new, workspace=new.workspace or own)  # a trial's leads stay the trial's
        changes = _compared(hands, found, new, {lead_id, *chosen}, chosen_in)
        if not dry_run and not all(change.refusal for change in changes):
            await _apply(connection, hands, row.id, new, [change for change in changes if not change.refusal])
        return changes

    changes = await hands.outbox.write(work)
    hands.outbox.on_due()
    return changes


async def remap_each(
    hands: Hands,
    ids: Sequence[str],
    config: RelayConfig,
    named: str | None = None,
    *,
    known: dict[str, str],
    dry_run: bool = False,
    chosen_in: Collection[str] | None = None,
    told: Callable[[Change], None] = lambda _: None,
) -> dict[str, str]:
    """Does `remap` to each lead's request, once. The ids of those that stay, each with the reason.

    Whoever chooses many does it in steps, and hands `known` from step to step: what became of each lead so far, as a
    request's leads may stand in two of them. `told` hears of each change.
    """
    for lead_id in ids:
        if lead_id not in known:
            for change in await remap(hands, lead_id, config, named, dry_run=dry_run, chosen=ids, chosen_in=chosen_in):
                if change.id in known:
                    continue
                if change.id in ids or change.lead.reason != BY_PERSON:  # else a later step may have chosen it
                    known[change.id] = change.refusal
                told(change)
    return {lead_id: known[lead_id] for lead_id in ids if known[lead_id]}


def _nothing_to_read(row: Any) -> str:
    if row is None:
        return "there is no such lead"
    if row.note == EMPTY["note"]:
        return "the request that it came with is gone"
    return f"no form or hook is called {row.endpoint}: say as which one that there is it is to be read"


def read_again(row: Any, endpoint: Endpoint) -> Submission:
    """A submission's request as it would be read today; its sender counts as proved."""
    own = of_table(endpoint) if row.source == TABLE else endpoint
    own = for_programs(own, None) if row.source == API else own
    again = read(Inbound(row.body, row.headers), trusted(own), row.received_at).submission
    return replace(again, source=TABLE) if row.source == TABLE else again


def as_allowed(new: Submission, endpoint: Endpoint, allowed: Collection[str]) -> Submission:
    """The same; what fell into a trap but is of a sender who is never spam is none, where it was posted to a form."""
    if not isinstance(endpoint, Form) or new.source in {API, TABLE}:
        return new

    def freed(lead: Lead) -> Lead:
        return replace(lead, state=LeadState.PENDING, reason="") if _trapped(lead) in allowed else lead

    return replace(new, leads=tuple(map(freed, new.leads)))


def _trapped(lead: Lead) -> str:
    """The address of a sender who filled in a field that people do not see; "" of any other."""
    return lead.email.casefold() if lead.reason.startswith(HONEYPOT) else ""


def name_of(field: str) -> str:
    """What may be said of a field that changed: its name, if it is one of ours."""
    return field if field in NAMED else "other fields"


def _compared(
    hands: Hands,
    found: list[StoredLead],
    new: Submission,
    chosen: Collection[str],
    chosen_in: Collection[str] | None,
) -> list[Change]:
    """The leads of a request, in order, beside those of today."""
    changes = []
    for stored, today in zip_longest(found, new.leads):
        lead = _as_judged(stored, today, chosen) if stored and today else today
        refusal = "today's mapping finds nobody in its place" if lead is None else ""
        if stored:
            refusal = not_in("remap", stored.lead.state, chosen_in) or refusal
        id_ = stored.id if stored else hands.outbox.new_id()
        changes.append(Change(id_, stored, lead or stored.lead, refusal))
    return changes


def _as_judged(stored: StoredLead, lead: Lead, chosen: Collection[str]) -> Lead:
    """Today's lead with what was found to speak for spam; still stopped where no mapping had stopped it."""
    was = stored.lead
    lead = replace(lead, suspicions=was.suspicions)
    is_marked = was.reason == BY_PERSON and stored.id not in chosen
    stays = was.is_suspect or is_marked or was.reason in NOT_BY_MAPPING
    return replace(lead, state=was.state, reason=was.reason) if stays else lead


async def _apply(
    connection: AsyncConnection, hands: Hands, submission_id: str, new: Submission, changes: list[Change]
) -> None:
    """Changes and adds leads. The ledger counts each where it stands now."""
    again = {column: getattr(new, column) for column in ("endpoint", "source", "event_id", "note", "quarantine")}
    await connection.execute(update(submissions).where(submissions.c.id == submission_id).values(again))
    day, counted = day_of(new.received_at), Counter[tuple[int, str]]()
    for change in changes:
        stored, lead = change.stored, change.lead
        values = rows.of_lead(change.id, submission_id, new.workspace, new, lead)
        same = {name: values[name] for name in ("state", "reason", "to_fetch")}
        values |= {**outcome("remap", hands.clock()), **same}
        counted[day, new.endpoint] += 1
        if stored is None:
            await connection.execute(insert(leads).values(values))
        else:
            values["unknown"] = stored.unknown and stored.lead.email == lead.email
            if lead.state is not LeadState.PENDING:
                values["settled_at"] = stored.settled_at
            await connection.execute(update(leads).where(leads.c.id == stored.id).values(values))
            counted[day, stored.endpoint] -= 1
        fields = dict.fromkeys(map(name_of, change.fields))
        await note_again(connection, [change.id])
        await hands.note(connection, "remap", f"as {new.endpoint}: {', '.join(fields)}", [change.id])
    await note_in_ledger(connection, accepted=counted)


def _flat(lead: Lead) -> dict[str, str]:
    """A lead's fields by the names that AgencyHandy has for them, and what it has none for."""
    others = {**{one.key: one.value for one in lead.extra}, **lead.utm}
    return {**others, **lead.texts, "state": lead.state.value, "reason": lead.reason}

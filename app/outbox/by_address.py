"""Erasure by e-mail address, wherever it stands: as a lead's own, in what others wrote, in AgencyHandy's answers."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from urllib.parse import unquote

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.lead import FIELDS, LeadState
from app.outbox.acts import Hands
from app.outbox.erasure import CHUNK, EMPTY, ERASED, blank, blank_around
from app.outbox.outbox import Outbox
from app.outbox.tables import alerts, attempts, leads, submissions, workspaces

BODIES_AT_ONCE = 50
DEEPEST: Final = 5
"""So many times a text is looked at: as it is, and without one encoding after another."""
ENCODED = re.compile(r"[%&\\]")
ESCAPE = re.compile(r"\\(?:u([0-9a-f]{4})|(.))", re.DOTALL)

Says = Callable[[str], bool]


@dataclass(slots=True)
class Found:
    """Where an address stands: leads of its owner, leads that only mention it, requests, attempts, and reasons."""

    own: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    tries: list[str] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)


def mentions(address: str) -> Says:
    """Whether a text has the address in it, as a whole, in capitals or not, percent-encoded or escaped."""
    wanted = address.strip().casefold()
    name, _, domain = wanted.rpartition("@")
    ascii_domain = domain.encode("idna").decode() if domain and not domain.isascii() else domain
    spelled = {wanted, f"{name}@{ascii_domain}"}
    pattern = re.compile(rf"(?<![\w.+-])(?:{'|'.join(map(re.escape, spelled))})(?![\w-]|\.\w)")

    def says(text: str) -> bool:
        seen, before = text.casefold(), ""
        for _ in range(DEEPEST):
            if any(one in seen for one in spelled) and pattern.search(seen):
                return True
            if seen == before or not ENCODED.search(seen):
                return False
            before, seen = seen, ESCAPE.sub(_unescaped, html.unescape(unquote(seen))).casefold()
        return False

    return says


def _unescaped(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else " " if escape[2] in "nrtbf" else escape[2]


async def find_address(outbox: Outbox, address: str) -> Found:
    """Wherever it stands, page by page."""
    says, found = mentions(address), Found()
    async for row in outbox.books.each(leads, leads.c.state != ERASED):
        texts = [str(getattr(row, column)) for column in FIELDS.values()]
        if says(row.email):
            found.own.append(row.id)
        elif says("\n".join([*texts, json.dumps(row.details, ensure_ascii=False)])):
            found.others.append(row.id)
        elif says(row.reason):
            found.reasons[row.id] = row.reason
    async for row in outbox.books.each(submissions, size=BODIES_AT_ONCE):
        body = row.body.replace(b"\0", b"").decode(errors="replace")  # UTF-16 has a NUL beside each plain letter
        if says(f"{body}\n{json.dumps(row.headers)}\n{row.event_id}\n{row.note}"):
            found.requests.append(row.id)
    async for row in outbox.books.each(attempts, attempts.c.answer != ""):
        if says(row.answer):
            found.tries.append(row.id)
    return found


async def erase_address(hands: Hands, address: str) -> tuple[int, list[str]]:
    """Erases it wherever it stands. How many leads, and those that are being sent at this moment, which are left.

    SQLite's log has it until `wipe`.
    """
    found = await find_address(hands.outbox, address)
    erased: list[str] = []
    for ids in chunks([*found.own, *found.others]):
        erased += await hands.outbox.write(partial(_erase, hands=hands, ids=ids))
    await hands.outbox.write(partial(_erase_traces, hands=hands, found=found, says=mentions(address)))
    return len(erased), sorted({*found.own, *found.others} - {*erased})


async def _erase(connection: AsyncConnection, hands: Hands, ids: Sequence[str]) -> list[str]:
    open_to_it = leads.c.state.not_in([ERASED, LeadState.SENDING.value])
    statement = update(leads).where(leads.c.id.in_(ids), open_to_it).values(blank("by request", hands.clock()))
    done = [row.id for row in await connection.execute(statement.returning(leads.c.id))]
    await blank_around(connection, done)
    for lead_id in done:
        await hands.note(connection, "erase", "by e-mail address", lead_id)
    return done


async def _erase_traces(connection: AsyncConnection, hands: Hands, found: Found, says: Says) -> None:
    """The address where it stands beside leads: in requests, in AgencyHandy's words, in what people were told."""
    for ids in chunks(found.requests):
        await connection.execute(update(submissions).where(submissions.c.id.in_(ids)).values(EMPTY))
    for ids in chunks(found.tries):
        await connection.execute(update(attempts).where(attempts.c.id.in_(ids)).values(answer=""))
    for lead_id, reason in found.reasons.items():
        same = update(leads).where(leads.c.id == lead_id, leads.c.reason == reason)
        await connection.execute(same.values(reason=f"{reason.partition(':')[0]}: words erased"))
    for table, column in ((workspaces, workspaces.c.paused), (alerts, alerts.c.words)):
        for row in (await connection.execute(select(table.c.name, column.label("words")))).all():
            if says(row.words):
                named = update(table).where(table.c.name == row.name)
                await connection.execute(named.values({column.name: "words erased"}))
    words = f"by e-mail address: {len(found.requests)} requests, {len(found.tries)} answers"
    await hands.note(connection, "erase", words)


def chunks(ids: Sequence[str]) -> list[Sequence[str]]:
    """Ids as many at a time as one transaction takes."""
    return [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)]

"""Erasure by e-mail address, wherever it stands: as a lead's own, in what others wrote, in AgencyHandy's answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final
from urllib.parse import unquote

from sqlalchemy import Table, delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.lead import FIELDS
from app.mapping import people
from app.outbox import turns
from app.outbox.adding import drop_files
from app.outbox.erasure import EMPTY, ERASED
from app.outbox.hands import Hands
from app.outbox.outbox import Outbox
from app.outbox.tables import alerts, allowed_senders, attachments, attempts, leads, submissions, workspaces

AT_ONCE = 50
GONE = "words erased"
BESIDE: Final[Mapping[Table, Mapping[str, Any]]] = {
    submissions: EMPTY,
    attachments: {"name": GONE, "field": GONE},
    leads: {"reason": GONE},
    attempts: {"answer": GONE},
    workspaces: {"paused": GONE},
    alerts: {"words": GONE},
}
"""The columns that an address may stand in beside leads' own fields, and what they hold once it was erased.

A file goes as a whole where the address is in its name, or its request has to be emptied.
"""
ENDINGS = "pdf|docx?|xlsx?|pptx?|od[tsp]|rtf|txt|csv|zip|png|jpe?g|gif|webp|heic|tiff?|mp[34]|mov|wav|m4a|vcf|ics"
"""Of files: behind an address they make no other address of it."""
ESCAPE = re.compile(r"\\(?:u([0-9a-f]{4})|.)", re.IGNORECASE | re.DOTALL)
"""JSON's: a letter by its number, or a line's end and the like, which no address goes on over."""


def mentions(address: str) -> Callable[[str], bool]:
    """Whether a text has the address in it, as a whole, in capitals or not, percent-encoded or escaped by JSON."""
    wanted = (people.email(address) or address.strip()).casefold()
    whole = re.compile(rf"(?<![\w.+'!#$%&*/?^`{{|}}~-]){re.escape(wanted)}(?![\w-]|\.(?!(?:{ENDINGS})\b)\w)")

    def says(text: str) -> bool:
        plain = ESCAPE.sub(lambda escape: chr(int(escape[1], 16)) if escape[1] else " ", unquote(text))
        return bool(whole.search(plain.casefold()))

    return says


async def leads_with(outbox: Outbox, address: str) -> list[str]:
    """The ids of leads that an address stands in, whoever's they are; the oldest first."""
    says, columns = mentions(address), [*FIELDS.values(), "details"]
    return [row.id async for row in outbox.books.each(leads, leads.c.state != ERASED) if says(_texts(row, columns))]


async def erase_beside(hands: Hands, address: str) -> None:
    """Erases an address where it stands beside leads. SQLite's log has it until `clear_away`."""
    says, found, named = mentions(address), list[Any](), dict[Table, list[str]]()
    for table, emptied in BESIDE.items():
        [key] = table.primary_key
        rows = hands.outbox.books.each(table, size=AT_ONCE)
        keys = [row._mapping[key.name] async for row in rows if says(_texts(row, emptied))]
        found += [update(table).where(key == one).values(emptied) for one in keys]
        named[table] = keys
    with_files = attachments.c.id.in_(named[attachments]) | attachments.c.submission_id.in_(named[submissions])
    rows = hands.outbox.books.each(allowed_senders)
    listed = [row.address async for row in rows if says(row.address)]
    found += [delete(allowed_senders).where(allowed_senders.c.address == one) for one in listed]

    async def work(connection: AsyncConnection) -> list[str]:
        await turns.note_erased(connection)
        files = await drop_files(connection, with_files)
        for statement in found:
            await connection.execute(statement)
        await hands.note(connection, "erase", f"by e-mail address: {len(found)} requests, files, answers and words")
        return files

    await hands.outbox.remove_files(await hands.outbox.write(work))


def _texts(row: Any, columns: Collection[str]) -> str:
    """What stands in columns of a row. A form that is sent as in an address has + for a space."""
    texts = []
    for value in (getattr(row, name) for name in columns):
        if isinstance(value, bytes):
            body = value.decode(errors="replace")
            texts.append(body.replace("+", " ") if "urlencoded" in row.headers.get("content-type", "") else body)
        else:
            texts.append(json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value))
    return "\n".join(texts)

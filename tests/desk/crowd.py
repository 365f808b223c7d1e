"""Many leads, of every state, age and alphabet, put into a store in one go."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from ulid import ULID

from app.lead import Entry, Field, Lead, LeadState, Origin, Submission
from app.outbox import rows, search
from app.outbox.adding import day_of, note_in_ledger
from app.outbox.outbox import Outbox
from app.outbox.tables import attempts, leads, submissions

PEOPLE = (
    ("Ada", "Lovelace"), ("Grace", "Hopper"), ("José", "Núñez"), ("小明", "王"), ("عمر", "خالد"), ("Zoë", "Ångström"),
    ("Mia", "Müller-Lüdenscheidt"),
    ("Olena", "Шевченко"), ("Noa", "כהן"), ("Wolfeschlegelsteinhausenbergerdorff", "Sr."),
)  # fmt: skip
TEXTS = (
    "We need a website for an analytical engine.",
    "Wir suchen eine Agentur für unsere neue Website.",
    "Could you call me back? My budget is about 5,000.",
    "你好，我想要一个网站。",
    "أريد موقعًا جديدًا",
    "x",
)
STATES = (
    [LeadState.DELIVERED] * 80 + [LeadState.SPAM] * 8 + [LeadState.HELD] * 4 + [LeadState.DUPLICATE] * 4
    + [LeadState.DISCARDED] * 2 + [LeadState.PENDING] * 2
)  # fmt: skip
REASONS = {
    LeadState.HELD: 'refused: "email" is not valid',
    LeadState.SPAM: "honeypot: website; 5 links",
    LeadState.DUPLICATE: "AgencyHandy already has this e-mail address",
}
ENDPOINTS = (("contact", "html"), ("typeform", "typeform"), ("zapier", "zapier"))
SOURCES = ["website"] * 9 + ["newsletter"]
NOT_IN_IDS = "abcd"
"""Letters that no ULID has, and that come after all of its own: the first id of all stays a ULID."""
COPIES = ("id", "submission_id", "lead_id")
COPIED = "substr({0}, 1, 10) || '{1}' || substr({0}, 12)"
AT_ONCE = 2000


def filled(folder: Path, count: int, **how: Any) -> None:
    """The same for whoever is not asynchronous, or has a browser's loop running; into SQLite's file in a folder."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(fill(f"sqlite+aiosqlite:///{folder}/relay.db", count, **how))).result()


def hundred_thousand(folder: Path) -> None:
    """So many leads in the SQLite file of a folder: a fifth made, the others copied there, which is far quicker."""
    filled(folder, 20_000)
    with closing(sqlite3.connect(folder / "relay.db")) as store:
        for letter in NOT_IN_IDS:
            for table in (submissions, leads, attempts):
                names = [column.name for column in table.columns]
                values = [COPIED.format(name, letter) if name in COPIES else name for name in names]
                old = f"FROM {table.name} WHERE substr(id, 11, 1) NOT IN ('a', 'b', 'c', 'd')"
                store.execute(f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {', '.join(values)} {old}")
            store.execute(
                "INSERT INTO lead_words (rowid, words) SELECT new.rowid, words FROM lead_words"
                " JOIN leads old ON old.rowid = lead_words.rowid"
                " JOIN leads new ON new.id = substr(old.id, 1, 10) || ? || substr(old.id, 12)"
                " WHERE substr(old.id, 11, 1) NOT IN ('a', 'b', 'c', 'd')",
                [letter],
            )
        store.execute("UPDATE ledger SET accepted = 5 * accepted")
        store.commit()


async def fill(
    url: str,
    count: int,
    *,
    days: float = 30,
    seed: int = 1,
    now: datetime | None = None,
    states: Sequence[LeadState] = STATES,
) -> None:
    """Puts so many leads into a store, the newest just now, in states that are chosen among these."""
    chance, end = random.Random(seed), now or datetime.now(UTC)
    outbox = Outbox(url, workspace="sandbox")
    try:
        await outbox.open()
        for start in range(0, count, AT_ONCE):
            some = [
                _submission(chance, number, end - timedelta(days=days) * ((count - 1 - number) / count), states)
                for number in range(start, min(start + AT_ONCE, count))
            ]
            await outbox.write(partial(_add, some=some))
    finally:
        await outbox.close()


async def _add(connection: AsyncConnection, some: list[Submission]) -> None:
    """What the outbox's own adding writes, in a few statements."""
    requests, people, tries, days = [], {}, [], Counter[tuple[int, str]]()
    for one in some:
        receipt, id_, [lead] = _id_at(one.received_at), _id_at(one.received_at), one.leads
        requests.append(rows.of_submission(receipt, one))
        people[id_] = rows.of_lead(id_, receipt, "sandbox", one, lead)
        people[id_] |= {} if lead.state is LeadState.PENDING else {"settled_at": one.received_at}
        days[day_of(one.received_at), one.endpoint] += 1
        if lead.state is LeadState.DELIVERED:
            sent = {"outcome": "created", "status": 201, "answer": '{"message": "Lead created"}', "duration_ms": 80}
            tries.append({"id": _id_at(one.received_at), "lead_id": id_, "at": one.received_at, **sent})
    await connection.execute(insert(submissions), requests)
    await connection.execute(insert(leads), [{"settled_at": None, **row} for row in people.values()])
    if tries:
        await connection.execute(insert(attempts), tries)
    await note_in_ledger(connection, accepted=days)
    await search.note(connection, people)


def _id_at(at: datetime) -> str:
    return str(ULID.from_datetime(at))


def _submission(chance: random.Random, number: int, at: datetime, states: Sequence[LeadState]) -> Submission:
    first, last = chance.choice(PEOPLE)
    endpoint, source = chance.choice(ENDPOINTS)
    state = chance.choice(states)
    email = f"person{number}@example.com"
    message = chance.choice(TEXTS)
    entry = Entry((Field("name", f"{first} {last}"), Field("email", email), Field("message", message)))
    lead = Lead(
        first,
        last,
        email,
        f"+44207946{number % 10000:04}",
        message,
        chance.choice(SOURCES),
        extra=(Field("budget", "5,000"),),
        origins={
            "email": Origin("email", "'email' means e-mail"),
            "message": Origin("message", "'message' means message"),
        },
        state=state,
        reason=REASONS.get(state, ""),
    )
    body = "&".join(f"{one.key}={one.value}" for one in entry.fields).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return Submission(endpoint, source, at, headers, body, fingerprint=f"crowd {number}", leads=(lead,))

"""Leads found by what stands in them: SQLite's FTS5 and PostgreSQL's text search, over the same words.

Words are made here rather than by an engine, so that both find the same: small letters without accents, scripts that
put no blanks between words by the character, a phone number by any run of its digits.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Select, func, or_, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from app.lead import kind_of
from app.outbox import rows
from app.outbox.records import Sought, StoredLead
from app.outbox.tables import HAS_SHORT_SOURCE, leads

AT_ONCE: Final = 1000
MOST_CHARACTERS: Final = 10_000
MOST_ASKED: Final = 12
ENOUGH_DIGITS: Final = 4
MOST_DIGITS: Final = 30
LONGEST: Final = 100
COLUMNS: Final = ("first_name", "last_name", "first_name", "email", "message")
"""What leads are found by; a name in either order."""
WORD: Final = re.compile(r"[^\W_]+")
ALONE: Final = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])"
)
"""Characters that are words by themselves: of Thai, Lao, Burmese, Khmer, Japanese and Chinese."""
MOST_SOURCES: Final = 100
DETAILS: Final = (":", ";", *(f" {digit}" for digit in range(10)))
"""How the details of a reason begin, which are in no `kind_of` it."""
PHONE: Final = re.compile(r"\+?[\d\s()./-]+")

NOTE: Final = {
    "sqlite": text("INSERT INTO lead_words (rowid, words) SELECT rowid, :words FROM leads WHERE id = :id"),
    "postgresql": text("INSERT INTO lead_words (lead_id, words) VALUES (:id, CAST(:words AS tsvector))"),
}
BEFORE: Final = text("lead_words.rowid < (SELECT rowid FROM leads WHERE id = :before)")
AMONG: Final = text("leads.rowid IN (SELECT rowid FROM lead_words WHERE lead_words MATCH :asked)")
"""Lets SQLite look among the words last, where another filter leaves less."""
FORGET: Final = {
    "sqlite": text("DELETE FROM lead_words WHERE rowid = (SELECT rowid FROM leads WHERE id = :id)"),
    "postgresql": text("DELETE FROM lead_words WHERE lead_id = :id"),
}


async def note(connection: AsyncConnection, people: Mapping[str, Any]) -> None:
    """Has new leads found by what their rows say, by id."""
    engine = connection.dialect.name
    if people:
        await connection.execute(NOTE[engine], [noted(id_, row, engine) for id_, row in people.items()])


async def note_again(connection: AsyncConnection, ids: Sequence[str]) -> None:
    """The same for leads that have changed; erased ones are found by nothing any more."""
    await forget(connection, ids)
    changed = select(leads).where(leads.c.id.in_(ids), leads.c.state != "erased")
    await note(connection, {row.id: row._mapping for row in await connection.execute(changed)})


async def forget(connection: AsyncConnection, ids: Sequence[str]) -> None:
    """Has leads that are still there found by nothing."""
    if ids:
        await connection.execute(FORGET[connection.dialect.name], [{"id": id_} for id_ in ids])


async def note_all(connection: AsyncConnection) -> None:
    """Has all leads found that are in a store into which they were copied."""
    after, page = "", select(leads).where(leads.c.state != "erased").order_by(leads.c.id).limit(AT_ONCE)
    while found := (await connection.execute(page.where(leads.c.id > after))).all():
        await note(connection, {row.id: row._mapping for row in found})
        after = found[-1].id


def noted(lead_id: str, row: Any, engine: str) -> dict[str, str]:
    """What the statement of NOTE is given."""
    found = list(words_of(row))
    return {"id": lead_id, "words": " ".join(found) if engine == "sqlite" else _vector(found)}


def words_of(row: Any) -> Iterator[str]:
    """Every word that a lead is found by."""
    extra = (one.get("value", "") for one in row["details"].get("extra", ()))
    said = " ".join((*(row[name] for name in COLUMNS), *map(str, extra)))
    yield from words(said[:MOST_CHARACTERS])
    yield from filter(None, (address(part) for part in said[:MOST_CHARACTERS].split() if "@" in part))
    digits = re.sub(r"\D", "", row["contact_no"])[:MOST_DIGITS]
    yield from (digits[start:] for start in range(max(1, len(digits) - ENOUGH_DIGITS + 1)) if digits)


def words(said: str) -> list[str]:
    """A text's words, as they are looked up."""
    plain = unicodedata.normalize("NFKD", said.replace("ß", "ss")).casefold()
    plain = "".join(one for one in plain if not unicodedata.combining(one))
    return [word[:LONGEST] for word in WORD.findall(ALONE.sub(r" \1 ", plain))]


def address(said: str) -> str:
    """An e-mail address as one word: parts such as `com` stand in too many leads to be put together quickly."""
    return "".join(words(said[:LONGEST]))[:LONGEST]


async def find(connection: AsyncConnection, sought: Sought, *, before: str = "", limit: int = 50) -> list[StoredLead]:
    """A page of leads, the newest first; `before` is the id that the page before ended with."""
    found = meant(select(leads), sought, connection.dialect.name, in_order=True).limit(limit)
    if _phrases(sought.words) and connection.dialect.name == "sqlite":
        found = found.order_by(text("lead_words.rowid DESC"))
        found = found.where(BEFORE.bindparams(before=before)) if before else found
    elif sought.since or sought.until:  # the index of times: an old day would lie far behind all newer ids
        found = found.order_by(leads.c.received_at.desc(), leads.c.id.desc())
        then = select(leads.c.received_at).where(leads.c.id == before).scalar_subquery()
        found = found.where(tuple_(leads.c.received_at, leads.c.id) < tuple_(then, before)) if before else found
    else:
        found = found.order_by(leads.c.id.desc())
        found = found.where(leads.c.id < before) if before else found
    return [rows.to_stored(row) for row in await connection.execute(found)]


async def count(connection: AsyncConnection, sought: Sought, most: int) -> int:
    """How many are meant; where they are more than `most`, `most` + 1."""
    found = meant(select(leads.c.id), sought, connection.dialect.name).limit(most + 1)
    number: int = (await connection.execute(select(func.count()).select_from(found.subquery()))).scalar_one()
    return number


async def ids(connection: AsyncConnection, sought: Sought, upto: str) -> list[str]:
    """All that are meant, the oldest first, but those that came after the lead `upto`."""
    found = meant(select(leads.c.id), sought, connection.dialect.name).where(leads.c.id <= upto).order_by(leads.c.id)
    return [row.id for row in await connection.execute(found)]


async def kinds(connection: AsyncConnection, sought: Sought) -> dict[str, int]:
    """Kind of reason → how many of those that are meant have one like it, the most frequent first."""
    found = meant(select(leads.c.reason, func.count()), sought, connection.dialect.name).group_by(leads.c.reason)
    counted: Counter[str] = Counter()
    for reason, number in await connection.execute(found):
        counted[kind_of(reason)] += number
    return dict(counted.most_common())


async def sources(connection: AsyncConnection) -> list[str]:
    """What leads have as their source, by the alphabet: at most MOST_SOURCES, and no long ones."""
    found, last = list[str](), ""
    first = select(func.min(leads.c.source)).where(HAS_SHORT_SOURCE)
    while len(found) < MOST_SOURCES:
        last = await connection.scalar(first.where(leads.c.source > last)) or ""
        if not last:
            break
        found.append(last)
    return found


def meant(found: Select[Any], sought: Sought, engine: str, *, in_order: bool = False) -> Select[Any]:
    """Of a selection of leads, those that are sought; `in_order` where the first few are wanted, by SQLite's rowid."""
    equal = {"endpoint": sought.endpoint, "source": sought.source, "workspace": sought.workspace}
    where = [leads.c[name] == value for name, value in equal.items() if value]
    if sought.source:
        where.append(HAS_SHORT_SOURCE)
    if sought.why:
        more = (leads.c.reason.startswith(sought.why + end, autoescape=True) for end in DETAILS)
        where.append(or_(leads.c.reason == sought.why, *more))
    if sought.states:
        where.append(leads.c.state.in_([state.value for state in sought.states]))
    if sought.since is not None:
        where.append(leads.c.received_at >= sought.since)
    if sought.until is not None:
        where.append(leads.c.received_at < sought.until)
    return narrowed(found.where(*where), sought.words, engine, in_order=in_order)


def narrowed(found: Select[Any], asked: str, dialect: str, *, in_order: bool) -> Select[Any]:
    """Of a selection of leads, those in which every word that is asked for begins one; of no word, all."""
    phrases = _phrases(asked)
    if not phrases:
        return found
    if dialect == "sqlite":
        spelled = " AND ".join(f'"{" ".join(phrase)}" *' for phrase in phrases)
        if not in_order:
            return found.where(AMONG.bindparams(asked=spelled))
        of = text("lead_words MATCH :asked").bindparams(asked=spelled)
        return found.join(text("lead_words"), text("lead_words.rowid = leads.rowid")).where(of)
    spelled = " & ".join("(" + " <-> ".join(f"'{word}':*" for word in phrase) + ")" for phrase in phrases)
    of = text("lead_words.words @@ CAST(:asked AS tsquery)").bindparams(asked=spelled)
    return found.join(text("lead_words"), text("lead_words.lead_id = leads.id")).where(of)


def _phrases(asked: str) -> list[list[str]]:
    """What is asked for: a number or an address as one word, else a phrase for each word as it was typed."""
    digits = re.sub(r"\D", "", asked)
    if PHONE.fullmatch(asked.strip()) and len(digits) >= ENOUGH_DIGITS:
        return [[re.sub(r"^0+(?=\d{6})", "", digits)]]
    parts = asked.split()[:MOST_ASKED]
    found = ([address(part)] if "@" in part else words(part[:LONGEST]) for part in parts)
    return [phrase for phrase in found if any(phrase)]


def _vector(found: list[str]) -> str:
    """Words and their places, as PostgreSQL spells them."""
    return " ".join(f"'{word}':{place}" for place, word in enumerate(found, 1))

"""The number of a transaction, which a lead's row keeps of the last one that changed it: what is new is found by it.

PostgreSQL numbers transactions itself. In SQLite, where one writes at a time, each takes the next number of `turns`,
whose row also says which one erased something last, until that is in no file any more.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

NEXT = text("INSERT INTO turns (id, number) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET number = turns.number + 1")


class this_turn(FunctionElement[int]):  # noqa: N801 – used like one of SQL's functions
    """The number of the transaction that it is evaluated in."""

    type = BigInteger()
    inherit_cache = True


@compiles(this_turn)
def _counted(*_: Any, **__: Any) -> str:
    return "coalesce((SELECT number FROM turns), 0)"


@compiles(this_turn, "postgresql")
def _given(*_: Any, **__: Any) -> str:
    return "CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT)"


async def take(connection: AsyncConnection) -> None:
    """Begins a transaction's turn."""
    if connection.dialect.name == "sqlite":
        await connection.execute(NEXT)


async def note_erased(connection: AsyncConnection) -> None:
    """Keeps that this transaction erases something. PostgreSQL, which has no row, overwrites it by itself."""
    await connection.execute(text("UPDATE turns SET erased = number"))


async def erased(connection: AsyncConnection) -> int | None:
    """The transaction that was the last to erase something which may still be in SQLite's files."""
    found: int | None = await connection.scalar(text("SELECT erased FROM turns"))
    return found


async def forget_erased(connection: AsyncConnection, turn: int) -> None:
    """Keeps that what was erased up to then is gone; a later transaction's mark stays."""
    await connection.execute(text("UPDATE turns SET erased = NULL WHERE erased = :turn"), {"turn": turn})

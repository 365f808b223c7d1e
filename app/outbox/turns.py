"""The number of a transaction, which a lead's row keeps of the last one that changed it: what is new is found by it.

PostgreSQL numbers transactions itself. In SQLite, where one writes at a time, each takes the next number of `turns`.
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

"""Who may use the desk, and which programs the API. Each function works on an open connection."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from app.outbox.engine import UPSERT
from app.outbox.records import Operator, Role, Token
from app.outbox.tables import ended_sessions, operators, tokens


async def everybody(connection: AsyncConnection) -> list[Operator]:
    """All operators who can log in, by name."""
    found = select(operators).where(operators.c.password != "").order_by(operators.c.name)
    return [_operator(row) for row in await connection.execute(found)]


async def operator_called(connection: AsyncConnection, name: str) -> Operator | None:
    """The operator of that name."""
    row = (await connection.execute(select(operators).where(operators.c.name == name))).one_or_none()
    return None if row is None else _operator(row)


async def put_operator(connection: AsyncConnection, operator: Operator) -> None:
    """Adds an operator, or changes the one of that name."""
    values = asdict(operator)
    statement = UPSERT[connection.dialect.name](operators).values(values)
    await connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))


async def end_sessions(connection: AsyncConnection, name: str, now: datetime) -> bool:
    """Logs an operator out everywhere; False where there is none of that name."""
    ended = update(operators).where(operators.c.name == name).values(sessions_from=now)
    return (await connection.execute(ended)).rowcount > 0


async def end_session(connection: AsyncConnection, mark: str, now: datetime, until: datetime) -> None:
    """Ends one session, known by its mark, which would last `until`."""
    await connection.execute(delete(ended_sessions).where(ended_sessions.c.until < now))
    ended = UPSERT[connection.dialect.name](ended_sessions).values(mark=mark, until=until)
    await connection.execute(ended.on_conflict_do_nothing())


async def has_ended(connection: AsyncConnection, mark: str) -> bool:
    """Whether the session of that mark was ended."""
    found = select(ended_sessions.c.mark).where(ended_sessions.c.mark == mark)
    return (await connection.execute(found)).one_or_none() is not None


async def remove_operator(connection: AsyncConnection, name: str) -> bool:
    """Lets nobody of that name in any more; False where there was none."""
    return (await connection.execute(delete(operators).where(operators.c.name == name))).rowcount > 0


async def all_tokens(connection: AsyncConnection) -> list[Token]:
    """Every program's token, the oldest first."""
    return [_token(row) for row in await connection.execute(select(tokens).order_by(tokens.c.id))]


async def token_of(connection: AsyncConnection, secret: str) -> Token | None:
    """What is known of a token."""
    found = select(tokens).where(tokens.c.digest == digest_of(secret))
    row = (await connection.execute(found)).one_or_none()
    return None if row is None else _token(row)


async def add_token(connection: AsyncConnection, token: Token) -> None:
    """Lets a program in."""
    await connection.execute(insert(tokens).values({**asdict(token), "scopes": ",".join(token.scopes)}))


async def remove_token(connection: AsyncConnection, token_id: str) -> bool:
    """Lets it in no more; False where there was none."""
    return (await connection.execute(delete(tokens).where(tokens.c.id == token_id))).rowcount > 0


def digest_of(secret: str) -> str:
    """What is kept of a token: its chance is too large for a slow hash to add anything."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _operator(row: Row[tuple[object, ...]]) -> Operator:
    return Operator(**{**row._mapping, "role": Role(row.role)})


def _token(row: Row[tuple[object, ...]]) -> Token:
    return Token(**{**row._mapping, "scopes": tuple(filter(None, row.scopes.split(",")))})

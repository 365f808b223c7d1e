"""`lead-relay operator …` and `token …`: who may use the desk, and which programs the API."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer
from ulid import ULID

from app.cli import console
from app.cli.base import Json, hands, with_books
from app.errors import ConfigurationError
from app.outbox.records import MAY, SCOPES, Operator, Role, Token

if TYPE_CHECKING:
    from app.outbox.hands import Hands

PREFIX = "lr_"
Act = Callable[[Any, "Hands", datetime], Awaitable[str]]
"""Does something on an open transaction, at a time; in words why it cannot, or ""."""
operator = typer.Typer(no_args_is_help=True, help="Who may use the desk.")
token = typer.Typer(no_args_is_help=True, help="Which programs may use the API.")

Name = Annotated[str, typer.Argument(help="The operator's name.")]
Roles = Annotated[Role, typer.Option(help=f"{'; '.join(f'{role.value}: {words}' for role, words in MAY.items())}.")]


@operator.command("add")
def add_operator(name: Name, role: Roles = Role.WORK, as_json: Json = False) -> None:
    """Let somebody use the desk; asks for a password, or reads it from standard input."""
    if not name.strip() or len(name) > 64 or name != name.strip():
        raise ConfigurationError("A name has 1 to 64 characters, and no blanks around it.")
    taken = f"There is an operator {name} already: see lead-relay operator password."
    if _is_known(name):
        raise ConfigurationError(taken)
    password = _password()

    async def act(connection: Any, _: Hands, at: datetime) -> str:
        from app.outbox import operators

        if await _found(connection, name):
            return taken
        await operators.put_operator(connection, Operator(name, role, password, at, at))
        return ""

    _by_hand("add operator", f"{name}: {role.value}", act)
    said = f"{name} may log in at the desk, and may {MAY[role]}."
    console.told(said, {"name": name, "role": role.value}, as_json=as_json)


@operator.command("password")
def change_password(name: Name, as_json: Json = False) -> None:
    """Give an operator another password, which ends all sessions; asks for it, or reads it from standard input."""
    if not _is_known(name):
        raise ConfigurationError(_nobody(name))
    password = _password()
    _change(name, "change password", name, lambda known, at: replace(known, password=password, sessions_from=at))
    console.told(f"{name} has a new password, and has to log in again.", {"name": name}, as_json=as_json)


@operator.command("role")
def change_role(
    name: Name,
    role: Annotated[Role, typer.Argument(help="What they may do from now on.")],
    as_json: Json = False,
) -> None:
    """Give an operator another role, at once."""
    _change(name, "change role", f"{name}: {role.value}", lambda known, _: replace(known, role=role))
    console.told(f"{name} may {MAY[role]}.", {"name": name, "role": role.value}, as_json=as_json)


@operator.command("remove")
def remove_operator(name: Name, as_json: Json = False) -> None:
    """Let somebody use the desk no more; their sessions end at once."""
    _change(name, "remove operator", name, lambda known, at: replace(known, password="", sessions_from=at))
    console.told(f"{name} is out.", {"name": name, "removed": True}, as_json=as_json)


@operator.command("list")
def list_operators(as_json: Json = False) -> None:
    """List who may use the desk."""
    from app.outbox import operators

    found = asyncio.run(with_books(lambda books: books.read(operators.everybody)))
    rows = [{"name": one.name, "role": one.role.value, "since": one.since} for one in found]
    console.rows(rows, as_json=as_json, empty="Nobody yet: lead-relay operator add NAME, or set DESK_PASSWORD.")


@token.command("create")
def create_token(
    name: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[list[str], typer.Option(help=f"What it may do; may be repeated: {', '.join(SCOPES)}.")],
    as_json: Json = False,
) -> None:
    """Let a program use the API; prints its token, which is shown this once."""
    if strange := [one for one in scope if one not in SCOPES]:
        raise ConfigurationError(f"--scope {strange[0]}: there is no such scope; there are: {', '.join(SCOPES)}.")
    secret, scopes, id_ = PREFIX + secrets.token_urlsafe(32), tuple(dict.fromkeys(scope)), str(ULID())

    async def act(connection: Any, person: Hands, at: datetime) -> str:
        from app.outbox import operators

        digest = operators.digest_of(secret)
        await operators.add_token(connection, Token(id_, name, digest, scopes, at, person.who))
        return ""

    _by_hand("create token", f"{name}: {', '.join(scopes)}", act)
    console.say(f"The token for {name}, as Authorization: Bearer. Keep it: it is not shown again.")
    if as_json:
        console.print_json({"id": id_, "name": name, "scopes": scopes, "token": secret})
    else:
        print(secret)


@token.command("revoke")
def revoke_token(
    token_id: Annotated[str, typer.Argument(help="Its id, as `token list` shows it.")], as_json: Json = False
) -> None:
    """Let a program use the API no more, at once."""

    async def act(connection: Any, *_: Any) -> str:
        from app.outbox import operators

        is_gone = await operators.remove_token(connection, token_id)
        return "" if is_gone else f"There is no token {token_id}; lead-relay token list shows those there are."

    _by_hand("revoke token", token_id, act)
    console.told("It is good for nothing any more.", {"id": token_id, "revoked": True}, as_json=as_json)


@token.command("list")
def list_tokens(as_json: Json = False) -> None:
    """List the programs that may use the API."""
    from app.outbox import operators

    found = asyncio.run(with_books(lambda books: books.read(operators.all_tokens)))
    rows = [{"id": one.id, "name": one.name, "scopes": one.scopes, "since": one.since, "by": one.who} for one in found]
    console.rows(rows, as_json=as_json, empty="None yet: lead-relay token create NAME --scope leads:read")


def _by_hand(what: str, words: str, act: Act) -> None:
    """Does it and writes it down, in one transaction. Raises ConfigurationError with what `act` says against it."""

    async def run() -> None:
        async with hands() as person:

            async def work(connection: Any) -> str:
                refusal = await act(connection, person, person.clock())
                if not refusal:
                    await person.note(connection, what, words)
                return refusal

            if refusal := await person.outbox.write(work):
                raise ConfigurationError(refusal)

    asyncio.run(run())


def _change(name: str, what: str, words: str, change: Callable[[Operator, datetime], Operator]) -> None:
    """Changes an operator; who has no password then is gone."""

    async def act(connection: Any, _: Hands, at: datetime) -> str:
        from app.desk.entry import ADMIN
        from app.outbox import operators

        known = await _found(connection, name)
        if known is None:
            return _nobody(name)
        changed = change(known, at)
        if changed.password or name == ADMIN:  # that of DESK_PASSWORD has ended sessions by its row
            await operators.put_operator(connection, changed)
        else:
            await operators.remove_operator(connection, name)
        return ""

    _by_hand(what, words, act)


def _is_known(name: str) -> bool:
    """Whether there is that operator, asked before a password is."""

    async def run() -> bool:
        async with hands() as person:
            return await person.outbox.books.read(partial(_found, name=name)) is not None

    return asyncio.run(run())


async def _found(connection: Any, name: str) -> Operator | None:
    """The operator of that name. Without a password, it is a row of the one of the settings, and nobody."""
    from app.outbox import operators

    found = await operators.operator_called(connection, name)
    return found if found and found.password else None


def _nobody(name: str) -> str:
    from app.desk.entry import ADMIN

    settings = " The one of DESK_PASSWORD comes in by that alone." if name == ADMIN else ""
    return f"There is no operator {name}; lead-relay operator list shows those there are.{settings}"


def _password() -> str:
    """The hash of a password that is typed twice, or comes as a line of standard input."""
    from app.desk.passwords import SHORTEST, hashed

    if sys.stdin.isatty():
        given = typer.prompt("Password", hide_input=True, confirmation_prompt="Again", err=True)
    else:
        given = sys.stdin.readline().rstrip("\r\n")
    if len(given) < SHORTEST:
        raise ConfigurationError(f"A password has at least {SHORTEST} characters; four words are easy to keep in mind.")
    return hashed(given)

"""`lead-relay operator …` and `token …`: who may use the desk, and which programs the API."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app import console
from app.commands import Json, hands, with_books
from app.errors import ConfigurationError
from app.outbox.records import MAY, SCOPES, Operator, Role, Token

if TYPE_CHECKING:
    from app.outbox.hands import Hands

PREFIX = "lr_"
operator = typer.Typer(no_args_is_help=True, help="Who may use the desk.")
token = typer.Typer(no_args_is_help=True, help="Which programs may use the API.")

Name = Annotated[str, typer.Argument(help="The operator's name.")]
Roles = Annotated[Role, typer.Option(help=f"{'; '.join(f'{role.value}: {words}' for role, words in MAY.items())}.")]


@operator.command("add")
def add_operator(name: Name, role: Roles = Role.WORK, as_json: Json = False) -> None:
    """Let somebody use the desk; asks for a password, or reads it from standard input."""
    if not name.strip() or len(name) > 64 or name != name.strip():
        raise ConfigurationError("A name has 1 to 64 characters, and no blanks around it.")

    async def work(person: Hands, at: Any) -> None:
        if await _found(person, name):
            raise ConfigurationError(f"There is an operator {name} already: see lead-relay operator password.")
        await _put(person, Operator(name, role, _password(), at, at), "add operator", f"{name}: {role.value}")

    _by_hand(work)
    said = f"{name} may log in at the desk, and may {MAY[role]}."
    console.told(said, {"name": name, "role": role.value}, as_json=as_json)


@operator.command("password")
def change_password(name: Name, as_json: Json = False) -> None:
    """Give an operator another password, which ends all sessions; asks for it, or reads it from standard input."""

    async def work(person: Hands, at: Any) -> None:
        known = await _known(person, name)
        await _put(person, replace(known, password=_password(), sessions_from=at), "change password", name)

    _by_hand(work)
    console.told(f"{name} has a new password, and has to log in again.", {"name": name}, as_json=as_json)


@operator.command("role")
def change_role(
    name: Name,
    role: Annotated[Role, typer.Argument(help="What they may do from now on.")],
    as_json: Json = False,
) -> None:
    """Give an operator another role, at once."""

    async def work(person: Hands, at: Any) -> None:
        await _put(person, replace(await _known(person, name), role=role), "change role", f"{name}: {role.value}")

    _by_hand(work)
    console.told(f"{name} may {MAY[role]}.", {"name": name, "role": role.value}, as_json=as_json)


@operator.command("remove")
def remove_operator(name: Name, as_json: Json = False) -> None:
    """Let somebody use the desk no more; their sessions end at once."""

    async def work(person: Hands, at: Any) -> None:
        from app.desk.entry import ADMIN
        from app.outbox import operators

        known = await _known(person, name)
        if name == ADMIN:  # what the one of DESK_PASSWORD has ended stays so: its row says since when
            out = partial(operators.put_operator, operator=replace(known, password="", sessions_from=at))
            await person.outbox.write(out)
        else:
            await person.outbox.write(partial(operators.remove_operator, name=name))
        await person.outbox.write(partial(person.note, what="remove operator", words=name))

    _by_hand(work)
    console.told(f"{name} is out.", {"name": name, "removed": True}, as_json=as_json)


@operator.command("list")
def list_operators(as_json: Json = False) -> None:
    """List who may use the desk."""
    from app.outbox import operators

    found = asyncio.run(with_books(lambda books: books.read(operators.everybody)))
    rows = [{"name": one.name, "role": one.role.value, "since": one.since.isoformat()} for one in found]
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
    secret = PREFIX + secrets.token_urlsafe(32)

    async def work(person: Hands, at: Any) -> None:
        from app.outbox import operators

        id_, scopes = person.outbox.new_id(), tuple(dict.fromkeys(scope))
        made = Token(id_, name, operators.digest_of(secret), scopes, at, person.who)
        await person.outbox.write(partial(operators.add_token, token=made))
        await person.outbox.write(partial(person.note, what="create token", words=f"{name}: {', '.join(scopes)}"))

    _by_hand(work)
    console.say(f"The token for {name}, as Authorization: Bearer. Keep it: it is not shown again.")
    if as_json:
        console.print_json({"name": name, "scopes": scope, "token": secret})
    else:
        print(secret)


@token.command("revoke")
def revoke_token(
    token_id: Annotated[str, typer.Argument(help="Its id, as `token list` shows it.")], as_json: Json = False
) -> None:
    """Let a program use the API no more, at once."""

    async def work(person: Hands, at: Any) -> None:
        from app.outbox import operators

        if not await person.outbox.write(partial(operators.remove_token, token_id=token_id)):
            raise ConfigurationError(f"There is no token {token_id}; lead-relay token list shows those there are.")
        await person.outbox.write(partial(person.note, what="revoke token", words=token_id))

    _by_hand(work)
    console.told("It is good for nothing any more.", {"id": token_id, "revoked": True}, as_json=as_json)


@token.command("list")
def list_tokens(as_json: Json = False) -> None:
    """List the programs that may use the API."""
    from app.outbox import operators

    found = asyncio.run(with_books(lambda books: books.read(operators.all_tokens)))
    rows = [
        {"id": one.id, "name": one.name, "scopes": ", ".join(one.scopes), "since": one.since.isoformat(), "by": one.who}
        for one in found
    ]
    console.rows(rows, as_json=as_json, empty="None yet: lead-relay token create NAME --scope leads:read")


def _by_hand(work: Callable[[Hands, Any], Awaitable[None]]) -> None:
    async def run() -> None:
        async with hands() as person:
            await work(person, person.clock())

    asyncio.run(run())


async def _found(person: Hands, name: str) -> Operator | None:
    """The operator of that name. Without a password, it is a row of the one of the settings, and nobody."""
    from app.outbox import operators

    found: Operator | None = await person.outbox.books.read(partial(operators.operator_called, name=name))
    return found if found and found.password else None


async def _known(person: Hands, name: str) -> Operator:
    from app.desk.entry import ADMIN

    if found := await _found(person, name):
        return found
    settings = "The one of DESK_PASSWORD comes in by that alone." if name == ADMIN else ""
    words = f"There is no operator {name}; lead-relay operator list shows those there are. {settings}"
    raise ConfigurationError(words.strip())


async def _put(person: Hands, one: Operator, what: str, words: str) -> None:
    from app.outbox import operators

    await person.outbox.write(partial(operators.put_operator, operator=one))
    await person.outbox.write(partial(person.note, what=what, words=words))


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

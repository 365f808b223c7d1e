"""`lead-relay senders …`: the people whose leads are never spam, by their e-mail addresses."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated

import typer

from app.cli import console
from app.cli.base import Json, hands, with_books
from app.outbox.records import AllowedSender

Addresses = Annotated[list[str], typer.Argument(help="E-mail addresses.")]
commands = typer.Typer(no_args_is_help=True, help="Senders whose leads are never spam.")


@commands.command("list")
def list_senders(as_json: Json = False) -> None:
    """List the senders that were allowed, when, and by whom."""
    found: list[AllowedSender] = asyncio.run(with_books(lambda books: books.allowed_senders()))
    if as_json:
        for one in found:
            console.print_json({**asdict(one), "since": one.since.isoformat()})
        return
    rows = ((one.address, f"{one.since:%Y-%m-%d %H:%M:%S}", one.who) for one in found)
    console.wide.print(console.table(("e-mail", "since (UTC)", "by"), rows))


@commands.command()
def allow(addresses: Addresses, as_json: Json = False) -> None:
    """Never take for spam what these senders send to forms."""

    async def run() -> None:
        async with hands() as person:
            await person.allow(addresses)

    asyncio.run(run())
    console.told(f"allowed: {len(set(addresses))}", {"allowed": len(set(addresses))}, as_json=as_json)


@commands.command()
def forget(addresses: Addresses, as_json: Json = False) -> None:
    """Judge these senders like everybody again."""

    async def run() -> list[str]:
        async with hands() as person:
            return await person.forget(addresses)

    unknown = asyncio.run(run())
    if as_json:
        console.print_json({"forgotten": len(set(addresses)) - len(unknown), "unknown": unknown})
    for one in unknown:
        console.complain(f"{one} was not allowed")
    if unknown:
        raise typer.Exit(1)

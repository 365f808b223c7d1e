"""`lead-relay backup`, `restore` and `audit`: the store as a whole."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from app.cli import console, console_leads
from app.cli.base import Json, hands, with_books, with_store
from app.errors import ConfigurationError, StoreUnavailable

commands = typer.Typer()


@commands.command()
def backup(
    path: Annotated[Path, typer.Argument(help="The file to write.")],
    force: Annotated[bool, typer.Option(help="Replace a file that is there.")] = False,
    as_json: Json = False,
) -> None:
    """Copy the whole store, while the relay runs, into one SQLite file."""
    from app.outbox.backup import back_up

    if path.exists() and not (force and path.is_file()):
        raise ConfigurationError(f"{path} is there already: choose another name, or say --force.")
    settings, url = with_store()
    with console.progress("backup") as advance:
        asyncio.run(back_up(url, path, advance, settings.attachments_dir))
    size = path.stat().st_size
    console.told(f"{path}: {size:,} bytes", {"file": str(path), "bytes": size}, as_json=as_json)
    asyncio.run(_note_backup())


async def _note_backup() -> None:
    """Keeps that everything was copied out of the store; a backup that cannot be noted is one all the same."""
    try:
        async with hands() as person:
            await person.outbox.write(partial(person.note, what="backup", words=""))
    except StoreUnavailable as error:
        console.complain(f"The backup is whole, but the audit trail does not tell of it: {error}")
        raise typer.Exit(1) from error


@commands.command()
def restore(
    path: Annotated[Path, typer.Argument(help="A file that `backup` wrote.")],
    check: Annotated[bool, typer.Option("--check", help="Only look whether it is whole.")] = False,
    as_json: Json = False,
) -> None:
    """Put a backup into a new store, while no relay runs on it."""
    from app.outbox.backup import look_through, put_back

    looked = asyncio.run(look_through(path))
    for state, count in looked.counts.items():
        console.say(f"{state.value}: {count}")
    for words in looked.wrong:
        console.complain(words)
    is_put_back = not (check or looked.wrong)
    if is_put_back:
        settings, url = with_store(must_exist=False)
        with console.progress("restore") as advance:
            asyncio.run(put_back(path, url, advance, settings.attachments_dir))
    if as_json:
        counts = {state.value: count for state, count in looked.counts.items()}
        console.print_json({"file": str(path), "leads": counts, "wrong": list(looked.wrong), "restored": is_put_back})
    if looked.wrong:
        raise typer.Exit(1)
    console.say("The backup is whole." if check else "The backup is in the store.")


@commands.command()
def audit(
    lead: Annotated[str | None, typer.Option(help="Only what was done to the lead of this id.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many, the newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """List what people did to leads: who, when, what, which fields."""
    console_leads.deeds(asyncio.run(with_books(lambda books: books.trail(lead, limit))), as_json=as_json)

"""`lead-relay tail`: what happens to leads, as it happens."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from app.cli import console, console_leads
from app.cli.base import Json, with_books
from app.errors import StoreUnavailable

if TYPE_CHECKING:
    from app.outbox.books import Books
    from app.outbox.changes import Seen

EVERY = 1.0
commands = typer.Typer()


@commands.command()
def tail(as_json: Json = False) -> None:
    """Follow what happens to leads, a line a change, until it is stopped. Whichever relay does it."""
    try:
        asyncio.run(with_books(lambda books: _follow(books, as_json=as_json)))
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except (BrokenPipeError, SystemExit):  # nobody reads any more, which rich says in its own way
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None


async def _follow(books: Books, *, as_json: bool) -> None:
    """Goes on where the store is away for a while. StoreUnavailable where it is from the beginning."""
    from app.outbox.changes import seen_now

    seen, is_away = await books.read(seen_now), False
    while True:
        await asyncio.sleep(EVERY)
        try:
            seen = await _print(books, seen, as_json=as_json)
            is_away = False
        except StoreUnavailable as error:
            if not is_away:
                console.complain(f"{error} It is tried again.")
            is_away = True


async def _print(books: Books, since: Seen, *, as_json: bool) -> Seen:
    """What has changed since; all that is seen then."""
    from app.outbox.changes import pages, seen_now

    seen = await books.read(seen_now)
    async for page in pages(books, since, seen):
        for one in page:
            console_leads.changed(one, datetime.now(UTC), as_json=as_json)
        sys.stdout.flush()
    return seen

"""`lead-relay leads …`: the leads, and what a person does to them, by their ids or by what they have in common."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from app.cli import console, console_leads
from app.cli.base import Json, configuration, endpoints, hands, with_books
from app.cli.choice import Choice, Endpoint, Since, Source, State, Until, Words, Work, carry_out, chooses, sought
from app.errors import ConfigurationError
from app.lead import FIELDS
from app.outbox.acts import ACTS
from app.outbox.records import Sought
from app.sheets.export import as_csv, stored_json
from app.sheets.sheet import new_file

if TYPE_CHECKING:
    from app.outbox.hands import Hands
    from app.outbox.remap import Change

AT_ONCE = 500
"""So many leads an export reads at once."""
commands = typer.Typer(no_args_is_help=True, help="The leads, and where each one stands.")


@commands.command("list")
def list_leads(
    *,
    state: State = None,
    endpoint: Endpoint = None,
    find: Words = None,
    source: Source = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many, the newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """List the newest leads."""
    from app.outbox import search

    mine = sought(find, endpoint, source, since, until)
    mine = replace(mine, states=(state,) if state else ())
    found = asyncio.run(with_books(lambda books: books.read(partial(search.find, sought=mine, limit=limit))))
    console_leads.leads(found, as_json=as_json, is_filtered=mine != Sought())


@commands.command("show")
def show_lead(
    lead_id: Annotated[str, typer.Argument(help="The lead's id, as `leads list` shows it.")], as_json: Json = False
) -> None:
    """Show one lead: what was sent, what it became, and every attempt to deliver it."""

    async def look(books: Any) -> Any:
        lead = await books.lead(lead_id)
        if lead is None:
            raise ConfigurationError(f"There is no lead {lead_id}; lead-relay leads list shows those there are.")
        submission, files = await books.submission(lead.submission_id), await books.attachments(lead.submission_id)
        return lead, submission, await books.attempts(lead_id), files

    console_leads.lead(*asyncio.run(with_books(look)), as_json=as_json)


def simple(what: str) -> None:
    """Adds a command for an act that has nothing to say but which leads."""

    def command(choice: Choice) -> None:
        carry_out(what, choice, lambda person, some: person.do(what, some, chosen_in=choice.chosen_in))

    commands.command(what, help=ACTS[what].help)(chooses(command))


@commands.command("release", help=ACTS["release"].help)
@chooses
def release(
    choice: Choice,
    allow: Annotated[bool, typer.Option("--allow", help="What these people send is never spam again.")] = False,
) -> None:
    """Teaches nothing, unless the senders are allowed by name."""
    chosen_in = choice.chosen_in
    carry_out("release", choice, lambda person, some: person.do("release", some, allow=allow, chosen_in=chosen_in))


@commands.command("edit", help=ACTS["edit"].help)
@chooses
def edit(
    choice: Choice,
    put: Annotated[list[str], typer.Option("--set", help=f"FIELD=VALUE; a field is one of {', '.join(FIELDS)}.")],
) -> None:
    """Gives every chosen lead the same values."""
    changes = dict(_pair(one) for one in put)
    _, config = configuration()
    chosen_in = choice.chosen_in
    carry_out("edit", choice, lambda person, some: person.do("edit", some, changes, config, chosen_in=chosen_in))


simple("resend")


@commands.command("remap", help=ACTS["remap"].help)
@chooses
def remap(
    choice: Choice,
    named: Annotated[
        str | None, typer.Option("--as", help="Read as a request to this form or hook.", autocompletion=endpoints)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
) -> None:
    """Reads each request once, however many of its leads are chosen."""
    from app.outbox.remap import remap_each

    _, config = configuration()
    if named is not None and named not in config.names:
        raise ConfigurationError(f"--as {named}: relay.toml has no such form or hook")

    def told(change: Change) -> None:
        if dry_run or choice.as_json:
            console_leads.change(change, as_json=choice.as_json)

    how: dict[str, Any] = {"known": {}, "dry_run": dry_run, "chosen_in": choice.chosen_in, "told": told}
    work: Work = partial(remap_each, config=config, named=named, **how)
    carry_out("remap", choice, work, dry_run=dry_run)


for _what in ("spam", "discard", "erase"):
    simple(_what)


@commands.command("files")
def save_files(
    lead_id: Annotated[str, typer.Argument(help="The lead's id.")],
    to: Annotated[Path, typer.Option(help="The folder to write to, which has to be there.")],
    as_json: Json = False,
) -> None:
    """Write the files that came with a lead into a folder. Nothing there is replaced."""

    async def save() -> None:
        async with hands() as person:
            lead = await person.outbox.books.lead(lead_id)
            if lead is None:
                raise ConfigurationError(f"There is no lead {lead_id}; lead-relay leads list shows those there are.")
            found = await person.outbox.books.attachments(lead.submission_id)
            for one in found:
                path = str(copied(person.outbox.files.path(one.attachment.file), to, one.attachment.name))
                console.told(path, {"file": path}, as_json=as_json)
            if found:
                await person.note_export([lead_id])
            console.say(f"written: {len(found)}")

    asyncio.run(save())


def copied(source: Path, folder: Path, name: str) -> Path:
    """Copies a file under its sender's name, or one like it that is free, for its owner's eyes only."""
    stem, ending = Path(name).stem, Path(name).suffix
    for number in count(1):
        path = folder / (name if number == 1 else f"{stem} ({number}){ending}")
        try:
            out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        except OSError as error:
            raise ConfigurationError(f"{path}: cannot be written: {error.strerror}") from error
        break
    try:
        with os.fdopen(out, "wb") as into, source.open("rb") as contents:
            shutil.copyfileobj(contents, into)
    except OSError as error:
        path.unlink()
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror} ({error.filename})") from error
    return path


@commands.command("export", help=ACTS["export"].help)
@chooses
def export(
    choice: Choice,
    path: Annotated[str, typer.Argument(help="The new file; - writes to standard output.")],
    form: Annotated[
        Literal["csv", "jsonl"], typer.Option("--format", help="A table, or one JSON object a line.")
    ] = "csv",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Writes as it reads; the file is for its owner's eyes. --json is short for --format jsonl.

    A table in a file begins with a byte order mark, as spreadsheets ask for.
    """
    is_csv = form == "csv" and not choice.as_json
    encoding = "utf-8-sig" if is_csv else "utf-8"
    with nullcontext(sys.stdout) if path == "-" else new_file(Path(path), force=force, encoding=encoding) as out:
        has_head = False

        async def work(person: Hands, some: Sequence[str]) -> Mapping[str, str]:
            nonlocal has_head
            found = await person.outbox.books.of_ids(some)
            lines = (f"{console.json_line(stored_json(one))}\n" for one in found)
            out.write(as_csv(found, has_head=not has_head) if is_csv else "".join(lines))
            has_head = has_head or bool(found)
            await person.note_export(ids := [lead.id for lead in found])
            return {lead_id: "there is no such lead" for lead_id in some if lead_id not in ids}

        carry_out("export", choice, work, at_once=AT_ONCE)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ConfigurationError(f"--set {text}: expected FIELD=VALUE")
    return name.strip(), value

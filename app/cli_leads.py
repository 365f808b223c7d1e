"""`lead-relay leads …`: the leads, and what a person does to them, by their ids or by what they have in common."""

from __future__ import annotations

import asyncio
import inspect
import os
import shutil
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from app import console, console_leads
from app.commands import Json, configuration, hands, sure, with_books
from app.errors import ConfigurationError
from app.export import as_csv
from app.lead import FIELDS, LeadState
from app.outbox.acts import ACTS

if TYPE_CHECKING:
    from app.outbox.hands import Hands

AT_ONCE = 50
"""So many leads share a commit."""

Work = Callable[["Hands", Sequence[str]], Awaitable[Mapping[str, str]]]
"""Does something to leads; gives the ids of those that it was not done to, each with the reason."""
commands = typer.Typer(no_args_is_help=True, help="The leads, and where each one stands.")


@dataclass(frozen=True, slots=True)
class Choice:
    """Which leads; its fields are arguments of every act."""

    ids: Annotated[list[str] | None, typer.Argument(help="Leads' ids; or choose with the options.")] = None
    state: Annotated[LeadState | None, typer.Option(help="Those in this state.")] = None
    endpoint: Annotated[str | None, typer.Option(help="Those of this form or hook.")] = None
    email: Annotated[str | None, typer.Option(help="Those that this address stands in, anywhere.")] = None
    everything: Annotated[bool, typer.Option("--all", help="All that it can be done to.")] = False
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False

    def __post_init__(self) -> None:
        has_filter = bool(self.state or self.endpoint or self.everything)
        if [bool(self.ids), self.email is not None, has_filter].count(True) != 1:
            raise ConfigurationError("Name leads by their ids, or choose by --state and --endpoint, --email, or --all.")
        if self.email is not None and "@" not in self.email.strip("@ "):
            raise ConfigurationError(f"--email {self.email}: expected an e-mail address")

    async def find(self, person: Hands, states: frozenset[LeadState]) -> list[str]:
        """The ids. Who chooses by no state means the leads in one of `states`."""
        from app.outbox.by_address import leads_with

        if self.email is not None:
            return await leads_with(person.outbox, self.email)
        if self.ids:
            return list(dict.fromkeys(self.ids))
        return await person.choose([self.state] if self.state else states, self.endpoint)


def chooses(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the arguments that choose leads, beside its own, and hands it the `Choice`."""
    shared = inspect.signature(Choice, eval_str=True).parameters
    own = [one for one in inspect.signature(command, eval_str=True).parameters.values() if one.name != "choice"]

    def run(**given: Any) -> None:
        command(Choice(**{name: given.pop(name) for name in shared}), **given)

    parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in (*own, *shared.values())]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run


@commands.command("list")
def list_leads(
    state: Annotated[LeadState | None, typer.Option(help="Only those in this state.")] = None,
    endpoint: Annotated[str | None, typer.Option(help="Only those of this form or hook.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many, the newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """List the newest leads."""
    found = asyncio.run(with_books(lambda books: books.leads(state=state, endpoint=endpoint, limit=limit)))
    console_leads.leads(found, as_json=as_json, is_filtered=bool(state or endpoint))


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


@commands.command("files")
def save_files(
    lead_id: Annotated[str, typer.Argument(help="The lead's id.")],
    to: Annotated[Path, typer.Option(help="The folder to write to, which has to be there.")],
) -> None:
    """Write the files that came with a lead into a folder. Nothing there is replaced."""

    async def save() -> None:
        async with hands() as person:
            lead = await person.outbox.books.lead(lead_id)
            if lead is None:
                raise ConfigurationError(f"There is no lead {lead_id}; lead-relay leads list shows those there are.")
            found = await person.outbox.books.attachments(lead.submission_id)
            for one in found:
                console.say(str(copied(person.outbox.files.path(one.attachment.file), to, one.attachment.name)))
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


def simple(what: str) -> None:
    """Adds a command for an act that has nothing to say but which leads."""

    def command(choice: Choice) -> None:
        carry_out(what, choice, lambda person, some: person.do(what, some))

    commands.command(what, help=ACTS[what].help)(chooses(command))


for _what in ("resend", "spam", "discard", "erase"):
    simple(_what)


@commands.command("release", help=ACTS["release"].help)
@chooses
def release(
    choice: Choice,
    allow: Annotated[bool, typer.Option("--allow", help="What these people send is never spam again.")] = False,
) -> None:
    """Teaches nothing, unless the senders are allowed by name."""
    carry_out("release", choice, lambda person, some: person.do("release", some, allow=allow))


@commands.command("edit", help=ACTS["edit"].help)
@chooses
def edit(
    choice: Choice,
    put: Annotated[list[str], typer.Option("--set", help=f"FIELD=VALUE; a field is one of {', '.join(FIELDS)}.")],
) -> None:
    """Gives every chosen lead the same values."""
    changes = dict(_pair(one) for one in put)
    _, config = configuration()
    carry_out("edit", choice, lambda person, some: person.do("edit", some, changes, config))


@commands.command("remap", help=ACTS["remap"].help)
@chooses
def remap(
    choice: Choice,
    named: Annotated[str | None, typer.Option("--as", help="Read as a request to this form or hook.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    as_json: Json = False,
) -> None:
    """Reads each request once, however many of its leads are chosen."""
    from app.outbox.remap import remap as read_again

    _, config = configuration()
    if named is not None and named not in {one.name for one in config.endpoints()}:
        raise ConfigurationError(f"--as {named}: relay.toml has no such form or hook")
    known: dict[str, str] = {}

    async def work(person: Hands, some: Sequence[str]) -> Mapping[str, str]:
        for lead_id in some:
            for change in [] if lead_id in known else await read_again(person, lead_id, config, named, dry_run=dry_run):
                known[change.id] = change.refusal
                if dry_run:
                    console_leads.change(
                        change.id if change.stored else "", change.refusal, change.fields, as_json=as_json
                    )
        return {lead_id: known[lead_id] for lead_id in some if known[lead_id]}

    carry_out("remap", choice, work, dry_run=dry_run)


@commands.command("export", help=ACTS["export"].help)
@chooses
def export(
    choice: Choice, path: Annotated[str, typer.Argument(help="The CSV file; - writes to standard output.")]
) -> None:
    """Writes as it reads; the file is for its owner's eyes."""
    with nullcontext(sys.stdout) if path == "-" else _private(path) as out:
        has_head = False

        async def work(person: Hands, some: Sequence[str]) -> Mapping[str, str]:
            nonlocal has_head
            found = await person.outbox.books.of_ids(some)
            out.write(as_csv(found, has_head=not has_head))
            has_head = has_head or bool(found)
            await person.note_export(ids := [lead.id for lead in found])
            return {lead_id: "there is no such lead" for lead_id in some if lead_id not in ids}

        carry_out("export", choice, work)


def carry_out(what: str, choice: Choice, work: Work, *, dry_run: bool = False) -> None:
    """Does an act to the chosen leads, step by step: the count, a question, a bar, what came of it.

    Asks where leads were not named one by one, or are to be erased; exit code 1 if any was refused.
    """

    async def run() -> Mapping[str, str]:
        async with hands() as person:
            ids = await choice.find(person, ACTS[what].states)
            if not choice.ids or what == "erase":
                words = "" if choice.email is None else " that have or mention this address"
                sure(f"{what}: {len(ids)} leads{words}", yes=choice.yes or dry_run or what == "export" or not ids)
            refused: dict[str, str] = {}
            with console.progress(what, len(ids)) as advance:
                for start in range(0, len(ids), AT_ONCE):
                    some = ids[start : start + AT_ONCE]
                    refused |= await work(person, some)
                    advance(len(some))
            if what == "erase":
                await _erase_the_rest(person, choice.email)
            done = "would be " * dry_run + ACTS[what].done
            console.outcome(done, len(ids) - len(refused), refused)
            return refused

    if asyncio.run(run()):
        raise typer.Exit(1)


async def _erase_the_rest(person: Hands, email: str | None) -> None:
    """What stands beside leads, in the store's log, and out of our reach."""
    from app.outbox.by_address import erase_beside
    from app.outbox.erasure import wipe

    if email is not None:
        await erase_beside(person, email)
    if not await wipe(person.outbox):
        console.complain("The store is being read, so its log keeps what was erased until the relay next tidies up.")
    console.say("What AgencyHandy has of them has to be deleted there, by hand; so do backups and exports.")


def _private(path: str) -> TextIO:
    """A file that only its owner reads."""
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror}") from error
    return os.fdopen(number, "w", encoding="utf-8", newline="")


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ConfigurationError(f"--set {text}: expected FIELD=VALUE")
    return name.strip(), value

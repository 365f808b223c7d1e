"""`lead-relay leads …`: what a person does to leads, named by id or chosen by what they have in common."""

from __future__ import annotations

import asyncio
import csv
import inspect
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, Literal, TextIO

import typer

from app import console
from app.commands import Json, configuration, hands, says_what_is_wrong, sure
from app.endpoints import Endpoint, RelayConfig
from app.errors import ActRefused, ConfigurationError
from app.lead import FIELDS, LeadState

if TYPE_CHECKING:
    from app.outbox.acts import Hands
    from app.outbox.remap import Change

AT_ONCE = 50
"""So many acts share a commit."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would carry out."""

acts = typer.Typer()
Act = Callable[["Hands", str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which leads; its fields are the arguments of every command here."""

    ids: Annotated[list[str] | None, typer.Argument(help="Leads' ids; or choose with the options.")] = None
    state: Annotated[LeadState | None, typer.Option(help="Those in this state.")] = None
    endpoint: Annotated[str | None, typer.Option(help="Those of this form or hook.")] = None
    reason: Annotated[str | None, typer.Option(help="Those whose reason begins so, such as signature.")] = None
    since: Annotated[datetime | None, typer.Option(help="Those received then or later (UTC).")] = None
    before: Annotated[datetime | None, typer.Option(help="Those received earlier (UTC).")] = None
    everything: Annotated[bool, typer.Option("--all", help="All that it can be done to.")] = False
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False

    @property
    def is_filter(self) -> bool:
        """Whether leads are chosen by what they have in common."""
        return any((self.state, self.endpoint, self.reason, self.since, self.before, self.everything))

    def where(self, states: frozenset[LeadState]) -> Any:
        """The condition of the leads, which are in one of the states if no other is asked for."""
        from app.outbox.acts import chosen

        return chosen(
            [self.state] if self.state else states,
            endpoint=self.endpoint,
            reason=self.reason,
            since=self.since and self.since.replace(tzinfo=UTC),
            before=self.before and self.before.replace(tzinfo=UTC),
            ids=self.ids or (),
        )


def takes_a_choice(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the arguments that choose leads, beside its own, and hands it the `Choice`."""
    choice = inspect.signature(Choice, eval_str=True).parameters
    own = [one for one in inspect.signature(command, eval_str=True).parameters.values() if one.name != "choice"]

    @wraps(command)
    def run(**given: Any) -> None:
        command(Choice(**{name: given.pop(name) for name in choice}), **given)

    parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in (*own, *choice.values())]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    del run.__dict__["__wrapped__"]
    return says_what_is_wrong(run)


def simple(what: str, done: str, words: str, act: Act) -> None:
    """Adds a command that has nothing to say but which leads."""

    def command(choice: Choice) -> None:
        carry_out(what, done, choice, act)

    acts.command(what, help=words)(takes_a_choice(command))


simple("release", "released", "Send leads that are held, spam or duplicates.", lambda who, id_: who.release(id_))
simple("spam", "marked as spam", "Mark leads as spam: they are kept, not sent.", lambda who, id_: who.mark_spam(id_))
simple("discard", "discarded", "Put leads away.", lambda who, id_: who.discard(id_))


@acts.command()
@takes_a_choice
def edit(
    choice: Choice,
    put: Annotated[list[str], typer.Option("--set", help=f"FIELD=VALUE; a field is one of {', '.join(FIELDS)}.")],
) -> None:
    """Change fields of leads, and send them."""
    changes = dict(_pair(one) for one in put)
    _, config = configuration()

    async def act(person: Hands, lead_id: str) -> None:
        lead = await person.outbox.books.lead(lead_id)
        endpoint = _endpoint(config, lead.endpoint) if lead else None
        await person.edit(lead_id, changes, endpoint.region if endpoint else config.region)

    carry_out("edit", "edited", choice, act)


@acts.command()
@takes_a_choice
def erase(
    choice: Choice,
    email: Annotated[str | None, typer.Option(help="Wherever this address stands, instead.")] = None,
) -> None:
    """Delete what leads say, for good, and the requests they came in. AgencyHandy keeps what it has."""
    if email is None:
        carry_out("erase", "erased", choice, lambda person, lead_id: person.erase(lead_id), always_ask=True)
    elif choice.ids or choice.is_filter:
        raise ConfigurationError("--email chooses by itself: leave the ids and the other options out.")
    else:
        asyncio.run(_erase_address(email, yes=choice.yes))
    console.say("What AgencyHandy has of them has to be deleted there, by hand; so do backups and exports.")


@acts.command()
@takes_a_choice
def remap(
    choice: Choice,
    as_: Annotated[str | None, typer.Option("--as", help="Read as a request to this form or hook.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Only show what would change.")] = False,
    as_json: Json = False,
) -> None:
    """Read the requests of stopped leads again, as relay.toml maps them today."""
    from app.outbox.remap import look
    from app.outbox.remap import remap as read_again

    _, config = configuration()
    if as_ is not None and _endpoint(config, as_) is None:
        raise ConfigurationError(f"--as {as_}: relay.toml has no such form or hook")
    read: dict[str, asyncio.Task[list[Change]]] = {}

    async def act(person: Hands, lead_id: str) -> None:
        if (lead := await person.outbox.books.lead(lead_id)) is None:
            raise ActRefused("there is no such lead")
        if (endpoint := _endpoint(config, as_ or lead.endpoint)) is None:
            raise ActRefused(f"no form or hook is called {lead.endpoint}: name one with --as")
        if is_first := (id_ := lead.submission_id) not in read:
            read[id_] = asyncio.create_task((look if dry_run else read_again)(person, id_, endpoint))
        changes = await read[id_]
        for change in changes if is_first and dry_run else []:
            of = change.stored.id if change.stored else ""
            console.changes(of, change.refusal, change.fields, as_json=as_json)
        if why := next((one.refusal for one in changes if one.stored and one.stored.id == lead_id), ""):
            raise ActRefused(why)

    done = "would be re-mapped" if dry_run else "re-mapped"
    carry_out("remap", done, choice, act, never_ask=dry_run)


@acts.command()
@takes_a_choice
def export(
    choice: Choice,
    path: Annotated[str, typer.Argument(help="The file; - writes to standard output.")],
    form: Annotated[Literal["csv", "jsonl"], typer.Option("--format", help="How it is written.")] = "csv",
) -> None:
    """Write leads with all their fields into a file."""
    asyncio.run(_export(choice, path, as_csv=form == "csv"))


def carry_out(
    what: str, done: str, choice: Choice, act: Act, *, always_ask: bool = False, never_ask: bool = False
) -> None:
    """Does an act to the chosen leads, having asked where they were not named; exit code 1 if any was refused."""

    async def run() -> dict[str, str]:
        async with hands() as person:
            ids = await _chosen(person, what, choice)
            if (always_ask or not choice.ids) and ids and not never_ask:
                sure(f"{what}: {len(ids)} leads", yes=choice.yes)
            refused: dict[str, str] = {}
            with console.progress(what, len(ids)) as bar:
                for some in (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE)):
                    whys = await asyncio.gather(*(_why_not(act, person, lead_id) for lead_id in some))
                    refused |= {lead_id: why for lead_id, why in zip(some, whys, strict=True) if why}
                    bar.advance(bar.task_ids[0], len(some))
            console.outcome(done, len(ids) - len(refused), refused)
            if what == "erase":
                await _wipe(person)
            return refused

    if asyncio.run(run()):
        raise typer.Exit(1)


async def _why_not(act: Act, person: Hands, lead_id: str) -> str:
    try:
        await act(person, lead_id)
    except ActRefused as refusal:
        return str(refusal)
    return ""


async def _chosen(person: Hands, what: str, choice: Choice) -> list[str]:
    from app.outbox.acts import MAY
    from app.outbox.tables import leads

    if bool(choice.ids) == choice.is_filter:
        raise ConfigurationError("Name leads by their ids, or choose them by options such as --state, or --all.")
    if choice.ids:
        return list(dict.fromkeys(choice.ids))
    return await person.outbox.books.ids(leads, *choice.where(MAY[what]))


async def _erase_address(address: str, *, yes: bool) -> None:
    from app.outbox.by_address import erase_address, find_address

    if "@" not in address.strip("@ "):
        raise ConfigurationError(f"--email {address}: expected an e-mail address")
    async with hands() as person:
        found = await find_address(person.outbox, address)
        beside = f"{len(found.others)} leads that only mention it, {len(found.requests)} requests"
        sure(f"erase: {len(found.own)} leads with this address, {beside}", yes=yes)
        count, sending = await erase_address(person, address)
        await _wipe(person)
        console.outcome("erased", count, dict.fromkeys(sending, "it is being sent at this moment: run this again"))
    if sending:
        raise typer.Exit(1)


async def _wipe(person: Hands) -> None:
    from app.outbox.erasure import wipe

    if not await wipe(person.outbox):
        console.complain("The store is being read, so its log keeps what was erased until the relay next tidies up.")


async def _export(choice: Choice, path: str, *, as_csv: bool) -> None:
    """Streams the leads; the file is for its owner's eyes."""
    where = choice.where(frozenset(LeadState))
    async with hands() as person:
        with nullcontext(sys.stdout) if path == "-" else _private(path) as out:
            count = 0
            table = csv.writer(out)
            async for lead in person.outbox.books.choose(*where):
                row = console.whole_json(lead)
                if as_csv and not count:
                    table.writerow(row)
                _ = table.writerow(map(cell, row.values())) if as_csv else out.write(console.json_line(row) + "\n")
                count += 1
        await person.outbox.write(lambda open_: person.note(open_, "export", f"{count} leads"))
    console.say(f"exported: {count}")


def _private(path: str) -> TextIO:
    """A file that only its owner reads."""
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror}") from error
    return os.fdopen(number, "w", encoding="utf-8", newline="")


def cell(value: Any) -> str:
    """A value as a spreadsheet may have it: never a formula, whatever a stranger typed."""
    if isinstance(value, dict):
        value = "; ".join(f"{name}: {one}" for name, one in value.items())
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise ConfigurationError(f"--set {text}: expected FIELD=VALUE")
    return name.strip(), value


def _endpoint(config: RelayConfig, name: str) -> Endpoint | None:
    return next((one for one in config.endpoints() if one.name == name), None)

"""Which leads a command is about, and how an act is done to many of them: counted, asked, step by step, told."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import console
from app.cli.base import Json, endpoints, hands, sure
from app.errors import ConfigurationError
from app.lead import LeadState
from app.outbox.acts import A_STEP, ACTS
from app.outbox.records import Sought

if TYPE_CHECKING:
    from app.outbox.hands import Hands

TOLD_ONE_BY_ONE = ("remap", "export")
"""Acts that print an object for each lead themselves."""

Work = Callable[["Hands", Sequence[str]], Awaitable[Mapping[str, str]]]
"""Does something to leads; gives the ids of those that it was not done to, each with the reason."""
State = Annotated[LeadState | None, typer.Option(help="Those in this state.")]
Endpoint = Annotated[str | None, typer.Option(help="Those of this form or hook.", autocompletion=endpoints)]
Words = Annotated[str | None, typer.Option(help="Those with these words in name, e-mail, phone or text.")]
Source = Annotated[str | None, typer.Option(help="Those of this source, as AgencyHandy has it.")]
Since = Annotated[datetime | None, typer.Option(help="Those that came from then on (UTC).")]
Until = Annotated[datetime | None, typer.Option(help="Those that came before (UTC).")]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which leads; its fields are arguments of every act."""

    ids: Annotated[list[str] | None, typer.Argument(help="Leads' ids; or choose with the options.")] = None
    state: State = None
    endpoint: Endpoint = None
    find: Words = None
    source: Source = None
    since: Since = None
    until: Until = None
    email: Annotated[str | None, typer.Option(help="Those that this address stands in, anywhere.")] = None
    everything: Annotated[bool, typer.Option("--all", help="All that it can be done to.")] = False
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False
    as_json: Json = False

    def __post_init__(self) -> None:
        filters = (self.state, self.endpoint, self.find, self.source, self.since, self.until, self.everything)
        if [bool(self.ids), self.email is not None, any(filters)].count(True) != 1:
            raise ConfigurationError(
                "Name leads by their ids, or choose by --state, --endpoint, --find, --source, --since and --until, "
                "by --email, or --all."
            )
        if self.email is not None and "@" not in self.email.strip("@ "):
            raise ConfigurationError(f"--email {self.email}: expected an e-mail address")

    @property
    def chosen_in(self) -> frozenset[LeadState] | None:
        """The state that leads were chosen by, where they were: who has left it since is left alone."""
        return frozenset((self.state,)) if self.state else None

    async def which(self, person: Hands, states: frozenset[LeadState]) -> list[str]:
        """The ids, the oldest first. Who chooses by no state means the leads in one of `states`."""
        from app.outbox.by_address import leads_with
        from app.outbox.search import ids

        if self.email is not None:
            return await leads_with(person.outbox, self.email)
        if self.ids:
            return list(dict.fromkeys(self.ids))
        mine = sought(self.find, self.endpoint, self.source, self.since, self.until)
        mine = replace(mine, states=(self.state,) if self.state else tuple(states))
        return await person.outbox.books.read(partial(ids, sought=mine, upto=person.outbox.new_id()))


def sought(
    words: str | None, endpoint: str | None, source: str | None, since: datetime | None, until: datetime | None
) -> Sought:
    """What the options say."""
    from_, to = (one and one.replace(tzinfo=UTC) for one in (since, until))
    return Sought(words or "", endpoint=endpoint or "", source=source or "", since=from_, until=to)


def chooses(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the arguments that choose leads, beside its own, and hands it the `Choice`."""
    shared = inspect.signature(Choice, eval_str=True).parameters
    own = [one for one in inspect.signature(command, eval_str=True).parameters.values() if one.name != "choice"]

    def run(**given: Any) -> None:
        command(Choice(**{name: given.pop(name) for name in shared}), **given)

    parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in (*own, *shared.values())]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # typer reads it; mypy knows no such attribute of a function
    return run


def carry_out(what: str, choice: Choice, work: Work, *, dry_run: bool = False, at_once: int = A_STEP) -> None:
    """Does an act to the chosen leads, step by step: the count, a question, a bar, what came of it.

    Asks where leads were not named one by one, or are to be erased; exit code 1 if any was refused.
    """

    async def run() -> Mapping[str, str]:
        async with hands() as person:
            ids = await choice.which(person, ACTS[what].states)
            if not choice.ids or what == "erase":
                words = "" if choice.email is None else " that have or mention this address"
                sure(f"{what}: {len(ids)} leads{words}", yes=choice.yes or dry_run or what == "export" or not ids)
            refused: dict[str, str] = {}
            with console.progress(what, len(ids)) as advance:
                for start in range(0, len(ids), at_once):
                    some = ids[start : start + at_once]
                    refused |= await work(person, some)
                    advance(len(some))
            if what == "erase":
                await _erase_the_rest(person, choice.email)
            done = "would be " * dry_run + ACTS[what].done
            console.outcome(done, len(ids) - len(refused), refused)
            if choice.as_json and what not in TOLD_ONE_BY_ONE:
                console.print_json({"act": what, "done": len(ids) - len(refused), "refused": refused})
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

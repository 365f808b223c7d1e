"""What a drill shows: a bar while it goes on, and what it found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app.cli import console
from app.drill.plan import Event
from app.drill.reconcile import Outcome


@contextmanager
def drilling() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on a terminal; it is told what is going on, how much is done, and of how much."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console.err, transient=True, disable=not console.err.is_terminal) as bar:
        task = bar.add_task("")
        yield lambda what, done, of: bar.update(task, description=what, completed=done, total=of)


def plan(seed: int, events: Iterable[Event], folder: Path | None) -> None:
    """What a drill is about to do."""
    console.say(f"Seed {seed}. " + "; ".join(f"at {event.at}: {event.name}" for event in events) + ".")
    if folder is not None:
        console.say(f"Everything stays in {folder}.")


def drilled(one: Outcome, *, as_json: bool) -> None:
    """What a drill found: the table, or in its place the line for programs and the table for people beside it."""
    keys = ("sent", "acknowledged", "once", "lost", "doubled", "longest_wait_s")
    facts = {key: getattr(one, key) for key in keys}
    words = ("sent", "acknowledged", "in AgencyHandy once", "lost", "doubled", "longest wait in seconds")
    rows = [*zip(words, facts.values(), strict=True), ("not settled", one.unsettled), *one.injected.items()]
    (console.err if as_json else console.wide).print(
        console.table(("", "how many"), ((name, str(value)) for name, value in rows))
    )
    if as_json:
        console.print_json(facts)

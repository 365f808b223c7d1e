"""What the command line prints: tables for people, JSON lines for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from app.config.relay_toml import RelayConfig
from app.config.settings import DEMO_TOML, Settings

if TYPE_CHECKING:
    from app.cli.checkup import Finding

out = Console(highlight=False)
wide = Console(highlight=False, width=100_000)
err = Console(stderr=True, highlight=False, soft_wrap=True)

MOST_LINES = 20
STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


def say(text: str) -> None:
    """A line for a person."""
    err.print(escape(printable(text)))


def told(text: str, facts: dict[str, Any], *, as_json: bool) -> None:
    """What was done: in words for a person, or as an object for a program."""
    if as_json:
        print_json(facts)
    else:
        say(text)


def complain(text: str) -> None:
    """What is wrong and what to do."""
    for line in printable(text).splitlines():
        err.print(f"[bold red]✗[/] {escape(line)}")


def announce(settings: Settings, config: RelayConfig) -> None:
    """The first lines of `serve`."""
    takes = f"forms: {_names(config.forms)}; hooks: {_names(config.hooks)}"
    only = "it only delivers; forms and hooks are where --role intake runs"
    say(f"Lead Relay is at {settings.address} ({only if settings.role == 'delivery' else takes}).")
    if settings.uses_sandbox:
        say("AGENCYHANDY_API_KEY is not set, so leads go to the built-in sandbox and nothing leaves this machine.")
        if settings.is_on_this_machine and settings.desk_password is not None:
            password = settings.desk_password.get_secret_value()
            say(f"The desk is at {settings.address}/desk: name admin, password {password}")
    elif settings.relay_toml == DEMO_TOML:
        say(f"There is no relay.toml: {DEMO_TOML} applies, whose secrets everybody knows. Put your own in relay.toml.")


def rows(found: Sequence[Mapping[str, Any]], *, as_json: bool, empty: str) -> None:
    """A table of what stands under each name, or an object a line; `empty` where there is none."""
    if as_json:
        for row in found:
            print_json(dict(row))
    elif found:
        wide.print(table(tuple(found[0]), (tuple(map(_cell, row.values())) for row in found)))
    else:
        say(empty)


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S %Z}"
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def finding(one: Finding, *, as_json: bool) -> None:
    """A line of `check`, and further ones below it."""
    if as_json:
        return print_json({"what": one.what, "isWell": one.is_well, "words": one.words})
    mark = "[green]✓[/]" if one.is_well else "[bold red]✗[/]"
    first, *more = printable(one.words).splitlines()
    out.print(f"{mark} [bold]{one.what}[/]  {escape(first)}", soft_wrap=True)
    for line in more:
        out.print(f"  {escape(line)}", soft_wrap=True)
    return None


def outcome(done: str, count: int, refused: Mapping[str, str]) -> None:
    """What became of an act on several leads: how many it was done to, and why not to the others."""
    say(f"{done}: {count}" + (f"; refused: {len(refused)}" if refused else ""))
    for lead_id, why in list(refused.items())[:MOST_LINES]:
        complain(f"{lead_id}: {why}")
    if len(refused) > MOST_LINES:
        complain(f"and {len(refused) - MOST_LINES} more")


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A bar at a terminal; it is told how much more is done."""
    with Progress(console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda more: bar.advance(task, more)


def table(columns: Iterable[str], rows: Iterable[tuple[str | Text, ...]]) -> Table:
    """A table that cuts nothing off: what is too wide is folded."""
    found = Table(box=box.SIMPLE, pad_edge=False, show_edge=False)
    for column in columns:
        found.add_column(column, overflow="fold")
    for row in rows:
        found.add_row(*(Text(printable(cell)) if isinstance(cell, str) else cell for cell in row))
    return found


def line(mark: str, style: str, text: str) -> None:
    """A coloured word and what it is about, not broken into lines."""
    out.print(Text.assemble((mark, style), " ", printable(text)), soft_wrap=True)


def printable(text: str) -> str:
    """Without characters that steer a terminal: a lead's name is anybody's to write."""
    return STEERING.sub("\ufffd", text.replace("\r\n", "\n"))


def _names(endpoints: Iterable[str]) -> str:
    return ", ".join(endpoints) or "none"


def json_line(value: dict[str, Any]) -> str:
    """One line, whatever line ends are in it, and nothing that steers a terminal."""
    text = json.dumps(value, ensure_ascii=False, default=datetime.isoformat)
    return STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def print_json(value: dict[str, Any]) -> None:
    """An object on a line of standard output."""
    print(json_line(value))

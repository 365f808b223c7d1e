"""`lead-relay …`: the table of its commands. A module makes each group, parses arguments and calls one function."""

from __future__ import annotations

import io
import sys
from importlib.metadata import version
from typing import Annotated

import typer

from app.cli import forms, imports, leads, operators, running, senders, stats, store, tail, trying
from app.cli.base import InWords

app = typer.Typer(
    cls=InWords,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # they can be secrets and people
)
app.add_typer(running.commands)
app.add_typer(trying.commands)
app.add_typer(leads.commands, name="leads")
app.add_typer(senders.commands, name="senders")
app.add_typer(forms.commands, name="form")
app.add_typer(imports.commands)
app.add_typer(stats.commands)
app.add_typer(store.commands)
app.add_typer(tail.commands)
app.add_typer(operators.operator, name="operator")
app.add_typer(operators.token, name="token")
app.add_typer(trying.alerts, name="alerts")


def _tell(asked: bool) -> None:
    if asked:
        print(f"lead-relay {version('lead-relay')}")
        raise typer.Exit


@app.callback()
def top(
    _: Annotated[bool, typer.Option("--version", callback=_tell, is_eager=True, help="Which release this is.")] = False,
) -> None:
    """Takes enquiries and delivers each one to AgencyHandy as a lead, once."""


def main() -> None:
    """The command `lead-relay`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal or a file that has no ✓, and not everybody's name
    app()

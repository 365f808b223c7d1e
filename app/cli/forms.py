"""`lead-relay form …`: the forms there are, and what to paste into a website."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from app.cli import console
from app.cli.base import Json, configuration, forms
from app.config.addresses import is_loopback
from app.errors import ConfigurationError

Kind = Literal["script", "html", "fetch", "react", "wordpress"]
commands = typer.Typer(no_args_is_help=True, help="The forms, and what to paste into a website.")


@commands.command("list")
def list_forms(as_json: Json = False) -> None:
    """Every form and where it is sent to."""
    settings, config = configuration()
    for form in config.forms.values():
        address = f"{settings.address}{form.path}"
        if as_json:
            console.print_json({"name": form.name, "address": address, "title": form.title})
        else:
            typer.echo(console.printable(f"{form.name}  {address}  {form.title}"))


@commands.command()
def snippet(
    name: Annotated[str, typer.Argument(help="The form, as relay.toml names it.", autocompletion=forms)],
    kind: Annotated[
        Kind, typer.Option("--as", help="script sends from the page by relay.js, html goes on to another page.")
    ] = "script",
    as_json: Json = False,
) -> None:
    """Print what to paste into a website: the form with its fields, ready to be sent here."""
    from app.intake.snippets import SNIPPETS

    settings, config = configuration()
    form = config.forms.get(name)
    if form is None:
        there = ", ".join(config.forms) or "none"
        raise ConfigurationError(f"relay.toml has no form called {name}; there are: {there}")
    pasted = SNIPPETS[kind](form, settings.address)
    if as_json:
        console.print_json({"form": form.name, "as": kind, "snippet": pasted})
    else:
        typer.echo(pasted, nl=False)
    if is_loopback(settings.address):
        console.say(f"{settings.address} is this machine alone: set PUBLIC_URL to the address that visitors see.")

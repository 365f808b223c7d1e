"""`lead-relay check`, `preview`, `remap` and `alerts`: what tries a configuration, and changes nothing."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from app.cli import console, console_leads
from app.cli.base import Json, configuration, endpoints, with_books
from app.errors import ConfigurationError

commands = typer.Typer()
alerts = typer.Typer(no_args_is_help=True, help="Who is told when something is wrong.")


@commands.command()
def check(as_json: Json = False) -> None:
    """Look at key, company, role, store, configuration and public address, and say what to do."""
    from app.cli import checkup

    findings = asyncio.run(checkup.look(configuration))
    for finding in findings:
        console.finding(finding, as_json=as_json)
    if any(not finding.is_well for finding in findings):
        raise typer.Exit(1)


@commands.command()
def preview(
    body: Annotated[Path, typer.Argument(help="A file with the request's body; - reads standard input.")],
    endpoint: Annotated[
        str, typer.Option(help="The form or hook it would be sent to.", autocompletion=endpoints)
    ] = "contact",
    content_type: Annotated[str, typer.Option(help="Its content type.")] = "application/json",
    header: Annotated[
        list[str] | None, typer.Option(help="A further header, as 'Name: value'; may be repeated.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the leads a request would become, and why each field was chosen. Nothing is stored or sent."""
    from app.preview import look
    from app.sources.base import Inbound

    _, config = configuration()
    try:
        data = sys.stdin.buffer.read() if str(body) == "-" else body.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{body}: cannot be read: {error.strerror}") from error
    inbound = Inbound(data, {"content-type": content_type, **dict(map(_header, header or []))})
    console_leads.preview(look(config, endpoint, inbound, datetime.now(UTC)), as_json=as_json)


@commands.command()
def remap(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Has to be said: it never does more.")] = False,
    last: Annotated[int, typer.Option(min=1, help="How many requests, the newest first.")] = 100,
    endpoint: Annotated[
        str | None, typer.Option(help="Only those to this form or hook.", autocompletion=endpoints)
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what today's relay.toml would change in the newest requests. Nothing is written."""
    from app.outbox.rehearsal import rehearse

    if not dry_run:
        raise ConfigurationError("This only shows what would change: say --dry-run. lead-relay leads remap changes it.")
    _, config = configuration()
    if endpoint is not None and endpoint not in config.names:
        raise ConfigurationError(f"--endpoint {endpoint}: relay.toml has no such form or hook")
    with console.progress("remap", last) as advance:
        found = asyncio.run(with_books(lambda books: rehearse(books, config, last, endpoint, advance)))
    console_leads.rehearsal(found, as_json=as_json)


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise ConfigurationError(f"--header {line!r}: expected 'Name: value'")
    return name.strip().lower(), value.strip()


@alerts.command("test")
def try_alerts(as_json: Json = False) -> None:
    """Send a test message to everybody who is named in relay.toml, and say who took it."""
    from app.alerts.tell import try_all
    from app.cli.checkup import Finding

    _, config = configuration()
    tried = asyncio.run(try_all(config))
    if not tried:
        raise ConfigurationError(
            "relay.toml names nobody to tell: give [alerts] `to` and `leads_to`; see docs/alerts.md."
        )
    for who, taken in tried:
        did = "took the message; look whether it arrived"
        words = did if taken else "did not take it: look at address and password"
        console.finding(Finding(who, taken, words), as_json=as_json)
    if not all(taken for _, taken in tried):
        raise typer.Exit(1)

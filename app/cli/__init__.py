"""`lead-relay …`: parse arguments, call one function."""

from __future__ import annotations

import asyncio
import io
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from app.cli import console, console_leads, forms, imports, leads, operators, senders, stats, store, tail
from app.cli.base import InWords, Json, configuration, endpoints, with_books
from app.config.settings import Settings
from app.errors import ConfigurationError

app = typer.Typer(
    cls=InWords,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # they can be secrets and people
    help="Takes enquiries and delivers each one to AgencyHandy as a lead, once.",
)
app.add_typer(leads.commands, name="leads")
app.add_typer(senders.commands, name="senders")
app.add_typer(forms.commands, name="form")
app.add_typer(imports.commands)
app.add_typer(stats.commands)
app.add_typer(store.commands)
app.add_typer(tail.commands)
app.add_typer(operators.operator, name="operator")
app.add_typer(operators.token, name="token")
alerts = typer.Typer(no_args_is_help=True, help="Who is told when something is wrong.")
app.add_typer(alerts, name="alerts")


def main() -> None:
    """The command `lead-relay`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal or a file that has no ✓, and not everybody's name
    app()


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; HOST in the environment.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; PORT in the environment.")
    ] = None,
    role: Annotated[str | None, typer.Option(help="all, intake or delivery; ROLE in the environment.")] = None,
) -> None:
    """Take enquiries and deliver them, until stopped."""
    from app import logs, server

    settings, config = configuration(host=host, port=port, role=role)
    settings = with_a_password(settings)
    listener = server.listen(settings)
    logs.set_up(settings.log_format)
    console.announce(settings, config)
    server.run(settings, config, listener)


def with_a_password(settings: Settings) -> Settings:
    """In a trial on this machine, the desk has a password for this start alone, which `announce` prints."""
    if settings.desk_password is not None or not (settings.uses_sandbox and settings.is_on_this_machine):
        return settings
    return settings.model_copy(update={"desk_password": SecretStr(secrets.token_urlsafe(9))})


@app.command()
def sandbox(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8001,
    journal: Annotated[Path | None, typer.Option(help="A file that keeps the leads it was given.")] = None,
) -> None:
    """Run the sandbox by itself: a stand-in for AgencyHandy, with faults on demand."""
    import uvicorn

    from app.sandbox import DEMO_KEY, create_sandbox

    try:
        stand_in = create_sandbox(journal)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"--journal: {error}") from error
    console.say(f"The sandbox is at http://{host}:{port}. To deliver to it, start the relay with")
    console.say(f"  AGENCYHANDY_BASE_URL=http://{host}:{port} AGENCYHANDY_API_KEY={DEMO_KEY}")
    uvicorn.run(stand_in, host=host, port=port, log_level="warning")


@app.command()
def check(as_json: Json = False) -> None:
    """Look at key, company, role, store, configuration and public address, and say what to do."""
    from app.cli import checkup

    findings = asyncio.run(checkup.look(configuration))
    for finding in findings:
        console.finding(finding, as_json=as_json)
    if any(not finding.is_well for finding in findings):
        raise typer.Exit(1)


@app.command()
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


@app.command()
def remap(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Has to be said: it never does more.")] = False,
    last: Annotated[int, typer.Option(min=1, help="How many requests, the newest first.")] = 100,
    endpoint: Annotated[
        str | None, typer.Option(help="Only those to this form or hook.", autocompletion=endpoints)
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what today's relay.toml would change in the requests of late. Nothing is written."""
    from app.outbox.rehearsal import rehearse

    if not dry_run:
        raise ConfigurationError("This only shows what would change: say --dry-run. lead-relay leads remap changes it.")
    _, config = configuration()
    if endpoint is not None and endpoint not in {one.name for one in config.endpoints()}:
        raise ConfigurationError(f"--endpoint {endpoint}: relay.toml has no such form or hook")
    with console.progress("remap", last) as advance:
        found = asyncio.run(with_books(lambda books: rehearse(books, config, last, endpoint, advance)))
    console_leads.rehearsal(found, as_json=as_json)


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise ConfigurationError(f"--header {line!r}: expected 'Name: value'")
    return name.strip().lower(), value.strip()


@app.command()
def drill(
    *,
    count: Annotated[int, typer.Option("--leads", min=1, help="How many enquiries to send.")] = 2000,
    kills: Annotated[int, typer.Option(min=0, help="How often to kill the relay.")] = 10,
    seed: Annotated[int, typer.Option(help="Decides what goes wrong when: the same again for the same seed.")] = 1,
    replicas: Annotated[int, typer.Option(min=1, help="How many relays share the store.")] = 1,
    store: Annotated[
        str | None, typer.Option(help="A DATABASE_URL; must be empty. Otherwise a temporary SQLite file.")
    ] = None,
    midway: Annotated[str | None, typer.Option(help="A command to run when half is acknowledged.")] = None,
    config: Annotated[Path | None, typer.Option(help="A relay.toml of your own.")] = None,
    form: Annotated[str, typer.Option(help="The form to post to.")] = "contact",
    keep: Annotated[bool, typer.Option("--keep", help="Leave the temporary folder, with all logs.")] = False,
    as_json: Json = False,
) -> None:
    """Prove on this machine that nothing is lost or doubled: with a sandbox, real faults and kill -9."""
    from app.cli import console_drill
    from app.drill import run
    from app.drill.plan import Drill

    wanted = Drill(count, kills, seed, store, replicas, midway, config, form)
    with run.own_folder(keep=keep) as folder, console_drill.drilling() as show:
        console_drill.plan(seed, wanted.plan(), folder if keep else None)
        outcome = run.run(wanted, folder, show)
    console_drill.drilled(outcome, as_json=as_json)
    if not outcome.is_well:
        raise typer.Exit(1)


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

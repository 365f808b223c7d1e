"""`lead-relay serve`, `sandbox` and `drill`: what runs the relay, or stands in for what is around it."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from app.cli import console
from app.cli.base import Json, configuration
from app.config.settings import Settings
from app.errors import ConfigurationError

commands = typer.Typer()


@commands.command()
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


@commands.command()
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


@commands.command()
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

"""What commands share: settings and files checked, the store opened, errors in words."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from app.cli import console
from app.config.environment import environment
from app.config.relay_toml import RelayConfig, load_relay_config
from app.config.settings import Settings, load_settings
from app.errors import ConfigurationError, RelayError

if TYPE_CHECKING:
    from app.outbox.hands import Hands

ORDER = (
    *("serve", "check", "leads", "import", "stats", "tail", "audit", "senders", "form", "preview", "remap"),
    *("operator", "token", "alerts", "backup", "restore", "sandbox", "drill"),
)
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


class InWords(TyperGroup):
    """Commands whose errors, where they are our own, are said in words with exit code 2, instead of a traceback."""

    def list_commands(self, ctx: Any) -> list[str]:
        """In the order in which somebody needs them."""
        return sorted(super().list_commands(ctx), key=ORDER.index)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")
            raise
        except RelayError as error:
            console.complain(str(error))
            raise typer.Exit(2) from error


def configuration(**given: Any) -> tuple[Settings, RelayConfig]:
    """Settings and relay.toml, both checked. Raises ConfigurationError."""
    from app.reader import check as check_endpoints

    settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    config = load_relay_config(settings.relay_toml, environment())
    check_endpoints(config, settings.relay_toml)
    return settings, config


def endpoints(incomplete: str) -> list[str]:
    """The forms and hooks of relay.toml whose names begin so, for a shell to complete."""
    return _named(("forms", "hooks"), incomplete)


def forms(incomplete: str) -> list[str]:
    """The same, of the forms alone."""
    return _named(("forms",), incomplete)


def _named(kinds: Sequence[str], incomplete: str) -> list[str]:
    import tomllib

    try:
        data = tomllib.loads(load_settings().relay_toml.read_text(encoding="utf-8"))
        names = [name for kind in kinds for name in data.get(kind, {})]
    except (RelayError, OSError, ValueError, TypeError, AttributeError):
        return []
    return [name for name in names if name.startswith(incomplete)]


def with_store(*, must_exist: bool = True) -> tuple[Settings, str]:
    """The settings, and the address of the store that they name."""
    from app.outbox.engine import sqlite_file

    settings = load_settings()
    url = settings.database_url.get_secret_value()
    if must_exist and (file := sqlite_file(url)) and not file.is_file():
        raise ConfigurationError(f"There is no store at {file}: run this where the relay runs, or set DATABASE_URL.")
    return settings, url


async def with_books(look: Callable[[Any], Any]) -> Any:
    """What `look` finds in the store that the settings name."""
    from app.outbox.books import Books

    books = Books(with_store()[1])
    try:
        return await look(books)
    finally:
        await books.close()


@asynccontextmanager
async def hands() -> AsyncIterator[Hands]:
    """What the person at the keyboard may do to the leads, beside a relay that runs."""
    from app.outbox.hands import Hands
    from app.outbox.outbox import Outbox

    settings, url = with_store()
    outbox = Outbox(url, workspace=settings.workspace, attachments=settings.attachments_dir)
    try:
        await outbox.open()
        yield Hands(outbox, f"cli:{_login()}", lambda: datetime.now(UTC))
    finally:
        await outbox.close()


def _login() -> str:
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return str(os.getuid())


def sure(question: str, *, yes: bool) -> None:
    """Asks, unless `yes` was said. ConfigurationError where nobody can be asked; ends where the answer is no."""
    console.say(question)
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigurationError("Nothing was done: there is no terminal to ask at, so say --yes if it is meant.")
    typer.confirm("Go on?", abort=True, err=True)

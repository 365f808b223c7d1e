"""A drill from end to end: start the processes, post while things go wrong, let the books settle, and compare."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.drill.load import Load, Show
from app.drill.plan import Drill
from app.drill.processes import SETTINGS, Ground, running, until
from app.drill.reconcile import Outcome, reconcile
from app.endpoints import names_of_secrets
from app.errors import ConfigurationError, StoreUnavailable
from app.lead import LeadState
from app.outbox.books import Books
from app.settings import RUN_SECRETS, SQLITE, Settings

SETTLE_SECONDS = 120
RELAY_TOML = '[forms.contact]\ntitle = "Contact"\n'
GIVEN = {*SETTINGS, "AGENCYHANDY_BASE_URL", "DATABASE_URL", "PORT", "RELAY_CONFIG"}


@contextmanager
def own_folder(*, keep: bool) -> Iterator[Path]:
    """Where a drill has its things; gone afterwards unless it is to be kept."""
    path = Path(tempfile.mkdtemp(prefix="lead-relay-drill-"))
    try:
        yield path
    finally:
        if not keep:
            shutil.rmtree(path, ignore_errors=True)


def run(wanted: Drill, folder: Path, show: Show) -> Outcome:
    """Does the drill in a folder of its own. RelayError where it cannot be done. Leaves no process behind."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda *_: signal.raise_signal(signal.SIGINT))
    return asyncio.run(_drill(wanted, folder, show))


async def _drill(wanted: Drill, folder: Path, show: Show) -> Outcome:
    config, secrets = own_config(wanted, folder)
    store = own_store(wanted.store, folder)
    books = Books(store)
    try:
        await check_empty(books, wanted.store)
        settings = {**secrets, "DATABASE_URL": store, "RELAY_CONFIG": str(config.resolve())}
        show("starting", 0, wanted.leads)
        async with running(folder, wanted.replicas, settings) as ground:
            load = Load(wanted, ground, show)
            await load.run()
            unsettled = await settle(ground, books, len(load.acknowledged), show)
            members = (await ground.control("GET", "/members"))["members"]
            leads = [(one.lead.email, one.lead.state) for one in await books.leads(limit=2 * wanted.leads)]
            return reconcile(
                load.sent,
                load.acknowledged,
                members=members,
                leads=leads,
                unsettled=unsettled,
                injected=load.injected,
            )
    finally:
        await books.close()


def own_config(wanted: Drill, folder: Path) -> tuple[Path, dict[str, str]]:
    """The relay.toml of the drill, and a value for each secret it names. ConfigurationError where it is not fit."""
    if wanted.config is None:
        (folder / "relay.toml").write_text(RELAY_TOML, encoding="utf-8")
    file = wanted.config or folder / "relay.toml"
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"--config: {file} cannot be read: {error}") from error
    if "workspaces" in data:
        raise ConfigurationError(
            f"--config: {file} has [workspaces], which lead to AgencyHandy itself. A drill must never reach it: "
            "use a copy of the file without them."
        )
    reaching_in = {name.upper() for name in Settings.model_fields} - GIVEN
    if stray := sorted(one.name for one in Path(RUN_SECRETS).glob("*") if one.name.upper() in reaching_in):
        raise ConfigurationError(f"{RUN_SECRETS}/{stray[0]} would reach into the drill: run it where there is none.")
    if wanted.form not in data.get("forms", {}):
        raise ConfigurationError(f"--form: {file} has no form {wanted.form!r}.")
    return file, dict.fromkeys(names_of_secrets(file), "of-the-drill")


def own_store(store: str | None, folder: Path) -> str:
    """The DATABASE_URL of the drill, the same from wherever a process runs. ConfigurationError where it is none."""
    if store is None:
        return f"{SQLITE}{folder}/relay.db"
    if store.startswith(SQLITE):
        return f"{SQLITE}{Path(store.removeprefix(SQLITE)).resolve()}"
    if not store.startswith("postgresql+asyncpg://"):
        raise ConfigurationError(f"--store: expected {SQLITE}path/to/empty.db or postgresql+asyncpg://…")
    return store


async def check_empty(books: Books, store: str | None) -> None:
    """ConfigurationError where the store of --store holds leads: the drill would deliver them to its sandbox."""
    if store is None:
        return
    try:
        counts = await books.counts()
    except StoreUnavailable as error:
        if re.search("no such table|UndefinedTable", str(error.__cause__)):
            return
        raise ConfigurationError("--store: it cannot be read; a drill needs an empty store that is there.") from error
    if sum(counts.values()):
        raise ConfigurationError("--store: it holds leads. A drill needs an empty store of its own.")


async def settle(ground: Ground, books: Books, expected: int, show: Show) -> int:
    """Waits until the relay has nothing left to do; how many leads it still has if that takes too long."""
    left = expected

    async def is_settled() -> bool:
        nonlocal left
        ground.check()
        with suppress(StoreUnavailable):  # it may be busy, or starting
            counts = await books.counts()
            left = counts[LeadState.PENDING] + counts[LeadState.SENDING]
            show("settling", expected - left, expected)
            return not left
        return False

    await until(is_settled, SETTLE_SECONDS + expected / 50)
    return left

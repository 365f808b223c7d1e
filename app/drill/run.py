"""A drill from end to end: start the processes, post while things go wrong, let the books settle, and compare."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from app.config.relay_toml import load_relay_config, names_of_secrets
from app.config.settings import POSTGRESQL, RUN_SECRETS, SQLITE, Settings
from app.drill.load import Load, Show
from app.drill.plan import Drill
from app.drill.processes import SETTINGS, Ground, running, until
from app.drill.reconcile import Outcome, reconcile
from app.errors import ConfigurationError, StoreUnavailable
from app.lead import LeadState
from app.outbox.books import Books
from app.outbox.engine import NOTHING_YET

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
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell takes away from what it starts with "&"
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        return asyncio.run(_drill(wanted, folder, show))
    except ExceptionGroup as several:
        raise several.exceptions[0] from several


async def _drill(wanted: Drill, folder: Path, show: Show) -> Outcome:
    settings = own_config(wanted, folder) | {"DATABASE_URL": own_store(wanted.store, folder)}
    books = Books(settings["DATABASE_URL"])
    try:
        if wanted.store is not None:
            await check_empty(books)
        show("starting", 0, wanted.leads)
        async with running(folder, wanted.replicas, settings) as ground:
            load = Load(wanted, ground, show)
            await load.run()
            unsettled = await settle(ground, books, wanted.leads, show)
            return reconcile(
                load.sent,
                load.acknowledged,
                members=(await ground.control("GET", "/members"))["members"],
                leads=[(one.lead.email, one.lead.state) for one in await books.leads(limit=2 * wanted.leads)],
                unsettled=unsettled,
                injected=load.injected,
            )
    finally:
        await books.close()


def own_config(wanted: Drill, folder: Path) -> dict[str, str]:
    """The relay.toml of the drill and a value for each secret it names, as settings.

    ConfigurationError where it is not fit: a drill must reach neither AgencyHandy nor people.
    """
    if wanted.config is None:
        (folder / "relay.toml").write_text(RELAY_TOML, encoding="utf-8")
    file = wanted.config or folder / "relay.toml"
    try:
        secrets = dict.fromkeys(names_of_secrets(file), "of-the-drill")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"--config: {file} cannot be read: {error}") from error
    config = load_relay_config(file, secrets)
    if config.workspaces or config.alerts.to or any(one.leads_to for one in (config.alerts, *config.endpoints())):
        raise ConfigurationError(
            f"--config: {file} has [workspaces], or people who are told or sent leads (`to`, `leads_to`). A drill must "
            "never reach AgencyHandy or them: use a copy of the file without."
        )
    if wanted.form not in config.forms:
        raise ConfigurationError(f"--form: {file} has no form {wanted.form!r}.")
    reaching_in = {name.upper() for name in Settings.model_fields} - GIVEN
    if stray := sorted(one.name for one in Path(RUN_SECRETS).glob("*") if one.name.upper() in reaching_in):
        raise ConfigurationError(f"{RUN_SECRETS}/{stray[0]} would reach into the drill: run it where there is none.")
    return secrets | {"RELAY_CONFIG": str(file.resolve())}


def own_store(store: str | None, folder: Path) -> str:
    """The DATABASE_URL of the drill, the same from wherever a process runs. ConfigurationError where it is none."""
    url = store or f"{SQLITE}{folder}/relay.db"
    if url.startswith(SQLITE):
        return f"{SQLITE}{Path(url.removeprefix(SQLITE)).resolve()}"
    if not url.startswith(POSTGRESQL):
        raise ConfigurationError(f"--store: expected {SQLITE}path/to/empty.db or {POSTGRESQL}…")
    return url


async def check_empty(books: Books) -> None:
    """ConfigurationError where the store holds leads: the drill would deliver them to its sandbox."""
    try:
        counts = await books.counts()
    except StoreUnavailable as error:
        if NOTHING_YET in str(error):
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

    await until(is_settled, SETTLE_SECONDS + expected / 50)
    return left

"""`lead-relay check`: what is well, what is not, and what to do about it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial

import httpx

from app.alerts import tell
from app.config.endpoints import Hook
from app.config.environment import dotenv
from app.config.relay_toml import RelayConfig, WorkspaceConfig, names_of_secrets
from app.config.settings import Settings
from app.delivery.agencyhandy import AgencyHandy
from app.errors import ConfigurationError, DestinationError, StoreUnavailable
from app.lead import LeadState
from app.main import accounts_of
from app.outbox.facts import waiting
from app.outbox.outbox import Outbox
from app.outbox.records import Workspace

COMPOSE = ("RELAY_SUBNET", "COMPOSE_")
"""How the names begin that `.env` holds for deploy/compose.yaml alone."""

NOBODYS = "nobody delivers its leads: put it back into relay.toml, or give them to another; docs/alerts.md says how"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: whether it is well, and in words how it is or what to do."""

    what: str
    is_well: bool
    words: str


async def look(configuration: Callable[[], tuple[Settings, RelayConfig]]) -> list[Finding]:
    """Every finding. Stops early where the configuration itself is wrong."""
    try:
        settings, config = configuration()
    except ConfigurationError as error:
        return [Finding("configuration", False, str(error)), *_names(None)]
    forms, hooks = len(config.forms), len(config.hooks)
    words = f"{settings.relay_toml}: forms {forms}, hooks {hooks}"
    if not forms + hooks:
        words += "; so it takes nothing in. Name a form or hook in it, as deploy/demo/relay.toml does"
    findings = [Finding("configuration", bool(forms + hooks), words)]
    findings += _names(names_of_secrets(settings.relay_toml))
    findings += _secrets(settings, config)
    findings += _alerts(config)
    accounts = accounts_of(settings, config)
    findings += await _store(settings, accounts)
    for name, account in accounts.items():
        findings += [finding async for finding in _destination(settings, name, account)]
    findings.append(await _address(settings))
    return findings


def _names(used: set[str] | None) -> Iterator[Finding]:
    """What looks like a setting and is none, and is not among the names that relay.toml's secrets use either.

    Any name of `.env`; of the environment, where much is none of our business, those that start like AgencyHandy's.
    Where it is not known what is `used`, only what is close to a setting's name.
    """
    settings = [name.upper() for name in Settings.model_fields]
    known = {*settings, *(f"{name}_FILE" for name in settings), *(used or ())}
    ours = (name for name in os.environ if name.upper().startswith("AGENCYHANDY_"))
    for name in sorted({*dotenv(), *ours}):
        if {name, name.upper()} & known or name.startswith(COMPOSE):
            continue
        if close := get_close_matches(name.upper(), settings, n=1, cutoff=0.8):
            yield Finding("setting", False, f"no setting is called {name}; is {close[0]} meant?")
        elif used is not None:
            yield Finding("setting", False, f"no setting is called {name}; docs/configuration.md lists those there are")


def _alerts(config: RelayConfig) -> list[Finding]:
    """Whether anybody is told of trouble, and whether their addresses can be read."""
    if wrong := tell.problems(config):
        return [Finding("alerts", False, words) for words in wrong]
    if not (count := sum(map(len, tell.people(config).values()))):
        return [Finding("alerts", True, "nobody is told when something goes wrong; docs/alerts.md says how")]
    some = f"{count} address{'es' if count > 1 else ''}"
    return [Finding("alerts", True, f"{some}; lead-relay alerts test sends a message to all")]


def _secrets(settings: Settings, config: RelayConfig) -> list[Finding]:
    """The demo's secrets are in the public repository: fine in a trial, an open door in earnest."""
    known = [hook.name for hook in config.hooks.values() if is_demo_secret(hook)]
    if not known:
        return []
    words = f"{', '.join(known)}: the demo's secrets, which everybody knows"
    if settings.uses_sandbox or settings.delivers_to_this_machine:
        return [Finding("secrets", True, f"{words}; fine for a trial")]
    return [Finding("secrets", False, f"{words}. Copy deploy/demo/relay.toml to relay.toml and put your own in")]


def is_demo_secret(hook: Hook) -> bool:
    """Whether one of its secrets is written in the demo's relay.toml."""
    return any(secret.get_secret_value().startswith("demo-") for secret in hook.secrets)


async def _store(settings: Settings, workspaces: Collection[str]) -> list[Finding]:
    """How the store is, and the way to each workspace: also to those of which nobody knows any more."""
    outbox = Outbox(settings.database_url.get_secret_value(), workspace=settings.workspace)
    try:
        await outbox.open()
        await outbox.check_writable()
        counts = await outbox.books.counts()
        ways = [await outbox.books.workspace(name) for name in workspaces]
        waits = await outbox.books.read(partial(waiting, ignored={"sandbox"} - {settings.workspace}))
    except StoreUnavailable as error:
        return [Finding("store", False, f"{error}\nCheck DATABASE_URL, the folder's owner, and the disk's space")]
    finally:
        await outbox.close()
    pending, held = counts[LeadState.PENDING], counts[LeadState.HELD]
    store = Finding("store", True, f"writable; leads: {sum(counts.values())}, waiting {pending}, held {held}")
    nobodys = [Finding(f"delivery {name}", False, NOBODYS) for name in sorted(waits.keys() - set(workspaces))]
    return [store, *nobodys, *(_way(way, settings.workspace) for way in ways if way.paused or way.failures)]


def _way(way: Workspace, own: str) -> Finding:
    what = "delivery" if way.name == own else f"delivery {way.name}"
    if way.paused:
        return Finding(what, False, f"paused, and tried again every minute: {way.paused}")
    return Finding(what, False, f"failed {way.failures} times in a row; leads wait and are tried again")


async def _destination(settings: Settings, name: str, account: WorkspaceConfig) -> AsyncIterator[Finding]:
    """The key counts as accepted once AgencyHandy has answered something with it."""
    is_own = name == settings.workspace
    if is_own and settings.uses_sandbox:
        yield Finding("key", True, "AGENCYHANDY_API_KEY is not set: leads go to the sandbox, which needs none")
        return
    address = account.base_url or settings.agencyhandy_base_url
    client = AgencyHandy(address, account.api_key.get_secret_value(), timeout=10)
    try:
        company = account.company_id or await client.company_id()
        role = await client.client_role_id(company)
    except DestinationError as error:
        yield Finding("destination" if is_own else f"workspace {name}", False, str(error))
    else:
        if is_own:
            yield Finding("key", True, f"accepted at {address}")
            yield Finding("company", True, company)
            yield Finding("role", True, f"client is {role}")
        else:
            yield Finding(f"workspace {name}", True, f"company {company}, role {role}, at {address}")
    finally:
        await client.close()


async def _address(settings: Settings) -> Finding:
    """Whether the address that the world is told leads here."""
    url = f"{settings.address}/healthz"
    try:
        async with httpx.AsyncClient(timeout=5) as client:
            answer = await client.get(url)
        reached = answer.status_code == 200 and answer.json() == {"status": "up"}
    except (httpx.HTTPError, ValueError):
        reached = False
    if reached:
        return Finding("address", True, f"{settings.address} leads to a running relay")
    if not settings.public_url:
        return Finding("address", True, f"{settings.address}: no relay runs there just now")
    return Finding("address", False, f"{url} does not lead to the relay: is it running, and does the proxy pass it on?")

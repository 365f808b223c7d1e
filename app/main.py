"""The application, put together: settings and relay.toml in, an ASGI app out. Composition only."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import httpx
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from app.alerts.watch import Chore, Watch
from app.api import routes as api_routes
from app.api.described import describe
from app.api.door import Door
from app.config.rates import Rate, rates
from app.config.relay_toml import RelayConfig, WorkspaceConfig
from app.config.settings import Settings
from app.delivery.agencyhandy import AgencyHandy
from app.delivery.destination import Destination
from app.delivery.fetching import Fetcher
from app.delivery.policy import Policy
from app.delivery.worker import Worker
from app.desk import login as desk_login
from app.desk import routes as desk_routes
from app.desk.bulk import Bulk
from app.desk.desk import STATIC as DESK_STATIC
from app.desk.desk import Desk
from app.desk.entry import Entry
from app.errors import Rejected
from app.intake import challenges, cors, forms, hooks, measured, script, status, strays
from app.intake.accept import Intake
from app.intake.counting import Counts
from app.intake.guard import Limits
from app.intake.pages import STATIC
from app.intake.spam.altcha import Altcha
from app.intake.spam.captcha import Captchas
from app.intake.spam.judge import Judge
from app.intake.spam.layers import load_words
from app.intake.spam.repeats import Repeats
from app.intake.spam.stamp import Stamps
from app.intake.spam.verifier import Verifier
from app.live.feed import Feed
from app.logs import log
from app.mapping import people
from app.metrics import Metrics
from app.outbox.engine import sqlite_file
from app.outbox.erasure import clear_away, keep_house
from app.outbox.outbox import Outbox
from app.sandbox import DEMO_KEY, create_sandbox

STRANGERS = (Rate(60, 60),)
CHALLENGES = (Rate(120, 60),)
LOGINS = (Rate(10, 60), Rate(60, 3600))
KEEP_HOUSE_EVERY = timedelta(hours=1)
DEFAULT_STORE = Path("data/relay.db")
SANDBOX_URL = "http://sandbox"
STATES = ("ready", "failing", "unresolved", "paused")
"""A workspace's state, from the best to the worst."""
VERSION = version("lead-relay")


def create_app(settings: Settings, config: RelayConfig) -> FastAPI:
    """The relay as an ASGI app. Its lifespan opens the store, resolves the roles and runs the workers."""
    store = settings.database_url.get_secret_value()
    outbox = outbox_of(settings)
    metrics = Metrics()
    intake = intake_of(settings, config, outbox, metrics)
    journal = (sqlite_file(store) or DEFAULT_STORE).with_name("sandbox.jsonl")
    sandbox = create_sandbox(journal) if settings.uses_sandbox else None
    delivers = settings.role != "intake"
    accounts = accounts_of(settings, config)
    deliver = partial(worker_of, settings=settings, outbox=outbox, sandbox=sandbox, metrics=metrics)
    workers = [deliver(name, account) for name, account in accounts.items() if delivers]
    fetchers = fetchers_of(settings, config, outbox) if delivers else []
    watch = watch_of(config, outbox, metrics, accounts, store)
    desk = desk_of(settings, intake, watch)

    def wake() -> None:
        for worker in workers:
            worker.wake()

    outbox.on_due = wake

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(outbox.close)
            stack.push_async_callback(intake.close)
            await outbox.open()
            for running in [*(one.running() for one in fetchers), *(one.running() for one in workers)]:
                await stack.enter_async_context(running)
            await stack.enter_async_context(watch.running())
            stack.push_async_callback(desk.bulk.close)
            asyncio.get_running_loop().run_in_executor(None, load_libraries)
            yield

    app = FastAPI(title="Lead Relay", version=VERSION, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.exception_handlers.update(strays.handlers(config, settings.address))
    app.include_router(status.router(intake, lambda: state_of(workers, settings)))
    app.include_router(measured.router(watch.figures, settings.metrics_token))
    if settings.role != "delivery":
        for part in (forms, script, challenges, hooks):
            app.include_router(part.router(intake))
    add_desk(app, desk)
    add_api(app, door_of(settings, intake, watch, app.state.feed))
    app.mount("/static", StaticFiles(directory=STATIC))
    app.add_middleware(cors.CrossOrigin, forms=config.forms, public_url=settings.address)
    if sandbox is not None:
        app.mount("/sandbox", sandbox)
    return app


def load_libraries() -> None:
    """Loads what the first enquiry would else wait for."""
    people.load_libraries()
    load_words()


def outbox_of(settings: Settings) -> Outbox:
    """The store, and how much of what nobody trusts it keeps."""
    return Outbox(
        settings.database_url.get_secret_value(),
        workspace=settings.workspace,
        quarantine_rows=settings.quarantine_rows,
        quarantine_mib=settings.quarantine_mib,
        attachments=settings.attachments_dir,
    )


def intake_of(settings: Settings, config: RelayConfig, outbox: Outbox, metrics: Metrics) -> Intake:
    """What requests are taken in with."""
    per_address, per_form = rates(settings.rate_limit_address), rates(settings.rate_limit_form)
    limits = Limits(Counts(settings.rate_limit_store), per_address, per_form, STRANGERS, CHALLENGES, LOGINS)
    stamps = Stamps(lambda: outbox.key_for("stamps"))
    repeats = Repeats(limits.counts, lambda: outbox.key_for("repeats"))
    altcha = Altcha(lambda: outbox.key_for("altcha"))
    captchas = Captchas(altcha, Verifier(), limits, urlsplit(settings.address).hostname or "")
    return Intake(
        config=config,
        outbox=outbox,
        clock=now,
        public_url=settings.address,
        max_body_bytes=settings.max_body_bytes,
        repeat_window=timedelta(minutes=settings.repeat_window_minutes),
        limits=limits,
        captchas=captchas,
        judge=Judge(
            stamps,
            captchas,
            repeats,
            settings.address,
            outbox.books.is_allowed_sender,
            metrics.found_spam,
        ),
        unknown_hook_status=settings.unknown_hook_status,
    )


def desk_of(settings: Settings, intake: Intake, watch: Watch) -> Desk:
    """What the desk's pages are made with."""
    config, outbox, usual = intake.config, intake.outbox, settings.delivery_requests_per_second
    pace = {name: one.requests_per_second or usual for name, one in accounts_of(settings, config).items()}
    entry = Entry(outbox, settings.desk_password, settings.address, now)
    feed, bulk, is_trial = Feed(outbox), Bulk(outbox, now, entry.may), settings.uses_sandbox
    return Desk(outbox, config, entry, now, watch.look, pace, feed, bulk, intake, is_trial)


def door_of(settings: Settings, intake: Intake, watch: Watch, feed: Feed) -> Door:
    """What the API's routes are made with."""
    per_token = rates(settings.rate_limit_token)
    return Door(intake, settings.api_token, per_token, watch.look, feed, takes=settings.role != "delivery")


def add_api(app: FastAPI, door: Door) -> None:
    """The API for programs, and the description of all that is spoken here."""
    for part in api_routes.routers(door):
        app.include_router(part)
    app.openapi = partial(describe, app)  # type: ignore[method-assign] # as FastAPI documents it


def add_desk(app: FastAPI, desk: Desk) -> None:
    """The operator's pages, and what is answered where one is refused."""

    async def refused(request: Request, error: Exception) -> Response:
        return desk_login.refused(desk, request, cast("Rejected", error))

    app.state.feed = desk.feed
    app.mount("/desk/static", StaticFiles(directory=DESK_STATIC))
    for page in desk_routes.routers(desk):
        app.include_router(page, include_in_schema=False)
    app.add_exception_handler(Rejected, refused)


def watch_of(config: RelayConfig, outbox: Outbox, metrics: Metrics, accounts: Iterable[str], store: str) -> Watch:
    """What looks at everything now and then, and keeps house."""
    folder = file.parent if (file := sqlite_file(store)) else None
    chores = [housekeeping(config, outbox)]
    return Watch(outbox, config, metrics, now, workspaces=tuple(accounts), folder=folder, chores=chores)


def housekeeping(config: RelayConfig, outbox: Outbox) -> Chore:
    """Takes what was erased out of the store's files; hourly lets go of what relay.toml says is kept for too long."""
    spans = {"": config.keep, **{one.name: one.keep for one in config.endpoints()}}
    keep = {name: span for name, span in spans.items() if span is not None}

    due = now()

    async def chore(at: datetime) -> None:
        nonlocal due
        await clear_away(outbox)
        if due - KEEP_HOUSE_EVERY <= at < due:
            return
        due = at + KEEP_HOUSE_EVERY
        if erased := await keep_house(outbox, keep, at):
            log.info("erased_after_their_time", leads=erased)

    return chore


def accounts_of(settings: Settings, config: RelayConfig) -> dict[str, WorkspaceConfig]:
    """Every workspace's key and limits by its name: that of the settings, then those of relay.toml."""
    key = settings.agencyhandy_api_key or SecretStr(DEMO_KEY)
    own = WorkspaceConfig.model_construct(api_key=key, company_id=settings.agencyhandy_company_id)
    return {settings.workspace: own, **config.workspaces}


def worker_of(
    name: str,
    account: WorkspaceConfig,
    *,
    settings: Settings,
    outbox: Outbox,
    sandbox: FastAPI | None,
    metrics: Metrics,
) -> Worker:
    """The worker of one workspace; a trial's delivers to the sandbox in this process."""
    in_trial = sandbox is not None and name == settings.workspace
    client = AgencyHandy(
        SANDBOX_URL if in_trial else account.base_url or settings.agencyhandy_base_url,
        account.api_key.get_secret_value(),
        timeout=settings.delivery_timeout_seconds,
        transport=httpx.ASGITransport(sandbox) if sandbox is not None and in_trial else None,
    )
    policy = policy_of(settings)
    per_second = account.requests_per_second or settings.delivery_requests_per_second
    destination = Destination(name, client, outbox, policy, now, company_id=account.company_id, per_second=per_second)
    batch = account.batch or settings.delivery_batch
    return Worker(outbox, destination, policy, now, batch=batch, on_attempt=partial(metrics.attempted, name))


def fetchers_of(settings: Settings, config: RelayConfig, outbox: Outbox) -> list[Fetcher]:
    """What fetches people of whom hooks are told ids only, where one of them says how."""
    hooks = {name: config.hooks[name] for name in config.fetching}
    return [Fetcher(outbox, hooks, policy_of(settings), now)] if hooks else []


def now() -> datetime:
    """The clock that everything is handed."""
    return datetime.now(UTC)


def policy_of(settings: Settings) -> Policy:
    """How patient delivery is."""
    taken = re.compile(settings.email_taken_pattern, re.IGNORECASE) if settings.email_taken_pattern else None
    return Policy(
        random.SystemRandom().uniform,
        timedelta(hours=settings.give_up_hours),
        taken,
        timedelta(seconds=settings.delivery_probe_seconds),
    )


def state_of(workers: Sequence[Worker], settings: Settings) -> status.DestinationState:
    """The way to AgencyHandy as the status pages show it: of several workspaces, the one that is worst off."""
    ways = [worker.destination for worker in workers]
    worst = max(ways, key=lambda way: STATES.index(way.state), default=None)
    return status.DestinationState(
        state=worst.state if worst else "elsewhere",
        words=worst.workspace.paused if worst else "",
        role_known=all(way.is_known for way in ways),
        is_sandbox=settings.uses_sandbox,
        is_trial=settings.is_on_this_machine or settings.sandbox,
        takes=settings.role != "delivery",
    )

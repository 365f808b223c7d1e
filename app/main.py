"""The application, put together: settings and relay.toml in, an ASGI app out. Composition only."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import httpx
from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from app.delivery.agencyhandy import AgencyHandy
from app.delivery.destination import Destination
from app.delivery.policy import Policy
from app.delivery.worker import Worker
from app.endpoints import RelayConfig
from app.intake import forms, hooks, status
from app.intake.accept import Intake
from app.intake.guard import Allowance
from app.intake.pages import STATIC
from app.mapping import people
from app.outbox.engine import sqlite_file
from app.outbox.outbox import Outbox
from app.sandbox import DEMO_KEY, create_sandbox
from app.settings import Settings

STRANGERS_PER_MINUTE = 60
VERSION = version("lead-relay")


def create_app(settings: Settings, config: RelayConfig) -> FastAPI:
    """The relay as an ASGI app. Its lifespan opens the store, resolves the role and runs the worker."""
    store = settings.database_url.get_secret_value()
    outbox = Outbox(store, workspace=settings.workspace, quarantine_rows=settings.quarantine_rows)
    sandbox = create_sandbox(sqlite_file(store).with_name("sandbox.jsonl")) if settings.uses_sandbox else None
    policy = policy_of(settings)
    destination = Destination(agencyhandy_of(settings, sandbox), outbox, policy, now, settings.agencyhandy_company_id)
    worker = Worker(
        outbox,
        destination,
        policy,
        now,
        batch=settings.delivery_batch,
        per_second=settings.delivery_requests_per_second,
    )
    outbox.on_due = worker.wake

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            await outbox.open()
            await destination.open()
            worker.start()
            asyncio.get_running_loop().run_in_executor(None, people.load_libraries)
            yield
        finally:
            await worker.stop()
            await destination.close()
            await outbox.close()

    app = FastAPI(title="Lead Relay", version=VERSION, lifespan=lifespan, docs_url=None, redoc_url=None)
    intake = Intake(
        config=config,
        outbox=outbox,
        clock=now,
        public_url=settings.address,
        max_body_bytes=settings.max_body_bytes,
        repeat_window=timedelta(minutes=settings.repeat_window_minutes),
        strangers=Allowance(STRANGERS_PER_MINUTE),
    )
    app.include_router(status.router(intake, lambda: state_of(destination, settings)))
    app.include_router(forms.router(intake))
    app.include_router(hooks.router(intake))
    app.mount("/static", StaticFiles(directory=STATIC))
    if sandbox is not None:
        app.mount("/sandbox", sandbox)
    return app


def now() -> datetime:
    """The clock that everything is handed."""
    return datetime.now(UTC)


def policy_of(settings: Settings) -> Policy:
    """How patient delivery is."""
    taken = re.compile(settings.email_taken_pattern, re.IGNORECASE) if settings.email_taken_pattern else None
    return Policy(random.SystemRandom().uniform, timedelta(hours=settings.give_up_hours), taken)


def agencyhandy_of(settings: Settings, sandbox: FastAPI | None) -> AgencyHandy:
    """The client of the configured key; without one, of the sandbox in this process."""
    timeout = settings.delivery_timeout_seconds
    if sandbox is not None:
        return AgencyHandy("http://sandbox", DEMO_KEY, timeout=timeout, transport=httpx.ASGITransport(sandbox))
    key = settings.agencyhandy_api_key.get_secret_value() if settings.agencyhandy_api_key else ""
    return AgencyHandy(settings.agencyhandy_base_url, key, timeout=timeout)


def state_of(destination: Destination, settings: Settings) -> status.DestinationState:
    """The destination as the status pages show it."""
    return status.DestinationState(
        state=destination.state,
        words=destination.workspace.paused,
        role_known=destination.is_known,
        is_sandbox=settings.uses_sandbox,
        is_trial=settings.is_on_this_machine or settings.sandbox,
    )

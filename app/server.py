"""Runs the application under uvicorn."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import uvicorn
from fastapi import FastAPI

from app.endpoints import RelayConfig
from app.errors import ConfigurationError, RelayError
from app.main import create_app
from app.settings import Settings

DRAIN_SECONDS = 30


def listen(settings: Settings) -> socket.socket:
    """A socket on HOST and PORT, taken before anything else is begun; ConfigurationError where it cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        why = (error.strerror or str(error)).partition(" (while")[0]
        raise ConfigurationError(
            f"Cannot listen on {settings.host}, port {settings.port}: {why}. "
            "Stop what runs there, or set PORT (and HOST) to something else."
        ) from error


def run(settings: Settings, config: RelayConfig, listener: socket.socket) -> None:
    """Serves until stopped: then takes nothing new, answers what is under way, and settles what is being sent.

    Raises the RelayError that kept it from starting. Access logs stay off: addresses of hooks can carry a token.
    """
    try:
        app = create_app(settings, config)
    except (OSError, ValueError) as error:  # the sandbox's journal is not a folder's, or not its own
        raise ConfigurationError(f"The sandbox cannot be set up beside the store: {error}") from error
    failures = _remember_failures(app)
    logging.getLogger("uvicorn.error").addFilter(_is_worth_a_traceback)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http="h11",  # httptools drops the body of a request that offers an upgrade, as Java's client does
            forwarded_allow_ips=settings.trusted_proxies,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
    )
    with suppress(KeyboardInterrupt):
        try:
            server.run(sockets=[listener])
        finally:  # uvicorn leaves by SystemExit where the start failed
            if failures:
                raise failures[0]


def _remember_failures(app: FastAPI) -> list[RelayError]:
    """Fills with our own error if the app cannot start: uvicorn would only write a traceback of it."""
    failures: list[RelayError] = []
    lifespan = app.router.lifespan_context

    @asynccontextmanager
    async def remembering(of: FastAPI) -> AsyncIterator[None]:
        try:
            async with lifespan(of):
                yield
        except RelayError as error:
            failures.append(error)
            raise

    app.router.lifespan_context = remembering
    return failures


def _is_worth_a_traceback(record: logging.LogRecord) -> bool:
    """Our own errors at start are said in words instead."""
    message = record.getMessage()
    return not (message.startswith("Traceback") and "\napp.errors." in message)

"""Runs the application under uvicorn."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import uvicorn
from fastapi import FastAPI

from app.config import RelayConfig
from app.errors import ConfigurationError
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
    served = uvicorn.Config(
        app,
        http="h11",  # httptools drops the body of a request that offers an upgrade, as Java's client does
        lifespan="off",
        forwarded_allow_ips=settings.trusted_proxies,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    with suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=served.get_loop_factory()) as runner:
        runner.run(_serve(app, uvicorn.Server(served), listener))


async def _serve(app: FastAPI, server: uvicorn.Server, listener: socket.socket) -> None:
    """Serves within the app's lifespan, which uvicorn itself would only log the errors of.

    A signal that stops it is raised again in the end, by uvicorn's habit: not before the lifespan is through.
    """
    with server.capture_signals():
        async with app.router.lifespan_context(app):
            await server.serve([listener])

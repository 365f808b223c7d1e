"""Runs the application under uvicorn."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.config.relay_toml import RelayConfig
from app.config.settings import Settings
from app.errors import ConfigurationError
from app.main import create_app

DRAIN_SECONDS = 30
HEAD_SECONDS = 15


class Impatient(H11Protocol):
    """Closes a connection on which no request has begun for so long: uvicorn waits for a head as long as it takes, so
    that a thousand halves of one keep every file handle busy. A body is bounded where it is read.

    h11, as httptools drops the body of a request that offers an upgrade, which Java's client does.
    """

    head_seconds: float = HEAD_SECONDS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn narrows it as we do
        super().connection_made(transport)
        self._look_again()

    def connection_lost(self, exc: Exception | None) -> None:
        self._look.cancel()
        super().connection_lost(exc)

    def _look_again(self) -> None:
        self._seen = self.cycle
        self._look = self.loop.call_later(self.head_seconds, self._lose_patience)

    def _lose_patience(self) -> None:
        """Closes where nothing but a part of a head has come since the last look."""
        is_idle = self.cycle is None or self.cycle.response_complete
        if is_idle and self.cycle is self._seen:
            self.transport.close()
        else:
            self._look_again()


class Server(uvicorn.Server):
    """Lets go of whoever follows what changes: uvicorn would wait for those answers, which have no end."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.config.app.state.feed.close()  # type: ignore[union-attr] # `serve` gives it an app, not a name
        await super().shutdown(sockets)


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
        http=Impatient,
        lifespan="off",
        forwarded_allow_ips=settings.trusted_proxies,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    with suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=served.get_loop_factory()) as runner:
        runner.run(_serve(app, Server(served), listener))


async def _serve(app: FastAPI, server: Server, listener: socket.socket) -> None:
    """Serves within the app's lifespan, which uvicorn itself would only log the errors of.

    A signal that stops it is raised again in the end, by uvicorn's habit: not before the lifespan is through.
    """
    with server.capture_signals():
        async with app.router.lifespan_context(app):
            await server.serve([listener])

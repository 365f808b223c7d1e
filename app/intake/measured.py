"""`/metrics`, for whoever has the token, or for this machine alone."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response
from pydantic import SecretStr

from app.config.addresses import LOOPBACK
from app.errors import StoreUnavailable
from app.intake.guard import has_token

PROXIED = re.compile("x-forwarded|forwarded|x-real-ip|via|cf-")
PROMETHEUS = "text/plain; version=1.0.0; charset=utf-8"


def router(figures: Callable[[], Awaitable[bytes]], token: SecretStr | None) -> APIRouter:
    """The route of the figures; 404 for who has no business with them."""
    routes = APIRouter()

    @routes.get("/metrics", include_in_schema=False, response_model=None)
    async def metrics(request: Request) -> Response:
        """Prometheus' own form."""
        if not _may_look(request, token):
            return Response(status_code=404)
        try:
            return Response(await figures(), media_type=PROMETHEUS)
        except StoreUnavailable:
            return Response(status_code=503)

    return routes


def _may_look(request: Request, token: SecretStr | None) -> bool:
    """A visitor behind a proxy of this machine comes with a header that tells so, whoever it says it is."""
    if token is not None:
        return has_token(request, token)
    is_here = request.client is not None and request.client.host in LOOPBACK
    return is_here and not any(PROXIED.match(name) for name in request.headers)

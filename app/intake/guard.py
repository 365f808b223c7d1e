"""What a request has to pass before it is read: size, time, origin, rate."""

from __future__ import annotations

import asyncio
import hmac
from contextlib import suppress

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from pydantic import SecretStr
from starlette.requests import ClientDisconnect, Request

from app.addresses import origin_of
from app.endpoints import Form
from app.errors import BodyIncomplete, BodyTooLarge, OriginNotAllowed, Rejected, TooManyRequests, TwoLengths
from app.sources.base import Inbound

BODY_SECONDS = 60
LET_PASS = 64 * 1024 * 1024
"""Bytes of a refused body that are waited for."""


async def read_inbound(request: Request, limit: int, public_url: str) -> Inbound:
    """The request with its whole body. Counts what arrives: a Content-Length may lie, or be missing."""
    declared = request.headers.get("content-length", "")
    if declared and "transfer-encoding" in request.headers:
        raise TwoLengths("The request says in two ways how long it is.")
    length = int(declared) if declared.isascii() and declared.isdigit() else None
    if length is not None and length > limit:
        raise BodyTooLarge(f"The request is larger than {limit} bytes.")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise BodyTooLarge(f"The request is larger than {limit} bytes.")
    except (ClientDisconnect, TimeoutError) as error:
        raise BodyIncomplete("The request did not arrive as a whole; please send it again.") from error
    if length is not None and len(body) != length:
        raise BodyIncomplete("The request did not arrive as a whole; please send it again.")
    url = public_url + _path(request)
    return Inbound(bytes(body), _headers(request), dict(request.query_params), request.method, url)


async def let_pass(request: Request, error: Rejected) -> None:
    """Takes the rest of a refused body, and forgets it: a browser looks at the answer when it has sent everything, and
    shows an error of its own where the connection was closed before. Not of who asks before he sends, or is slow.
    """
    if error.closes or "expect" in request.headers:
        return
    passed = 0
    with suppress(ClientDisconnect, TimeoutError, RuntimeError):  # gone, too slow, or all read already
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                passed += len(chunk)
                if passed > LET_PASS:
                    return


def _path(request: Request) -> str:
    """The path and the query exactly as they were called, since signatures are made over them."""
    path, query = request.scope["raw_path"].decode("latin-1"), request.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _headers(request: Request) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def check_origin(form: Form, origin: str | None, public_url: str) -> None:
    """Raises OriginNotAllowed for a page that may not post here. No Origin is no page, or a very private browser."""
    if origin is not None and form.allowed_origins and not origin_allowed(form, origin, public_url):
        raise OriginNotAllowed(f"This form does not take posts from {origin[:200]}.")


def origin_allowed(form: Form, origin: str, public_url: str) -> bool:
    """Whether a page of that origin may post: any where none are named; the relay's own pages always."""
    return not form.allowed_origins or origin.lower() in {*form.allowed_origins, origin_of(public_url)}


def has_token(request: Request, token: SecretStr) -> bool:
    """Whether it brings the token as bearer."""
    expected = f"Bearer {token.get_secret_value()}"
    return hmac.compare_digest(request.headers.get("authorization", "").encode(), expected.encode())


class Allowance:
    """So many requests a minute from one address; more raise TooManyRequests."""

    def __init__(self, per_minute: int) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._item = RateLimitItemPerMinute(per_minute)

    def take(self, request: Request) -> None:
        """Counts a request of its client's address."""
        address = request.client.host if request.client else ""
        if not self._limiter.hit(self._item, address):
            raise TooManyRequests("That is more than this address may send; please wait a minute.")

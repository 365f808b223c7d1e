"""What a request has to pass before it is read: size, time, origin, rate."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from pydantic import SecretStr
from starlette.requests import ClientDisconnect, Request

from app.addresses import origin_of
from app.endpoints import Form
from app.errors import BodyIncomplete, BodyTooLarge, OriginNotAllowed, TooManyRequests
from app.sources.base import Inbound

BODY_SECONDS = 60
SLOWEST = 32 * 1024
"""A body has so many seconds, and one more for so many bytes of it that came: large files take their time."""


async def read_inbound(request: Request, limit: int, public_url: str) -> Inbound:
    """The request with its whole body."""
    body = bytearray()
    async for chunk in chunks(request, limit):
        body += chunk
    return inbound_of(request, bytes(body), public_url)


async def chunks(request: Request, limit: int) -> AsyncIterator[bytes]:
    """The body as it comes. Counts what arrives: a Content-Length may lie, or be missing."""
    declared = request.headers.get("content-length", "")
    length = int(declared) if declared.isascii() and declared.isdigit() else None
    if length is not None and length > limit:
        raise BodyTooLarge(f"The request is larger than {limit} bytes.")
    came, stream, began = 0, request.stream(), asyncio.get_running_loop().time()
    try:
        while True:
            async with asyncio.timeout_at(began + BODY_SECONDS + came / SLOWEST):
                chunk = await anext(stream, None)
            if chunk is None:
                break
            came += len(chunk)
            if came > limit:
                raise BodyTooLarge(f"The request is larger than {limit} bytes.")
            yield chunk
    except (ClientDisconnect, TimeoutError) as error:
        raise BodyIncomplete("The request did not arrive as a whole; please send it again.") from error
    if length is not None and came != length:
        raise BodyIncomplete("The request did not arrive as a whole; please send it again.")


def inbound_of(request: Request, body: bytes, public_url: str) -> Inbound:
    """The request, with what of its body is read."""
    url = public_url + _path(request)
    return Inbound(body, _headers(request), dict(request.query_params), request.method, url)


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

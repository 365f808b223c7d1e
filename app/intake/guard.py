"""What a request has to pass before it is read: size, time, origin, rate."""

from __future__ import annotations

import asyncio
import hmac
import math
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network

from pydantic import SecretStr
from starlette.requests import ClientDisconnect, Request

from app.config.addresses import origin_of
from app.config.endpoints import Form
from app.config.rates import Rate
from app.errors import BodyIncomplete, BodyTooLarge, OriginNotAllowed, Rejected, TooManyRequests, TwoLengths
from app.intake.counting import Counts
from app.sources.base import Inbound

BODY_SECONDS = 60
SLOWEST = 32 * 1024
"""A body has so many seconds, and one more for so many bytes of it that came: large files take their time."""
LET_PASS = 128 * 1024 * 1024
"""So much of a refused body is waited for; it is more than our proxies let through."""
TIGHTER = 6
OF_ADDRESS = "That is more than this address may send; please wait a minute."
OF_LOGIN = "Too many passwords were tried from your address; please wait a minute."
OF_FORM = "This form is sent more often than it may be; please wait a minute."


async def read_inbound(request: Request, limit: int, public_url: str) -> Inbound:
    """The request with its whole body."""
    body = bytearray()
    async for chunk in chunks(request, limit):
        body += chunk
    return inbound_of(request, bytes(body), public_url)


async def chunks(request: Request, limit: int) -> AsyncIterator[bytes]:
    """The body as it comes. Counts what arrives: a Content-Length may lie, or be missing."""
    declared = request.headers.get("content-length", "")
    if declared and "transfer-encoding" in request.headers:
        raise TwoLengths("The request says in two ways how long it is.")
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


async def let_pass(request: Request, error: Rejected) -> None:
    """Takes the rest of a refused body, and forgets it: a browser looks at the answer when it has sent everything, and
    shows an error of its own where the connection was closed before. Not of who asks before he sends, or is slow.
    """
    if error.closes or "expect" in request.headers:
        return
    with suppress(Rejected, RuntimeError):  # gone, too slow, far too large, or all read already
        async for _ in chunks(request, LET_PASS):
            pass


def _path(request: Request) -> str:
    """The path and the query exactly as they were called, since signatures are made over them."""
    path, query = request.scope["raw_path"].decode("latin-1"), request.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _headers(request: Request) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def check_origin(form: Form, request: Request, public_url: str) -> None:
    """Raises OriginNotAllowed for a page that may not post here. No Origin, or `null`, is a very private browser's.

    The form's own page may, by whatever name the relay was reached.
    """
    origin, host = request.headers.get("origin", "null"), request.headers.get("host", "")
    is_own = origin.partition("://")[2].lower() == host.lower()
    if origin != "null" and form.allowed_origins and not is_own and not origin_allowed(form, origin, public_url):
        raise OriginNotAllowed(f"This form does not take posts from {origin[:200]}.")


def origin_allowed(form: Form, origin: str, public_url: str) -> bool:
    """Whether a page of that origin may post: any where none are named; the relay's own pages always."""
    return not form.allowed_origins or origin.lower() in {*form.allowed_origins, origin_of(public_url)}


def has_token(request: Request, token: SecretStr) -> bool:
    """Whether it brings the token as bearer."""
    expected = f"Bearer {token.get_secret_value()}"
    return hmac.compare_digest(request.headers.get("authorization", "").encode(), expected.encode())


@dataclass(frozen=True, slots=True)
class Limits:
    """How often one address, and all together, may send a form; and strangers to what nobody configured.
    `challenges`: how many captchas of the relay's own an address can ask for; `logins`: how many passwords it can try.

    While a form is `tightened` an address may send it once for every `TIGHTER` times else.
    """

    counts: Counts
    per_address: tuple[Rate, ...]
    per_form: tuple[Rate, ...]
    strangers: tuple[Rate, ...]
    challenges: tuple[Rate, ...]
    logins: tuple[Rate, ...]
    tightened: dict[str, float] = field(default_factory=dict)

    async def take(self, request: Request, form: Form) -> None:
        """Counts a form's post; TooManyRequests where one of the limits is reached."""
        if address := address_of(request):
            await self._count(f"address {address}", self.per_address, OF_ADDRESS)
            if self.tightened.get(form.name, 0) > time.monotonic():
                fewer = tuple(replace(rate, most=max(rate.most // TIGHTER, 1)) for rate in self.per_address)
                await self._count(f"tightly {form.name} {address}", fewer, OF_ADDRESS)
        await self._count(f"form {form.name}", self.per_form, OF_FORM)

    async def take_strangers(self, request: Request) -> None:
        """Counts a request to a name that nobody configured; TooManyRequests where its address sent too many."""
        await self._count(f"stranger {address_of(request)}", self.strangers, OF_ADDRESS)

    async def take_challenge(self, request: Request) -> None:
        """Counts a request for something to calculate; TooManyRequests where its address asked for too many."""
        if address := address_of(request):
            await self._count(f"challenge {address}", self.challenges, OF_ADDRESS)

    async def take_login(self, request: Request) -> None:
        """Counts a password that somebody tries; TooManyRequests where his address tried too many."""
        await self._count(f"login {address_of(request)}", self.logins, OF_LOGIN)

    def tighten(self, form: Form, seconds: float) -> None:
        """Takes less of the form for a while, for what would else tell people and robots apart is away."""
        self.tightened[form.name] = time.monotonic() + seconds

    async def _count(self, what: str, rates: tuple[Rate, ...], words: str) -> None:
        for rate in rates:
            if wait := await self.counts.take(f"{what} {rate.seconds}", rate.most, rate.seconds):
                raise TooManyRequests(words, math.ceil(wait))


def address_of(request: Request) -> str:
    """Whose request it is: of an IPv6 address the network, as anybody has very many of them.

    Empty for this machine, from which no visitor comes: it is a proxy that does not say for whom it asks.
    """
    try:
        address = ip_address(request.client.host if request.client else "")
    except ValueError:
        return ""
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_loopback:
        return ""
    return str(address) if address.version == 4 else str(ip_network((address, 64), strict=False))

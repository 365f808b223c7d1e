"""Who may come in at the API: tokens, their scopes, and how often each may ask.

Every address of the API is a route of `Door.routes`, which asks for a token before it reads anything else, and makes
a problem of whatever goes wrong.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic import SecretStr
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope

from app.api import problems
from app.config.rates import Rate
from app.errors import BodyTooLarge, NotAllowed, NotEntered, Rejected, TooManyRequests
from app.intake.accept import Intake
from app.intake.guard import let_pass, read_inbound
from app.live.feed import Feed
from app.outbox import operators
from app.outbox.hands import Hands
from app.outbox.records import SCOPES, Facts

OFF: Final = (
    "The API is switched off: make a token with lead-relay token create NAME --scope SCOPE, or set API_TOKEN, and send "
    "it as Authorization: Bearer TOKEN."
)
UNPROVED: Final = "This needs the header Authorization: Bearer, with a token that lead-relay token create made."
NO_JSON: Final = problems.Wrong(detail="the body cannot be read as JSON", pointer="#")
TOO_OFTEN: Final = "That is more than one token may ask for; please wait."
ADMIN: Final = "admin"
OWNER: Final = "API_TOKEN"
BODILESS: Final = frozenset(("GET", "HEAD", "OPTIONS"))
BEARER: Final = HTTPBearer(auto_error=False, scheme_name="token", description="lead-relay token create makes one.")
PROOF: Final = Security(BEARER)
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


@dataclass(frozen=True, slots=True)
class Caller:
    """A program that has come in: its token's id and name, and what it may do."""

    id: str
    name: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        """Whether its token has a scope."""
        return not self.scopes.isdisjoint((scope, ADMIN))


@dataclass(frozen=True, slots=True)
class Door:
    """What the API's routes are made with. `token` is that of the settings, which may do everything; `rates`: how often
    one token may ask; `look`: what the watch sees just now; `feed`: what changes; `takes`: whether enquiries come in
    at this process.
    """

    intake: Intake
    token: SecretStr | None
    rates: tuple[Rate, ...]
    look: Callable[[], Awaitable[tuple[Facts, Mapping[str, str]]]]
    feed: Feed
    takes: bool

    def routes(self) -> APIRouter:
        """A part of the API, to which routes are added."""
        return APIRouter(prefix="/api/v1", tags=["api"], route_class=_guarded(self), responses=problems.may())

    def needs(self, scope: str) -> Any:
        """A dependency that gives the Caller, whose token has one of SCOPES. Raises NotAllowed."""

        async def check(request: Request, _: Any = PROOF) -> Caller:
            caller: Caller = request.state.caller
            if not caller.may(scope):
                has = ", ".join(sorted(caller.scopes)) or "none"
                raise NotAllowed(f"This takes a token with the scope {scope}; yours has: {has}.")
            return caller

        return Security(check, scopes=[scope])

    def hands(self, caller: Caller) -> Hands:
        """The acts of a program."""
        return Hands(self.intake.outbox, f"api:{caller.name}", self.intake.clock)

    async def enter(self, request: Request) -> Caller:
        """Who asks, by the token. Raises NotEntered; TooManyRequests where somebody guesses."""
        kind, _, secret = request.headers.get("authorization", "").partition(" ")
        secret = secret.strip()
        if kind.lower() == "bearer" and secret:
            own = self.token.get_secret_value() if self.token else ""
            if own and hmac.compare_digest(secret.encode(), own.encode()):
                return Caller(OWNER, OWNER, frozenset(SCOPES))
            known = await self.intake.outbox.books.read(partial(operators.token_of, secret=secret))
            if known is not None:
                return Caller(known.id, known.name, frozenset(known.scopes))
        if self.token is None and not await self.intake.outbox.books.read(operators.all_tokens):
            raise NotEntered(OFF)
        await self.intake.limits.take_strangers(request)
        raise NotEntered(UNPROVED)

    async def count(self, caller: Caller, headers: dict[str, str]) -> None:
        """Counts a request; `headers` get what is left. Raises TooManyRequests where that is nothing."""
        counts, left, wait = self.intake.limits.counts, [], 0.0
        for rate in self.rates:
            key = f"token {caller.id} {rate.seconds}"
            wait = max(wait, await counts.take(key, rate.most, rate.seconds))
            number, seconds = await counts.window(key, rate.most, rate.seconds)
            left.append(f'"{rate.seconds}s";r={rate.most - number};t={math.ceil(seconds)}')
        headers["RateLimit-Policy"] = ", ".join(f'"{one.seconds}s";q={one.most};w={one.seconds}' for one in self.rates)
        headers["RateLimit"] = ", ".join(left)
        if wait:
            raise TooManyRequests(TOO_OFTEN, math.ceil(wait))


class WithBody(Request):
    """A request whose body was read, as far as it may go."""

    def __init__(self, scope: Scope, receive: Receive, body: bytes) -> None:
        super().__init__(scope, receive)
        self._given = body

    async def body(self) -> bytes:
        """The body."""
        return self._given


def _guarded(door: Door) -> type[APIRoute]:
    """Routes that ask for a token first, then bound the body, and answer in problems."""

    async def admitted(request: Request, headers: dict[str, str]) -> Request:
        caller = request.state.caller = await door.enter(request)
        await door.count(caller, headers)
        if request.method in BODILESS:
            return request
        inbound = await read_inbound(request, door.intake.max_body_bytes, door.intake.public_url)
        return WithBody(request.scope, request.receive, inbound.body)

    class Guarded(APIRoute):
        def get_route_handler(self) -> Handler:
            handle = super().get_route_handler()

            async def guarded(request: Request) -> Response:
                headers: dict[str, str] = {"Cache-Control": "private, no-store"}
                try:
                    response = await handle(await admitted(request, headers))
                except HTTPException:
                    response = problems.refused(problems.Invalid(NO_JSON))
                except RequestValidationError as error:
                    response = problems.refused(problems.invalid(error.errors()))
                except Rejected as error:
                    if isinstance(error, BodyTooLarge):
                        await let_pass(request, error)
                    response = problems.refused(error)
                response.headers.update(headers)
                return response

            return guarded

    return Guarded

"""Who may come in: sessions in a signed cookie, roles, and a token in every form that changes something.

A session is a cookie that the store's key signs: who, since when, and a number made by chance. What may be done with it
is looked up anew for each request, so that a removed operator, or one who logs out everywhere, is out at once.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from itsdangerous import BadSignature, URLSafeSerializer
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response

from app.config.addresses import origin_of
from app.desk import passwords
from app.desk.posted import posted
from app.errors import CrossSite, NotAllowed, NotEntered, NotFound
from app.live.feed import waiting
from app.outbox import operators
from app.outbox.changes import seen_now
from app.outbox.outbox import Outbox
from app.outbox.records import Operator, Role
from app.sources.trees import clean

COOKIE: Final = "relay_desk"
CSRF_FIELD: Final = "_csrf"
CSRF_HEADER: Final = "x-csrf-token"
ADMIN: Final = "admin"
LONGEST: Final = 1000
"""Signs of a cookie: what is in it is unpacked before its signature can be looked at."""
LASTS: Final = timedelta(days=7)
APART: Final = timedelta(minutes=1)
"""The clocks of two relays may be so far apart."""
A_MOMENT: Final = timedelta(milliseconds=1)
"""The least by which the store tells times apart."""
SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS"))
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Needs = Callable[[Request], Coroutine[Any, Any, "Session"]]


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has come in: the name, what they may do, the token of their forms; what ends with it, and when."""

    name: str
    role: Role
    csrf: str
    mark: str
    until: datetime

    def sealed(self, query: str) -> str:
        """The query of an address that only this session's own pages lead to: what it says can be shown as true."""
        return f"{query}&seal={self._seal(query)}"

    def has_sealed(self, query: str) -> bool:
        """Whether a query is as this session's own pages sealed it."""
        said, _, seal = query.rpartition("&seal=")
        return hmac.compare_digest(seal.encode(), self._seal(said).encode())

    def _seal(self, query: str) -> str:
        as_read = urlencode(parse_qsl(query, keep_blank_values=True))  # which a proxy may spell in another way
        return hmac.new(self.csrf.encode(), as_read.encode(), hashlib.sha256).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Entry:
    """The door. `password` is that of the one operator `admin`, who needs no row; `address` is the relay's own."""

    outbox: Outbox
    password: SecretStr | None
    address: str
    clock: Callable[[], datetime]

    async def is_open(self) -> bool:
        """Whether anybody may come in at all."""
        return self.password is not None or bool(await self.outbox.books.read(operators.everybody))

    async def log_in(self, name: str, password: str) -> str | None:
        """The cookie of a new session; None where name and password do not go together."""
        known = await self._operator(name)
        if name == ADMIN and self.password is not None:
            is_right = hmac.compare_digest(password.encode(), self.password.get_secret_value().encode())
        else:
            is_right = await passwords.matches(password, known.password if known else "")
        if not is_right or known is None or not known.password:
            return None
        began = (max(self.clock(), known.sessions_from) - EPOCH) // A_MOMENT
        return self._signer(known).dumps([name, began, secrets.token_urlsafe(16)])

    async def log_out(self, session: Session) -> None:
        """Ends a session, also where its cookie was copied."""
        ended = partial(operators.end_session, mark=session.mark, now=self.clock(), until=session.until)
        await self.outbox.write(ended)

    async def log_out_everywhere(self, name: str) -> None:
        """Ends every session of an operator, also one by a clock that is, or was, ahead; the one of the settings gets a
        row, in which nothing else is of use.
        """

        async def work(connection: Any) -> None:
            known, start = await operators.operator_called(connection, name), self.clock() + APART
            start = max(start, known.sessions_from + A_MOMENT) if known else start
            if not await operators.end_sessions(connection, name, start):
                await operators.put_operator(connection, Operator(name, Role.ADMIN, "", EPOCH, start))

        await self.outbox.write(work)

    async def session(self, request: Request) -> Session | None:
        """The session that a request belongs to, as its operator stands now."""
        cookie = request.cookies.get(COOKIE, "")
        name = _name_in(cookie)
        known = await self._operator(name) if name else None
        if known is None:
            return None
        try:
            _, began, chance = self._signer(known).loads(cookie)
        except (BadSignature, ValueError):
            return None
        start, now = EPOCH + timedelta(milliseconds=began), self.clock()
        if not known.sessions_from <= start <= max(now + 2 * APART, known.sessions_from) or now >= start + LASTS:
            return None
        mark = hashlib.sha256(chance.encode()).hexdigest()
        if await self.outbox.books.read(partial(operators.has_ended, mark=mark)):
            return None
        token = hmac.new(self.outbox.key_for("desk csrf"), chance.encode(), hashlib.sha256).hexdigest()
        return Session(name, known.role, token, mark, start + LASTS)

    async def may(self, name: str, role: Role) -> bool:
        """Whether the operator of that name may still do this, without a session."""
        known = await self._operator(name)
        return known is not None and bool(known.password) and known.role.covers(role)

    def needs(self, role: Role) -> Needs:
        """A dependency that gives the session of somebody who may do this.

        Pages find in the request's state `who` it is, how many are `queued` for a person, and what was `seen`:
        what changes from now on is not.

        Raises NotEntered, NotAllowed, and CrossSite where something is changed without the token of one's own forms.
        """

        async def check(request: Request) -> Session:
            session = await self.session(request)
            if session is None:
                raise NotEntered("Please log in.")
            request.state.who, request.state.seen = session, await self.outbox.books.read(seen_now)
            if not request.headers.get("hx-request"):
                request.state.queued = await waiting(self.outbox.books)
            if not session.role.covers(role):
                raise NotAllowed(f"This takes the role {role}, and yours is {session.role}.")
            if "\0" in request.scope["path"] or b"%00" in request.scope["query_string"]:
                raise NotFound("There is no such page.")  # PostgreSQL takes no NUL to look for
            if request.method not in SAFE:
                await self._check_origin(request, session)
            return session

        return check

    def check_same_site(self, request: Request) -> None:
        """Raises CrossSite where another website has a browser send this."""
        origin = request.headers.get("origin")
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            raise CrossSite("This came from another website, so nothing was done.")
        if origin is not None and origin != origin_of(self.address) and not _is_of(origin, request):
            raise CrossSite("This came from another website, so nothing was done.")

    def set_cookie(self, request: Request, response: Response, value: str) -> None:
        """Gives the browser its session; an empty value ends it."""
        age = int(LASTS.total_seconds()) if value else 0
        secure = "https" in {urlsplit(self.address).scheme, request.url.scheme}
        response.set_cookie(COOKIE, value, age, path="/desk", secure=secure, httponly=True, samesite="lax")

    async def _check_origin(self, request: Request, session: Session) -> None:
        self.check_same_site(request)
        form = await posted(request)
        given = request.headers.get(CSRF_HEADER) or str(form.get(CSRF_FIELD, ""))
        if not hmac.compare_digest(given.encode(), session.csrf.encode()):
            raise CrossSite("This page is from before you logged in. Go back, reload it, and try again.")

    async def _operator(self, name: str) -> Operator | None:
        known = await self.outbox.books.read(partial(operators.operator_called, name=name))
        if name != ADMIN or self.password is None:
            return known
        return Operator(ADMIN, Role.ADMIN, self._mark(), EPOCH, known.sessions_from if known else EPOCH)

    def _mark(self) -> str:
        """What changes with the admin's password, and tells nothing of it."""
        password = self.password.get_secret_value() if self.password else ""
        return hmac.new(self.outbox.key_for("desk password"), password.encode(), hashlib.sha256).hexdigest()

    def _signer(self, operator: Operator) -> URLSafeSerializer:
        """Signs for one operator and password: with another password, the sessions of before are over."""
        return URLSafeSerializer(self.outbox.key_for("desk"), salt=f"{operator.name}:{operator.password}")


def _name_in(cookie: str) -> str:
    """Whose session a cookie claims to be, before its signature is looked at."""
    if len(cookie) > LONGEST:
        return ""
    try:
        _, found = URLSafeSerializer(b"").loads_unsafe(cookie)
    except (ValueError, TypeError):
        return ""
    return clean(found[0]) if isinstance(found, list) and len(found) == 3 and isinstance(found[0], str) else ""


def _is_of(origin: str, request: Request) -> bool:
    """Whether it is the origin of the address that was called, as on a machine where PUBLIC_URL is not set."""
    return origin == f"{request.url.scheme}://{request.url.netloc}"

"""How a sender proves who it is. On raw bytes, in constant time, with several live secrets, by an injected clock."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Literal

from app.errors import SignatureRefused, SourceError
from app.sources.base import Credentials, Inbound, Verify

PLACEHOLDER = re.compile(r"\{([\w-]+)\}")
MILLISECONDS = 10**11
"""A time of more than this is in milliseconds; as seconds it would be the year 5138."""
TOKEN_PARAMETERS = ("token", "key", "secret")
PLACES: Final[Mapping[str, str]] = {
    "bearer": "as 'Authorization: Bearer …'",
    "header": "as {header}",
    "basic": "as the password of Basic authentication",
    "url": "as ?token=… in the address",
}
"""Where a token may stand → how that is said."""
MOST_SIGNATURES = 10


def to_bytes(text: str) -> bytes:
    """UTF-8, of whatever a header or a secret holds."""
    return text.encode("utf-8", "surrogatepass")


def webhook_key(secret: str) -> bytes:
    """The key of a Standard Webhooks secret, `whsec_` and base64; empty where it is none."""
    text = secret.strip().removeprefix("whsec_").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:  # not base64, or not even ASCII
        return b""


@dataclass(frozen=True, slots=True)
class Hmac:
    """A header that holds an HMAC of the request, keyed with one of the secrets.

    `signed` says of what, with {body}, {method}, {url}, {timestamp} or a header's name in it. The time stands in the
    header `timestamp`; or beside the signature, as in `t=1700000000,v1=5f…`: then `pair` is ("t", "v1"). `key` makes
    a secret the key, empty where it cannot be one. `or_token`: without the header, the secret itself will do.
    """

    header: str
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    signed: str = "{body}"
    timestamp: str = ""
    pair: tuple[str, str] | None = None
    tolerance: timedelta = timedelta(minutes=5)
    key: Callable[[str], bytes] = to_bytes
    or_token: bool = True

    def verify(self, inbound: Inbound, credentials: Credentials, now: datetime) -> None:
        """Raises SignatureRefused; takes a secret as token where there is no signature at all (see `token`)."""
        given = inbound.headers.get(self.header.lower())
        if given is None:
            if self.or_token and is_token_given(inbound, credentials):
                return token(inbound, credentials, now)
            raise SignatureRefused(f"there is no {self.header} header")
        moment, signatures = self._parts(inbound, given)
        if "{timestamp}" in self.signed:
            check_time(moment, now, self.tolerance)
        message = self._message(inbound, moment)
        wanted = [self._signature(key, message) for secret in credentials.secrets if (key := self.key(secret))]
        if not any(any_equal(one, wanted) for one in signatures):
            raise SignatureRefused(f"{self.header} does not match the body and any of the secrets")
        return None

    def sign(self, inbound: Inbound, secret: str, now: datetime) -> dict[str, str]:
        """The headers that prove the request, by names in small letters. What else is signed has to be in it."""
        moment = str(int(now.timestamp()))
        signature = self._signature(self.key(secret), self._message(inbound, moment))
        given = f"{self.prefix}{signature}"
        if self.pair is not None:
            given = f"{self.pair[0]}={moment},{self.pair[1]}={signature}"
        return {self.header.lower(): given, **({self.timestamp.lower(): moment} if self.timestamp else {})}

    def _parts(self, inbound: Inbound, given: str) -> tuple[str, list[str]]:
        """The time and the signatures that the headers hold."""
        if self.pair is None:
            several = given.split() if " " not in self.prefix else [given.strip()]
            own = [one.removeprefix(self.prefix) for one in several[:MOST_SIGNATURES] if one.startswith(self.prefix)]
            return inbound.headers.get(self.timestamp.lower(), ""), [self._spelled(one) for one in own]
        pairs = [part.strip().partition("=") for part in given.split(",")[:MOST_SIGNATURES]]
        moments = [value for name, _, value in pairs if name == self.pair[0]]
        return "".join(moments[:1]), [self._spelled(value) for name, _, value in pairs if name == self.pair[1]]

    def _message(self, inbound: Inbound, moment: str) -> bytes:
        known = {"method": inbound.method, "url": inbound.url, "timestamp": moment}
        message = b""
        for index, part in enumerate(PLACEHOLDER.split(self.signed)):
            if index % 2 == 0:
                message += to_bytes(part)
            elif part == "body":
                message += inbound.body
            else:
                message += to_bytes(known.get(part, inbound.headers.get(part.lower(), "")))
        return message

    def _signature(self, key: bytes, message: bytes) -> str:
        digest = hmac.digest(key, message, self.algorithm)
        return digest.hex() if self.encoding == "hex" else base64.b64encode(digest).decode("ascii")

    def _spelled(self, signature: str) -> str:
        return signature.lower() if self.encoding == "hex" else signature


def check_time(moment: str, now: datetime, tolerance: timedelta) -> None:
    """Raises SignatureRefused for a time, in seconds or milliseconds, that is too far from now."""
    if not (moment.isascii() and moment.isdigit() and len(moment) < 16):
        raise SignatureRefused("the signature's time is missing or not a number")
    seconds = int(moment) / 1000 if int(moment) > MILLISECONDS else int(moment)
    if abs(now.timestamp() - seconds) > tolerance.total_seconds():
        raise SignatureRefused("the signature is stale: its time is too far from now, or this machine's clock is wrong")


def token(
    inbound: Inbound, credentials: Credentials, now: datetime, *, places: Collection[str] = tuple(PLACES)
) -> None:
    """Takes a secret as bearer token, in the configured header, as Basic password, or as `?token=` in the address.

    Only in those of the `places` that are named. A secret of the form `user:password` is compared with both halves of
    Basic, any other with the password alone.
    """
    given = [one for place, one in _tokens(inbound, credentials.header) if place in places]
    if not given:
        ways = ", or ".join(
            words.format(header=credentials.header) for place, words in PLACES.items() if place in places
        )
        raise SignatureRefused(f"there is no token: send it {ways}")
    if not any(any_equal(one, credentials.secrets) for one in given):
        raise SignatureRefused("the token is none of the secrets")


def body_key(key: str, load: Callable[[Inbound], Any]) -> Verify:
    """A check that the body itself holds one of the secrets at `key`; or, where it has none there, a token."""

    def verify(inbound: Inbound, credentials: Credentials, now: datetime) -> None:
        try:
            data = load(inbound).data
        except SourceError:
            data = None
        given = data.get(key) if isinstance(data, dict) else None
        if not given:
            token(inbound, credentials, now)
        elif not any_equal(str(given), credentials.secrets):
            raise SignatureRefused(f"{key} in the body is none of the secrets")

    return verify


def is_token_given(inbound: Inbound, credentials: Credentials) -> bool:
    """Whether there is anything that may be a token."""
    return next(_tokens(inbound, credentials.header), None) is not None


def _tokens(inbound: Inbound, header: str) -> Iterator[tuple[str, str]]:
    """Where something stands that may be a token, and what."""
    scheme, _, value = inbound.headers.get("authorization", "").partition(" ")
    found = [("header", inbound.headers.get(header.lower(), ""))]
    found += [("url", inbound.query.get(name, "")) for name in TOKEN_PARAMETERS]
    if scheme.lower() == "bearer":
        found.append(("bearer", value.strip()))
    elif scheme.lower() == "basic":
        pair = _decode_basic(value.strip())
        found += [("basic", pair), ("basic", pair.partition(":")[2])]
    return ((place, one) for place, one in found if one)


def _decode_basic(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode("utf-8")
    except ValueError:  # neither base64 nor UTF-8
        return ""


def any_equal(given: str, candidates: Iterable[str]) -> bool:
    """Compares with every candidate, so that the time tells nothing. Hashing first hides the lengths too."""
    wanted = hashlib.sha256(to_bytes(given)).digest()
    equal = False
    for candidate in candidates:
        equal |= hmac.compare_digest(hashlib.sha256(to_bytes(candidate)).digest(), wanted)
    return equal


standard_webhooks: Final = Hmac(
    "webhook-signature",
    encoding="base64",
    prefix="v1,",
    signed="{webhook-id}.{timestamp}.{body}",
    timestamp="webhook-timestamp",
    key=webhook_key,
    or_token=False,
).verify
"""https://www.standardwebhooks.com. Its Python library reads the machine's clock and falls over crooked headers."""

SCHEMES: Final[Mapping[str, Verify]] = {
    "token": token,
    **{place: partial(token, places=(place,)) for place in PLACES},
    "standard-webhooks": standard_webhooks,
}
"""The schemes that a hook of relay.toml may have by name."""

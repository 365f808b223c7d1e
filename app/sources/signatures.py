"""How a sender proves who it is. On raw bytes, in constant time, with several live secrets."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime

from app.errors import SignatureRefused
from app.sources.base import Credentials, Inbound, Verify


def hmac_header(header: str, *, prefix: str = "") -> Verify:
    """A check that `header` holds `prefix` and the body's HMAC-SHA256 in base64, keyed with one of the secrets."""

    def verify(inbound: Inbound, credentials: Credentials, now: datetime) -> None:
        given = inbound.headers.get(header.lower())
        if given is None:
            raise SignatureRefused(f"there is no {header} header")
        digests = (hmac.digest(_bytes(secret), inbound.body, "sha256") for secret in credentials.secrets)
        if not _any_equal(given, (prefix + base64.b64encode(digest).decode("ascii") for digest in digests)):
            raise SignatureRefused(f"{header} does not match the body and any of the secrets")

    return verify


def token(inbound: Inbound, credentials: Credentials, now: datetime) -> None:
    """Takes a secret as bearer token, in the configured header, as Basic password, or as `?token=` in the address.

    A secret of the form `user:password` is compared with both halves of Basic, any other with the password alone.
    """
    given = list(_tokens(inbound, credentials.header))
    if not given:
        raise SignatureRefused(
            f"there is no token: send it as 'Authorization: Bearer …', as {credentials.header}, "
            "as the password of Basic authentication, or as ?token=… in the address"
        )
    if not any(_any_equal(one, credentials.secrets) for one in given):
        raise SignatureRefused("the token is none of the secrets")


def _tokens(inbound: Inbound, header: str) -> list[str]:
    scheme, _, value = inbound.headers.get("authorization", "").partition(" ")
    found = [inbound.headers.get(header.lower(), ""), inbound.query.get("token", "")]
    if scheme.lower() == "bearer":
        found.append(value.strip())
    elif scheme.lower() == "basic":
        pair = _decode_basic(value.strip())
        found += [pair, pair.partition(":")[2]]
    return [one for one in found if one]


def _decode_basic(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode("utf-8")
    except ValueError:  # neither base64 nor UTF-8
        return ""


def _any_equal(given: str, candidates: Iterable[str]) -> bool:
    """Compares with every candidate, so that the time tells nothing. Hashing first hides the lengths too."""
    wanted = hashlib.sha256(_bytes(given)).digest()
    equal = False
    for candidate in candidates:
        equal |= hmac.compare_digest(hashlib.sha256(_bytes(candidate)).digest(), wanted)
    return equal


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")

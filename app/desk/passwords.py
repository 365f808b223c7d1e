"""Operators' passwords, kept as argon2 hashes (RFC 9106)."""

from __future__ import annotations

import asyncio
import secrets
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST = 10
AT_ONCE = 2
"""So many passwords are checked side by side: each takes memory and time on purpose."""
_checking = asyncio.Semaphore(AT_ONCE)


def hashed(password: str) -> str:
    """What is kept of a password."""
    return _hasher().hash(password)


async def matches(password: str, kept: str) -> bool:
    """Whether it is the password of which `kept` is the hash; in a thread, as it takes its time."""
    async with _checking:
        return await asyncio.to_thread(_verify, password, kept or _of_nobody())


def _verify(password: str, kept: str) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return _hasher().verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()


@cache
def _of_nobody() -> str:
    """Checked in a name's place that nobody has, so that an answer takes as long."""
    return hashed(secrets.token_urlsafe())

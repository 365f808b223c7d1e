"""The time trap: a signed token that tells when a form was shown, and which. It holds no secret and is made anywhere.

A static page without a script has none, and a cached one a very old one: neither says anything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from itsdangerous import BadSignature, Signer

from app.intake.spam.case import Stamped

FIELD: Final = "_stamp"
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MAX_LENGTH: Final = 200


@dataclass(frozen=True, slots=True)
class Stamps:
    """Makes and reads stamps with a key that all replicas on one store have."""

    key: Callable[[], bytes]

    def make(self, form_name: str, now: datetime) -> str:
        """The token of a form that is shown now."""
        milliseconds = (now - EPOCH) // timedelta(milliseconds=1)
        return self._signer().sign(f"{form_name}.{milliseconds}").decode()

    def read(self, token: str, form_name: str, now: datetime) -> Stamped:
        """What the token that came with a form says."""
        if not token.strip():
            return Stamped()
        try:
            made = self._signer().unsign(token.strip()[:MAX_LENGTH].encode("utf-8", "replace")).decode()
        except BadSignature:
            return Stamped(is_forged=True)
        name, _, milliseconds = made.rpartition(".")
        if name != form_name:
            return Stamped(is_forged=True)
        return Stamped(age=(now - EPOCH) / timedelta(seconds=1) - int(milliseconds) / 1000)

    def _signer(self) -> Signer:
        return Signer(self.key(), salt=FIELD, key_derivation="hmac", digest_method=hashlib.sha256)

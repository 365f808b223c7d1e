"""ALTCHA, the relay's own captcha: a browser has to calculate for a moment. No third party, nothing to click.

The protocol is the library's second one, which the official widget speaks since its version 3: a challenge is solved by
the one counter whose derived key begins as the challenge says, and carries a signature, so that nothing is kept of it.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from altcha import Payload, create_challenge, verify_solution

ALGORITHM: Final = "PBKDF2/SHA-256"
COST: Final = 5000
"""Rounds of each try: enough that calling the browser costs little beside them."""
FEWEST, MOST = 40, 100
"""Tries that it takes: a quarter of a second on a desktop, under a second on a phone."""
GOOD_FOR: Final = timedelta(minutes=20)
MAX_LENGTH: Final = 4000


@dataclass(frozen=True, slots=True)
class Altcha:
    """Makes and checks challenges with a key that all replicas on one store have."""

    key: Callable[[], bytes]

    def challenge(self, form_name: str, now: datetime) -> dict[str, Any]:
        """A challenge for one form. Takes a few milliseconds, as it is calculated once here too."""
        made = create_challenge(
            ALGORITHM,
            COST,
            counter=FEWEST + secrets.randbelow(MOST - FEWEST + 1),
            expires_at=now + GOOD_FOR,
            data={"form": form_name},
            hmac_secret=self._key("challenge"),
            hmac_key_secret=self._key("solution"),
        )
        return made.to_dict()

    def check(self, answer: str, form_name: str) -> tuple[str, str]:
        """The id of the challenge that an answer is for, and what is wrong with it; no words where nothing is."""
        try:
            payload = Payload.from_base64(answer[:MAX_LENGTH])
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return "", "not an answer"
        found = verify_solution(payload, self._key("challenge"), hmac_key_secret=self._key("solution"))
        if found.expired:
            return "", "too late"
        if found.invalid_signature:
            return "", "not of this relay"
        if not found.verified:
            return "", "wrong answer"
        data = payload.challenge.parameters.data
        if not isinstance(data, Mapping) or data.get("form") != form_name:
            return "", "for another form"
        return str(payload.challenge.signature), ""

    def _key(self, purpose: str) -> bytes:
        return hmac.digest(self.key(), purpose.encode(), "sha256")

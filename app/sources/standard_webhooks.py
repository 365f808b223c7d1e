"""Standard Webhooks: https://www.standardwebhooks.com. Stands in until its library does it."""

from __future__ import annotations

import base64
import hmac
from datetime import datetime, timedelta

from app.errors import SignatureRefused
from app.sources.base import Credentials, Inbound
from app.sources.signatures import any_equal, check_time, to_bytes


def verify(inbound: Inbound, credentials: Credentials, now: datetime) -> None:
    """Raises SignatureRefused."""
    moment = inbound.headers.get("webhook-timestamp", "")
    check_time(moment, now, timedelta(minutes=5))
    message = to_bytes(f"{inbound.headers.get('webhook-id', '')}.{moment}.") + inbound.body
    wanted = []
    for secret in credentials.secrets:
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except ValueError:
            continue
        wanted.append("v1," + base64.b64encode(hmac.digest(key, message, "sha256")).decode())
    if not any(any_equal(one, wanted) for one in inbound.headers.get("webhook-signature", "").split()):
        raise SignatureRefused("webhook-signature does not match the body and any of the secrets")

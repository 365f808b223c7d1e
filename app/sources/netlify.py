"""`netlify-forms`: https://docs.netlify.com/forms/notifications/. The form's fields are `data`; signed as a JWS."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

from app.errors import SignatureRefused
from app.sources.base import Credentials, Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone
from app.sources.parts import entry, id_at, like, part
from app.sources.signatures import any_equal, is_token_given, to_bytes, token

HEADER = "x-webhook-signature"
NOT_ASKED = frozenset(("ip", "user_agent", "referrer"))


def verify(inbound: Inbound, credentials: Credentials, now: datetime) -> None:
    """A JSON Web Signature of the body's hash; where there is none at all, a secret as token."""
    given = inbound.headers.get(HEADER, "")
    if not given and is_token_given(inbound, credentials):
        token(inbound, credentials, now)
        return
    signed, _, signature = given.rpartition(".")
    wanted = [_encoded(hmac.digest(to_bytes(secret), to_bytes(signed), "sha256")) for secret in credentials.secrets]
    if not any_equal(signature, wanted):
        raise SignatureRefused("X-Webhook-Signature is missing, or made with none of the secrets")
    header, _, claims = signed.partition(".")
    body = hashlib.sha256(inbound.body).hexdigest()
    if _claimed(header).get("alg") != "HS256" or _claimed(claims).get("sha256") != body:
        raise SignatureRefused("X-Webhook-Signature is of another body")


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _claimed(part_: str) -> dict[str, Any]:
    """A JWS's part; empty where it is none."""
    try:
        found = json.loads(base64.urlsafe_b64decode(part_ + "=" * (-len(part_) % 4)))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def parse(inbound: Inbound) -> Parsed:
    """The form's own fields; a post of the form itself is read as such."""
    data = load(inbound).data
    said = part(data, "data")
    if not isinstance(said, dict) or not isinstance(part(data, "form_name"), str):
        return anyone(inbound)
    return Parsed((entry(data, *(("data", key) for key in said if key not in NOT_ASKED)),), id_at(data, "id"))


NETLIFY = Source("netlify-forms", verify, parse, like("ordered_human_fields", "data", "form_name"), also=("netlify",))

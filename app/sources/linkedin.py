"""`linkedin`: https://learn.microsoft.com/linkedin/marketing/lead-sync/leadsync. Ids only; a challenge is answered."""

from __future__ import annotations

import hmac
import json
import re

from app.sources.base import Credentials, Inbound, Parsed, Reply, Source
from app.sources.bodies import load
from app.sources.envelope import anyone
from app.sources.parts import like, text
from app.sources.signatures import Hmac, to_bytes

CODE = re.compile(r"[\w-]{1,100}", re.ASCII)
"""A challenge's code. Anything else would make the answer a signature of a body that somebody else wrote."""


def parse(inbound: Inbound) -> Parsed:
    """The URN of a lead form's response, as `lead` to be fetched."""
    data = load(inbound).data
    urn = text(data, "leadGenFormResponse")
    if not urn:
        return anyone(inbound)
    action = text(data, "leadAction")
    if action.upper() not in {"CREATED", ""}:
        return Parsed((), urn, note=f"LinkedIn sent {action[:100]}, which brings no new lead")
    return Parsed((), urn, to_fetch=(urn,))


def handshake(inbound: Inbound, credentials: Credentials) -> Reply | None:
    """The challenge's code with its HMAC, by the first of the secrets."""
    code = inbound.query.get("challengeCode", "")
    if not CODE.fullmatch(code):
        return None
    secret = to_bytes(next(iter(credentials.secrets), ""))
    answer = {"challengeCode": code, "challengeResponse": hmac.new(secret, to_bytes(code), "sha256").hexdigest()}
    return Reply(json.dumps(answer), "application/json")


LINKEDIN = Source(
    "linkedin",
    Hmac("X-LI-Signature", signed="hmacsha256={body}").verify,
    parse,
    like("leadGenFormResponse", header="x-li-signature"),
    handshake,
)

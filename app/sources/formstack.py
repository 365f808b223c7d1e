"""`formstack`: https://help.formstack.com/webhooks

JSON or a form, keyed by names or ids; a handshake key in the body.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from app.sources.answers import fields_of
from app.sources.base import Credentials, Inbound, Parsed, Source
from app.sources.bodies import entries_of, load
from app.sources.parts import id_at, like
from app.sources.signatures import Hmac, body_key
from app.sources.trees import entry_of

PART = re.compile(r"[a-z_0-9]{1,30}")
SIGNED = Hmac("X-FS-Signature", prefix="sha256=")


def verify(inbound: Inbound, credentials: Credentials, now: datetime) -> None:
    """The signature, where a key for one is set, else the handshake key in the body."""
    check = SIGNED.verify if "x-fs-signature" in inbound.headers else body_key("HandshakeKey", load)
    check(inbound, credentials, now)


def parse(inbound: Inbound) -> Parsed:
    """The form's fields. In a form, a field's parts and type are lines: `first = Ada`, `field_type = email`."""
    body = load(inbound)
    id_ = id_at(body.data, "UniqueID")
    if body.pairs is None:
        return Parsed(entries_of(body), id_)
    data = {key: _parts(value) for key, value in body.data.items() if key != "HandshakeKey"}
    return Parsed((entry_of(fields_of(data), body.data),), id_)


def _parts(value: Any) -> Any:
    pairs = [line.partition(" = ") for line in value.splitlines()] if isinstance(value, str) else []
    is_in_parts = bool(pairs) and all(equals and PART.fullmatch(key) for key, equals, _ in pairs)
    return {key: said for key, _, said in pairs} if is_in_parts else value


FORMSTACK = Source("formstack", verify, parse, like("FormID", "UniqueID"))

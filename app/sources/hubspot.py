"""`hubspot`: https://developers.hubspot.com/docs/apps/legacy-apps/authentication/validating-requests.

Workflows send whole contacts, apps arrays of thin events, of which a created contact is fetched.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

from app.errors import SignatureRefused
from app.sources.base import Credentials, Fetch, Inbound, Parsed, Source
from app.sources.bodies import load
from app.sources.envelope import anyone
from app.sources.parts import entry, like, part, text
from app.sources.signatures import Hmac, any_equal, to_bytes

VERSION_3 = Hmac(
    "X-HubSpot-Signature-v3",
    encoding="base64",
    signed="{method}{url}{body}{timestamp}",
    timestamp="X-HubSpot-Request-Timestamp",
)
OLDER = "x-hubspot-signature"
CREATED = frozenset(("contact.creation", "contact.restore", "object.creation"))
CONTACTS = frozenset(("0-1", ""))
"""What HubSpot calls the kind of object that a contact is; older events have no kind."""


def verify(inbound: Inbound, credentials: Credentials, now: datetime) -> None:
    """Version 3 where it is there; else a hash of secret and request, as versions 1 and 2 have it; else a token."""
    given = inbound.headers.get(OLDER)
    if given is None or "x-hubspot-signature-v3" in inbound.headers:
        VERSION_3.verify(inbound, credentials, now)
        return
    request = inbound.method + inbound.url if inbound.headers.get("x-hubspot-signature-version") == "v2" else ""
    wanted = (hashlib.sha256(to_bytes(secret + request) + inbound.body).hexdigest() for secret in credentials.secrets)
    if not any_equal(given.lower(), list(wanted)):
        raise SignatureRefused("X-HubSpot-Signature does not match the body and any of the secrets")


def parse(inbound: Inbound) -> Parsed:
    """A contact; or the ids of those that events say were created."""
    data = load(inbound).data
    events = [one for one in (data if isinstance(data, list) else [data]) if isinstance(one, dict)]
    if events and all("subscriptionType" in one for one in events):
        created = [text(one, "objectId") for one in events if _is_new(one)]
        note = "" if created else f"HubSpot sent {text(events[0], 'subscriptionType')[:100]}, which brings no new lead"
        id_ = ",".join(filter(None, (text(one, "eventId") for one in events[:5])))
        return Parsed((), id_ or None, note, to_fetch=tuple(filter(None, created)))
    if isinstance(part(data, "properties"), dict):
        return Parsed((entry(data, *(("properties", name) for name in data["properties"])),))
    return anyone(inbound)


def _is_new(event: dict[str, Any]) -> bool:
    return text(event, "subscriptionType") in CREATED and text(event, "objectTypeId") in CONTACTS


def _looks_like(inbound: Inbound, data: object) -> bool:
    if isinstance(data, list):
        return bool(data) and like("subscriptionType", "objectId", "portalId")(inbound, data[0])
    return like("portal-id", "properties", header="x-hubspot-signature")(inbound, data)


HUBSPOT = Source(
    "hubspot",
    verify,
    parse,
    _looks_like,
    fetch=Fetch(
        "https://api.hubapi.com",
        "/crm/v3/objects/contacts/{id}?properties=firstname,lastname,email,phone,mobilephone,message",
    ),
)

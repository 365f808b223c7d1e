"""`wpforms`: https://wpforms.com/docs/how-to-install-and-use-the-webhooks-addon/. JSON or a form, by keys of one's own.

In form mode it signs the JSON that PHP makes of the parameters. Its webhook's id is the same each time.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

from app.errors import SignatureRefused, SourceError
from app.sources.base import Credentials, Inbound, Parsed, Source
from app.sources.bodies import entries_of, load
from app.sources.parts import id_at, like
from app.sources.signatures import Hmac

SIGNED = Hmac("X-WPForms-Webhook-Signature", signed="{timestamp}.{body}", pair=("t", "v"))
FORM = "application/x-www-form-urlencoded"


def verify(inbound: Inbound, credentials: Credentials, now: datetime) -> None:
    """The signature of the body, or of its parameters as PHP's json_encode writes them."""
    if inbound.headers.get("content-type", "").startswith(FORM):
        try:
            said = load(inbound).data
        except SourceError as error:
            raise SignatureRefused("the signature is of a form, which this body is not") from error
        inbound = replace(inbound, body=json.dumps(said, separators=(",", ":")).replace("/", "\\/").encode())
    SIGNED.verify(inbound, credentials, now)


def parse(inbound: Inbound) -> Parsed:
    """The fields."""
    body = load(inbound)
    return Parsed(entries_of(body), id_at(body.data, "entry_id"))


WPFORMS = Source("wpforms", verify, parse, like(header="x-wpforms-webhook-signature"))

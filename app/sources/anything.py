"""`json`: any other server. JSON above all, though forms and text are read as well."""

from __future__ import annotations

from app.sources.base import Source
from app.sources.envelope import anyone, handshake
from app.sources.signatures import token

JSON = Source(
    "json",
    token,
    anyone,
    handshake=handshake,
    also=("microsoft-forms", "google-forms"),
)

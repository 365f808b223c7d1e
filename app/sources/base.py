"""What a source is: the adapter that knows one provider's requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.lead import Entry


@dataclass(frozen=True, slots=True)
class Inbound:
    """One request as it came: header names in lower case, the raw body that signatures are made over."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What proves a sender: any one of `secrets` (several are live while they are rotated), and where it may stand."""

    secrets: tuple[str, ...] = ()
    header: str = "X-Relay-Token"


@dataclass(frozen=True, slots=True)
class Parsed:
    """A request in the relay's terms: an entry a person, the sender's own id for it, and why there is nobody in it."""

    entries: tuple[Entry, ...]
    event_id: str | None = None
    note: str = ""


Verify = Callable[[Inbound, Credentials, datetime], None]
Parse = Callable[[Inbound], Parsed]


@dataclass(frozen=True, slots=True)
class Source:
    """One provider's adapter, pure functions only.

    `verify` raises SignatureRefused; `parse` raises Unreadable or UnreadableType, and nothing else whatever the bytes.
    """

    name: str
    verify: Verify
    parse: Parse

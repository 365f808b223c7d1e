"""What a source is: the adapter that knows one provider's requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.errors import Unreadable
from app.lead import Entry
from app.sources.trees import MAX_ENTRIES


@dataclass(frozen=True, slots=True)
class Inbound:
    """One request as it came: header names in lower case, the raw body that signatures are made over.

    `url` is the whole address that the sender called, as it stands in front of the proxy.
    """

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    url: str = ""


@dataclass(frozen=True, slots=True)
class Credentials:
    """What proves a sender: any one of `secrets` (several are live while they are rotated), and where it may stand."""

    secrets: tuple[str, ...] = ()
    header: str = "X-Relay-Token"


@dataclass(frozen=True, slots=True)
class Parsed:
    """A request in the relay's terms.

    An entry a person, the sender's own id for it, and in words (`note`) why there is nobody in it. `to_fetch` are the
    ids of people of whom the provider sent no more than that. In words, too: `hold`, why a person should look at the
    leads before they are sent, and `spam`, the provider's own verdict.
    """

    entries: tuple[Entry, ...]
    event_id: str | None = None
    note: str = ""
    to_fetch: tuple[str, ...] = ()
    hold: str = ""
    spam: str = ""

    def __post_init__(self) -> None:
        if len(self.to_fetch) > MAX_ENTRIES:
            raise Unreadable(f"it names {len(self.to_fetch)} people to fetch; {MAX_ENTRIES} is the most at once")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a provider has to be answered that only asks whether the hook is there."""

    text: str = ""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fetch:
    """Where a provider's API tells the person behind an id: GET `base_url` + `path`, with a token as bearer.

    Its answer is read by the source's own `parse`.
    """

    base_url: str
    path: str


Verify = Callable[[Inbound, Credentials, datetime], None]
Parse = Callable[[Inbound], Parsed]
Handshake = Callable[[Inbound, Credentials], Reply | None]
LooksLike = Callable[[Inbound, Any], bool]


def _never(inbound: Inbound, data: Any) -> bool:
    return False


def _no_handshake(inbound: Inbound, credentials: Credentials) -> Reply | None:
    return None


@dataclass(frozen=True, slots=True)
class Source:
    """One provider's adapter, pure functions only.

    `verify` raises SignatureRefused; `parse` raises Unreadable or UnreadableType, and nothing else whatever the bytes.
    `looks_like` tells `auto` whether a request is this provider's, by its headers and its data (a dict or list, None
    where the body is neither JSON nor a form). `handshake` answers what is no event. `also` are its other names.
    """

    name: str
    verify: Verify
    parse: Parse
    looks_like: LooksLike = _never
    handshake: Handshake = _no_handshake
    fetch: Fetch | None = None
    also: tuple[str, ...] = ()

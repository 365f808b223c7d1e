"""How a hook's senders prove themselves: as its `verify` says, else as its source does. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from app.config.endpoints import Hook
from app.errors import ConfigurationError, SignatureRefused, Unreadable, UnreadableType
from app.sources import SOURCES, source_of
from app.sources.base import Credentials, Inbound, Reply, Source, Verify
from app.sources.signatures import SCHEMES, Hmac, standard_webhooks, webhook_key


def check(hook: Hook, where: str) -> None:
    """Raises ConfigurationError for secrets that cannot be right, and for `fetch` where there is nothing to fetch."""
    source = SOURCES.get(hook.source)
    if hook.fetch and source and source.fetch is None:
        raise ConfigurationError(f"{where}.fetch: {hook.source} sends whole people, so nobody has to be fetched")
    needs_keys = _scheme(hook, source or SOURCES["json"]) == standard_webhooks
    if needs_keys and not all(map(webhook_key, _credentials(hook).secrets)):
        raise ConfigurationError(f'{where}.secrets: expected those of Standard Webhooks: "whsec_" and base64')


def verify(inbound: Inbound, hook: Hook, source: Source, now: datetime) -> None:
    """Raises SignatureRefused for who does not prove to be the sender."""
    if hook.open:
        return
    try:
        _scheme(hook, source)(inbound, _credentials(hook), now)
    except (Unreadable, UnreadableType) as error:  # of a form, some sign the fields
        raise SignatureRefused(f"what is signed cannot be read: {error}") from error


def proved(inbound: Inbound, hook: Hook, now: datetime) -> Inbound | None:
    """The request with what its sender proves itself by, as far as that can be made here; else None."""
    source = source_of(hook.source, inbound)
    for one in _attempts(inbound, hook, source, now):
        try:
            verify(one, hook, source, now)
        except SignatureRefused:
            continue
        return one
    return None


def signature_of(hook: Hook) -> Hmac | None:
    """The signature that its requests carry; None where they carry a secret, or another proof."""
    scheme = _scheme(hook, SOURCES.get(hook.source, SOURCES["json"]))
    own = getattr(scheme, "__self__", None)
    return own if isinstance(own, Hmac) else None


def _attempts(inbound: Inbound, hook: Hook, source: Source, now: datetime) -> Iterator[Inbound]:
    """The request with nothing, with its signature, and with a secret in each place that one may stand in."""
    yield inbound
    for secret in _credentials(hook).secrets[:1]:
        own = getattr(_scheme(hook, source), "__self__", None)
        if isinstance(own, Hmac):
            yield replace(inbound, headers={**inbound.headers, **own.sign(inbound, secret, now)})
        bearer = {hook.header.lower(): secret, "authorization": f"Bearer {secret}"}
        yield replace(inbound, headers={**inbound.headers, **bearer}, query={**inbound.query, "token": secret})
        pair = secret if ":" in secret else f"test:{secret}"
        basic = base64.b64encode(pair.encode()).decode()
        yield replace(inbound, headers={**inbound.headers, "authorization": f"Basic {basic}"})


def handshake(inbound: Inbound, hook: Hook) -> Reply | None:
    """What a provider is answered that only asks whether the hook is there; None where it asks nothing of the kind."""
    return source_of(hook.source, inbound).handshake(inbound, _credentials(hook))


def _scheme(hook: Hook, source: Source) -> Verify:
    if hook.verify is None:
        return source.verify
    if isinstance(hook.verify, str):
        return SCHEMES[hook.verify]
    as_given = hook.verify.model_dump(exclude={"hmac"})
    return Hmac(**as_given, algorithm=hook.verify.hmac, or_token=False).verify


def _credentials(hook: Hook) -> Credentials:
    return Credentials(tuple(secret.get_secret_value() for secret in hook.secrets), hook.header)

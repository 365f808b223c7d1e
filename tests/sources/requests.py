"""Requests to read in tests, and the ways in that they are read at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from app.config.endpoints import Endpoint, Form, Hook
from app.lead import Field, Lead
from app.reader import Reading, read
from app.sources.base import Inbound

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
FORM = Form(name="contact")
URLENCODED = "application/x-www-form-urlencoded"
BOUNDARY = "----relay"


def hook(source: str = "json", *secrets: str, **more: Any) -> Hook:
    """A hook of that source; open to anybody where it has no secrets."""
    return Hook.model_validate(
        {"name": source, "source": source, "secrets": list(secrets), "open": not secrets, **more}
    )


def request(body: bytes | str, content_type: str = "", **headers: str) -> Inbound:
    """A request of that body; the keywords are headers, `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    kind = {"content-type": content_type} if content_type else {}
    return Inbound(body if isinstance(body, bytes) else body.encode(), {**kind, **named})


def form(fields: Mapping[str, Any] | list[tuple[str, str]]) -> Inbound:
    """A form as a browser posts it."""
    return request(urlencode(fields, doseq=True), URLENCODED)


def as_json(data: Any, **headers: str) -> Inbound:
    return request(json.dumps(data), "application/json", **headers)


def multipart(*parts: tuple[str, str], boundary: str = BOUNDARY, end: str = "--\r\n") -> Inbound:
    """A multipart form of `(disposition, value)` parts, such as `('name="email"', …)`."""
    body = "".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{value}\r\n"
        for disposition, value in parts
    )
    return request(f"{body}--{boundary}{end}", f"multipart/form-data; boundary={BOUNDARY}")


def reading(inbound: Inbound, endpoint: Endpoint = FORM) -> Reading:
    return read(inbound, endpoint, NOW)


def lead(inbound: Inbound, endpoint: Endpoint = FORM) -> Lead:
    """The only lead of a request."""
    (only,) = reading(inbound, endpoint).submission.leads
    return only


def fields(inbound: Inbound, endpoint: Endpoint = FORM) -> dict[str, str]:
    """Key → value of everything that was read; several values of one key joined."""
    found: dict[str, list[str]] = {}
    for entry in reading(inbound, endpoint).entries:
        for one in entry.fields:
            found.setdefault(one.key, []).append(one.value)
    return {key: " + ".join(values) for key, values in found.items()}


def everything(one: Lead) -> str:
    """All that a lead says, for looking whether something is in it."""
    kept = [f"{extra.key} {extra.value}" for extra in one.extra]
    own = (one.first_name, one.last_name, one.email, one.contact_no, one.message, one.source, one.status)
    return "\n".join([*own, *one.utm.values(), *kept])


def extras(found: tuple[Field, ...]) -> dict[str, str]:
    return {one.key: one.value for one in found}

"""What every source has to keep: its samples, and how its provider signs, worked out here without app.sources.

A sample's `signature.made` says how its signature is made; the other samples of its source are signed the same way,
and a source without any takes a token. All of these are optional:

`of`         what is signed, "{body}" by default; also {timestamp} {method} {url} {secret} and {header-name},
             {jws} (a JSON Web Signature's first two parts), {php} (the form as PHP's json_encode writes it)
`algorithm`  sha256 by default; `encoding` hex, base64 or base64url; `key` text, whsec (base64 behind whsec_) or none
`value`      the header's value, "{signature}" by default; also {timestamp} and {of}
`timestamp`  seconds or milliseconds; `timestamp_header` where it stands beside the signature
`in_body`    the body's key that holds the secret itself: then nothing is signed
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from email.message import Message
from email.parser import BytesParser
from typing import Any
from urllib.parse import parse_qsl

from app.sources import ALL, SOURCES
from app.sources.base import Inbound, Source
from tests.samples import NO_NEW_LEAD, Sample, samples

PLACEHOLDER = re.compile(r"\{([\w-]+)\}")
SECRET = "a-secret-of-the-contract"
WHSEC = "whsec_" + base64.b64encode(SECRET.encode()).decode()
SAMPLES = tuple(one for one in samples("*/*") if one.provider in SOURCES)
"""Every sample of a provider that has a source."""
STRANGERS = tuple(one for one in samples("*/*") if one.provider not in SOURCES)


@dataclass(frozen=True)
class Case:
    """A sample, the source that it belongs to, and how its provider signs; of a token where `made` is empty."""

    source: Source
    sample: Sample
    made: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.source.name}-{self.sample.name}"

    @property
    def secret(self) -> str:
        """A secret of the kind that the provider gives."""
        return WHSEC if self.made.get("key") == "whsec" else SECRET

    @property
    def brings_a_lead(self) -> bool:
        expected = self.sample.expected
        is_none = isinstance(expected, dict) and bool(expected.keys() & {"ignored", "verification", "spam"})
        return not is_none and self.sample.kind not in {*NO_NEW_LEAD, "partial"} and bool(self.sample.people)

    @property
    def moment(self) -> str:
        """The time of the signature as the provider writes it."""
        given = self.sample.inbound.headers.get(self.made.get("timestamp_header", "").lower())
        if given and self.sample.secret:
            return given
        return str(int(self.sample.now.timestamp()) * (1000 if self.made.get("timestamp") == "milliseconds" else 1))

    def signed(self, secret: str = "") -> Inbound:
        """The sample as its provider would sign it with that secret."""
        return signed(self.sample, self.made, secret or self.secret, self.moment)

    @property
    def unsigned(self) -> Inbound:
        """The sample without anything that proves its sender."""
        return signed(self.sample, self.made, "", self.moment)


def cases() -> tuple[Case, ...]:
    """A case a sample: it is signed as it says itself, else as the first of its source that says so."""
    made: dict[str, Mapping[str, Any]] = {}
    for one in SAMPLES:
        if "made" in one.signature:
            made.setdefault(SOURCES[one.provider].name, one.signature)
    return tuple(_case(one, made.get(SOURCES[one.provider].name, {})) for one in SAMPLES)


def _case(sample: Sample, usual: Mapping[str, Any]) -> Case:
    said = sample.signature if "made" in sample.signature else usual
    how = {**said["made"], "header": said.get("header") or ""} if said else {}
    return Case(SOURCES[sample.provider], sample, how)


def cases_of(source: Source) -> tuple[Case, ...]:
    return tuple(one for one in CASES if one.source is source)


def signed(sample: Sample, made: Mapping[str, Any], secret: str, moment: str) -> Inbound:
    """A sample with a fresh proof of its sender; without any where there is no secret."""
    given = sample.inbound
    gone = {"authorization", "x-relay-token", str(made.get("header", "")).lower()}
    headers = {name: value for name, value in given.headers.items() if name not in gone}
    inbound = replace(given, headers=headers, query={}, url=given.url or "https://leads.example.com/hooks/sample")
    if key := made.get("in_body"):
        return replace(inbound, body=_with_key(inbound, key, sample.secret, secret))
    if not made:
        return replace(inbound, headers={**headers, "x-relay-token": secret}) if secret else inbound
    if name := made.get("timestamp_header"):
        headers[name.lower()] = moment
    return replace(inbound, headers={**headers, **_proof(inbound, made, secret, moment)}) if secret else inbound


def _proof(inbound: Inbound, made: Mapping[str, Any], secret: str, moment: str) -> dict[str, str]:
    of = _filled(made.get("of", "{body}"), inbound, secret, moment)
    algorithm, key = made.get("algorithm", "sha256"), secret.encode()
    if made.get("key") == "none":
        digest = hashlib.new(algorithm, of).digest()
    else:
        key = base64.b64decode(secret.removeprefix("whsec_")) if made.get("key") == "whsec" else key
        digest = hmac.new(key, of, algorithm).digest()
    value = str(made.get("value", "{signature}")).replace("{signature}", encoded(digest, made.get("encoding", "hex")))
    return {made["header"].lower(): value.replace("{timestamp}", moment).replace("{of}", of.decode("latin-1"))}


def encoded(raw: bytes, encoding: str) -> str:
    if encoding == "base64url":
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return raw.hex() if encoding == "hex" else base64.b64encode(raw).decode()


def _filled(template: str, inbound: Inbound, secret: str, moment: str) -> bytes:
    known = {
        "body": inbound.body,
        "timestamp": moment.encode(),
        "method": inbound.method.encode(),
        "url": inbound.url.encode(),
        "secret": secret.encode(),
    }
    parts = PLACEHOLDER.split(template)
    filled = b""
    for index, part in enumerate(parts):
        if index % 2 == 0:
            filled += part.encode()
        elif part == "jws":
            filled += _jws(inbound.body)
        elif part == "php":
            pairs = dict(parse_qsl(inbound.body.decode(), keep_blank_values=True))
            filled += json.dumps(pairs, separators=(",", ":")).replace("/", "\\/").encode()
        else:
            filled += known[part] if part in known else inbound.headers[part].encode()
    return filled


def _jws(body: bytes) -> bytes:
    claims = {"iss": "netlify", "sha256": hashlib.sha256(body).hexdigest()}
    parts = (json.dumps(one, separators=(",", ":")).encode() for one in ({"alg": "HS256", "typ": "JWT"}, claims))
    return ".".join(encoded(one, "base64url") for one in parts).encode()


def _with_key(inbound: Inbound, key: str, old: str, new: str) -> bytes:
    """The body with another secret at its key; without the key where there is none."""
    if inbound.body.lstrip().startswith(b"{"):
        data = {**json.loads(inbound.body), key: new}
        return json.dumps({name: value for name, value in data.items() if name != key or new}).encode()
    start = inbound.body if not old else re.sub(rb"&?" + key.encode() + rb"=[^&]*", b"", inbound.body)
    return start + (f"&{key}={new}".encode() if new else b"")


def content(inbound: Inbound) -> Any:
    """A body as data, read by the standard library alone."""
    kind = inbound.headers.get("content-type", "")
    if kind.startswith("multipart/"):
        message = BytesParser().parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + inbound.body)
        parts = [part for part in message.walk() if not part.is_multipart() and not part.get_filename()]
        return [(_name(part), _text(part)) for part in parts]
    try:
        return json.loads(inbound.body)
    except ValueError:
        return parse_qsl(inbound.body.decode(), keep_blank_values=True)


def _name(part: Message) -> str:
    return str(part.get_param("name", header="content-disposition"))


def _text(part: Message) -> str:
    raw = part.get_payload(decode=True)
    return raw.decode() if isinstance(raw, bytes) else ""


def leaves(data: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text in data with its path; also in JSON within a text. Places in lists are no part of a path."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from leaves(value, f"{path}.{key}" if path else key)
    elif isinstance(data, list):
        for item in data:
            if isinstance(item, tuple):
                yield from leaves(item[1], f"{path}.{item[0]}" if path else item[0])
            else:
                yield from leaves(item, path)
    elif isinstance(data, str):
        inner = None
        if data[:1] in "{[" and data[1:2]:
            try:
                inner = json.loads(data)
            except ValueError:
                inner = None
        if isinstance(inner, dict | list):
            yield from leaves(inner, path)
        else:
            yield path, data


CASES = cases()
NAMES = tuple(source.name for source in ALL)

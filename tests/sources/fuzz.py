"""Bodies that no provider would send: wrong types at every path of a sample, and seeded chance at its bytes.

Seeded chance over tokens, rather than atheris: that is a native build, one more thing to have for each Python, and in
these short parsers a token in the wrong place reaches every branch within seconds. A failure tells its seed:
`python -m tests.sources.fuzz 60 SEED`.
"""

from __future__ import annotations

import json
import logging
import random
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from app.errors import SignatureRefused, SourceError
from app.sources.base import Credentials, Inbound, Source
from app.sources.bodies import load
from tests.sources.contract import CASES

ODD: tuple[Any, ...] = (
    None, True, 0, -1.5, 10**30, "", "x", "\ud800\x00", "{\"a\": [1, {}]}", [], {}, [[]], [None, 1, "a", {}],
    {"value": []}, {"": {"": None}}, [{"name": 7, "values": None}], {"email": {"x": ["a@example.com"]}},
)  # fmt: skip
"""What may stand where something else should."""


def attempt(source: Source, inbound: Inbound, secret: str, now: datetime) -> None:
    """All that a source does with a request. Whatever it raises but its own errors is a fault of the source."""
    try:
        data = load(inbound).tree if inbound.body else None
    except SourceError:
        data = None
    source.looks_like(inbound, data)
    source.handshake(inbound, Credentials((secret,)))
    with suppress(SignatureRefused):
        source.verify(inbound, Credentials((secret, "another")), now)
    with suppress(SourceError):
        source.parse(inbound)


def misshapen(inbound: Inbound, chance: random.Random, some: int) -> Iterator[Inbound]:
    """The request with each of its values, one at a time, gone, nested deeper, or `some` of what it should not be."""
    try:
        data: Any = json.loads(inbound.body)
    except ValueError:
        yield from _misshapen_form(inbound, chance, some)
        return
    for other in variants(data, chance, some):
        yield replace(inbound, body=json.dumps(other).encode())


def variants(data: Any, chance: random.Random, some: int) -> Iterator[Any]:
    """The data with one of its parts replaced, for every part and some of the odd values."""
    yield from chance.sample((*ODD, [data], {"data": data}), some)
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in list(items):
        rest = {**data} if isinstance(data, dict) else [*data]
        del rest[key]
        yield rest
        for other in variants(value, chance, some):
            yield {**data, key: other} if isinstance(data, dict) else [*data[:key], other, *data[key + 1 :]]


def _misshapen_form(inbound: Inbound, chance: random.Random, some: int) -> Iterator[Inbound]:
    if not inbound.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        yield from (replace(inbound, body=inbound.body[:cut]) for cut in range(0, len(inbound.body), 7))
        return
    pairs = parse_qsl(inbound.body.decode(), keep_blank_values=True)
    for index, (key, value) in enumerate(pairs):
        odd = chance.sample(("", "null", "[]", "{}", "[[1]]", '{"a": null}', "\x00", value * 2, f"[{value}]"), some)
        for other in (*odd, *_json_variants(value, chance, some)):
            changed = [*pairs[:index], (key, other), *pairs[index + 1 :]]
            yield replace(inbound, body=urlencode(changed, errors="surrogatepass").encode())
        for other in chance.sample((f"{key}[]", f"{key}[x]", f"{key}[x][y]", f"[{key}", ""), some):
            yield replace(inbound, body=urlencode([*pairs, (other, value)]).encode())
        yield replace(inbound, body=urlencode([*pairs[:index], *pairs[index + 1 :]]).encode())
        yield replace(inbound, body=urlencode([*pairs, (key, value)]).encode())


def _json_variants(value: str, chance: random.Random, some: int) -> Iterator[str]:
    try:
        data = json.loads(value)
    except ValueError:
        return
    yield from map(json.dumps, variants(data, chance, some))


def mutated(inbound: Inbound, chance: random.Random) -> Inbound:
    """The request with some of its bytes or tokens changed, cut out, doubled or moved, and now and then a header."""
    body = bytearray(inbound.body)
    for _ in range(chance.randint(1, 6)):
        at, length = chance.randint(0, len(body)), chance.choice((0, 1, 1, 4, 20))
        piece = body[at : at + length]
        body[at : at + length] = chance.choice((b"", piece * 2, chance.randbytes(2), chance.choice(TOKENS)))
    headers = dict(inbound.headers)
    if headers and chance.random() < 0.3:
        headers[chance.choice(list(headers))] = chance.choice(HEADERS)
    return replace(inbound, body=bytes(body), headers=headers)


TOKENS = (
    b"{", b"}", b"[", b"]", b'"', b",", b":", b"null", b"true", b"[]", b"{}", b'"x":', b"\\ud800", b"\\u0000", b"1e999",
    b"-0", b"\xff", b"\xef\xbb\xbf", b"&", b"=", b"%", b"%00", b"[]=", b"[a][b]=", b"\r\n", b"--", b"\x00", b"9" * 40,
)  # fmt: skip
HEADERS = (
    "", " ", "=", "t=1,v1=", "t=99999999999,v=x", "v1,", "a.b.c", "Basic ///", "Bearer \ud800", "é", "9" * 30,
    "application/json", "text/plain", "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded; charset=utf-7",
)  # fmt: skip


def fuzz(seconds: float, seed: int) -> int:
    """Changes every sample at random, again and again, for so long; raises AssertionError with what to have it by."""
    until, count = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        for case in CASES:
            chance = random.Random(f"{seed} {count}")
            inbound = mutated(case.signed(), chance)
            try:
                attempt(case.source, inbound, case.secret, case.sample.now)
            except Exception as error:
                raise AssertionError(f"{case} with seed {seed}, {count}: {inbound.headers} {inbound.body!r}") from error
            count += 1
    return count


if __name__ == "__main__":
    logging.disable()  # the multipart parser warns of every broken part
    print(fuzz(float(sys.argv[1]), int(sys.argv[2])), "requests, and nothing but errors of sources")

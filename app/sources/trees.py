"""JSON → data → flat fields. Numbers keep their digits, repeated keys all their values, and nothing that no store
can keep gets in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from app.errors import Unreadable
from app.lead import Entry, Field

MAX_DEPTH = 32
MAX_FIELDS = 1000
MAX_ENTRIES = 500
MAX_FIELDS_TOGETHER = 20_000
MAX_BRACKETS = 10 * MAX_FIELDS_TOGETHER
MAX_KEY = 600

BRACKETS = re.compile(r"\[([^\[\]]*)\]")
MANY_DIGITS = re.compile(rb"\d{19}")
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
UNSTORABLE_ESCAPES = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


def read_json(body: bytes) -> Any:
    """The body as JSON, a byte order mark allowed. Huge and broken numbers are text."""
    brackets = body.count(b"{") + body.count(b"[")
    if brackets > MAX_BRACKETS:
        raise Unreadable(f"the body has more than {MAX_FIELDS_TOGETHER} objects and arrays")
    try:
        data = json.loads(
            body.decode("utf-8-sig"),
            object_pairs_hook=merge_repeated,
            parse_float=str,
            parse_int=_whole_number if MANY_DIGITS.search(body) else None,
            parse_constant=_refuse_constant,
        )
    except UnicodeDecodeError as error:
        raise Unreadable("the body is not UTF-8, which JSON has to be") from error
    except RecursionError as error:
        raise Unreadable(f"the body is nested more than {MAX_DEPTH} levels deep") from error
    except ValueError as error:
        raise Unreadable(f"the body is not valid JSON: {error}") from error
    if brackets > MAX_DEPTH:
        _refuse_excess(data)
    return _cleaned(data) if UNSTORABLE_ESCAPES.search(body) else data


def entry_of(fields: Iterable[Field], data: Any) -> Entry:
    """An entry of `fields`, as far as they are not too many."""
    counted = tuple(map(_cut, islice(fields, MAX_FIELDS + 1)))
    if len(counted) > MAX_FIELDS:
        raise Unreadable(f"the body has more than {MAX_FIELDS} fields")
    return Entry(counted, data)


def _cut(one: Field) -> Field:
    """A field whose key and label are no longer than a name; a key loses its beginning."""
    if len(one.key) <= MAX_KEY and len(one.label) <= MAX_KEY:
        return one
    return Field(one.key[-MAX_KEY:], one.value, one.label[:MAX_KEY], one.kind)


def merge_repeated(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """A dict that forgets no value: a key that comes twice holds a list."""
    merged: dict[str, Any] = dict(pairs)
    if len(merged) == len(pairs):
        return merged
    merged.clear()
    repeated: set[str] = set()
    for key, value in pairs:
        if key not in merged:
            merged[key] = value
        elif key in repeated:
            merged[key].append(value)
        else:
            repeated.add(key)
            merged[key] = [merged[key], value]
    return merged


def scalar(value: Any) -> str:
    """A JSON scalar as text: true and 0 are values, null is none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def dotted(key: str) -> str:
    """`contact[name]` and `interest[]` as `contact.name` and `interest`. A very long key loses its beginning."""
    return (BRACKETS.sub(r".\1", key) if "[" in key else key).rstrip(".")[-MAX_KEY:]


def clean(text: str) -> str:
    """Without NUL and lone surrogates, which JSON can carry and no store can keep."""
    return UNSTORABLE.sub("\ufffd", text)


def _whole_number(digits: str) -> int | str:
    return int(digits) if len(digits) < 19 else digits


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _refuse_excess(data: Any) -> None:
    """Raises Unreadable for what is nested too deep, or made of very many objects and arrays, which may be empty."""
    level, together = _containers([data]), 0
    for _ in range(MAX_DEPTH):
        together += len(level)
        if together > MAX_FIELDS_TOGETHER:
            raise Unreadable(f"the body has more than {MAX_FIELDS_TOGETHER} objects and arrays")
        level = [inner for outer in level for inner in _containers(outer)]
    if level:
        raise Unreadable(f"the body is nested more than {MAX_DEPTH} levels deep")


def _containers(data: Any) -> list[Any]:
    return [one for one in (data.values() if isinstance(data, dict) else data) if isinstance(one, dict | list)]


def _cleaned(data: Any) -> Any:
    if isinstance(data, str):
        return clean(data)
    if isinstance(data, dict):
        return merge_repeated([(clean(key), _cleaned(value)) for key, value in data.items()])
    return [_cleaned(item) for item in data] if isinstance(data, list) else data

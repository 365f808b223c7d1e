"""JSON → data → flat fields. Numbers keep their digits, repeated keys all their values, and nothing that no store
can keep gets in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
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
            parse_int=lambda digits: int(digits) if len(digits) < 19 else digits,
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


def json_entries(data: Any) -> tuple[Entry, ...]:
    """An entry for an object; one each for an array of objects, also where that array is an object's only value."""
    if isinstance(data, dict) and len(data) == 1 and _is_rows(only := next(iter(data.values()))):
        data = only
    if _is_rows(data):
        return _rows(data)
    if isinstance(data, str) and data.lstrip().startswith(("{", "[")):
        return json_entries(read_json(data.encode()))
    if not isinstance(data, dict | list):
        raise Unreadable("the body is JSON, but neither an object nor an array of objects")
    return (entry_of(_walk(data, ""), data),)


def entry_of(fields: Iterable[Field], data: Any) -> Entry:
    """An entry of `fields`, as far as they are not too many."""
    counted = tuple(islice(fields, MAX_FIELDS + 1))
    if len(counted) > MAX_FIELDS:
        raise Unreadable(f"the body has more than {MAX_FIELDS} fields")
    return Entry(counted, data)


def merge_repeated(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """A dict that forgets no value: a key that comes twice holds a list."""
    merged: dict[str, Any] = {}
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


def _rows(rows: list[dict[str, Any]]) -> tuple[Entry, ...]:
    if len(rows) > MAX_ENTRIES:
        raise Unreadable(f"the array holds {len(rows)} entries; {MAX_ENTRIES} is the most at once")
    entries, together = [], 0
    for row in rows:
        entries.append(entry_of(_walk(row, ""), row))
        together += len(entries[-1].fields)
        if together > MAX_FIELDS_TOGETHER:
            raise Unreadable(f"the array's entries have more than {MAX_FIELDS_TOGETHER} fields together")
    return tuple(entries)


def _walk(data: Any, path: str) -> Iterator[Field]:
    """The fields of nested data, keys joined with dots; an array of plain values is one field, an empty one is none.

    Paths stay short on the way down: a long key above many fields would else be repeated in each of them.
    """
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _walk(value, f"{path}.{key}"[-MAX_KEY:] if path else key[-MAX_KEY:])
    elif isinstance(data, list) and any(isinstance(item, dict | list) for item in data):
        for index, item in enumerate(data):
            yield from _walk(item, f"{path}.{index}" if path else str(index))
    else:
        value = ", ".join(filter(None, map(scalar, data))) if isinstance(data, list) else scalar(data)
        if value.strip():
            yield Field(dotted(path), value)


def _is_rows(data: Any) -> bool:
    return isinstance(data, list) and bool(data) and all(isinstance(row, dict) for row in data)


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
        return merge_repeated((clean(key), _cleaned(value)) for key, value in data.items())
    return [_cleaned(item) for item in data] if isinstance(data, list) else data

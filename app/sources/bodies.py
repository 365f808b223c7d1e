"""Request bodies of every usual content type → entries. Shared by the sources; knows no provider.

Content types lie: JSON comes as text/plain, as a form or without a type, forms in windows-1252 without a charset,
text/plain with `key=value` lines from a form's enctype. What is found counts, the header only breaks ties.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from python_multipart.multipart import parse_options_header

from app.errors import Unreadable, UnreadableType
from app.lead import Entry, Field
from app.sources.answers import embedded, fields_of, is_answers
from app.sources.base import Inbound, Parsed
from app.sources.pairs import Pairs, decode, is_nested, multipart, nested, text_pairs, urlencoded
from app.sources.trees import MAX_ENTRIES, MAX_FIELDS_TOGETHER, dotted, entry_of, merge_repeated, read_json

FORM_TYPE = "application/x-www-form-urlencoded"
JSON_TYPE = re.compile(r"(application|text)/([\w.-]+[+-])?json")
JSON_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\{\s*[\"}]|\[\s*[\[{\"\]])")
ONE_FORM_LINE = re.compile(rb"[^\s=&]++=[^\s&]*+(?:&[^\s=&]++=[^\s&]*+)++\s*")
MAX_HEADER = 2000

ROWS = frozenset(
    (
        "leads",
        "contacts",
        "records",
        "rows",
        "items",
        "entries",
        "entry",
        "events",
        "submissions",
        "results",
        "data",
        "people",
        "list",
    )
)
"""Keys of an array that holds an entry a person."""


@dataclass(frozen=True, slots=True)
class Body:
    """A body as data: JSON as it is, or a form by its keys as they came, of which `pairs` are the parts in order."""

    data: Any
    pairs: Pairs | None = None

    @property
    def tree(self) -> Any:
        """The data, a form's keys in brackets as objects."""
        return self.data if self.pairs is None else {**self.data, **nested(self.pairs)}


def load(inbound: Inbound) -> Body:
    """The body of whatever content type. Raises Unreadable or UnreadableType."""
    body = inbound.body
    kind, options = _content_type(inbound)
    declared = options.get(b"charset", b"").decode("latin-1").strip()
    if kind == "multipart/form-data":
        return _form(multipart(body, options.get(b"boundary", b"")))
    if JSON_TYPE.fullmatch(kind):
        return _json(read_json(body))
    if kind == FORM_TYPE:
        return _json_sent_as_form(body) or _form(urlencoded(body, declared))
    if kind in {"", "text/plain", "application/octet-stream"}:
        return _guess(body, kind, declared)
    raise UnreadableType(f"cannot read {kind[:100]}; send JSON, a form, or text")


def entries_of(body: Body) -> tuple[Entry, ...]:
    """An entry; or one each for an array of people, also as an object's only value, or as `leads` in it."""
    data = body.data
    if body.pairs is not None:
        return (entry_of(_form_fields(body.pairs), data),)
    if isinstance(data, dict) and len(data) == 1 and is_rows(only := next(iter(data.values()))):
        data = only
    if is_rows(rows := data if isinstance(data, list) else people_in(data)):
        return rows_of(rows)
    if not isinstance(data, dict | list):
        raise Unreadable("the body is JSON, but neither an object nor an array of objects")
    return (entry_of(fields_of(data), data),)


def people_in(data: Any) -> list[dict[str, Any]]:
    """The objects of an array that holds a person each, beside whatever else; none where there is no such array."""
    if not isinstance(data, dict):
        return []
    lists = [(key, value) for key, value in data.items() if isinstance(value, list) and len(value) > 1]
    if len(lists) != 1 or lists[0][0].casefold() not in ROWS:
        return []
    rows: list[Any] = lists[0][1]
    return rows if all(isinstance(row, dict) for row in rows) and any(map(_has_address, rows)) else []


def parse(inbound: Inbound) -> Parsed:
    """What a sender that chose the keys itself says about each person."""
    return Parsed(entries_of(load(inbound)))


def is_rows(data: Any) -> bool:
    """Whether it is an array of objects that are somebody each, rather than the answers of one."""
    return isinstance(data, list) and bool(data) and all(isinstance(row, dict) for row in data) and not is_answers(data)


def rows_of(rows: list[dict[str, Any]]) -> tuple[Entry, ...]:
    """An entry each. Raises Unreadable where they are too many, or too large together."""
    if len(rows) > MAX_ENTRIES:
        raise Unreadable(f"the array holds {len(rows)} entries; {MAX_ENTRIES} is the most at once")
    entries, together = [], 0
    for row in rows:
        entries.append(entry_of(fields_of(row), row))
        together += len(entries[-1].fields)
        if together > MAX_FIELDS_TOGETHER:
            raise Unreadable(f"the array's entries have more than {MAX_FIELDS_TOGETHER} fields together")
    return tuple(entries)


def _json(data: Any) -> Body:
    """JSON, also where it is a text that holds JSON."""
    inner = embedded(data) if isinstance(data, str) else None
    return Body(data if inner is None else inner)


def _form(pairs: Pairs) -> Body:
    return Body(merge_repeated((key, value) for key, value, _ in pairs), pairs)


def _form_fields(pairs: Pairs) -> Iterator[Field]:
    """The fields of a form in order: each value of a repeated key is one, and a nested thing stands where it begins."""
    tree = nested(pairs)
    for key, value, kind in pairs:
        if kind == "file":
            yield Field(dotted(key), value, kind=kind)
        elif not is_nested(key):
            yield from fields_of(value, key)
        elif (whole := tree.pop(key.partition("[")[0], None)) is not None:
            yield from fields_of(whole, key.partition("[")[0])


def _content_type(inbound: Inbound) -> tuple[str, dict[bytes, bytes]]:
    """The media type in lower case ("" where there is none) and its parameters."""
    header = inbound.headers.get("content-type", "")[:MAX_HEADER]
    kind, options = parse_options_header(header.encode("latin-1", "replace"))
    return kind.decode("latin-1").strip().lower(), options


def _json_sent_as_form(body: bytes) -> Body | None:
    """A body that is JSON as a whole, as `curl -d` sends it; None of any other."""
    if not JSON_START.match(body):
        return None
    try:
        return _json(read_json(body))
    except Unreadable:
        return None


def _guess(body: bytes, kind: str, declared: str) -> Body:
    """A body whose type says little: JSON, a form, lines of `name: value`, or plain words."""
    if JSON_START.match(body):
        return _json(read_json(body))
    if ONE_FORM_LINE.fullmatch(body) or (kind != "text/plain" and b"=" in body and b"\n" not in body):
        return _form(urlencoded(body.strip(), declared))
    if kind == "application/octet-stream" and b"\x00" in body:
        raise UnreadableType("cannot read application/octet-stream; send JSON, a form, or text")
    [(_, text, _)] = decode([(b"", body, "")], declared)
    if not text.strip():
        raise Unreadable("the body is empty")
    return _form(text_pairs(text))


def _has_address(row: Mapping[str, Any]) -> bool:
    return any("@" in text for text in _texts(row, 3))


def _texts(node: Mapping[str, Any], depth: int) -> Iterator[str]:
    for value in node.values():
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict) and depth:
            yield from _texts(value, depth - 1)
        elif isinstance(value, list) and depth:
            yield from _texts({str(index): item for index, item in enumerate(value[:50])}, depth - 1)

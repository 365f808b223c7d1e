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
MAX_NAME = 60

ROWS = frozenset(
    ("leads", "contacts", "records", "rows", "items", "entries", "entry", "events", "submissions", "results", "data",
     "people", "list")
)  # fmt: skip
"""Keys of an array that holds an entry a person."""
GUESTS = frozenset(
    ("attendees", "participants", "users", "guests", "members", "customers", "registrants", "subscribers", "prospects",
     "clients")
)  # fmt: skip
"""The same, where nobody stands beside the array and none in it is the host."""
WRAPPERS = frozenset(("data", "payload", "body", "result"))
HOSTS = frozenset(("host", "agent", "organizer", "organiser", "operator", "owner", "admin", "assistant", "bot"))
NAMES_SOMEBODY = re.compile(r"(?i)name|naam|nom(?:e|bre|$)|phone|telef|tel$|mobil|cell")
PHONE_KEY = re.compile(r"(?i)phone|telef|tel$|mobil|cell|whatsapp|fone")
PHONE_LIKE = re.compile(r"\+?\(?\d(?:[ ().-]{0,2}\d){6,14}")


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
    if is_rows(rows := _objects(data) if isinstance(data, list) else people_in(data)):
        return rows_of(rows)
    if not isinstance(data, dict | list):
        raise Unreadable("the body is JSON, but neither an object nor an array of objects")
    return (entry_of(fields_of(data), data),)


def people_in(data: Any) -> list[dict[str, Any]]:
    """The objects of an array that holds a person each, beside whatever else; none where there is no such array."""
    if not isinstance(data, dict):
        return []
    inner = (value for key, value in data.items() if isinstance(value, dict) and key.casefold() in WRAPPERS)
    return _people_at(data, {}) or next(filter(None, (_people_at(one, data) for one in inner)), [])


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
    for row in _once(rows):
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
    return Body(merge_repeated([(key, value) for key, value, _ in pairs]), pairs)


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


def _people_at(data: Mapping[str, Any], around: Mapping[str, Any]) -> list[dict[str, Any]]:
    lists = [(key, _objects(value)) for key, value in data.items() if isinstance(value, list)]
    lists = [(key, found) for key, found in lists if len(found) > 1]
    if len(lists) != 1:
        return []
    [(key, rows)] = lists
    if key.casefold() not in ROWS:
        is_alone = not any("@" in text for one in (data, around) for text in _texts(one, 0))
        if key.casefold() not in GUESTS or not is_alone or any(map(_is_host, rows)):
            return []
    return rows if any(_has_address(row) or _has_phone(row) for row in rows) else []


def _objects(values: list[Any]) -> list[dict[str, Any]]:
    """The objects of a list, several of which may stand among single values; none of a list of anything else."""
    found = [one for one in values if isinstance(one, dict)]
    is_mixed = len(found) < len(values) and (len(found) < 2 or any(isinstance(one, list) for one in values))
    return [] if is_mixed else found


def _once(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows that are somebody, each once; all of them where none can be told to be."""
    different: dict[str, dict[str, Any]] = {}
    for row in rows:
        different.setdefault(repr(row), row)
    somebody = [row for row in different.values() if _is_somebody(row)]
    return somebody if any(_has_address(row) or _has_phone(row) for row in somebody) else list(different.values())


def _has_address(row: Mapping[str, Any]) -> bool:
    return any("@" in text for text in _texts(row, 3))


def _has_phone(row: Mapping[str, Any]) -> bool:
    return any(
        PHONE_KEY.search(key[-MAX_NAME:]) and PHONE_LIKE.fullmatch(str(value).strip())
        for key, value in row.items()
        if isinstance(value, str | int) and len(str(value)) < MAX_NAME
    )


def _is_somebody(row: Mapping[str, Any]) -> bool:
    """Whether there is an address, what may be a number, something nested, or a name in it."""
    return any(
        isinstance(value, dict | list)
        or NAMES_SOMEBODY.search(key[-MAX_NAME:])
        or (isinstance(value, str) and ("@" in value or PHONE_LIKE.search(value[:MAX_HEADER])))
        for key, value in row.items()
        if value not in (None, "")
    )


def _is_host(row: Mapping[str, Any]) -> bool:
    return any(
        (isinstance(value, str) and value.casefold() in HOSTS)
        or (value is True and any(host in key.casefold() for host in HOSTS))
        for key, value in row.items()
    )


def _texts(node: Mapping[str, Any], depth: int) -> Iterator[str]:
    for value in node.values():
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict) and depth:
            yield from _texts(value, depth - 1)
        elif isinstance(value, list) and depth:
            yield from _texts({str(index): item for index, item in enumerate(value[:50])}, depth - 1)

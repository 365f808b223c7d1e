"""Request bodies of every usual content type → entries. Shared by the sources; knows no provider.

Content types lie: JSON comes as text/plain, as a form or without a type, forms in windows-1252 without a charset,
text/plain with `key=value` lines from a form's enctype. What is found counts, the header only breaks ties.
"""

from __future__ import annotations

import re

from python_multipart.multipart import parse_options_header

from app.errors import Unreadable, UnreadableType
from app.lead import Entry
from app.sources.base import Inbound, Parsed
from app.sources.pairs import decode, form_entry, multipart, text_pairs, urlencoded
from app.sources.trees import json_entries, read_json

FORM_TYPE = "application/x-www-form-urlencoded"
JSON_TYPE = re.compile(r"(application|text)/([\w.-]+[+-])?json")
JSON_START = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:\{\s*[\"}]|\[\s*[\[{\"\]])")
ONE_FORM_LINE = re.compile(rb"[^\s=&]++=[^\s&]*+(?:&[^\s=&]++=[^\s&]*+)++\s*")
MAX_HEADER = 2000


def parse(inbound: Inbound) -> Parsed:
    """One entry, or as many as the body is an array of: a source's `parse` where the sender chose the keys."""
    return Parsed(_entries(inbound))


def _entries(inbound: Inbound) -> tuple[Entry, ...]:
    body = inbound.body
    kind, options = _content_type(inbound)
    declared = options.get(b"charset", b"").decode("latin-1").strip()
    if kind == "multipart/form-data":
        return (form_entry(multipart(body, options.get(b"boundary", b""))),)
    if JSON_TYPE.fullmatch(kind):
        return json_entries(read_json(body))
    if kind == FORM_TYPE:
        return _json_sent_as_form(body) or (form_entry(urlencoded(body, declared)),)
    if kind in {"", "text/plain", "application/octet-stream"}:
        return _guess(body, kind, declared)
    raise UnreadableType(f"cannot read {kind[:100]}; send JSON, a form, or text")


def _content_type(inbound: Inbound) -> tuple[str, dict[bytes, bytes]]:
    """The media type in lower case ("" where there is none) and its parameters."""
    header = inbound.headers.get("content-type", "")[:MAX_HEADER]
    kind, options = parse_options_header(header.encode("latin-1", "replace"))
    return kind.decode("latin-1").strip().lower(), options


def _json_sent_as_form(body: bytes) -> tuple[Entry, ...]:
    """Entries of a body that is JSON as a whole, as `curl -d` sends it; none of any other."""
    if not JSON_START.match(body):
        return ()
    try:
        return json_entries(read_json(body))
    except Unreadable:
        return ()


def _guess(body: bytes, kind: str, declared: str) -> tuple[Entry, ...]:
    """A body whose type says little: JSON, a form, lines of `name: value`, or plain words."""
    if JSON_START.match(body):
        return json_entries(read_json(body))
    if ONE_FORM_LINE.fullmatch(body) or (kind != "text/plain" and b"=" in body and b"\n" not in body):
        return (form_entry(urlencoded(body.strip(), declared)),)
    if kind == "application/octet-stream" and b"\x00" in body:
        raise UnreadableType("cannot read application/octet-stream; send JSON, a form, or text")
    [(_, text, _)] = decode([(b"", body, "")], declared)
    if not text.strip():
        raise Unreadable("the body is empty")
    return (form_entry(text_pairs(text)),)

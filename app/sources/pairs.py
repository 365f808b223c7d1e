"""Forms and lines of text → key, value pairs → data. Charsets are declared seldom, and often wrong."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field as Part
from python_multipart.multipart import File, FormParser, MultipartParser, MultipartState

from app.errors import Unreadable
from app.sources.trees import MAX_FIELDS, clean

TEXT_LINE = re.compile(r"([^\W\d_][\w .'?/-]{0,60}?)\s{0,3}(?:=|(?<!\d):(?!//)|:(?![\d/]))(.*)")
"""`name: value` or `name=value`; neither an address of the web nor a time of day."""

CHARSET = re.compile(
    r"utf-?8|(us-)?ascii|latin-?\d+|iso[-_]?8859-\d{1,2}|(windows|cp)-?\d{3,4}|koi8-[ru]|macintosh|big5|gbk|gb2312|"
    r"gb18030|shift[-_]?jis|euc-(jp|kr)|iso-2022-jp",
    re.IGNORECASE,
)
"""The charsets of forms. Python knows others too, some slow and some not of text."""

FORM_KEY = re.compile(r"[^\[\]]+(?:\[[^\[\]]*\])+")
MAX_LEVELS = 8
MAX_GUESSED = 20_000

UNDEFINED = re.compile(rb"[\x8d\x8f\x9d]")
BETWEEN_LETTERS = re.compile(r"(?<=[^\W\d_])(?:[\xb9\xb3\xbf](?=[^\W\d_])|\u0153(?=[^\W\d_ui]))")
CARONS, GRAVES = frozenset("\u0161\u017e\u0160\u017d"), frozenset("\xec\xe8\xf8\xf9\xf2\xef")
"""What windows-1250 looks like in windows-1252: signs between letters; Czech letters beside French ones."""

Pairs = list[tuple[str, str, str]]
"""Key, value, kind of each part of a form, in order."""


def nested(pairs: Pairs) -> dict[str, Any]:
    """What a form's keys in brackets say, as data: `contact[name]` is a name within a contact; files are not in it."""
    tree: dict[str, Any] = {}
    for key, value, kind in pairs:
        *above, last = _path(key)
        node: Any = tree
        for part in above:
            node = node.setdefault(part, {}) if isinstance(node, dict) else None
        if not isinstance(node, dict) or not above or kind == "file":
            continue
        node[last] = [*_listed(node[last]), value] if last in node else value
    return tree


def is_nested(key: str) -> bool:
    """Whether a key is part of a larger thing: `contact[name]`, not `interest[]`."""
    return len(_path(key)) > 1


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _path(key: str) -> list[str]:
    """The names in `a[b][c]`; a key of more than a few levels, or of no such form, stays as it is."""
    if not key.endswith("]") or not FORM_KEY.fullmatch(key):
        return [key]
    first, *rest = key[:-1].replace("]", "").split("[")
    names = [first, *(name for name in rest if name)]
    return names if first and len(names) <= MAX_LEVELS else [key]


def urlencoded(body: bytes, declared: str) -> Pairs:
    """The pairs of application/x-www-form-urlencoded."""
    if b"=" not in body and body.strip():
        raise Unreadable("the body is not a form: there is no key=value in it")
    try:
        pairs = parse_qsl(body.decode("latin-1"), keep_blank_values=True, encoding="latin-1", max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise Unreadable(f"the form has more than {MAX_FIELDS} fields") from error
    return decode([(key.encode("latin-1"), value.encode("latin-1"), "") for key, value in pairs], declared)


def multipart(body: bytes, boundary: bytes) -> Pairs:
    """The parts of multipart/form-data. Of a file its name and size are a value; its name, where it is stored apart."""
    if not boundary:
        raise Unreadable("the multipart body's content type names no boundary")
    parts: list[tuple[bytes, bytes, str]] = []

    def add(key: bytes | None, value: bytes, kind: str) -> None:
        parts.append((key or b"", value, kind))
        if len(parts) > MAX_FIELDS:
            raise FormParserError(f"it has more than {MAX_FIELDS} fields")

    def on_field(part: Part) -> None:
        add(part.field_name, part.value or b"", "")

    def on_file(part: File) -> None:
        if part.file_name:
            add(part.field_name, part.file_name + (b" (%d bytes)" % part.size if part.size else b""), "file")

    in_memory = {"MAX_MEMORY_FILE_SIZE": len(body) + 1}  # files are never written to disk
    try:
        parser = FormParser("multipart/form-data", on_field, on_file, boundary=boundary, config=in_memory)
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise Unreadable(f"the multipart body is broken: {error}") from error
    if body.strip() and not _is_whole(parser):
        raise Unreadable("the multipart body is cut off")
    return decode(parts, "")


def text_pairs(text: str) -> Pairs:
    """Lines of `name: value` or `name=value` as parts; what stands before the first, or has none, is `text`.

    A line without a name goes on where the one before it left off, unless that was an e-mail address.
    """
    loose: list[str] = []
    pairs = [("text", loose)]
    for line in text.removeprefix("\ufeff").splitlines():
        found = TEXT_LINE.match(line)
        if found:
            pairs.append((found[1].strip(), [found[2]]))
            if len(pairs) > MAX_FIELDS:
                raise Unreadable(f"the body has more than {MAX_FIELDS} fields")
        else:
            is_done = len(pairs[-1][1]) == 1 and "@" in pairs[-1][1][0]
            (loose if is_done else pairs[-1][1]).append(line)
    return [(key, value, "") for key, lines in pairs if (value := "\n".join(lines).strip())]


def decode(parts: list[tuple[bytes, bytes, str]], declared: str) -> Pairs:
    """All parts in one charset: `_charset_`, UTF-8, what the header says, and last windows-1252, as browsers do."""
    hint = next((value.decode("latin-1") for key, value, _ in parts if key == b"_charset_"), "")
    for charset in (hint, "utf-8", declared):
        if CHARSET.fullmatch(charset):
            with suppress(LookupError, UnicodeDecodeError):
                return _decoded(parts, charset, "strict")
    raw = b"\n".join(value[:MAX_GUESSED] for _, value, _ in parts if not value.isascii())[:MAX_GUESSED]
    return _decoded(parts, _likely_charset(raw), "replace")


def _likely_charset(raw: bytes) -> str:
    """The windows charset of bytes that declare none: western, unless they look central European or Russian."""
    text = raw.decode("cp1252", "replace")
    letters = [char for char in text if char.isalpha()]
    if len(letters) > 3 and sum(not char.isascii() for char in letters) > 0.6 * len(letters):
        return "cp1251"
    is_czech = not CARONS.isdisjoint(text) and not GRAVES.isdisjoint(text)
    return "cp1250" if is_czech or BETWEEN_LETTERS.search(text) or UNDEFINED.search(raw) else "cp1252"


def _decoded(parts: list[tuple[bytes, bytes, str]], charset: str, errors: str) -> Pairs:
    return [(clean(key.decode(charset, errors)), clean(value.decode(charset, errors)), kind)
            for key, value, kind in parts]  # fmt: skip


def _is_whole(parser: FormParser) -> bool:
    """Whether the last boundary was there: the parser itself takes a body that breaks off for a good one."""
    return isinstance(parser.parser, MultipartParser) and parser.parser.state == MultipartState.END

"""Tables in CSV files, as spreadsheets write them: read row by row, whatever encoding and separator, and written."""

from __future__ import annotations

import codecs
import csv
import fcntl
import io
import os
import re
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, TextIO

from app.errors import ConfigurationError

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""How a cell begins that a spreadsheet would carry out."""
SEPARATORS: Final = (",", ";", "\t", "|")
LONGEST: Final = 1024 * 1024
"""Characters of a cell, or of a line."""
A_CHUNK: Final = 1024 * 1024
A_LOOK: Final = 64 * 1024
SHOWN: Final = 1000
UNREAD: Final = re.compile("[\udc80-\udcff]")
"""What stands for a byte that is nothing in the file's encoding."""
SEPARATOR_TOLD: Final = re.compile(r'"?sep=([,;\t|])"?[\r\n]*', re.IGNORECASE)
FOREIGN: Final = {
    b"PK\x03\x04": "it is a workbook or an archive",
    b"\xd0\xcf\x11\xe0": "it is a workbook of an old Excel",
    b"%PDF": "it is a PDF",
    b"\x1f\x8b": "it is compressed",
}
"""How files begin that are often taken for CSV."""
MARKS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: the line it begins in, its cells, and why it cannot be read, or ""."""

    line: int
    cells: tuple[str, ...]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A CSV file: how it is written, and what its columns are called; each name is there once."""

    path: Path
    encoding: str
    separator: str
    columns: tuple[str, ...]
    renamed: tuple[str, ...]
    size: int
    skipped: int

    def rows(self, told: list[int]) -> Iterator[Row]:
        """Every row that is not blank; `told[0]` is how many bytes are read by then."""
        with _opened(self.path) as raw, _text(raw, self.encoding) as text:
            records = _records(text, self.separator)
            for row in islice(records, self.skipped, None):
                told[0] = raw.tell()
                if row.problem or any(cell.strip() for cell in row.cells):
                    yield self._fitted(row)

    def _fitted(self, row: Row) -> Row:
        if row.problem:
            return row
        width, cells = len(self.columns), tuple(map(plain, row.cells))
        if any(cell.strip() for cell in cells[width:]):
            return Row(row.line, cells, f"it has {len(cells)} cells, and there are {width} columns")
        if any(UNREAD.search(cell) for cell in cells):
            return Row(row.line, cells, f"a letter in it is not {self.encoding}")
        return Row(row.line, cells[:width] + ("",) * (width - len(cells)))


def open_sheet(path: Path, encoding: str | None = None) -> Sheet:
    """Looks how a file is written. ConfigurationError where it is no table, in words that say what to do."""
    with _opened(path) as raw:
        start = raw.read(A_LOOK)
        marked = next((name for mark, name in MARKS if start.startswith(mark)), None)
        encoding = marked or encoding or _encoding(path, start, raw)
        raw.seek(0)
        try:
            with _text(raw, encoding) as text:
                told = SEPARATOR_TOLD.fullmatch(first := text.readline(A_LOOK))
                head = "" if told else first
                separator = told[1] if told else _separator(head + text.read(A_LOOK))
                raw.seek(0)
        except (LookupError, UnicodeError) as error:
            raise ConfigurationError(f"{path}: cannot be read as {encoding}: {error}") from error
    skipped = 1 if told else 0
    with _opened(path) as raw, _text(raw, encoding) as text:
        for row in islice(_records(text, separator), skipped, None):
            skipped += 1
            if any(cell.strip() for cell in row.cells):
                break
        else:
            raise ConfigurationError(f"{path}: there is nothing in it.")
    columns, renamed = _named(path, row)
    return Sheet(path, encoding, separator, columns, renamed, path.stat().st_size, skipped)


def cell(value: Any) -> str:
    """A value as a spreadsheet may have it: never a formula, whatever a stranger typed. `plain` undoes it."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip("' ").startswith(FORMULA) else text


def plain(text: str) -> str:
    """What a cell says that `cell`, or somebody in a spreadsheet, kept from being a formula."""
    return text[1:] if text.startswith("'") and text.lstrip("' ").startswith(FORMULA) else text


@contextmanager
def new_file(path: Path, *, force: bool = False, encoding: str = "utf-8") -> Iterator[TextIO]:
    """A file for its owner's eyes, there when it is whole. ConfigurationError where there is one, unless `force`."""
    part, is_whole = path.with_name(f"{path.name}.part"), False
    with os.fdopen(_own(part, path), "w", encoding=encoding, errors="replace", newline="") as out:
        try:
            if path.exists() and not (force and path.is_file()):
                another = ", or say --force." * (not force)
                raise ConfigurationError(f"{path} is there already: choose another name{another}")
            yield out
            out.flush()
            part.replace(path)
            is_whole = True
        finally:
            if not is_whole:
                part.unlink(missing_ok=True)


def _own(part: Path, path: Path) -> int:
    """A file that nobody else writes: what a process that was killed has left, or a new one."""
    number = -1
    try:
        number = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(number), part.stat()):
            raise BlockingIOError
        os.fchmod(number, 0o600)
        os.truncate(number, 0)
    except OSError as error:
        if number >= 0:
            os.close(number)
        why = "somebody is writing it" if isinstance(error, BlockingIOError) else error.strerror
        raise ConfigurationError(f"{path}: cannot be written: {why}") from error
    return number


class _Lines:
    """A text's lines, of which some can be given back. Raises csv.Error for one that is too long."""

    def __init__(self, text: TextIO) -> None:
        self._text, self._waiting = text, deque[str]()
        self.number, self.taken = 0, list[str]()

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        is_new = not self._waiting
        line = self._text.readline(LONGEST) if is_new else self._waiting.popleft()
        if not line:
            raise StopIteration
        self.number += 1
        self.taken.append(line)
        if len(line) < LONGEST:
            return line
        while is_new and not line.endswith(("\n", "\r")) and (line := self._text.readline(LONGEST)):
            pass
        raise csv.Error("larger than a line may be")

    def give_back(self, count: int) -> None:
        """The last lines that were taken come again."""
        if count:
            self._waiting.extendleft(reversed(self.taken[-count:]))
            self.number -= count


def _records(text: TextIO, separator: str) -> Iterator[Row]:
    """Rows as they stand. Of one whose quotes do not match, the first line; those after it are rows again."""
    csv.field_size_limit(LONGEST)
    lines = _Lines(text)
    table = csv.reader(lines, delimiter=separator, strict=True)
    while True:
        lines.taken.clear()
        line = lines.number + 1
        try:
            yield Row(line, tuple(next(table)))
        except StopIteration:
            return
        except csv.Error as error:
            [first, *rest] = lines.taken or [""]
            lines.give_back(len(rest))
            is_long = "larger" in str(error) and not rest
            why = f"it is longer than {LONGEST:,} letters" if is_long else "its quotes do not match"
            yield Row(line, tuple(first[:SHOWN].rstrip("\r\n").split(separator)), why)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error


@contextmanager
def _text(raw: BinaryIO, encoding: str) -> Iterator[TextIO]:
    errors = "replace" if encoding.startswith("utf-16") else "surrogateescape"
    text = io.TextIOWrapper(raw, encoding, errors, newline="")
    try:
        yield text
    finally:
        text.detach()


def _encoding(path: Path, start: bytes, raw: BinaryIO) -> str:
    """UTF-8 where the file is that, also with a few broken letters; else what Excel writes in the west."""
    for mark, found in FOREIGN.items():
        if start.startswith(mark):
            raise ConfigurationError(f"{path}: {found}, no CSV. In Excel: Save as, CSV UTF-8.")
    even, odd = start[0:2000:2].count(0), start[1:2000:2].count(0)
    if even + odd:
        half = len(start[:2000]) // 2
        if max(even, odd) > half * 0.4 and min(even, odd) < half * 0.05:
            return "utf-16-le" if odd > even else "utf-16-be"
        raise ConfigurationError(f"{path}: this is no text, but something binary. In Excel: Save as, CSV UTF-8.")
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    broken = letters = 0
    chunk = start
    while chunk:
        text = decoder.decode(chunk)
        if not text.isascii():
            letters += len(text) - len(text.encode("ascii", "ignore"))
            broken += len(UNREAD.findall(text))
        chunk = raw.read(A_CHUNK)
    return "utf-8" if broken * 10 <= letters else "windows-1252"


def _separator(start: str) -> str:
    """The one by which the first rows have the most columns, as many as the head has."""

    def weight(separator: str) -> float:
        rows = list(islice(csv.reader(start.splitlines(keepends=True), delimiter=separator), 20))
        widths = [len(row) for row in rows if any(row)]
        if not widths or widths[0] == 1:
            return 0
        return widths[0] * sum(width == widths[0] for width in widths) / len(widths)

    csv.field_size_limit(LONGEST)
    return max(SEPARATORS, key=weight)


def _named(path: Path, head: Row) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns' names, each made to be there once, and those that had to be changed."""
    if head.problem:
        raise ConfigurationError(f"{path}: its first line, the columns' names, cannot be read: {head.problem}.")
    given = [plain(name).replace("\ufeff", "").strip() for name in head.cells]
    while given and not given[-1]:
        given.pop()
    if any(re.fullmatch(r"[^@\s]+@[^@\s]+\.\w+", name) for name in given):
        raise ConfigurationError(
            f"{path}: its first line has somebody's address in it. It has to be the columns' names, such as name,email."
        )
    names: dict[str, str] = {}
    for number, name in enumerate(given, 1):
        spelled = own = name or f"column {number}"
        twin = 2
        while spelled in names:
            spelled, twin = f"{own} {twin}", twin + 1
        names[spelled] = name
    return tuple(names), tuple(new for new, name in names.items() if new != name)


def as_row(values: Sequence[Any]) -> list[str]:
    """A row to be written."""
    return [UNREAD.sub("\ufffd", cell(value)) for value in values]

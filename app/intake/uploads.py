"""Files that visitors attach: a multipart body is taken apart as it comes, its files to disk, the rest to memory."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from app.config.endpoints import FileLimits, Form
from app.errors import BodyTooLarge, StoreUnavailable
from app.intake import kinds
from app.intake.accept import Intake
from app.intake.guard import chunks, inbound_of, read_inbound
from app.lead import Attachment
from app.outbox.attachments import Attachments, Draft
from app.reader import Reading
from app.sources.base import Inbound
from app.sources.pairs import decode

TOO_LARGE = "This file is too large."
NOT_TAKEN = "Files of this kind are not taken."
TOO_MANY = "These are too many files."
AT_ONCE = 256 * 1024
"""Bytes of a body that wait in memory for their turn at the disk."""
FAR_OVER = 2
"""Times the most that files may have together: so much is read, to tell which field is wrong; more is cut off."""
MAX_NAME = 150
STEERING = re.compile('[\0-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufffd<>:"/\\\\|?*]')
"""What no file's name has on every system, or turns the reading direction of what follows."""
RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")


@dataclass(slots=True)
class Incoming:
    """A file of which parts have come; `draft` is None before the first byte, and once it is not taken."""

    field: str
    name: str
    size: int = 0
    draft: Draft | None = None


@dataclass(slots=True)
class Arrived:
    """A request that has come in whole: what there is to read, and the files that came with it."""

    inbound: Inbound
    parts: Parts | None = None

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """What was attached and can be taken."""
        return tuple(one for _, one in self.parts.files) if self.parts else ()

    @property
    def mistakes(self) -> dict[str, str]:
        """Field → what is wrong with the file in it, in English as the catalogues have it."""
        return self.parts.mistakes if self.parts else {}

    async def with_files(self, reading: Reading) -> Reading:
        """The reading with what was attached, which is on disk for good. StoreUnavailable where it cannot be.

        The same words with another file are no repeat.
        """
        attachments = self.attachments
        if self.parts is None or not attachments:
            return reading
        await asyncio.to_thread(self.parts.keep)
        hashes = "".join([reading.submission.fingerprint, *(one.sha256 for one in attachments)])
        fingerprint = hashlib.sha256(hashes.encode()).hexdigest()
        return replace(
            reading, submission=replace(reading.submission, attachments=attachments, fingerprint=fingerprint)
        )


@asynccontextmanager
async def arriving(request: Request, intake: Intake, form: Form | None) -> AsyncIterator[Arrived]:
    """The request, once it is here. What was attached is gone afterwards, unless a reading was given it.

    What is sent to no form of ours, or is no multipart body, is read as a whole. Raises Rejected.
    """
    boundary = boundary_of(request) if form else b""
    if form is None or not boundary:
        yield Arrived(await read_inbound(request, intake.max_body_bytes, intake.public_url))
        return
    parts = Parts(intake.outbox.files, form.files, boundary)
    try:
        await _take_in(request, parts, form.files, intake.max_body_bytes)
        inbound = inbound_of(request, bytes(parts.rest), intake.public_url)
        yield Arrived(inbound, parts)
    finally:
        if parts.drafts:
            await asyncio.to_thread(parts.drop)


async def _take_in(request: Request, parts: Parts, limits: FileLimits, most: int) -> None:
    """Reads to the end, a part of it in memory at a time. What has to go is told before it is all here."""
    together = most + FAR_OVER * limits.max_count * limits.max_bytes
    waiting = bytearray()
    try:
        async for chunk in chunks(request, together):
            waiting += chunk
            if len(waiting) >= AT_ONCE:
                await asyncio.to_thread(parts.feed, bytes(waiting))
                waiting.clear()
            if len(parts.rest) > most:
                raise BodyTooLarge(f"The request is larger than {most} bytes.")
        await asyncio.to_thread(parts.finish, bytes(waiting))
    except OSError as error:
        raise StoreUnavailable("What was attached could not be stored; please send it again in a moment.") from error
    if len(parts.rest) > most:
        raise BodyTooLarge(f"The request is larger than {most} bytes.")


def boundary_of(request: Request) -> bytes:
    """What stands between the parts of a multipart body; empty where it is none."""
    kind, options = parse_options_header(request.headers.get("content-type", "")[:2000].encode("latin-1", "replace"))
    return options.get(b"boundary", b"") if kind.strip().lower() == b"multipart/form-data" else b""


class Parts:
    """A multipart body: `rest` is all but the files' contents, in which the reader finds the same parts without them.

    From where it is broken everything is `rest`, in which the reader will find that too.
    """

    def __init__(self, folder: Attachments, limits: FileLimits, boundary: bytes) -> None:
        self.rest = bytearray()
        self.files: list[tuple[Draft, Attachment]] = []
        self.drafts: list[Draft] = []
        self.mistakes: dict[str, str] = {}
        self.is_broken = False
        self._folder, self._limits = folder, limits
        self._chunk, self._done = b"", 0
        self._headers: dict[bytes, bytes] = {}
        self._header = (bytearray(), bytearray())
        self._file: Incoming | None = None
        self._count = 0
        try:
            self._parser = MultipartParser(boundary, {
                "on_part_begin": self._headers.clear,
                "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
                "on_header_end": self._on_header,
                "on_headers_finished": self._on_headers,
                "on_part_data": self._on_data,
                "on_part_end": self._on_end,
            })  # fmt: skip
        except FormParserError:
            self.is_broken = True

    def feed(self, chunk: bytes) -> None:
        """Takes what has come. OSError where a file cannot be written."""
        self._chunk, self._done = chunk, 0
        if not self.is_broken:
            try:
                self._parser.write(chunk)
            except FormParserError:
                self.is_broken = True
        self.rest += memoryview(chunk)[self._done :]
        for draft in self.drafts:
            draft.touch()

    def finish(self, chunk: bytes) -> None:
        """Takes the last that has come; a file that is cut off is kept as far as it goes."""
        self.feed(chunk)
        self._on_end()

    def keep(self) -> None:
        """Gives the files their names for good."""
        self._folder.keep([draft for draft, _ in self.files])
        self.drafts.clear()

    def drop(self) -> None:
        """Takes away what was written and not kept."""
        for draft in self.drafts:
            draft.drop()
        self.drafts.clear()

    def _on_header(self) -> None:
        name, value = map(bytes, self._header)
        self._headers[name.lower()] = value.strip(b" \t")
        self._header = (bytearray(), bytearray())

    def _on_headers(self) -> None:
        """Tells a file by its having a name, be it an empty one, as the reader does."""
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        if (key := options.get(b"name")) is None:
            raise FormParserError("a part without a name")
        if (name := options.get(b"filename")) is not None:
            [(decoded, called, _)] = decode([(key, name, "")], "")
            self._file = Incoming(decoded, called)

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if (file := self._file) is None:
            return
        if data is self._chunk:
            self.rest += memoryview(data)[self._done : start]
            self._done = end
        else:  # the end of an earlier chunk, which might have been a boundary
            del self.rest[len(self.rest) - (end - start) :]
        file.size += end - start
        if file.size > self._limits.max_bytes:
            self._refuse(file, TOO_LARGE)
        elif draft := file.draft or self._begin(file):
            draft.write(data[start:end])

    def _on_end(self) -> None:
        """A file is whole. An input in which none was chosen is sent as one without a name and contents."""
        file, self._file = self._file, None
        if file is None or not (file.name or file.size):
            return
        draft = file.draft or (None if file.size else self._begin(file))
        if draft is None:
            return
        draft.finish()
        name = safe_name(file.name)
        kind = kinds.kind_of(draft.path, name)
        if kind == kinds.EMPTY or self._limits.take(kind):
            attachment = Attachment(file.field, name, kind, draft.size, draft.digest.hexdigest(), draft.file)
            self.files.append((draft, attachment))
        else:
            self._refuse(file, NOT_TAKEN)

    def _begin(self, file: Incoming) -> Draft | None:
        """Opens the file; None where it is one too many, or was refused."""
        if file.field in self.mistakes:
            return None
        self._count += 1
        if self._count > self._limits.max_count:
            self._refuse(file, TOO_MANY)
            return None
        file.draft = self._folder.begin()
        self.drafts.append(file.draft)
        return file.draft

    def _refuse(self, file: Incoming, message: str) -> None:
        """Names the field; nothing will be stored."""
        self.mistakes.setdefault(file.field, message)
        if file.draft is not None:
            file.draft.drop()
            self.drafts.remove(file.draft)
            file.draft = None


def safe_name(name: str) -> str:
    """A file's name as it may be written to a disk, shown, and put into a header: one part of a path, no tricks."""
    last = re.split(r"[/\\]", name)[-1]
    plain = STEERING.sub("_", last).strip(" .") or "file"
    if RESERVED.match(plain):
        plain = f"_{plain}"
    stem, dot, ending = plain.rpartition(".")
    if len(plain) <= MAX_NAME:
        return plain
    return f"{stem[: MAX_NAME - 12]}{dot}{ending[:11]}" if dot and stem else plain[:MAX_NAME]

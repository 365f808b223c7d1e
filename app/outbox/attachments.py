"""The folder of what visitors attached: files with names made by chance, each whole or not there.

A file is on disk before the commit that names it, and goes after the commit that no longer does; what a crash left
between the two is swept up.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from app.errors import StoreUnavailable
from app.logs import log
from app.outbox.engine import sqlite_file

NAME = re.compile(r"[0-9a-f]{32}")
PART = ".part"
MARK = ".store"
"""Says whose folder it is: names of no other store are known, so another's files would be swept up as nobody's."""
WITHOUT_A_FILE = Path("data/relay.db")


@dataclass(slots=True)
class Draft:
    """A file that is being written; nobody reads it before it is kept."""

    path: Path
    out: BinaryIO
    size: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    @property
    def file(self) -> str:
        """What it is called once it is kept."""
        return self.path.name.removesuffix(PART)

    def write(self, data: bytes) -> None:
        """Adds to it. OSError where there is no space."""
        self.out.write(data)
        self.digest.update(data)
        self.size += len(data)

    def touch(self) -> None:
        """Says that it is still wanted, while others of its request come in."""
        with suppress(OSError):
            os.utime(self.path)

    def finish(self) -> None:
        """Has its contents on disk. OSError where that is not possible."""
        self.out.flush()
        os.fsync(self.out.fileno())
        self.out.close()

    def drop(self) -> None:
        """Takes it away."""
        with suppress(OSError):  # what could not be written is not missed
            self.out.close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)


class Attachments:
    """The files in `folder`, which is made when there is the first, and is then the `store`'s, an id.

    Its methods wait for the disk: call them in a thread.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = ""

    def begin(self) -> Draft:
        """A new file. OSError where none can be made."""
        if not self.folder.is_dir():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync(self.folder.parent)
        self.claim()
        path = self.folder / f"{secrets.token_hex(16)}{PART}"
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        return Draft(path, os.fdopen(number, "wb"))

    def keep(self, drafts: Iterable[Draft]) -> None:
        """Gives finished drafts their names, for good. StoreUnavailable where that is not possible."""
        try:
            for one in drafts:
                one.path.rename(self.folder / one.file)
            sync(self.folder)
        except OSError as error:
            raise StoreUnavailable(
                "What was attached could not be stored; please send it again in a moment."
            ) from error

    def path(self, file: str) -> Path:
        """Where a kept file is. ValueError for what is no name of ours, as a foreign backup may hold."""
        if not NAME.fullmatch(file.removesuffix(PART)):
            raise ValueError(f"{file[:64]!r} is no name of an attachment")
        return self.folder / file

    def remove(self, files: Iterable[str]) -> None:
        """Takes files away that no row names any more. Where that fails, the next sweep does it."""
        for file in files:
            try:
                self.path(file).unlink(missing_ok=True)
            except OSError as error:
                log.error("attachment_not_removed", file=file, why=type(error).__name__)

    def untouched_for(self, seconds: float) -> Iterator[str]:
        """The names of files of ours that nobody has written to for so long, whole ones and parts."""
        if not self.folder.is_dir():
            return
        before = time.time() - seconds
        with os.scandir(self.folder) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # somebody else took it away meanwhile
                    if NAME.fullmatch(entry.name.removesuffix(PART)) and entry.stat().st_mtime <= before:
                        yield entry.name

    def claim(self) -> None:
        """Makes the folder this store's, unless it is one's already."""
        with suppress(FileExistsError), (self.folder / MARK).open("x", encoding="ascii") as mark:
            mark.write(self.store)

    def is_ours(self) -> bool:
        """Whether the folder is this store's, so that a file that no row names is nobody's."""
        mark = self.folder / MARK
        return mark.is_file() and mark.read_text(encoding="ascii") == self.store


def folder_beside(url: str) -> Path:
    """Where attachments are unless the settings say otherwise."""
    return (sqlite_file(url) or WITHOUT_A_FILE).with_name("attachments")


def store_id(key: bytes) -> str:
    """What a store is known by in its folder: a hash of its key, which a backup of it has too."""
    return hashlib.sha256(b"attachments" + key).hexdigest()


def sync(path: Path) -> None:
    """Has a file's contents, or a folder's list of names, on disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)

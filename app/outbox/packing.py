"""Attachments within a backup: their contents in a table that only a backup's file has, and out of it again.

Plain sqlite3 on a file that nobody else uses: call these in a thread.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from app.errors import StoreUnavailable
from app.outbox.attachments import PART, Attachments

CHUNK = 1024 * 1024
CREATE = "CREATE TABLE attachment_chunks (file TEXT, number INTEGER, data BLOB NOT NULL, PRIMARY KEY (file, number))"


def pack(part: Path, files: Attachments, progress: Callable[[int], None]) -> list[str]:
    """Copies the contents of all files that a new backup names into it; those names whose file is missing."""
    missing = []
    with closing(sqlite3.connect(part, isolation_level=None)) as store:
        store.execute("PRAGMA synchronous = OFF")  # it is put on disk as a whole, when it is complete
        store.execute(CREATE)
        for (file,) in store.execute("SELECT file FROM attachments ORDER BY id").fetchall():
            try:
                with files.path(file).open("rb") as contents:
                    chunks = enumerate(iter(lambda: contents.read(CHUNK), b""))
                    store.executemany(
                        "INSERT INTO attachment_chunks VALUES (?, ?, ?)", ((file, *one) for one in chunks)
                    )
            except FileNotFoundError:
                missing.append(file)
            progress(1)
    return missing


def forget(part: Path, gone: Collection[str]) -> None:
    """Leaves files out that were erased while the backup was made."""
    with closing(sqlite3.connect(part)) as store, store:
        store.executemany("DELETE FROM attachments WHERE file = ?", [(file,) for file in gone])


def flaws(path: Path) -> Iterator[str]:
    """What is wrong with the files in a backup: missing, of another size, or changed."""
    with closing(_read_only(path)) as store:
        for id_, file, size, sha256 in store.execute("SELECT id, file, size, sha256 FROM attachments ORDER BY id"):
            found, digest = 0, hashlib.sha256()
            for chunk in _chunks(store, file):
                found += len(chunk)
                digest.update(chunk)
            if (found, digest.hexdigest()) != (size, sha256):
                yield f"attachment {id_}: " + ("its file is missing" if not found else "its file is damaged")


def unpack(path: Path, files: Attachments) -> None:
    """Writes a backup's files into the folder. StoreUnavailable where others are there, which are not of this store."""
    with closing(_read_only(path)) as store:
        names = {file for (file,) in store.execute("SELECT file FROM attachments")}
        if strange := {one for one in files.untouched_for(0) if not one.endswith(PART)} - names:
            raise StoreUnavailable(
                f"{len(strange)} files in {files.folder} are not in the backup: set ATTACHMENTS_DIR to a new folder."
            )
        for file in sorted(names):
            files.path(file)
            draft = files.begin()
            for chunk in _chunks(store, file):
                draft.write(chunk)
            draft.finish()
            draft.path.replace(files.path(file))
        if names:
            files.keep([])


def _chunks(store: sqlite3.Connection, file: str) -> Iterator[bytes]:
    of_it = "SELECT data FROM attachment_chunks WHERE file = ? ORDER BY number"
    return (data for (data,) in store.execute(of_it, (file,)))


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True)

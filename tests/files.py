"""Files as visitors send them: contents of every kind, and multipart bodies byte by byte."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterable
from io import BytesIO

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(60)
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< >>\nendobj\n" + b"x" * 200 + b"\n%%EOF\n"
EXE = b"MZ\x90\0\x03\0\0\0" + bytes(60) + b"PE\0\0" + bytes(60)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
BOUNDARY = "boundary-of-the-test"


def zipped(*names: str, mimetype: str = "") -> bytes:
    """A ZIP with files of those names."""
    whole = BytesIO()
    with zipfile.ZipFile(whole, "w") as file:
        if mimetype:
            file.writestr("mimetype", mimetype)
        for name in names:
            file.writestr(name, "contents " * 10)
    return whole.getvalue()


def movie(brand: bytes) -> bytes:
    """The start of a file of the MP4 family."""
    return struct.pack(">I", 24) + b"ftyp" + brand + bytes(4) + brand + b"isom" + bytes(100)


def part(name: str, content: bytes, filename: str | None = None, *, more: str = "") -> bytes:
    """One part of a multipart body."""
    called = "" if filename is None else f'; filename="{filename}"'
    head = f'Content-Disposition: form-data; name="{name}"{called}\r\n{more}\r\n'
    return f"--{BOUNDARY}\r\n{head}".encode() + content + b"\r\n"


def body_of(parts: Iterable[bytes]) -> bytes:
    """A whole body."""
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


HEADERS = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}

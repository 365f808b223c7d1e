"""What a file is by its contents. Its name decides only among what contents cannot tell apart."""

from __future__ import annotations

import mimetypes
import re
from pathlib import Path, PurePath

import puremagic

from app.config.values import ODF, OOXML

HEAD = 40_000
TAIL = 70_000
"""Bytes that are looked at: signatures are within the first, a ZIP's list of its files within the last."""
UNKNOWN = "application/octet-stream"
EMPTY = "application/x-empty"
PROGRAM = "application/x-executable"
SCRIPT = "text/x-script"
SURE = 0.3
"""puremagic's confidence in a signature of three bytes. A shorter one counts where the file's name says the same."""

PROGRAMS = re.compile(
    rb"MZ|\x7fELF|\xca\xfe\xba\xbe|[\xce\xcf]\xfa\xed\xfe|\xfe\xed\xfa[\xce\xcf]|L\0\0\0\x01\x14\x02|\0asm"
)
RUNNABLE = frozenset(
    ".apk .bat .cmd .cpl .dll .exe .hta .htm .html .jar .js .jse .lnk .mht .mjs .msi .msp .php .pif .pl .ps1 "
    ".py .rb .reg .scr .sh .svg .svgz .swf .url .vb .vbe .vbs .wsf .xht .xhtml".split()
)
"""Endings by which a system or a browser runs what it is given, whatever is in it."""
TEXTS = {
    ".csv": "text/csv",
    ".ics": "text/calendar",
    ".vcf": "text/vcard",
    ".json": "application/json",
    ".rtf": "application/rtf",
}
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
OLES = {".doc": "application/msword", ".xls": "application/vnd.ms-excel", ".ppt": "application/vnd.ms-powerpoint"}
ZIPPED = {
    b"word/": f"{OOXML}.wordprocessingml.document",
    b"xl/": f"{OOXML}.spreadsheetml.sheet",
    b"ppt/": f"{OOXML}.presentationml.presentation",
}
"""The folder that an office document has in its ZIP → its type."""
MIMETYPE = re.compile(rb"mimetype(application/[\w.+-]{1,80}?)(?=PK|[^\w.+-])")
TAG = re.compile(r"\s*<(?:[!?]|/?[a-z][\w:]*[\s/>])", re.IGNORECASE)
ACTIVE = re.compile(r"<(svg|(?:!doctype )?html|script|body|head|iframe|img|a|meta|style)[\s>]", re.IGNORECASE)
CONTROLS = re.compile("[\0-\x08\x0e-\x1a\x1c-\x1f]")


def kind_of(path: Path, name: str) -> str:
    """The media type of the file at `path`, which its sender called `name`."""
    with path.open("rb") as file:
        head = file.read(HEAD)
        file.seek(max(0, path.stat().st_size - TAIL))
        return sniffed(head, file.read(), PurePath(name.lower()).suffix)


def sniffed(head: bytes, tail: bytes, ending: str) -> str:
    """The media type of what begins and ends so; `ending` is its name's, in small letters with its dot."""
    if not head:
        return EMPTY
    text = text_in(head)
    if ending in RUNNABLE or (text is None and PROGRAMS.match(head)):
        return SCRIPT if text is not None else PROGRAM
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return zipped(head, tail)
    if head.startswith(OLE):
        return OLES.get(ending, UNKNOWN)
    if b"%PDF-" in head[:1024] and not (text and TAG.match(text)):
        return "application/pdf"
    if text is not None and not head.startswith((b"{\\rtf", b"%!PS")):
        return text_type(text, ending)
    return by_signature(head, tail, ending)


def by_signature(head: bytes, tail: bytes, ending: str) -> str:
    """What puremagic knows it by. Of several types that begin alike, the one that its name says."""
    if head[4:8] == b"ftyp" and re.search(rb"mif1|heic|heix", head[8:32]) and b"avif" not in head[8:32]:
        return "image/heif"
    try:
        found = puremagic.magic_string(head + tail[-4096:], f"file{ending}")
    except (puremagic.PureError, ValueError):
        return UNKNOWN
    told = mimetypes.guess_type(f"file{ending}")[0]
    types = ((one.mime_type or mimetypes.guess_type(f"file{one.extension}")[0], one.confidence) for one in found)
    return next((kind for kind, confidence in types if kind and (confidence >= SURE or kind == told)), UNKNOWN)


def zipped(head: bytes, tail: bytes) -> str:
    """Which of the many things a ZIP is, by the names of the files in it."""
    if (told := MIMETYPE.search(head[:200])) and told[1].startswith(ODF.encode()):
        return told[1].decode()
    names = head[:4096] + tail
    if b"META-INF/MANIFEST.MF" in names or b"AndroidManifest.xml" in names:
        return "application/java-archive"
    if b"vbaProject.bin" in names:
        return "application/vnd.ms-office.macroEnabled"
    if b"[Content_Types].xml" in names:
        return next((kind for folder, kind in ZIPPED.items() if folder in names), "application/zip")
    return "application/zip"


def text_in(head: bytes) -> str | None:
    """The bytes as text, without its first mark; None where they are none."""
    for mark, charset in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if head.startswith(mark):
            text = head.removeprefix(mark).decode(charset, "replace")
            break
    else:
        text = head.decode("latin-1")
    return None if CONTROLS.search(text) else text


def text_type(text: str, ending: str) -> str:
    """What kind of text: markup and scripts are told from what is only read."""
    if TAG.match(text):
        active = ACTIVE.search(text)
        return "application/xml" if not active else "image/svg+xml" if active[1].lower() == "svg" else "text/html"
    return SCRIPT if text.startswith("#!") else TEXTS.get(ending, "text/plain")

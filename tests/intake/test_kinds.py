"""What a file is by its contents, whatever it calls itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.config.endpoints import FileLimits
from app.config.values import ODF, OOXML
from app.intake.kinds import kind_of
from tests.files import EXE, OLE, PDF, PNG, movie, zipped

TAKEN = {
    "photo.png": (PNG, "image/png"),
    "photo.jpg": (b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01" + bytes(60), "image/jpeg"),
    "photo.JPEG": (b"\xff\xd8\xff\xe1\0\x10Exif\0\0" + bytes(60), "image/jpeg"),
    "photo.gif": (b"GIF89a" + bytes(60), "image/gif"),
    "photo.webp": (b"RIFF\x24\0\0\0WEBPVP8 " + bytes(60), "image/webp"),
    "photo.heic": (movie(b"heic"), "image/heif"),
    "photo-of-android.heic": (movie(b"mif1"), "image/heif"),
    "photo.avif": (movie(b"avif"), "image/avif"),
    "scan.tif": (b"II*\0\x08\0\0\0" + bytes(60), "image/tiff"),
    "picture.bmp": (b"BM\x36\0\0\0\0\0\0\0" + bytes(60), "image/x-ms-bmp"),
    "cv.pdf": (PDF, "application/pdf"),
    "cv-after-a-line.pdf": (b"\r\n" + PDF, "application/pdf"),
    "photo": (PNG, "image/png"),
    "cv.docx": (zipped("[Content_Types].xml", "word/document.xml"), f"{OOXML}.wordprocessingml.document"),
    "list.xlsx": (zipped("[Content_Types].xml", "xl/workbook.xml"), f"{OOXML}.spreadsheetml.sheet"),
    "talk.pptx": (zipped("[Content_Types].xml", "ppt/presentation.xml"), f"{OOXML}.presentationml.presentation"),
    "cv.odt": (zipped("content.xml", mimetype=f"{ODF}.text"), f"{ODF}.text"),
    "list.ods": (zipped("content.xml", mimetype=f"{ODF}.spreadsheet"), f"{ODF}.spreadsheet"),
    "cv.doc": (OLE, "application/msword"),
    "list.xls": (OLE, "application/vnd.ms-excel"),
    "cv.rtf": (rb"{\rtf1\ansi Hello}", "application/rtf"),
    "all.zip": (zipped("a.txt", "b.txt"), "application/zip"),
    "empty.zip": (b"PK\x05\x06" + bytes(18), "application/zip"),
    "note.txt": (b"BMW for sale, MZ plates, \xc3\xa9t\xc3\xa9", "text/plain"),
    "note-of-windows.txt": ("\ufeffGrüße".encode("utf-16-le"), "text/plain"),
    "note.de.txt": ("Grüße aus Köln".encode("cp1252"), "text/plain"),
    "heart.txt": (b"<3 thanks", "text/plain"),
    "people.csv": (b"name;mail\nAda;a@example.com\n", "text/csv"),
    "day.ics": (b"BEGIN:VCALENDAR\r\n", "text/calendar"),
    "ada.vcf": (b"BEGIN:VCARD\r\n", "text/vcard"),
    "data.json": (b'{"a": 1}', "application/json"),
    "song.mp3": (b"ID3\x03\0\0\0\0\0\0" + bytes(60), "audio/mpeg"),
    "raw.mp3": (b"\xff\xfb\x90\x64" + bytes(400), "audio/mpeg"),
    "memo.m4a": (movie(b"M4A "), "audio/mp4"),
    "memo.ogg": (b"OggS\0\x02" + bytes(22) + b"\x01vorbis" + bytes(60), "application/ogg"),
    "film.mp4": (movie(b"isom"), "video/mp4"),
    "film.mov": (movie(b"qt  "), "video/quicktime"),
    "film.webm": (b"\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1f\x42\x86\x81\x01\x42\x82\x84webm" + bytes(60), "video/webm"),
}
REFUSED = {
    "html-named.png": (b"<!DOCTYPE html><html><script>alert(1)</script></html>", "text/html"),
    "html-in-a-bom.png": (b"\xef\xbb\xbf \n<ScRiPt>alert(1)</script>", "text/html"),
    "html-of-windows.txt": ("\ufeff<html><body>".encode("utf-16-le"), "text/html"),
    "comment-first.txt": (b"<!-- x --><img src=x onerror=alert(1)>", "text/html"),
    "picture.svg": (b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "text/x-script"),
    "svg-named.png": (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"></svg>', "image/svg+xml"),
    "plain.xml": (b'<?xml version="1.0"?><orders/>', "application/xml"),
    "program-named.pdf": (EXE, "application/x-executable"),
    "program.exe": (EXE, "application/x-executable"),
    "elf": (b"\x7fELF\x02\x01\x01" + bytes(60), "application/x-executable"),
    "shortcut.pdf": (b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0F" + bytes(60), "application/x-executable"),
    "image-named.exe": (PNG, "application/x-executable"),
    "run.bat": (b"@echo off\r\ndel *", "text/x-script"),
    "run.txt": (b"#!/bin/sh\nrm -r /", "text/x-script"),
    "run.php": (b"<?php system($_GET['x']);", "text/x-script"),
    "run-named.txt": (b"<?php system($_GET['x']);", "application/xml"),
    "archive.jar.zip": (zipped("META-INF/MANIFEST.MF", "a.class"), "application/java-archive"),
    "macros.docx": (
        zipped("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"),
        "application/vnd.ms-office.macroEnabled",
    ),
    "installer.msi": (OLE, "application/x-executable"),
    "unknown.bin": (bytes(range(3, 200, 3)) * 5, "application/octet-stream"),
    "zeros": (bytes(3000), "application/octet-stream"),
    "archive.rar": (b"Rar!\x1a\x07\x01\0" + bytes(60), "application/vnd.rar"),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_people_send_is_known_and_taken_by_default(name: str, tmp_path: Path) -> None:
    content, expected = TAKEN[name]
    (tmp_path / "file").write_bytes(content)
    found = kind_of(tmp_path / "file", name)

    assert found == expected
    assert FileLimits().take(found)


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_machine_would_run_is_known_by_its_contents_and_never_taken_by_default(
    name: str, tmp_path: Path
) -> None:
    content, expected = REFUSED[name]
    (tmp_path / "file").write_bytes(content)
    found = kind_of(tmp_path / "file", name)

    assert found == expected
    assert not FileLimits().take(found)


def test_a_forms_own_types_are_kinds_or_media_types() -> None:
    limits = FileLimits(types=("pdf", "image/png", "audio/*"))
    taken = ["application/pdf", "image/png", "audio/mpeg"]
    assert [limits.take(kind) for kind in taken] == [True] * 3
    assert [limits.take(kind) for kind in ("image/gif", "text/plain", "application/zip")] == [False] * 3
    assert not FileLimits(types=("image/*",)).take("image/svg+xml")
    assert FileLimits(types=("image/svg+xml",)).take("image/svg+xml")
    with pytest.raises(ValueError, match="expected one of image, pdf, office"):
        FileLimits(types=("pictures",))

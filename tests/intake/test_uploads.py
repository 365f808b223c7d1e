"""Files that come with a form: taken apart as they come, bounded, kept whole, and nowhere left over."""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.config.endpoints import FileLimits
from app.errors import Unreadable
from app.intake import guard, uploads
from app.intake.uploads import NOT_TAKEN, TOO_LARGE, TOO_MANY, Parts, safe_name
from app.outbox.attachments import MARK, Attachments
from app.outbox.books import Books
from app.outbox.outbox import Outbox
from app.sources.pairs import multipart
from tests.files import BOUNDARY, EXE, HEADERS, PDF, PNG, body_of, part
from tests.running import eventually, locked, stored

Start = Callable[..., httpx.Client]
SMALL = "[forms.contact]\n[forms.contact.files]\nmax_mib = 1\nmax_count = 2\n"
EMAIL = part("email", b"ada@example.com")
JSON = {**HEADERS, "Accept": "application/json"}
MIB = 1024 * 1024


def kept(folder: Path) -> dict[str, bytes]:
    """Every file in the attachments' folder that does not go while one looks."""
    found, files = folder / "attachments", dict[str, bytes]()
    for one in found.iterdir() if found.exists() else ():
        with suppress(FileNotFoundError):
            files[one.name] = one.read_bytes()
    files.pop(MARK, None)
    return files


def rows(folder: Path) -> list[Any]:
    return stored(folder, "SELECT field, name, media_type, size, sha256, file FROM attachments ORDER BY id")


def post(client: httpx.Client, *parts: bytes, **headers: str) -> httpx.Response:
    return client.post("/forms/contact", content=body_of((EMAIL, *parts)), headers={**JSON, **headers})


class TestParts:
    """The parser by itself, however the body is cut into pieces."""

    CONTENTS = (b"", b"x", PDF, PNG * 50, b"\r\n--", b"\r\n--bound", b"\r\n--" + BOUNDARY[:-1].encode(), b"\r" * 99)

    def taken(self, folder: Path, body: bytes, sizes: Callable[[], int]) -> Parts:
        parts = Parts(
            Attachments(folder),
            FileLimits(max_count=100, types=("image", "pdf", "text", "application/octet-stream")),
            BOUNDARY.encode(),
        )
        while body:
            size = sizes()
            parts.feed(body[:size])
            body = body[size:]
        parts.finish(b"")
        return parts

    @pytest.mark.parametrize("most", [1, 2, 7, 40, 1000])
    def test_files_are_whole_and_the_rest_is_the_same_body_without_them(self, tmp_path: Path, most: int) -> None:
        chance = random.Random(most)
        contents = list(self.CONTENTS)
        body = body_of([EMAIL, *(part(f"f{n}", one, f"{n}.bin") for n, one in enumerate(contents)), part("z", b"end")])
        lean = body_of([EMAIL, *(part(f"f{n}", b"", f"{n}.bin") for n in range(len(contents))), part("z", b"end")])
        parts = self.taken(tmp_path, body, lambda: chance.randint(1, most))

        assert bytes(parts.rest) == lean
        assert [draft.path.read_bytes() for draft, _ in parts.files] == contents
        assert [one.sha256 for _, one in parts.files] == [hashlib.sha256(one).hexdigest() for one in contents]

    def test_what_is_broken_is_broken_for_the_reader_too_and_no_byte_is_lost(self, tmp_path: Path) -> None:
        chance = random.Random(5)
        body = body_of([EMAIL, part("f", PDF, "a.pdf"), part("g", PNG * 3, "b.png"), part("z", b"end")])
        for number in range(150):
            harmed = bytearray(body)
            for _ in range(chance.randint(1, 3)):
                at = chance.randrange(len(harmed))
                harmed[at : at + chance.randint(0, 30)] = chance.randbytes(chance.randint(0, 3))
            parts = self.taken(tmp_path / str(number), bytes(harmed), lambda: chance.randint(1, 300))
            together = len(parts.rest) + sum(draft.size for draft, _ in parts.files)
            assert together == len(harmed)
            assert readable(bytes(parts.rest)) == readable(bytes(harmed))


def readable(body: bytes) -> bool:
    try:
        multipart(body, BOUNDARY.encode())
    except Unreadable:
        return False
    return True


class TestTaking:
    def test_a_file_is_kept_whole_under_a_name_made_by_chance_and_the_rest_reads_as_before(
        self, relay: Start, tmp_path: Path
    ) -> None:
        client = relay()
        assert post(client, part("cv", PDF, "My CV.pdf"), part("message", b"Hello")).status_code == 200

        [(field, name, kind, size, sha256, file)] = rows(tmp_path)
        assert (field, name, kind, size) == ("cv", "My CV.pdf", "application/pdf", len(PDF))
        assert sha256 == hashlib.sha256(PDF).hexdigest()
        assert kept(tmp_path) == {file: PDF}
        assert len(file) == 32
        [(body,)] = stored(tmp_path, "SELECT body FROM submissions")
        assert body == body_of((EMAIL, part("cv", b"", "My CV.pdf"), part("message", b"Hello")))
        [(details,)] = stored(tmp_path, "SELECT details FROM leads")
        assert '"cv", "value": "My CV.pdf"' in details
        folder = tmp_path / "attachments"
        assert [stat.S_IMODE(one.stat().st_mode) for one in (folder, folder / file)] == [0o700, 0o600]

    def test_a_browsers_empty_file_input_is_no_file(self, relay: Start, tmp_path: Path) -> None:
        empty = part("cv", b"", "", more="Content-Type: application/octet-stream\r\n")
        assert post(relay(), empty).status_code == 200
        assert (rows(tmp_path), kept(tmp_path)) == ([], {})

    def test_an_empty_file_and_one_without_a_name_are_files_all_the_same(self, relay: Start, tmp_path: Path) -> None:
        assert post(relay(), part("a", b"", "nothing.txt"), part("b", b"words", "")).status_code == 200
        assert [row[:4] for row in rows(tmp_path)] == [
            ("a", "nothing.txt", "application/x-empty", 0),
            ("b", "file", "text/plain", 5),
        ]
        assert sorted(kept(tmp_path).values()) == [b"", b"words"]

    def test_several_in_one_field_are_kept_in_order(self, relay: Start, tmp_path: Path) -> None:
        assert post(relay(), part("f[]", PDF, "a.pdf"), part("f[]", PNG, "b.png")).status_code == 200
        assert [row[1] for row in rows(tmp_path)] == ["a.pdf", "b.png"]

    @pytest.mark.parametrize("times", [1, 8])
    def test_the_same_again_is_a_repeat_whose_files_go(self, relay: Start, tmp_path: Path, times: int) -> None:
        client = relay()
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: post(client, part("cv", PDF, "cv.pdf")), range(times + 1)))

        assert len({one.json()["receipt"] for one in answers}) == 1
        assert len(rows(tmp_path)) == 1
        assert list(kept(tmp_path)) == [rows(tmp_path)[0][-1]]

    def test_the_same_words_with_another_file_are_no_repeat(self, relay: Start, tmp_path: Path) -> None:
        client = relay()
        receipts = {post(client, part("cv", PDF + mark, "cv.pdf")).json()["receipt"] for mark in (b"1", b"2")}
        keyed = [post(client, part("cv", PNG, "x.png"), **{"Idempotency-Key": "k-123456"}).json() for _ in "12"]

        assert len(receipts) == 2
        assert keyed[0]["receipt"] == keyed[1]["receipt"]
        assert len(kept(tmp_path)) == len(rows(tmp_path)) == 3

    def test_spam_is_kept_with_what_was_attached(self, relay: Start, tmp_path: Path) -> None:
        assert post(relay(), part("_gotcha", b"I am a robot"), part("cv", PDF, "cv.pdf")).status_code == 200
        assert stored(tmp_path, "SELECT state FROM leads") == [("spam",)]
        assert list(kept(tmp_path).values()) == [PDF]

    def test_what_breaks_off_is_kept_in_quarantine_as_far_as_it_goes(self, relay: Start, tmp_path: Path) -> None:
        body = EMAIL + part("cv", PDF, "cv.pdf") + part("more", PNG, "cut.png")[:-20]
        answer = relay().post("/forms/contact", content=body, headers=JSON)

        assert answer.status_code == 400
        assert [row[1] for row in rows(tmp_path)] == ["cv.pdf", "cut.png"]
        assert PDF in kept(tmp_path).values()

    @pytest.mark.parametrize("boundary", ["another", "", "x" * 300])
    def test_with_a_wrong_boundary_the_body_is_kept_as_it_came(
        self, relay: Start, tmp_path: Path, boundary: str
    ) -> None:
        body = body_of([EMAIL, part("cv", PDF, "cv.pdf")])
        headers = {**JSON, "Content-Type": f"multipart/form-data; boundary={boundary}"}
        assert relay().post("/forms/contact", content=body, headers=headers).status_code == 400
        assert stored(tmp_path, "SELECT body FROM submissions") == [(body,)]
        assert kept(tmp_path) == {}

    def test_a_hook_and_a_form_that_nobody_configured_keep_the_whole_body(
        self, relay: Start, tmp_path: Path, secrets: dict[str, str]
    ) -> None:
        client, body = relay(), body_of([EMAIL, part("cv", PDF, "cv.pdf")])
        headers = {**HEADERS, "X-Relay-Token": secrets["json"]}
        assert client.post("/hooks/json", content=body, headers=headers).status_code == 200
        assert client.post("/forms/nobodys", content=body, headers=HEADERS).status_code == 404
        assert stored(tmp_path, "SELECT body FROM submissions") == [(body,), (body,)]
        assert kept(tmp_path) == {}


async def test_it_is_the_same_on_either_engine(store_url: str, relay: Start, tmp_path: Path) -> None:
    client = relay(database_url=store_url)
    posts = [(part("cv", PDF, "a.pdf"), part("photo", PNG, "b.png"))] * 4 + [(part("cv", PNG, "c.png"),)]
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda parts: post(client, *parts), posts))

    assert {one.status_code for one in answers} == {200}
    books = Books(store_url)
    receipts = {one.json()["receipt"] for one in answers}
    found = [one.attachment for receipt in receipts for one in await books.attachments(receipt)]
    assert sorted(one.name for one in found) == ["a.pdf", "b.png", "c.png"]
    assert {one.file: one.sha256 for one in found} == {
        name: hashlib.sha256(content).hexdigest() for name, content in kept(tmp_path).items()
    }
    await books.close()


class TestRefusing:
    """What is not taken is named, with its field; nothing of the post is stored then."""

    @pytest.mark.parametrize(
        ("parts", "expected"),
        [
            ([part("cv", b"x" * (MIB + 1), "cv.txt")], {"cv": TOO_LARGE}),
            ([part("cv", EXE, "cv.pdf")], {"cv": NOT_TAKEN}),
            ([part("photo", b"<!doctype html><script>", "photo.png")], {"photo": NOT_TAKEN}),
            ([part("photo", b"<svg onload=alert(1)>", "photo.svg")], {"photo": NOT_TAKEN}),
            ([part("f", PDF, f"{n}.pdf") for n in range(3)], {"f": TOO_MANY}),
            ([part(f"f{n}", b"", f"{n}.txt") for n in range(3)], {"f2": TOO_MANY}),
            ([part(f"f{n}", PDF, f"{n}.pdf") for n in range(100)], {f"f{n}": TOO_MANY for n in range(2, 100)}),
            ([part("a", PDF, "a.pdf"), part("b", EXE, "b.pdf")], {"b": NOT_TAKEN}),
        ],
        ids=["too large", "a program", "a page", "svg", "too many", "too many empty", "a hundred", "one of two"],
    )
    def test_a_script_is_told_each_field(
        self, relay: Start, tmp_path: Path, parts: list[bytes], expected: dict[str, str]
    ) -> None:
        answer = post(relay(SMALL), *parts)
        assert (answer.status_code, answer.json()["errors"]) == (422, expected)
        assert stored(tmp_path, "SELECT count(*) FROM submissions") == [(0,)]
        assert kept(tmp_path) == {}

    def test_a_visitor_gets_the_form_again_with_the_field_named_and_what_was_typed(
        self, relay: Start, tmp_path: Path
    ) -> None:
        body = body_of([EMAIL, part("cv", EXE, "cv.pdf"), part("message", b"My words")])
        answer = relay().post("/forms/contact", content=body, headers=HEADERS)
        assert answer.status_code == 422
        assert NOT_TAKEN in answer.text
        assert "My words" in answer.text
        assert 'enctype="multipart/form-data"' in answer.text
        [chooser] = re.findall(r"<input[^>]* type=\"file\"[^>]*>|<input type=\"file\"[^>]*>", answer.text)
        assert 'name="cv"' in chooser
        assert 'aria-invalid="true"' in chooser
        assert kept(tmp_path) == {}

    def test_the_address_and_the_file_are_both_named(self, relay: Start) -> None:
        body = body_of([part("email", b"nobody"), part("cv", EXE, "cv.pdf")])
        answer = relay().post("/forms/contact", content=body, headers=JSON)
        assert list(answer.json()["errors"]) == ["email", "cv"]

    def test_without_an_address_nothing_is_left_of_a_good_file(self, relay: Start, tmp_path: Path) -> None:
        assert relay().post("/forms/contact", content=body_of([part("cv", PDF, "a.pdf")]), headers=JSON).is_client_error
        assert kept(tmp_path) == {}

    def test_a_form_may_take_none(self, relay: Start) -> None:
        client = relay("[forms.contact]\nfiles = { max_count = 0 }\n")
        assert post(client).status_code == 200
        assert post(client, part("cv", PDF, "a.pdf")).json()["errors"] == {"cv": TOO_MANY}

    def test_what_is_far_over_is_refused_by_its_length_before_it_comes(
        self, relay: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(guard, "LET_PASS", MIB)
        client = relay(SMALL)
        with socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=5) as line:
            line.sendall(head_of(7 * MIB) + EMAIL)
            assert line.recv(100).startswith(b"HTTP/1.1 413")
        assert kept(tmp_path) == {}

    def test_what_is_far_over_without_saying_so_is_refused_before_its_end(
        self, relay: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(guard, "LET_PASS", MIB)
        client = relay(SMALL)
        with socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=5) as line:
            line.sendall(head_of(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked"))
            for chunk in (EMAIL + part("cv", b"", "cv.txt")[:-2], *[b"x" * MIB] * 9):
                line.sendall(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            assert line.recv(100).startswith(b"HTTP/1.1 413")
        assert kept(tmp_path) == {}

    def test_text_over_the_limit_is_refused_though_files_may_be_larger(self, relay: Start, tmp_path: Path) -> None:
        answer = post(relay(), part("cv", b"x" * 3 * MIB, "a.txt"), part("message", b"x" * 3 * MIB))
        assert answer.status_code == 413
        assert kept(tmp_path) == {}

    def test_a_lead_over_a_lying_length_or_a_cut_connection_leaves_nothing(self, relay: Start, tmp_path: Path) -> None:
        client = relay()
        for _ in range(3):
            with socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=5) as line:
                line.sendall(head_of(5 * MIB) + EMAIL + part("cv", b"x" * 2 * MIB, "cv.txt")[:-2])
                eventually(lambda: kept(tmp_path), "it is being written")
        eventually(lambda: kept(tmp_path) == {}, "nothing is left")
        assert stored(tmp_path, "SELECT count(*) FROM submissions") == [(0,)]

    def test_a_stall_is_ended_and_leaves_nothing(
        self, relay: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(guard, "BODY_SECONDS", 0.3)
        monkeypatch.setattr(guard, "SLOWEST", 4 * MIB)
        client = relay()
        with socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=5) as line:
            line.sendall(head_of(5 * MIB) + EMAIL + part("cv", b"x" * MIB, "cv.txt")[:-2])
            assert line.recv(100).startswith(b"HTTP/1.1 408")
        assert kept(tmp_path) == {}

    def test_what_comes_slowly_but_comes_has_its_time(
        self, relay: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(guard, "BODY_SECONDS", 0.3)
        monkeypatch.setattr(guard, "SLOWEST", 256 * 1024)
        pause = threading.Event()

        def body() -> Iterator[bytes]:
            yield EMAIL + part("cv", b"", "cv.txt")[:-2]
            for _ in range(8):
                pause.wait(0.1)
                yield b"x" * 50_000
            yield f"\r\n--{BOUNDARY}--\r\n".encode()

        assert relay().post("/forms/contact", content=body(), headers=JSON).status_code == 200
        assert [len(one) for one in kept(tmp_path).values()] == [400_000]

    @pytest.mark.slow
    def test_while_the_store_is_locked_nothing_is_acknowledged_and_nothing_is_left(
        self, relay: Start, tmp_path: Path
    ) -> None:
        client = relay()
        assert post(client).status_code == 200
        with locked(tmp_path):
            answer = client.post(
                "/forms/contact", content=body_of((EMAIL, part("cv", PDF, "a.pdf"))), headers=JSON, timeout=30
            )
        assert answer.status_code == 503
        assert kept(tmp_path) == {}

    def test_where_the_folder_cannot_be_written_the_sender_is_told_to_come_back(
        self, relay: Start, tmp_path: Path
    ) -> None:
        client = relay()
        (tmp_path / "attachments").write_text("in the way")
        answer = post(client, part("cv", PDF, "a.pdf"))
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
        assert post(client, part("message", b"without a file")).status_code == 200


def head_of(length: int) -> bytes:
    lines = ("POST /forms/contact HTTP/1.1", "Host: x", f"Content-Type: {HEADERS['Content-Type']}")
    return "\r\n".join((*lines, f"Content-Length: {length}", "", "")).encode()


NAMES = {
    "../../../etc/passwd": "passwd",
    "..\\..\\boot.ini": "boot.ini",
    "/etc/cron.d/x": "x",
    "C:\\fakepath\\cv.pdf": "cv.pdf",
    "a\0b.pdf": "a_b.pdf",
    "cv\u202efdp.exe": "cv_fdp.exe",
    "..": "file",
    ".htaccess": "htaccess",
    "": "file",
    "   ": "file",
    "con.txt": "_con.txt",
    'a";filename="b.pdf': "a_;filename=_b.pdf",
    "line\r\nend.txt": "line__end.txt",
    "Lebenslauf Müller 日本語.pdf": "Lebenslauf Müller 日本語.pdf",
    "-rf": "-rf",
    "x" * 300 + ".pdf": "x" * 138 + ".pdf",
    "ü" * 300: "ü" * 150,
}


@pytest.mark.parametrize("name", NAMES)
def test_a_files_name_is_made_harmless(name: str) -> None:
    made = safe_name(name)
    assert made == NAMES[name]
    assert safe_name(made) == made
    assert 0 < len(made) <= uploads.MAX_NAME


@pytest.mark.parametrize("name", ["../../../evil.pdf", "cv\u202efdp.pdf", "x" * 300 + ".pdf", "a%00.pdf", ""])
def test_a_hostile_name_leads_nowhere(relay: Start, tmp_path: Path, name: str) -> None:
    before = set(tmp_path.rglob("*.pdf"))
    assert post(relay(), part("cv", PDF, name)).status_code == 200
    [(_, stored_name, *_, file)] = rows(tmp_path)
    assert stored_name == safe_name(name)
    assert set(kept(tmp_path)) == {file}
    assert set(tmp_path.rglob("*.pdf")) == before


class TestSweeping:
    async def test_only_what_is_old_and_named_by_nobody_goes(
        self, relay: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert post(relay(), part("cv", PDF, "a.pdf")).status_code == 200
        [(*_, file)] = rows(tmp_path)
        outbox = Outbox(f"sqlite+aiosqlite:///{tmp_path}/relay.db")
        await outbox.open()
        folder = tmp_path / "attachments"
        for name in ("a" * 32, f"{'b' * 32}.part", "notes.txt"):
            (folder / name).write_text("x")
        await sweep_now(outbox, monkeypatch, age=3600)
        assert len(kept(tmp_path)) == 4
        await sweep_now(outbox, monkeypatch, age=0)
        assert set(kept(tmp_path)) == {file, "notes.txt"}
        await outbox.close()

    async def test_another_stores_folder_is_left_alone(
        self, relay: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert post(relay(), part("cv", PDF, "a.pdf")).status_code == 200
        other = Outbox(f"sqlite+aiosqlite:///{tmp_path}/other.db", attachments=tmp_path / "attachments")
        await other.open()
        await sweep_now(other, monkeypatch, age=0)
        assert list(kept(tmp_path).values()) == [PDF]
        await other.close()

    async def test_what_a_request_is_still_writing_stays(
        self, relay: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The first file is whole long before the second; both are as young as the last byte of either."""
        monkeypatch.setattr(uploads, "AT_ONCE", 1)
        client = relay()
        outbox = Outbox(f"sqlite+aiosqlite:///{tmp_path}/relay.db", attachments=tmp_path / "attachments")
        await outbox.open()
        go_on, ready = threading.Event(), threading.Event()

        def body() -> Iterator[bytes]:
            yield EMAIL + part("a", PDF, "a.pdf") + part("b", b"", "b.txt")[:-2]
            for _ in range(15):
                go_on.wait(0.3)
                yield b"words "
            ready.set()
            go_on.wait(10)
            yield f"\r\n--{BOUNDARY}--\r\n".encode()

        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(client.post, "/forms/contact", content=body(), headers=JSON)
            await asyncio.to_thread(ready.wait, 10)
            await sweep_now(outbox, monkeypatch, age=3)
            go_on.set()
            assert (await asyncio.to_thread(answer.result)).status_code == 200
        assert sorted(kept(tmp_path).values()) == sorted([PDF, b"words " * 15])
        await outbox.close()


async def sweep_now(outbox: Outbox, monkeypatch: pytest.MonkeyPatch, age: float) -> None:
    from app.outbox import erasure

    monkeypatch.setattr(erasure, "UNWANTED_AFTER", age)
    await erasure.sweep(outbox)

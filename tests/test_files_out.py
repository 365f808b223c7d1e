"""Files on their way out: by the API, by the command line, in what people are told. Never for a browser to show."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.files import HEADERS, PDF, PNG, body_of, part
from tests.running import ROOT, environment, stored

Start = Callable[..., httpx.Client]
TOKEN = "a-long-random-token-of-the-api"
PROVED = {"Authorization": f"Bearer {TOKEN}"}


def sent(client: httpx.Client, *parts: bytes) -> None:
    body = body_of((part("email", b"ada@example.com"), *parts))
    assert client.post("/forms/contact", content=body, headers=HEADERS).status_code == 303


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`lead-relay …`."""
    return subprocess.run(
        [sys.executable, "-m", "app", *words],
        cwd=ROOT,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )


class TestDownload:
    @pytest.mark.parametrize(
        ("name", "disposition"),
        [
            ("cv.pdf", 'attachment; filename="cv.pdf"'),
            ("Müller 日本.pdf", "attachment; filename*=utf-8''M%C3%BCller%20%E6%97%A5%E6%9C%AC.pdf"),
            ("a%22b; x.pdf", "attachment; filename*=utf-8''"),
            ("cv\u202efdp.pdf", 'attachment; filename="cv_fdp.pdf"'),
        ],
    )
    def test_a_file_comes_whole_to_be_saved_and_never_to_be_shown(
        self, relay: Start, tmp_path: Path, name: str, disposition: str
    ) -> None:
        client = relay(api_token=TOKEN)
        sent(client, part("cv", PDF, name))
        [(id_,)] = stored(tmp_path, "SELECT id FROM attachments")
        answer = client.get(f"/api/v1/attachments/{id_}", headers=PROVED)

        assert (answer.status_code, answer.content) == (200, PDF)
        assert answer.headers["content-disposition"].startswith(disposition)
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("sandbox")
        assert answer.headers["cache-control"] == "private, no-store"

    def test_who_has_no_token_gets_nothing_and_what_is_not_there_is_not_found(
        self, relay: Start, tmp_path: Path
    ) -> None:
        client = relay(api_token=TOKEN)
        sent(client, part("cv", PDF, "cv.pdf"))
        [(id_, file)] = stored(tmp_path, "SELECT id, file FROM attachments")
        assert client.get(f"/api/v1/attachments/{id_}").status_code == 401
        for wrong in ("nobody", "..%2f..%2frelay.db", file):
            assert client.get(f"/api/v1/attachments/{wrong}", headers=PROVED).status_code == 404
        (tmp_path / "attachments" / file).unlink()
        assert client.get(f"/api/v1/attachments/{id_}", headers=PROVED).status_code == 404

    def test_without_a_token_set_the_api_is_off(self, relay: Start) -> None:
        assert relay().get("/api/v1/attachments/x", headers=PROVED).status_code == 401


@pytest.mark.slow
class TestCommands:
    def test_they_are_shown_and_written_out_beside_what_is_there(self, relay: Start, tmp_path: Path) -> None:
        sent(relay(), part("cv", PDF, "../cv.pdf"), part("photo", PNG, "cv.pdf"))
        [(lead,)] = stored(tmp_path, "SELECT id FROM leads")
        out = tmp_path / "out"
        out.mkdir()
        (out / "cv.pdf").write_text("mine")
        shown = command(tmp_path, "leads", "show", lead, "--json")
        told = json.loads(shown.stdout)["attachments"]
        assert [(one["name"], one["media_type"], one["size"]) for one in told] == [
            ("cv.pdf", "application/pdf", len(PDF)),
            ("cv.pdf", "image/png", len(PNG)),
        ]
        assert "cv.pdf (application/pdf" in command(tmp_path, "leads", "show", lead).stdout
        done = command(tmp_path, "leads", "files", lead, "--to", str(out))

        assert done.returncode == 0, done.stderr
        assert {one.name: one.read_bytes() for one in out.iterdir()} == {
            "cv.pdf": b"mine",
            "cv (2).pdf": PDF,
            "cv (3).pdf": PNG,
        }
        assert oct((out / "cv (2).pdf").stat().st_mode)[-3:] == "600"
        assert stored(tmp_path, "SELECT what, lead_id FROM audit") == [("export", lead)]
        missing = command(tmp_path, "leads", "files", lead, "--to", str(tmp_path / "nowhere"))
        assert (missing.returncode, "cannot be written" in missing.stderr) == (2, True)

    def test_backup_and_restore_carry_them(self, relay: Start, tmp_path: Path) -> None:
        sent(relay(), part("cv", PDF, "cv.pdf"))
        assert command(tmp_path, "backup", str(tmp_path / "b.db")).returncode == 0
        assert command(tmp_path, "restore", str(tmp_path / "b.db"), "--check").returncode == 0
        new = tmp_path / "new"
        new.mkdir()
        done = command(new, "restore", str(tmp_path / "b.db"))
        assert done.returncode == 0, done.stderr
        [(file, sha256)] = stored(new, "SELECT file, sha256 FROM attachments")
        assert hashlib.sha256((new / "attachments" / file).read_bytes()).hexdigest() == sha256

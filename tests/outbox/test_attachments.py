"""Files and their rows: they come in one commit and go together, by whichever way a submission goes."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.errors import StoreUnavailable
from app.lead import Attachment, Lead, LeadState, Reason
from app.outbox.attachments import MARK, Attachments
from app.outbox.backup import back_up, look_through, put_back
from app.outbox.by_address import erase_beside, leads_with, mentions
from app.outbox.erasure import keep_house
from app.outbox.hands import Hands
from app.outbox.outbox import Outbox
from tests.outbox.by_hand import NOW, does, hands, person, submission, url

__all__ = ["hands", "url"]

DAY = timedelta(days=1)
ADA = "ada.king@example.com"


@pytest.fixture
async def outbox(url: str, tmp_path: Path) -> AsyncIterator[Outbox]:
    store = Outbox(url, attachments=tmp_path / "attachments")
    await store.open()
    yield store
    await store.close()


def attached(outbox: Outbox, content: bytes = b"contents", name: str = "cv.pdf") -> Attachment:
    """A file that is on disk."""
    draft = outbox.files.begin()
    draft.write(content)
    draft.finish()
    outbox.files.keep([draft])
    return Attachment("cv", name, "application/pdf", len(content), hashlib.sha256(content).hexdigest(), draft.file)


async def add(outbox: Outbox, number: int, *leads: Lead, content: bytes = b"contents", **more: object) -> str:
    """The id of the first lead of a submission with a file; of the submission, where it has no lead."""
    file = attached(outbox, content, str(more.pop("name", "cv.pdf")))
    receipt = await outbox.add(submission(number, *leads, attachments=(file,), **more))
    return receipt.leads[0][0] if receipt.leads else receipt.id


def files(outbox: Outbox) -> list[bytes]:
    return sorted(one.read_bytes() for one in outbox.files.folder.iterdir() if one.name != MARK)


async def of_lead(outbox: Outbox, lead_id: str) -> list[str]:
    lead = await outbox.books.lead(lead_id)
    assert lead is not None
    return [one.attachment.name for one in await outbox.books.attachments(lead.submission_id)]


async def test_a_lead_has_its_files_in_the_order_they_were_sent(outbox: Outbox) -> None:
    two = tuple(attached(outbox, name=name) for name in ("z.pdf", "a.pdf"))
    receipt = await outbox.add(submission(1, attachments=two))
    found = await outbox.books.attachments(receipt.id)
    assert tuple(one.attachment for one in found) == two
    assert await outbox.books.attachment(found[0].id) == found[0]
    assert await outbox.books.attachment("nobody's") is None


async def test_of_repeats_in_one_commit_the_first_keeps_its_files(outbox: Outbox) -> None:
    several = [submission(1, attachments=(attached(outbox, str(n).encode()),)) for n in range(5)]
    receipts = await asyncio.gather(*map(outbox.add, several))

    assert [one.repeat for one in receipts] == [False, True, True, True, True]
    assert files(outbox) == [b"0"]


async def test_erasing_a_lead_takes_its_files_and_no_others(outbox: Outbox, hands: Hands) -> None:
    ada, mary = await add(outbox, 1, content=b"ada"), await add(outbox, 2, content=b"mary")
    await does(hands, "discard", mary)
    assert len(files(outbox)) == 2
    await does(hands, "erase", ada)

    assert files(outbox) == [b"mary"]
    assert (await of_lead(outbox, ada), await of_lead(outbox, mary)) == ([], ["cv.pdf"])


async def test_an_address_takes_the_files_of_its_leads_and_those_that_are_named_after_it(
    outbox: Outbox, hands: Hands
) -> None:
    await add(outbox, 1, person(1, email=ADA), content=b"own")
    named = await add(outbox, 2, person(2), content=b"named", name=f"CV {ADA}.pdf")
    await add(outbox, 3, person(3), content=b"in the body", body=f"Ask {ADA}".encode())
    await add(outbox, 4, person(4), content=b"another's", name=f"CV {ADA}x.pdf")
    await hands.do("erase", await leads_with(outbox, ADA))
    await erase_beside(hands, ADA)

    assert files(outbox) == [b"another's"]
    assert await of_lead(outbox, named) == []


@pytest.mark.parametrize(("name", "found"), [(f"{ADA}.pdf", True), (f"{ADA}.docx", True), (f"{ADA}.uk", False)])
def test_the_ending_of_a_file_makes_no_other_address(name: str, found: bool) -> None:
    assert mentions(ADA)(name) is found


async def test_after_their_time_files_go_with_what_they_came_with(outbox: Outbox) -> None:
    await add(outbox, 1, person(1, state=LeadState.SPAM), content=b"spam")
    await add(outbox, 2, person(2), content=b"waits")
    await outbox.add(replace(submission(3, attachments=(attached(outbox, b"nobody's"),)), leads=()))
    await keep_house(outbox, {"contact": DAY}, NOW + 2 * DAY)

    assert files(outbox) == [b"waits"]


async def test_the_quarantine_counts_files_and_lets_go_of_them(url: str, tmp_path: Path) -> None:
    store = Outbox(url, quarantine_mib=1, attachments=tmp_path / "attachments")
    await store.open()
    held = Lead(state=LeadState.HELD, reason=Reason.UNREADABLE)
    large = [bytes([n]) * 400_000 for n in range(4)]
    for number, content in enumerate(large):
        await add(store, number, held, content=content, quarantine=Reason.UNREADABLE)

    assert files(store) == large[2:]
    assert (await store.books.counts())[LeadState.HELD] == 2
    await store.close()


async def test_a_folder_is_for_its_owner_only(outbox: Outbox) -> None:
    attached(outbox)
    found = [outbox.files.folder, *outbox.files.folder.iterdir()]
    assert {oct(one.stat().st_mode)[-3:] for one in found if one.name != MARK} == {"700", "600"}


@pytest.mark.parametrize("name", ["../relay.db", "..", "", "a" * 31, "A" * 32, "a" * 32 + "/x"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name of an attachment"):
        Attachments(tmp_path).path(name)


class TestBackup:
    """One SQLite file has everything; putting it back writes the files before the rows that name them."""

    LARGE = bytes(range(256)) * 12_000

    async def filled(self, outbox: Outbox) -> list[bytes]:
        contents = [b"", b"small", self.LARGE]
        for number, content in enumerate(contents):
            await add(outbox, number, content=content)
        return contents

    async def test_files_come_back_whole_on_either_engine(self, outbox: Outbox, url: str, tmp_path: Path) -> None:
        contents = await self.filled(outbox)
        await back_up(url, tmp_path / "a.db", quiet, outbox.files.folder)
        assert (await look_through(tmp_path / "a.db")).wrong == ()
        there = f"sqlite+aiosqlite:///{tmp_path}/new/relay.db"
        await put_back(tmp_path / "a.db", there, quiet)

        other = Outbox(there)
        await other.open()
        assert files(other) == sorted(contents)
        assert other.files.folder == tmp_path / "new/attachments"
        assert other.files.is_ours()
        found = [one async for one in each_attachment(other)]
        assert {one.sha256 for one in found} == {hashlib.sha256(one).hexdigest() for one in contents}
        await other.close()

    async def test_it_goes_into_either_engine(self, url: str, tmp_path: Path) -> None:
        here = Outbox(f"sqlite+aiosqlite:///{tmp_path}/here/relay.db")
        await here.open()
        contents = await self.filled(here)
        await here.close()
        await back_up(f"sqlite+aiosqlite:///{tmp_path}/here/relay.db", tmp_path / "a.db", quiet)
        await put_back(tmp_path / "a.db", url, quiet, tmp_path / "there")
        there = Outbox(url, attachments=tmp_path / "there")
        await there.open()
        assert files(there) == sorted(contents)
        await there.close()

    async def test_back_into_the_same_folder_replaces_nothing_but_the_same(
        self, outbox: Outbox, url: str, tmp_path: Path
    ) -> None:
        """As a store moves from SQLite to PostgreSQL."""
        contents = await self.filled(outbox)
        await back_up(url, tmp_path / "a.db", quiet, outbox.files.folder)
        new = f"sqlite+aiosqlite:///{tmp_path}/new.db"
        await put_back(tmp_path / "a.db", new, quiet, outbox.files.folder)
        assert files(outbox) == sorted(contents)

        attached(outbox, b"newer than the backup")
        with pytest.raises(StoreUnavailable, match=r"1 files in .* are not in the backup"):
            await put_back(tmp_path / "a.db", f"sqlite+aiosqlite:///{tmp_path}/newer.db", quiet, outbox.files.folder)
        assert len(files(outbox)) == 4

    @pytest.mark.parametrize(
        ("harm", "words"),
        [
            ("DELETE FROM attachment_chunks WHERE number = 1", "its file is damaged"),
            ("UPDATE attachment_chunks SET data = zeroblob(length(data))", "its file is damaged"),
            ("DELETE FROM attachment_chunks", "its file is missing"),
            ("DROP TABLE attachment_chunks", "no such table"),
        ],
    )
    async def test_a_file_that_is_not_whole_is_told(
        self, outbox: Outbox, url: str, tmp_path: Path, harm: str, words: str
    ) -> None:
        await self.filled(outbox)
        await back_up(url, tmp_path / "a.db", quiet, outbox.files.folder)
        with closing(sqlite3.connect(tmp_path / "a.db")) as store, store:
            store.execute(harm)
        assert words in "\n".join((await look_through(tmp_path / "a.db")).wrong)

    async def test_a_file_that_was_lost_is_told_and_one_that_was_erased_meanwhile_is_not(
        self, outbox: Outbox, url: str, tmp_path: Path, hands: Hands, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await self.filled(outbox)
        erased = await add(outbox, 9, content=b"erased")
        real = Attachments.path

        def gone_first(self: Attachments, file: str) -> Path:
            path = real(self, file)
            if path.exists() and path.read_bytes() == b"erased":
                asyncio.run_coroutine_threadsafe(does(hands, "erase", erased), loop).result(10)
            return path

        loop = asyncio.get_running_loop()
        monkeypatch.setattr("app.outbox.packing.Attachments.path", gone_first)
        await back_up(url, tmp_path / "a.db", quiet, outbox.files.folder)
        monkeypatch.undo()
        assert (await look_through(tmp_path / "a.db")).wrong == ()
        for one in outbox.files.folder.iterdir():
            one.unlink()
        await back_up(url, tmp_path / "b.db", quiet, outbox.files.folder)
        assert len((await look_through(tmp_path / "b.db")).wrong) == 2

    async def test_a_backup_from_a_stranger_writes_nowhere_else(self, outbox: Outbox, url: str, tmp_path: Path) -> None:
        await self.filled(outbox)
        await back_up(url, tmp_path / "a.db", quiet, outbox.files.folder)
        with closing(sqlite3.connect(tmp_path / "a.db")) as store, store:
            store.execute("UPDATE attachments SET file = '../evil' WHERE size = 5")
            store.execute("UPDATE attachment_chunks SET file = '../evil' WHERE length(data) = 5")
        with pytest.raises(StoreUnavailable, match="no name of an attachment"):
            await put_back(tmp_path / "a.db", f"sqlite+aiosqlite:///{tmp_path}/new/relay.db", quiet)
        assert not (tmp_path / "new/evil").exists()


async def each_attachment(outbox: Outbox) -> AsyncIterator[Attachment]:
    for lead in await outbox.books.leads():
        for one in await outbox.books.attachments(lead.submission_id):
            yield one.attachment


def quiet(_: int) -> None:
    """Shows no progress."""

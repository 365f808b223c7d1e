"""A backup is whole whatever is written meanwhile, and what is put back is delivered once."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from app.errors import StoreUnavailable
from app.lead import LeadState
from app.outbox.backup import back_up, look_through, put_back
from app.outbox.hands import Hands
from app.outbox.outbox import Outbox
from tests.outbox.by_hand import add, claim, does, hands, outbox, person, settled, submission, url
from tests.running import SandboxClient, eventually

__all__ = ["hands", "outbox", "url"]

OPEN = "[hooks.json]\nsource = 'json'\nopen = true\n"


def left_in(folder: Path) -> list[str]:
    return [one.name for one in folder.iterdir() if one.name.startswith((".", "backup"))]


def quiet(rows: int) -> None:
    """Nobody watches."""


async def test_a_backup_holds_every_row_of_every_table_in_one_file(
    outbox: Outbox, hands: Hands, url: str, tmp_path: Path
) -> None:
    for number, state in enumerate((LeadState.DELIVERED, LeadState.HELD)):
        await settled(outbox, number, state)
    [lead_id] = await add(outbox, 5, body=b"\x00\xff", headers={"content-type": "text/x"})
    await does(hands, "spam", lead_id)
    path = tmp_path / "backup.db"
    await back_up(url, path, quiet)

    looked = await look_through(path)
    assert looked.wrong == ()
    assert looked.counts == {LeadState.DELIVERED: 1, LeadState.HELD: 1, LeadState.SPAM: 1}
    assert path.stat().st_mode & 0o777 == 0o600
    assert left_in(tmp_path) == ["backup.db"]
    other = Outbox(f"sqlite+aiosqlite:///{path}")
    await other.open()
    assert [lead.id for lead in await other.books.leads()] == [lead.id for lead in await outbox.books.leads()]
    assert await other.books.trail() == await outbox.books.trail()
    assert (await other.add(submission(5))).repeat, "its key is the same"
    await other.close()


async def test_what_is_acknowledged_before_a_backup_begins_is_in_it_under_load(
    outbox: Outbox, url: str, tmp_path: Path
) -> None:
    acknowledged: list[str] = []
    stop = asyncio.Event()

    async def load(start: int) -> None:
        number = start
        while not stop.is_set():
            acknowledged.extend(await add(outbox, number))
            number += 10

    loads = [asyncio.create_task(load(start)) for start in range(5)]
    for turn in range(3):
        await asyncio.sleep(0.1)
        before, path = {*acknowledged}, tmp_path / f"{turn}.db"
        await back_up(url, path, quiet)
        with closing(sqlite3.connect(path)) as store:
            assert before <= {row[0] for row in store.execute("SELECT id FROM leads")}
        assert (await look_through(path)).wrong == ()
    stop.set()
    await asyncio.gather(*loads)


async def test_what_is_put_back_is_all_there_and_what_waited_may_have_been_sent(
    outbox: Outbox, url: str, tmp_path: Path
) -> None:
    done = await settled(outbox, 1, LeadState.DELIVERED)
    [sending] = await add(outbox, 2)
    await claim(outbox)
    [pending] = await add(outbox, 3)
    path = tmp_path / "backup.db"
    await back_up(url, path, quiet)
    new = f"sqlite+aiosqlite:///{tmp_path}/new/relay.db"
    await put_back(path, new, quiet)
    with pytest.raises(StoreUnavailable, match="not empty"):
        await put_back(path, new, quiet)

    other = Outbox(new)
    await other.open()
    found = {lead.id: (lead.lead.state, lead.unknown) for lead in await other.books.leads()}
    waiting = (LeadState.PENDING, True)
    assert found == {done: (LeadState.DELIVERED, False), sending: waiting, pending: waiting}
    assert (await other.add(submission(1))).repeat
    await other.close()


async def test_a_backup_goes_back_into_either_engine(url: str, tmp_path: Path) -> None:
    here = Outbox(f"sqlite+aiosqlite:///{tmp_path}/from.db")
    await here.open()
    numbers = range(1200 if "postgres" in url else 20)
    ids = await asyncio.gather(*(add(here, number, person(number), event_id="é") for number in numbers))
    await here.close()
    await back_up(f"sqlite+aiosqlite:///{tmp_path}/from.db", tmp_path / "a.db", quiet)
    await put_back(tmp_path / "a.db", url, quiet)
    await back_up(url, tmp_path / "b.db", quiet)

    assert (await look_through(tmp_path / "b.db")).counts == {LeadState.PENDING: len(ids)}
    there = Outbox(url)
    await there.open()
    assert await claim(there)
    await there.close()


@pytest.mark.parametrize("harm", ["torn", "unbalanced", "another version", "orphans", "no store", "missing"])
async def test_a_backup_that_is_not_whole_is_told_so(outbox: Outbox, url: str, tmp_path: Path, harm: str) -> None:
    await asyncio.gather(*(add(outbox, number, body=b"x" * 9000) for number in range(30)))
    path = tmp_path / "backup.db"
    await back_up(url, path, quiet)
    sql = {
        "unbalanced": "DELETE FROM leads WHERE id IN (SELECT id FROM leads LIMIT 1)",
        "another version": "UPDATE alembic_version SET version_num = '9999'",
        "orphans": "DELETE FROM submissions WHERE id IN (SELECT id FROM submissions LIMIT 1)",
    }
    if harm in sql:
        with closing(sqlite3.connect(path)) as store, store:
            store.execute(sql[harm])
    elif harm == "missing":
        path.unlink()
    elif harm == "no store":
        path.write_bytes(b"nonsense" * 999)
    else:
        content = bytearray(path.read_bytes())
        content[12_288:40_960] = os.urandom(28_672)
        path.write_bytes(content)

    assert (await look_through(path)).wrong


async def test_a_store_that_is_restored_delivers_the_rest_once(
    relay: Callable[..., httpx.Client], sandbox: SandboxClient, tmp_path: Path
) -> None:
    """Some leads are delivered after the backup: they come back as waiting, and AgencyHandy has each once."""
    client = relay(OPEN)
    for number in range(5):
        client.post("/hooks/json", json={"name": "A", "email": f"a{number}@example.com"})
    eventually(lambda: len(sandbox.emails()) == 5, "the first are delivered")
    sandbox.fault(kind="status", status=503)
    for number in range(5, 10):
        client.post("/hooks/json", json={"name": "A", "email": f"a{number}@example.com"})
    store = f"sqlite+aiosqlite:///{tmp_path}/relay.db"
    await back_up(store, tmp_path / "backup.db", quiet)
    assert (await look_through(tmp_path / "backup.db")).wrong == ()
    sandbox.heal()
    eventually(lambda: len(sandbox.emails()) == 10, "the rest is delivered")
    await put_back(tmp_path / "backup.db", f"sqlite+aiosqlite:///{tmp_path}/new.db", quiet)

    relay(OPEN, database_url=f"sqlite+aiosqlite:///{tmp_path}/new.db")
    other = Outbox(f"sqlite+aiosqlite:///{tmp_path}/new.db")
    await other.open()
    for _ in range(100):
        await asyncio.sleep(0.1)
        if (await other.books.counts())[LeadState.DELIVERED] == 10:
            break
    assert (await other.books.counts())[LeadState.DELIVERED] == 10
    assert sorted(sandbox.emails()) == sorted(f"a{number}@example.com" for number in range(10))
    await other.close()

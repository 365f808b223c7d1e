"""Acts on many leads: who sees and stops them, and how they end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from app.desk.bulk import Bulk
from app.outbox.jobs import Job
from app.outbox.outbox import Outbox

Start = Callable[..., httpx.Client]
IDS = [f"{number:026}" for number in range(400)]


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[Outbox]:
    store = Outbox(f"sqlite+aiosqlite:///{tmp_path}/relay.db")
    await store.open()
    yield store
    await store.close()


async def ended(bulk: Bulk, work: Callable[[Sequence[str]], Mapping[str, str]]) -> Job:
    """How an act on IDS ends, each step of which is `work`."""

    async def step(ids: Sequence[str]) -> Mapping[str, str]:
        return work(ids)

    await bulk.start(Job("0123456789abcdef", "anna", "discard", "/desk/held", len(IDS), now()), IDS, step)
    for task in list(bulk._running.values()):
        await task
    found = await bulk.of("0123456789abcdef", "anna")
    assert found is not None
    assert found.is_over
    return found


async def test_of_many_refusals_the_first_are_kept_and_all_are_counted(outbox: Outbox, tmp_path: Path) -> None:
    def work(ids: Sequence[str]) -> Mapping[str, str]:
        return {one: "it is spam" if int(one) % 4 else f"no form is called {one}" for one in ids}

    job = await ended(Bulk(outbox, now), work)
    assert (job.done, job.left, job.trouble) == (400, 400, "")
    assert list(job.refused) == IDS[:20]
    assert (next(iter(job.reasons.items())), len(job.reasons)) == (("it is spam", 300), 10)

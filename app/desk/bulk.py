"""Acts on many leads: done in steps, beside everything else, with progress to look at and a way to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from app.errors import StoreUnavailable

A_STEP = 50
"""So many leads share a commit."""
MOST_KEPT = 50

Work = Callable[[Sequence[str]], Awaitable[Mapping[str, str]]]
"""Does something to leads; gives the ids of those that it was not done to, each with the reason."""


@dataclass(slots=True)
class Job:
    """An act on leads, under way or over: how many were meant and are done; who was refused, with the reason.

    `back` is the page that it was begun on.
    """

    id: str
    who: str
    act: str
    back: str
    total: int
    done: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    is_over: bool = False
    is_stopped: bool = False
    trouble: str = ""


class Bulk:
    """The jobs of this process, the newest of them also when they are over. What was done stays done without them."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._running: set[asyncio.Task[None]] = set()

    def start(self, job: Job, ids: Sequence[str], work: Work) -> Job:
        """Begins, and says at once what to look at. A form that is sent twice has one job."""
        if (known := self.of(job.id, job.who)) is not None:
            return known
        self._jobs[job.id] = job
        for old in [one.id for one in self._jobs.values() if one.is_over][:-MOST_KEPT]:
            del self._jobs[old]
        task = asyncio.create_task(_carry_out(job, ids, work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return job

    async def close(self) -> None:
        """Ends every job after the step that it is at; what is done stays done."""
        for job in self._jobs.values():
            job.is_stopped = True
        await asyncio.gather(*self._running)

    def of(self, job_id: str, who: str) -> Job | None:
        """An operator's own job."""
        job = self._jobs.get(job_id)
        return job if job is not None and job.who == who else None


async def _carry_out(job: Job, ids: Sequence[str], work: Work) -> None:
    for start in range(0, len(ids), A_STEP):
        if job.is_stopped:
            break
        some = ids[start : start + A_STEP]
        try:
            job.refused |= await work(some)
        except StoreUnavailable as error:
            job.trouble = f"{error} What is done stays done; choose the rest again when the store is back."
            break
        job.done += len(some)
    job.is_over = True

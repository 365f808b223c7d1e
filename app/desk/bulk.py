"""Acts on many leads: done in steps, beside everything else, with progress to look at and a way to stop."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, Final

from app.desk.acting import NEEDS, Work
from app.errors import StoreUnavailable
from app.logs import log
from app.outbox import jobs
from app.outbox.acts import A_STEP
from app.outbox.jobs import Job
from app.outbox.outbox import Outbox
from app.outbox.records import Role

QUIET: Final = timedelta(seconds=30)
"""A job that is not over and has not got on for so long has lost its process."""
AGAIN_AFTER: Final = 1.0
MOST_NAMED: Final = 20
MOST_REASONS: Final = 10
REST = "What is done stays done; choose the rest again"


@dataclass(frozen=True, slots=True)
class Bulk:
    """The acts on many that this process carries out. What is known of them is in the store, for all processes.

    `may` says whether an operator may still do what takes a role.
    """

    outbox: Outbox
    clock: Callable[[], datetime]
    may: Callable[[str, Role], Awaitable[bool]]
    _running: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _closing: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self, job: Job, ids: Sequence[str], work: Work) -> None:
        """Begins. A form that is sent twice has one job."""
        if await self.outbox.write(partial(jobs.begin, job=job)):
            task = self._running[job.id] = asyncio.create_task(self._run(job, ids, work))
            task.add_done_callback(lambda _: self._running.pop(job.id))

    async def keep(self, job: Job, refused: Mapping[str, str]) -> None:
        """Notes what was done at once, so that a page can tell of it; where the store is away now, none will."""
        named = dict(islice(refused.items(), MOST_NAMED))
        over = replace(job, done=job.total, left=len(refused), refused=named, is_over=True)
        with suppress(StoreUnavailable):
            await self.outbox.write(partial(jobs.begin, job=over))

    async def of(self, job_id: str, who: str | None) -> Job | None:
        """An operator's own job, or with None anybody's, whichever process carries it out."""
        job = await self.outbox.books.read(partial(jobs.job_of, job_id=job_id, who=who))
        return job and self._as_it_is(job)

    async def running(self, who: str | None) -> list[Job]:
        """An operator's own jobs that are under way, or with None everybody's."""
        found = map(self._as_it_is, await self.outbox.books.read(partial(jobs.not_over, who=who)))
        return [job for job in found if not job.is_over]

    def _as_it_is(self, job: Job) -> Job:
        if job.is_over or job.id in self._running or self.clock() - job.at < QUIET:
            return job
        return replace(job, is_over=True, trouble=f"The relay that did this has stopped. {REST}.")

    async def stop(self, job: Job) -> None:
        """Ends it after the step that it is at; what is done stays done."""
        await self._note(job.id, is_stopped=True)

    async def close(self) -> None:
        """Ends every job of this process after the step that it is at."""
        self._closing.set()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _run(self, job: Job, ids: Sequence[str], work: Work) -> None:
        [outcome] = await asyncio.gather(self._steps(job, ids, work), return_exceptions=True)
        await self._end(job, outcome if isinstance(outcome, str) else _trouble(job, outcome))

    async def _steps(self, job: Job, ids: Sequence[str], work: Work) -> str:
        """Does what there is to do, step by step; in words, why not all of it was done, if nobody wanted that."""
        first, reasons = dict[str, str](), Counter[str]()
        for start in range(0, len(ids), A_STEP):
            if not await self.may(job.who, NEEDS[job.act]):
                return f"Whoever began this may not do it any more. {REST}."
            some = ids[start : start + A_STEP]
            refused = await work(some)
            first |= islice(refused.items(), MOST_NAMED - len(first))
            reasons.update(refused.values())
            said = {"left": reasons.total(), "refused": first, "reasons": dict(reasons.most_common(MOST_REASONS))}
            if await self._note(job.id, done=start + len(some), **said) or self._closing.is_set():
                break
        return ""

    async def _end(self, job: Job, trouble: str) -> None:
        """Keeps that it is over, as soon as the store takes it."""
        while True:
            with suppress(StoreUnavailable):
                await self._note(job.id, is_over=True, trouble=trouble)
                return
            if self._closing.is_set():
                return
            await asyncio.sleep(AGAIN_AFTER)

    async def _note(self, job_id: str, **values: Any) -> bool:
        return await self.outbox.write(partial(jobs.change, job_id=job_id, at=self.clock(), **values))


def _trouble(job: Job, fault: BaseException) -> str:
    """What is said of a job that met a fault; the log has what nobody expected.

    A fault within a transaction comes as StoreUnavailable too, but without a cause in the store.
    """
    if isinstance(fault, StoreUnavailable) and fault.__cause__ is not None:
        return f"{fault} {REST} when the store is back."
    log.error("act_failed", job=job.id, act=job.act, fault=type(fault).__name__, exc_info=fault)
    return f"This met a fault of the relay's own, which its log tells of. {REST}."

"""The people of whom a provider sent ids only are fetched from its API, after it had its answer.

One process does it for all replicas. A GET changes nothing, so that whatever was under way is simply done again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import quote

import httpx

from app.config.endpoints import FetchConfig, Hook, trusted
from app.delivery.agencyhandy import exchange, since
from app.delivery.contract import Answer, words_of
from app.delivery.outcomes import retry_after
from app.delivery.policy import Policy
from app.delivery.worker import SET_BACK
from app.errors import StoreUnavailable
from app.lead import Lead, LeadState, Reason, Submission
from app.logs import log
from app.outbox.fetching import due, found, hurry, missed, rest
from app.outbox.outbox import Outbox
from app.outbox.records import Attempt, ToFetch
from app.reader import read
from app.sources import SOURCES
from app.sources.base import Fetch, Inbound

LOOK_EVERY = timedelta(seconds=1)
DUTY = timedelta(seconds=20)
"""Longer than a round takes; after a crash another process waits for so long before it takes over."""
SECONDS = 10
AT_ONCE = 5
MAX_WORDS = 2000
PASSING = {408, 425, 429}
"""Statuses that say nothing against the token or the id, as those of 500 and more."""


class Fetcher:
    """Fetches the people of the hooks that say with which token."""

    def __init__(
        self, outbox: Outbox, hooks: Mapping[str, Hook], policy: Policy, clock: Callable[[], datetime]
    ) -> None:
        self._outbox, self._hooks, self._policy, self._clock = outbox, hooks, policy, clock
        self._http = httpx.AsyncClient(
            headers={"user-agent": "lead-relay", "accept": "application/json", "accept-encoding": "gzip"}
        )
        self._id = outbox.new_id()
        self._last_seen: datetime | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Runs the loop; at the end lets go of what is under way, and another process take over at once."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            with suppress(StoreUnavailable):
                await self._outbox.take_duty("fetch", self._id, self._clock(), self._clock())
            await self.close()

    async def close(self) -> None:
        """Closes its connections."""
        await self._http.aclose()

    async def _run(self) -> None:
        while True:
            try:
                busy = await self.round()
            except StoreUnavailable as error:
                log.error("store_unavailable", step="fetch", why=str(error.__cause__ or error))
                busy = False
            if not busy:
                await asyncio.sleep(LOOK_EVERY.total_seconds())

    async def round(self) -> bool:
        """Fetches some of each hook's people who are due; whether there were any."""
        now, read_books = self._clock(), self._outbox.books.read
        await self._watch_the_clock(now)
        if not await read_books(partial(due, endpoints=[*self._hooks], now=now, limit=1)):
            return False
        if not await self._outbox.take_duty("fetch", self._id, now, now + DUTY):
            return False
        some = [await read_books(partial(due, endpoints=[name], now=now, limit=AT_ONCE)) for name in self._hooks]
        people = [one for ones in some for one in ones]
        done = await asyncio.gather(*map(self._fetch, people), return_exceptions=True)
        for one, fault in zip(people, done, strict=True):
            if isinstance(fault, StoreUnavailable):
                raise fault
            if fault is not None:
                log.error("fetch_failed", lead=one.lead_id, fault=type(fault).__name__, exc_info=fault)
                await self._missed(one, Answer(None, f"{type(fault).__name__} in the relay, see its log"), blames=True)
        return bool(people)

    async def _watch_the_clock(self, now: datetime) -> None:
        """Who came by a clock that was set back would wait until it is again as late as it was."""
        last_seen = self._last_seen or await self._outbox.books.newest() or now
        if last_seen - now > SET_BACK:
            await self._outbox.write(partial(hurry, endpoints=[*self._hooks], now=now))
        self._last_seen = now

    async def _fetch(self, one: ToFetch) -> None:
        """Asks for one person, and keeps what is answered: whole, or in words."""
        hook, source = self._hooks[one.endpoint], SOURCES.get(one.source)
        if source is None or source.fetch is None or hook.fetch is None:
            return await self._missed(one, Answer(None, f"people of {one.source} cannot be fetched"), blames=True)
        answer, body = await self._ask(source.fetch, hook.fetch, one.id)
        if answer.status not in range(200, 300):
            return await self._missed(
                one, answer, blames=300 <= (answer.status or 0) < 500 and answer.status not in PASSING
            )
        submission = self._read(one, hook, body)
        if submission is None:
            return await self._missed(one, replace(answer, text="there is nobody in the answer"), blames=True)
        now = self._clock()
        keep = partial(found, one=one, submission=submission, submission_id=self._outbox.new_id(), now=now)
        if await self._outbox.write(keep):
            state = submission.leads[0].state
            log.info("lead_fetched", lead=one.lead_id, state=state.value)
            if state is LeadState.PENDING:
                self._outbox.on_due()
        return None

    async def _ask(self, fetch: Fetch, config: FetchConfig, id_: str) -> tuple[Answer, bytes]:
        url = (config.base_url or fetch.base_url) + fetch.path.replace("{id}", quote(id_, safe=""))
        headers = {"authorization": f"Bearer {config.token.get_secret_value()}"}
        started = time.monotonic()
        try:
            response, body = await exchange(self._http, SECONDS, "GET", url, headers=headers)
        except (httpx.HTTPError, OSError) as error:
            return Answer(None, type(error).__name__, duration_ms=since(started)), b""
        wait = response.headers.get("retry-after", "")
        text = body.decode("utf-8", "replace")
        return Answer(response.status_code, text, retry_after=wait, duration_ms=since(started)), body

    def _read(self, one: ToFetch, hook: Hook, body: bytes) -> Submission | None:
        """The API's answer as a submission of its own, from when its notification came; None where nobody is in it."""
        proved = trusted(hook).model_copy(update={"source": one.source})
        reading = read(Inbound(body, {"content-type": "application/json"}), proved, one.received_at)
        lead = reading.lead or Lead()
        is_anybody = any((lead.email, lead.contact_no, lead.first_name, lead.last_name, lead.message))
        return replace(reading.submission, event_id=one.id) if is_anybody else None

    async def _missed(self, one: ToFetch, answer: Answer, *, blames: bool) -> None:
        """Later again; with what was said where a person may have to look, or it has gone on for too long."""
        now = self._clock()
        wait = retry_after(answer.retry_after, now)
        again = self._policy.again(one, now, wait)
        said = " ".join(filter(None, (str(answer.status or ""), words_of(answer))))
        reason = f"{Reason.NEEDS_FETCHING}: {one.id}" + (f" ({said})" if blames or again is None else "")
        attempt = Attempt(one.lead_id, now, "not fetched", answer.status, answer.text[:MAX_WORDS], answer.duration_ms)
        note = partial(missed, one=one, attempt=attempt, id_=self._outbox.new_id(), reason=reason, again=again)
        await self._outbox.write(note)
        if wait is not None:
            await self._outbox.write(partial(rest, endpoint=one.endpoint, until=now + wait))
        log.warning("lead_not_fetched", lead=one.lead_id, status=answer.status, given_up=again is None)

"""What is counted: how forms and hooks are doing, and leads over time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Literal

from fastapi import APIRouter

from app.api.door import Caller, Door
from app.api.problems import may
from app.api.shapes import Answers, Endpoints, EndpointShape, Stats
from app.config.endpoints import Endpoint
from app.lead import LeadState
from app.outbox import stats
from app.outbox.records import Facts
from app.outbox.stats import DAY, SPANS


def router(door: Door) -> APIRouter:
    """The routes that count."""
    routes, reads = door.routes(), door.needs("stats:read")
    books = door.intake.outbox.books

    @routes.get("/endpoints", summary="List forms and hooks", responses=may())
    async def endpoints(caller: Caller = reads) -> Endpoints:
        """Every form and hook, its address, and how long it has been silent."""
        facts, troubles = await door.look()
        return Endpoints(data=[_endpoint(door, one, facts, troubles) for one in door.intake.config.endpoints()])

    @routes.get("/stats", summary="Count leads over time", responses=may())
    async def counted(caller: Caller = reads, span: Literal["24h", "7d", "30d"] = "24h") -> Stats:
        """What came in, by the state that it is in now; and how the way to AgencyHandy is."""
        now, over = door.intake.clock(), SPANS[span]
        flow, answers, counts, (facts, troubles) = await asyncio.gather(
            books.read(partial(stats.flow, since=now - over.back, step=over.step, now=now)),
            books.read(partial(stats.answers, since=now - DAY)),
            books.counts(),
            door.look(),
        )
        return Stats(
            span=span,
            step_seconds=int(over.step.total_seconds()),
            starts=list(flow.starts),
            series={state: flow.of_state(state) for state in LeadState},
            received=flow.total(),
            counts=counts,
            oldest_waiting_at=min(facts.waiting.values(), default=None),
            troubles=dict(troubles),
            answers=Answers(outcomes=dict(answers.outcomes), median_ms=answers.median_ms),
        )

    return routes


def _endpoint(door: Door, one: Endpoint, facts: Facts, troubles: Mapping[str, str]) -> EndpointShape:
    last, longest = facts.last_seen.get(one.name, (None, None))
    return EndpointShape(
        name=one.name,
        kind=one.kind,
        source=one.source,
        address=f"{door.intake.public_url}{one.path}",
        last_received_at=last,
        silent_seconds=_seconds(facts.at - last) if last else None,
        longest_silence_seconds=_seconds(longest),
        trouble=troubles.get(f"silent {one.name}", ""),
    )


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else max(0, int(span.total_seconds()))

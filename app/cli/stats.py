"""`lead-relay stats`: what came in and what became of it, what waits, and whether the books balance."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, Literal

import typer

from app.cli import console
from app.cli.base import Json, with_books
from app.lead import LeadState

commands = typer.Typer()


@commands.command()
def stats(
    span: Annotated[Literal["24h", "7d", "30d"], typer.Option(help="How far back.")] = "24h", as_json: Json = False
) -> None:
    """Count leads by form or hook and state, what waits, and whether the books balance."""
    now = datetime.now(UTC)
    found = asyncio.run(with_books(partial(_look, now=now, named=span)))
    if as_json:
        console.print_json({"span": span, "at": now.isoformat(), **found})
        return
    states = [state.value for state in LeadState if any(state.value in one for one in found["endpoints"].values())]
    places = sorted(found["endpoints"].items())
    rows = ((name, *(f"{one.get(state, 0):,}" for state in states), f"{sum(one.values()):,}") for name, one in places)
    if places:
        console.wide.print(console.table(("came in at", *states, "all"), rows))
    console.say(f"{found['accepted']:,} leads in {span}; {found['duplicates']:,} duplicates")
    console.say(f"delivered an hour: {found['deliveredPerHour']:,}")
    for name, since in found["waiting"].items():
        console.say(f"the oldest on its way, of {name}: since {since[:19]} UTC")
    console.say(f"on their way, of any age: {found['onTheirWay']:,}; held, of any age: {found['held']:,}")
    if found["balanced"]:
        console.say("The books balance.")
    else:
        console.complain(f"The books do not balance: {found['differences']}")


async def _look(books: Any, *, now: datetime, named: str) -> dict[str, Any]:
    from app.outbox.facts import waiting
    from app.outbox.stats import SPANS, flow

    span = SPANS[named]
    came = await books.read(partial(flow, since=now - span.back, step=span.step, now=now))
    counts, balance = await books.counts(), await books.balance()
    oldest = await books.read(partial(waiting, ignored=()))
    endpoints: dict[str, Counter[str]] = {}
    for (_, endpoint, state), count in came.counts.items():
        endpoints.setdefault(endpoint, Counter())[state.value] += count
    of_state = sum(endpoints.values(), Counter())
    differences = {f"{day} {endpoint}": count for (day, endpoint), count in balance.differences().items()}
    return {
        "endpoints": endpoints,
        "accepted": came.total(),
        "deliveredPerHour": round(of_state["delivered"] / (len(came.starts) * span.step / timedelta(hours=1)), 2),
        "duplicates": of_state["duplicate"],
        "onTheirWay": counts.get(LeadState.PENDING, 0) + counts.get(LeadState.SENDING, 0),
        "held": counts.get(LeadState.HELD, 0),
        "waiting": {name: since.isoformat() for name, since in oldest.items()},
        "balanced": not differences,
        "differences": differences,
    }

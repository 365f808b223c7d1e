"""The overview: is anything wrong, what came in, where from, and how is the way to AgencyHandy."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import quote_plus, urlencode

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.desk.charts import sparkline, stacked
from app.desk.clock import zone_of
from app.desk.desk import Desk
from app.desk.entry import Session
from app.desk.queues import QUEUES
from app.desk.story import OUTCOMES, in_words
from app.lead import LeadState, Reason, kind_of
from app.outbox import stats
from app.outbox.records import Facts, Role
from app.outbox.stats import DAY, SPANS

LABELS: Final[Mapping[str, str]] = {"24h": "%H:%M", "7d": "%a %H:%M", "30d": "%d %b"}
"""How a step of a span is called below the chart."""
STACK: Final = (
    LeadState.DELIVERED,
    LeadState.DUPLICATE,
    LeadState.PENDING,
    LeadState.SENDING,
    LeadState.HELD,
    LeadState.SPAM,
    LeadState.DISCARDED,
    LeadState.ERASED,
)
"""The states as they stand in a bar, from the lowest."""

LEADS_TO: Final[Mapping[str, tuple[str, str]]] = {
    **dict.fromkeys(("quarantine", "dropped"), ("/desk/held", "Held")),
    "signature": (f"/desk/held?why={Reason.SIGNATURE}", "Held"),
    "unknown": (f"/desk/held?why={quote_plus(Reason.UNKNOWN_ENDPOINT)}", "Held"),
    **dict.fromkeys(("waiting", "paused", "stopped"), ("/desk/destination", "Destination")),
    "unserved": ("/desk/leads?state=pending", "those that wait"),
    "silent": ("/desk/endpoints", "Endpoints"),
}
"""Where what is wrong is seen and put right, by the name of the condition."""


def router(desk: Desk) -> APIRouter:
    """The desk's first page."""
    routes, viewer = APIRouter(prefix="/desk"), Depends(desk.entry.needs(Role.VIEW))

    @routes.get("", response_model=None)
    async def overview(request: Request, span: str = "24h", who: Session = viewer) -> Response:
        """Everything at a glance, over one of SPANS."""
        chosen = span if span in SPANS else "24h"
        shown = await at_a_glance(desk, request, chosen)
        return desk.page(request, "overview.html", who, chosen=chosen, spans=SPANS, **shown)

    return routes


async def at_a_glance(desk: Desk, request: Request, chosen: str) -> dict[str, Any]:
    """What the page shows, over one of SPANS, whose steps are those of the reader's clock."""
    now, books, span = desk.now(request), desk.outbox.books, SPANS[chosen]
    flow, answers, counts, (facts, troubles) = await asyncio.gather(
        books.read(partial(stats.flow, since=now - span.back, step=span.step, now=now, zone=zone_of(request.cookies))),
        books.read(partial(stats.answers, since=desk.clock() - DAY)),
        books.counts(),
        desk.look(),
    )
    places = [f"{start:{LABELS[chosen]}}" for start in flow.starts]
    return {
        "charts_drawn": stacked(places, {state.value: flow.of_state(state) for state in STACK}),
        "came": flow.total(),
        "delivered": sum(flow.of_state(LeadState.DELIVERED)),
        "counts": counts,
        "total": sum(counts.values()),
        "again": counts[LeadState.DUPLICATE],
        "queues": [queue.name for queue in QUEUES],
        "unbalanced": sum(map(abs, facts.balance.differences().values())),
        "waiting": min(facts.waiting.values(), default=None),
        "troubles": _needs(troubles),
        "ways": facts.workspaces,
        "answers": answers,
        "outcomes": OUTCOMES,
        "endpoints": [_endpoint(one.name, one.kind, flow, facts, troubles) for one in desk.config.endpoints()],
    }


def _needs(troubles: Mapping[str, str]) -> list[dict[str, Any]]:
    """What is wrong, each with what to do and the place for it; what is held is one, with a link for each reason."""
    found, held = list[dict[str, Any]](), dict[str, str]()
    for name, said in troubles.items():
        what, _, place = name.partition(" ")
        words = _at_the_desk(said)
        if what == "held":
            label, _, words = words.partition(". ")
            label = f"{label.removesuffix(place)}{in_words(place)}"
            held[f"/desk/held?{urlencode({'why': kind_of(place)})}"] = label
            if len(held) > 1:
                continue
        found.append({"words": words, "place": LEADS_TO.get(what), "links": held if what == "held" else {}})
    return found


def _at_the_desk(words: str) -> str:
    """What an alert says, for somebody who has buttons before them: without what is typed on the command line."""
    return re.sub(r" \(lead-relay [^)]*\)", "", words)


def _endpoint(name: str, kind: str, flow: stats.Flow, facts: Facts, troubles: Mapping[str, str]) -> dict[str, object]:
    values = flow.of_endpoint(name)
    last, _ = facts.last_seen.get(name, (None, None))
    shown = {"name": name, "kind": kind, "count": sum(values), "line": sparkline(values), "last": last}
    return {**shown, "is_silent": f"silent {name}" in troubles}

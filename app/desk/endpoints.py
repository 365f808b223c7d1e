"""The forms and hooks: where they are, how they do, what to paste or set up, and a test through each."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import RedirectResponse, Response

from app.config.endpoints import Form, Hook
from app.config.rates import Rate
from app.desk.charts import sparkline
from app.desk.desk import Desk
from app.desk.entry import Session
from app.desk.posted import posted
from app.desk.story import stands
from app.desk.trial import send, trial_of, typed
from app.errors import NotFound
from app.intake.snippets import SNIPPETS
from app.outbox import stats
from app.outbox.records import Role
from app.outbox.tables import leads
from app.proof import signature_of

WEEK, STEP = timedelta(days=7), timedelta(hours=6)
MARK: Final = 8
COUNTED: Final = 10_000
"""How many of its leads are counted on an endpoint's page, anew each time."""
SPANNED: Final = {1: "a second", 60: "a minute", 3600: "an hour", 86400: "a day"}
"""How a limit is said that is for so many seconds."""
KINDS: Final = {"script": "With relay.js", "html": "Plain HTML"}
"""The snippets that are shown; the command line has more."""


def router(desk: Desk) -> APIRouter:
    """The list, a page for each, and the test."""
    routes = APIRouter(prefix="/desk/endpoints")
    viewer, worker = Depends(desk.entry.needs(Role.VIEW)), Depends(desk.entry.needs(Role.WORK))

    @routes.get("", response_model=None)
    async def show(request: Request, who: Session = viewer) -> Response:
        """All of them, and names that strangers posted to."""
        strange, known = await asyncio.gather(desk.outbox.books.read(stats.strangers), standing(desk))
        return desk.page(request, "endpoints.html", who, endpoints=known, strangers=strange)

    @routes.get("/{kind}/{name}", response_model=None)
    async def one(request: Request, kind: str, name: str, test: str = "", who: Session = viewer) -> Response:
        """One of them; with `test`, what became of the test in that submission."""
        endpoint = called(desk, kind, name)
        [about] = [one for one in await standing(desk) if one["name"] == name]
        test = test if who.has_sealed(request.url.query) else ""
        ids = await desk.outbox.books.ids(leads, leads.c.submission_id == test[:26], limit=20) if test else []
        tested = [one for one in await desk.outbox.books.of_ids(ids) if one.endpoint == name]
        states = await desk.outbox.books.read(partial(stats.states_of, endpoint=name, most=COUNTED))
        counted = {"states": states, "are_all": sum(states.values()) < COUNTED}
        values = {**about, **setting_up(desk, endpoint), **counted, "tested": tested, "test": test, "stands": stands}
        values["untried"] = trial_of(desk.intake, endpoint, "shown", who.name).untried
        return desk.page(request, "endpoint.html", who, endpoint=endpoint, **values)

    @routes.post("/{kind}/{name}", response_model=None)
    async def test(request: Request, kind: str, name: str, who: Session = worker) -> Response:
        """Sends a test through it."""
        endpoint, form = called(desk, kind, name), await posted(request)
        trial = trial_of(desk.intake, endpoint, desk.outbox.new_id()[-MARK:], who.name)
        receipt = await send(desk.intake, trial, request, is_held=form.get("then") != "deliver")
        return RedirectResponse(f"/desk/endpoints/{kind}/{name}?{who.sealed(f'test={receipt.id}')}#test", 303)

    return routes


def called(desk: Desk, kind: str, name: str) -> Form | Hook:
    """The form or hook. Raises NotFound."""
    found = desk.config.called(name)
    if found is None or found.path != f"/{kind}/{name}":
        raise NotFound("There is no such form or hook in relay.toml.")
    return found


async def standing(desk: Desk) -> list[dict[str, Any]]:
    """How each form and hook does."""
    now, books = desk.clock(), desk.outbox.books
    flow, unproved, (facts, troubles) = await asyncio.gather(
        books.read(partial(stats.flow, since=now - WEEK, step=STEP, now=now)),
        books.read(partial(stats.last_unproved, endpoints=desk.config.names)),
        desk.look(),
    )
    return [
        {
            "name": one.name,
            "kind": one.kind,
            "source": one.source,
            "address": f"{desk.intake.public_url}{one.path}",
            "path": f"/desk/endpoints{one.path}",
            "count": sum(values := flow.of_endpoint(one.name)),
            "line": sparkline(values),
            "last": facts.last_seen.get(one.name, (None, None))[0],
            "silent": troubles.get(f"silent {one.name}", ""),
            "secret": secret_words(one),
            "unproved": unproved.get(one.name),
        }
        for one in desk.config.endpoints()
    ]


def secret_words(endpoint: Form | Hook) -> str:
    """Whether its senders prove themselves, and what that means."""
    if isinstance(endpoint, Form):
        return "none: a website's form has no secret"
    if endpoint.open:
        return "none: anybody who knows the address may send leads"
    several = f"{len(endpoint.secrets)} are set, any of which" if len(endpoint.secrets) > 1 else "one is set, which"
    signed = signature_of(endpoint)
    how = f"signs the body, in the header {signed.header}" if signed else "comes along with each request"
    return f"{several} {how}; without it leads are held and not sent"


def setting_up(desk: Desk, endpoint: Form | Hook) -> Mapping[str, Any]:
    """What to paste, the steps at the provider, and a line to try it with."""
    address = f"{desk.intake.public_url}{endpoint.path}"
    fields = typed(endpoint, "curl", "somebody")
    if isinstance(endpoint, Form):
        snippets = {KINDS[kind]: SNIPPETS[kind](endpoint, desk.intake.public_url) for kind in KINDS}
        data = "".join(f" \\\n  --data-urlencode {shlex.quote(f'{key}={value}')}" for key, value in fields.items())
        bounds = desk.intake.limits
        limits = f"{_spelled(bounds.per_address)} from one address; {_spelled(bounds.per_form)} in all"
        return {"snippets": snippets, "curl": f"curl {shlex.quote(address)}{data}", "limits": limits, "signature": None}
    head = "-H 'Content-Type: application/json'"
    head += "" if endpoint.open else f" -H {shlex.quote(f'{endpoint.header}: YOUR-SECRET')}"
    curl = f"curl {shlex.quote(address)} {head} \\\n  -d {shlex.quote(json.dumps(fields))}"
    return {"snippets": {}, "curl": curl, "limits": "", "signature": signature_of(endpoint)}


def _spelled(limits: Sequence[Rate]) -> str:
    return ", ".join(f"{one.most:,} {SPANNED.get(one.seconds, f'in {one.seconds:,} s')}" for one in limits)

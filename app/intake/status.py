"""`/healthz`, `/readyz` and the front page: is it up, can it store, does it know its way to AgencyHandy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from app.errors import StoreUnavailable
from app.intake import replies
from app.intake.accept import Intake
from app.intake.controls import shown
from app.intake.fields import asked
from app.intake.openapi import Responses
from app.intake.pages import Look, page
from app.lead import MARKS, MEANING

READY_RESPONSES: Responses = {
    200: {"description": "It can; role and destination say how the way to AgencyHandy is."},
    503: {"description": "Nothing can be stored."},
}

AWAY = "The store cannot be read just now, so nothing is taken in. lead-relay check says what to do."


@dataclass(frozen=True, slots=True)
class DestinationState:
    """How the way to AgencyHandy stands: `state` is ready, unresolved, failing or paused; `elsewhere`: others deliver.

    `is_trial`: only this machine reaches the relay, or SANDBOX is set, so that its front page is a place to try it.
    `takes`: forms and hooks are in this process.
    """

    state: str
    words: str
    role_known: bool
    is_sandbox: bool
    is_trial: bool
    takes: bool = True


def router(intake: Intake, destination: Callable[[], DestinationState]) -> APIRouter:
    """The routes that tell how the relay is."""
    routes = APIRouter(tags=["status"])
    look = Look(intake.config.site)

    @routes.head("/healthz", include_in_schema=False, response_model=None)
    @routes.get("/healthz", summary="Is the process up?", response_model=None)
    async def healthz() -> Response:
        """200 as long as it answers at all."""
        return JSONResponse({"status": "up"})

    @routes.head("/readyz", include_in_schema=False, response_model=None)
    @routes.get("/readyz", summary="Can it take requests?", response_model=None, responses=READY_RESPONSES)
    async def readyz() -> Response:
        """503 only where nothing can be stored. While AgencyHandy is away the relay takes enquiries all the same."""
        way = destination()
        body = {"store": "writable", "role": "known" if way.role_known else "unknown", "destination": way.state}
        try:
            await intake.outbox.check_writable()
        except StoreUnavailable:
            return JSONResponse({**body, "status": "not ready", "store": "not writable"}, 503)
        return JSONResponse({"status": "ready", **body})

    @routes.head("/", include_in_schema=False, response_model=None)
    @routes.get("/", include_in_schema=False, response_model=None)
    async def home(request: Request) -> Response:
        """What this is and how it is; in a trial also a form to try. Who sent it shows only where nothing is real."""
        way = destination()
        if not (way.is_trial and way.takes):
            return page("running.html", look=look, way=way)
        try:
            return await trial(intake, way)
        except StoreUnavailable:
            return replies.failed(request, 503, "Not available", AWAY, look=look)

    @routes.get("/docs", include_in_schema=False, response_model=None)
    async def docs(request: Request) -> Response:
        """The HTTP interface as a page of our own: the usual ones load their scripts from elsewhere."""
        return page("described.html", look=look, described=request.app.openapi())

    return routes


async def trial(intake: Intake, way: DestinationState) -> Response:
    """The front page as a place to try the relay. Raises StoreUnavailable."""
    look = Look(intake.config.site)
    form = next(iter(intake.config.forms.values()), None)
    return page(
        "home.html",
        look=look,
        way=way,
        now=intake.clock(),
        public_url=intake.public_url,
        forms=list(intake.config.forms),
        **(shown(form, asked(form), look.say) if form else {"form": None}),
        hooks=list(intake.config.hooks.values()),
        leads=await intake.outbox.books.leads(limit=8) if way.is_sandbox else [],
        counts=await intake.outbox.books.counts() if way.is_sandbox else {},
        meaning=MEANING,
        marks=MARKS,
    )

"""The stream that keeps an open page up to date."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.desk.desk import Desk
from app.desk.entry import Session
from app.live.stream import followed
from app.outbox.records import Role

MOST: Final = 300
"""Changes at once, of which a page shows the lot; of more it is told that there is a gap."""


def router(desk: Desk) -> APIRouter:
    """The stream of a page."""
    routes, viewer = APIRouter(prefix="/desk"), Depends(desk.entry.needs(Role.VIEW))

    @routes.get("/events", response_model=None)
    async def events(request: Request, since: str = "", who: Session = viewer) -> Response:
        """Changes after `since`, which a page was made with, or after what the browser says that it had."""

        async def is_in() -> bool:
            return await desk.entry.session(request) is not None

        return followed(desk.feed, request.headers.get("last-event-id") or since, is_in, MOST)

    return routes

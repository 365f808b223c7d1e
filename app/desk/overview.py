"""The overview: is anything wrong, what came in, where from, and how is the way to AgencyHandy."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.desk.desk import Desk
from app.desk.entry import Session
from app.outbox.records import Role


def router(desk: Desk) -> APIRouter:
    """The desk's first page."""
    routes, viewer = APIRouter(prefix="/desk"), Depends(desk.entry.needs(Role.VIEW))

    @routes.get("", response_model=None)
    async def overview(request: Request, who: Session = viewer) -> Response:
        """Everything at a glance."""
        return desk.page(request, "overview.html", who, counts=await desk.outbox.books.counts())

    return routes

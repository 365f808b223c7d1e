"""The audit trail: who did what to which lead, and when."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.desk.desk import Desk
from app.desk.entry import Session
from app.outbox.records import Role

A_PAGE = 100


def router(desk: Desk) -> APIRouter:
    """The page of the audit trail."""
    routes, admin = APIRouter(prefix="/desk"), Depends(desk.entry.needs(Role.ADMIN))

    @routes.get("/audit", response_model=None)
    async def trail(request: Request, before: str = "", who: Session = admin) -> Response:
        """What people did, the newest first."""
        deeds = await desk.outbox.books.trail(limit=A_PAGE + 1, before=before[:26])
        more = deeds[A_PAGE - 1].id if len(deeds) > A_PAGE else ""
        return desk.page(request, "audit.html", who, deeds=deeds[:A_PAGE], more=more, before=before)

    return routes

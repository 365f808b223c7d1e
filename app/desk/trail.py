"""The audit trail: who did what to which lead, and when. Who is looked for is somebody's name, so it is posted."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from app.desk.desk import Desk
from app.desk.entry import Session
from app.desk.posted import posted
from app.desk.story import DONE
from app.outbox.hands import WAYS
from app.outbox.records import Role

A_PAGE = 100
ACT_OF = {done: act for act, done in DONE.items()}
DEEDS = (*ACT_OF, "allow", "forget", *(f"{way} delivery" for way in WAYS))
"""What is offered to look for; whatever else stands in the trail can be typed."""


def router(desk: Desk) -> APIRouter:
    """The page of the audit trail."""
    routes, admin = APIRouter(prefix="/desk"), Depends(desk.entry.needs(Role.ADMIN))

    async def page(request: Request, who: Session, *, by: str = "", what: str = "", before: str = "") -> Response:
        deeds = await desk.outbox.books.trail(limit=A_PAGE + 1, before=before, who=by, what=ACT_OF.get(what, what))
        more = deeds[A_PAGE - 1].id if len(deeds) > A_PAGE else ""
        values: dict[str, Any] = {"by": by, "what": what, "before": before, "more": more, "choices": DEEDS}
        return desk.page(request, "audit.html", who, deeds=deeds[:A_PAGE], **values)

    @routes.get("/audit", response_model=None)
    async def trail(request: Request, who: Session = admin) -> Response:
        """What people did, the newest first."""
        return await page(request, who)

    @routes.post("/audit", response_model=None)
    async def look_for(request: Request, who: Session = admin) -> Response:
        """The same by one of them, or of one kind; `before` goes on where a page ended."""
        form = await posted(request)
        by, what, before = (str(form.get(name, "")).strip()[:64] for name in ("by", "what", "before"))
        return await page(request, who, by=by, what=what, before=before[:26])

    return routes

"""All pages of the desk together."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, Depends
from starlette.responses import RedirectResponse, Response

from app.desk import destination, endpoints, lead, leads, live, login, overview, playground, queues, trail
from app.desk.desk import Desk
from app.desk.entry import Session
from app.errors import NotFound
from app.outbox.records import Role


def routers(desk: Desk) -> Iterator[APIRouter]:
    """Every route of the desk. Each but the door's asks for a session; a test goes through them."""
    for page in (login, overview, live, leads, lead, queues, endpoints, playground, destination, trail):
        yield page.router(desk)
    yield _elsewhere(desk)


def _elsewhere(desk: Desk) -> APIRouter:
    """Every other address of the desk, from where one finds back."""
    routes, viewer = APIRouter(prefix="/desk"), Depends(desk.entry.needs(Role.VIEW))

    @routes.get("/{path:path}", response_model=None)
    async def nowhere(path: str, who: Session = viewer) -> Response:
        if not path or path.endswith("/"):
            return RedirectResponse(f"/desk/{path}".rstrip("/"), 303)
        raise NotFound("There is no page at this address.")

    return routes

"""All pages of the desk together."""

from __future__ import annotations

from fastapi import APIRouter

from app.desk import destination, endpoints, lead, leads, live, login, overview, playground, queues, trail
from app.desk.desk import Desk


def router(desk: Desk) -> APIRouter:
    """Every route of the desk. Each but the door's asks for a session; a test goes through them."""
    routes = APIRouter(include_in_schema=False)
    for page in (login, overview, live, leads, lead, queues, endpoints, playground, destination, trail):
        routes.include_router(page.router(desk))
    return routes

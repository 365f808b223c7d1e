"""All pages of the desk together."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter

from app.desk import destination, endpoints, lead, leads, live, login, overview, playground, queues, trail
from app.desk.desk import Desk


def routers(desk: Desk) -> Iterator[APIRouter]:
    """Every route of the desk. Each but the door's asks for a session; a test goes through them."""
    for page in (login, overview, live, leads, lead, queues, endpoints, playground, destination, trail):
        yield page.router(desk)

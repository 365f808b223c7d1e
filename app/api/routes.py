"""All parts of the API together."""

from __future__ import annotations

from fastapi import APIRouter

from app.api import acts, events, figures, leads, new_leads, preview, submissions
from app.api.door import Door


def router(door: Door) -> APIRouter:
    """Every route of the API. Each asks for a token with its scope; a test goes through them."""
    routes = APIRouter()
    for part in (new_leads, leads, acts, submissions, figures, preview, events):
        routes.include_router(part.router(door))
    return routes

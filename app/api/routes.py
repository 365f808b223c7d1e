"""All parts of the API together."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter

from app.api import acts, events, figures, leads, new_leads, preview, submissions
from app.api.door import Door


def routers(door: Door) -> Iterator[APIRouter]:
    """Every route of the API. Each asks for a token with its scope; a test goes through them."""
    for part in (new_leads, leads, acts, submissions, figures, preview, events):
        yield part.router(door)

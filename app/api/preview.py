"""A request that is tried: what it would become, and why."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, ValidationError

from app.api import problems
from app.api.door import Caller, Door
from app.api.problems import Invalid, Wrong, may
from app.config.settings import explain
from app.config.values import LeadField, Rules
from app.errors import ConfigurationError, Unreadable
from app.preview import Preview, look
from app.sources.base import Inbound
from app.sources.trees import read_json


class PreviewRequest(BaseModel):
    """A request to try: its body as text, or as JSON in its place, and to which form or hook it would go."""

    model_config = ConfigDict(extra="forbid")

    endpoint: str | None = None
    content_type: str = "application/json"
    headers: Mapping[str, str] = {}
    body: Any
    mapping: Mapping[LeadField, Rules] | None = None

    def inbound(self) -> Inbound:
        """The request itself."""
        text = self.body if isinstance(self.body, str) else json.dumps(self.body, ensure_ascii=False)
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Inbound(text.encode(), {"content-type": self.content_type, **headers})


BODY = {
    "requestBody": {
        "required": True,
        "description": "What to try: docs/configuration.md lists the keys.",
        "content": {"application/json": {"schema": PreviewRequest.model_json_schema()}},
    }
}


def router(door: Door) -> APIRouter:
    """The route for trying."""
    routes, may_try = door.routes(), door.needs("preview")

    @routes.post("/preview", summary="Try a request", responses=may(*problems.BODY), openapi_extra=BODY)
    async def preview(request: Request, caller: Caller = may_try) -> Preview:
        """What a request would become, and why. Nothing is stored or sent."""
        body = await request.body()
        async with door.intake.trying:
            return await asyncio.to_thread(tried, door, body)

    return routes


def tried(door: Door, body: bytes) -> Preview:
    """What the request in the body would become. Raises Invalid where it does not say which."""
    try:
        asked = PreviewRequest.model_validate(read_json(body))
        return look(door.intake.config, asked.endpoint, asked.inbound(), door.intake.clock(), asked.mapping)
    except (Unreadable, ValidationError, ConfigurationError) as error:
        words = explain("body", error) if isinstance(error, ValidationError) else str(error)
        raise Invalid(Wrong(detail=words, pointer="#")) from error

"""`/api/…`, for programs that have the token."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from starlette.responses import JSONResponse

from app.errors import ConfigurationError, Rejected, Unreadable
from app.intake import replies
from app.intake.accept import Intake
from app.intake.guard import has_token, read_inbound
from app.intake.openapi import PREVIEW_RESPONSES
from app.preview import look
from app.settings import explain
from app.sources.base import Inbound
from app.sources.trees import read_json
from app.values import LeadField, Rules

OFF = "The API is switched off: set API_TOKEN to a long random text, and send it as Authorization: Bearer API_TOKEN."
UNPROVED = "This needs the header Authorization: Bearer, with what API_TOKEN is set to."


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
        "description": "What to try: docs/configuration.md lists the keys.",
        "content": {"application/json": {"schema": PreviewRequest.model_json_schema()}},
    }
}


def router(intake: Intake, token: SecretStr | None) -> APIRouter:
    """The routes of the API; 404 in words where it is switched off."""
    routes = APIRouter(prefix="/api", tags=["api"])

    @routes.post(
        "/preview", summary="Try a request", response_model=None, responses=PREVIEW_RESPONSES, openapi_extra=BODY
    )
    async def preview(request: Request) -> Response:
        """What a request would become, and why. Nothing is stored or sent."""
        if token is None:
            return replies.problem(404, "Not found", OFF)
        try:
            if has_token(request, token):
                return tried(intake, await read_inbound(request, intake.max_body_bytes, intake.public_url))
            intake.strangers.take(request)
        except Rejected as error:
            return replies.rejected(error)
        refused = replies.problem(401, "Unauthorized", UNPROVED)
        refused.headers["WWW-Authenticate"] = "Bearer"
        return refused

    return routes


def tried(intake: Intake, inbound: Inbound) -> Response:
    """What the request in the body would become; a problem where it does not say which."""
    try:
        asked = PreviewRequest.model_validate(read_json(inbound.body))
        found = look(intake.config, asked.endpoint, asked.inbound(), intake.clock(), asked.mapping)
    except (Unreadable, ValidationError, ConfigurationError) as error:
        words = explain("body", error) if isinstance(error, ValidationError) else str(error)
        return replies.problem(422, "Cannot be tried", words)
    return JSONResponse(asdict(found))

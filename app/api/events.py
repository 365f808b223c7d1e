"""What becomes of leads, told to programs as it happens."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response, StreamingResponse

from app.api.door import Caller, Door
from app.api.problems import may
from app.api.shapes import ID, WHEN
from app.errors import NotEntered, TooManyRequests
from app.live.stream import followed

SCOPE: Final = "events:read"
TOLD: Final = f'{{"id": "{ID}", "state": "delivered", "mark": "✓", "endpoint": "contact", "receivedAt": "{WHEN}"}}'
EXAMPLE: Final = f"id: 1042\nevent: lead\ndata: {TOLD}\n\n"
STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Server-sent events, until either side ends it. `lead`: one that is new or other than it was, "
        "as it is now. `waiting`: how many are held, spam and duplicates; 1000 stands for more. `gap`: the place to go "
        "on after is not this store's, so read the leads anew.",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": EXAMPLE}},
    }
}


def router(door: Door) -> APIRouter:
    """The stream."""
    routes, hears = door.routes(), door.needs(SCOPE)

    @routes.get("/events", summary="Follow what changes", response_class=StreamingResponse, responses=may() | STREAM)
    async def events(
        request: Request,
        since: Annotated[str, Query(description="The id of an event: what has changed after it comes first.")] = "",
        last_event_id: Annotated[str, Header(description="The same, as clients send it that connect again.")] = "",
        caller: Caller = hears,
    ) -> Response:
        """Every change of a lead, on whichever relay it happened. Of several at once the last; now and then one comes
        twice, and none is left out.
        """

        async def is_in() -> bool:
            try:
                return (await door.enter(request)).may(SCOPE)
            except (NotEntered, TooManyRequests):
                return False

        return followed(door.feed, last_event_id or since, is_in)

    return routes

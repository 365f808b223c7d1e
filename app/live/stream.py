"""What changes, told as it happens: server-sent events with ids and states, and nothing personal.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from functools import lru_cache
from time import monotonic
from typing import Any, Final

from starlette.responses import Response, StreamingResponse

from app.errors import StoreUnavailable
from app.lead import MARKS
from app.live.feed import Feed, News
from app.outbox.changes import Change, Seen

PAUSE: Final = 15.0
"""Seconds of silence after which something is sent, so that no proxy takes the connection for dead."""
AGAIN_AFTER: Final = 2000
HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'",
}


def followed(feed: Feed, since: str, may_go_on: Callable[[], Awaitable[bool]], most: int | None = None) -> Response:
    """The answer that goes on while somebody listens who may; only a page has a `most`. Raises TooManyFollow."""
    feed.check_room(is_page=most is not None)
    body = _stream(feed, Seen.of(since), may_go_on, most)
    return StreamingResponse(body, media_type="text/event-stream", headers=HEADERS)


async def _stream(
    feed: Feed, since: Seen | None, may_go_on: Callable[[], Awaitable[bool]], most: int | None
) -> AsyncIterator[str]:
    yield f"retry: {AGAIN_AFTER}\n\n"
    waiting: Mapping[Any, int] = {}
    checked = monotonic()
    try:
        async with aclosing(feed.follow(since, pause=PAUSE, most=most)) as all_news:
            async for news in all_news:
                if monotonic() >= checked + PAUSE:
                    if not await may_go_on():
                        return
                    checked = monotonic()
                if feed.waiting != waiting:
                    waiting = feed.waiting
                    yield _event("waiting", waiting)
                yield spelled(news)
    except StoreUnavailable:
        return


@lru_cache(maxsize=8)
def spelled(news: News) -> str:
    """An event a change, made once for all who listen. Only the last has the id to go on after: all is seen with it."""
    *others, last = [_event("lead", _told(one)) for one in news.changes] or [":\n\n"]
    if news.is_gap:
        others, last = [], _event("gap", {})
    return f"{''.join(others)}id: {news.seen}\n{last}"


def _told(one: Change) -> dict[str, str]:
    """What may be known of a lead by anybody who may see that there are leads."""
    state = {"state": one.state.value, "mark": MARKS[one.state]}
    return {"id": one.id, **state, "endpoint": one.endpoint, "receivedAt": one.received_at.isoformat()}


def _event(name: str, data: Mapping[Any, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"

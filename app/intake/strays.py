"""What goes astray: addresses that lead nowhere, and faults of our own. A person is shown a page."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exception_handlers import http_exception_handler
from starlette.exceptions import HTTPException

from app.config.relay_toml import RelayConfig
from app.intake import cors, replies
from app.intake.pages import look_of

Handler = Callable[[Request, Any], Coroutine[Any, Any, Response]]


def handlers(config: RelayConfig, public_url: str) -> dict[int | type[Exception], Handler]:
    """What is answered in each case, by status. Faults are answered outside of all middleware, and then raised on."""

    async def nowhere(request: Request, error: HTTPException) -> Response:
        if is_programs(request):
            return replies.problem(404, "Not found", "There is nothing at this address of the API.")
        if "text/html" not in request.headers.get("accept", ""):
            return await http_exception_handler(request, error)
        look = look_of(request, config)
        title, detail = look.say("No such page"), look.say("There is no page at this address.")
        return replies.failed(request, 404, title, detail, look=look)

    async def wrong_method(request: Request, error: HTTPException) -> Response:
        if not is_programs(request):
            return await http_exception_handler(request, error)
        described = request.app.openapi()["paths"].get(getattr(request.scope.get("route"), "path", ""), {})
        takes = ", ".join(sorted(method.upper() for method in described))
        response = replies.problem(405, "Method not allowed", f"This address takes {takes}.")
        response.headers["Allow"] = takes
        return response

    async def fault(request: Request, _: Exception) -> Response:
        if is_programs(request):
            return replies.problem(500, "Fault", "Something went wrong in the relay; its log says what.")
        look = look_of(request, config)
        title = look.say("Something went wrong")
        detail = look.say(
            "It is not certain that your message arrived. Please send it again; it will not arrive twice."
        )
        response = replies.failed(request, 500, title, detail if request.method == "POST" else "", look=look)
        cors.add_headers(response.headers, cors.cors_headers(request.scope, config.forms, public_url))
        return response

    return {404: nowhere, 405: wrong_method, 500: fault}


def is_programs(request: Request) -> bool:
    """Whether it went to the API, which answers programs only."""
    return request.url.path.startswith("/api/")

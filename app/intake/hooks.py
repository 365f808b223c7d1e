"""`/hooks/{name}`: what providers' servers send.

A provider can mend nothing, and many switch a hook off at the first 4xx: what can be kept is answered 200.
"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from app.config.endpoints import unknown_endpoint
from app.errors import Rejected, SignatureRefused
from app.intake import replies
from app.intake.accept import Intake
from app.intake.guard import let_pass, read_inbound
from app.intake.openapi import HOOK_BODY, HOOK_RESPONSES
from app.proof import handshake


def router(intake: Intake) -> APIRouter:
    """The routes of every hook."""
    routes = APIRouter(prefix="/hooks/{name}", tags=["hooks"])

    @routes.post("/", include_in_schema=False, response_model=None)
    @routes.post("", summary="Deliver an event", response_model=None, responses=HOOK_RESPONSES, openapi_extra=HOOK_BODY)
    async def deliver(name: str, request: Request) -> Response:
        """Takes a request: `{"receipt", "leads": [{"id", "state"}]}`, with `"repeat": true` for one that is there."""
        try:
            return await receive(intake, name, request)
        except Rejected as error:
            await let_pass(request, error)
            return replies.rejected(error)

    @routes.head("", include_in_schema=False, response_model=None)
    @routes.get("", summary="Whether it is there", response_model=None)
    async def probe(name: str, request: Request) -> Response:
        """Providers look before they save a hook, and some ask for an answer of their own."""
        try:
            return await look(intake, name, request)
        except Rejected as error:
            return replies.rejected(error)

    return routes


async def receive(intake: Intake, name: str, request: Request) -> Response:
    """Guard, read, store, answer. Raises Rejected where nothing is kept."""
    hook = intake.config.hooks.get(name)
    if hook is None:
        await intake.limits.take_strangers(request)
    inbound = await read_inbound(request, intake.max_body_bytes, intake.public_url)
    if hook is not None and (reply := handshake(inbound, hook)) is not None:
        return replies.hook_shaken(reply)
    reading = await intake.read(inbound, hook or unknown_endpoint("hook", name))
    receipt = await intake.store(reading)
    status = 401 if isinstance(reading.problem, SignatureRefused) else 200
    detail = str(reading.problem or reading.submission.note)
    if hook is None:
        status = intake.unknown_hook_status
        detail = f"No hook is called {name[:64]}; what came is kept for a while."
    return replies.hook_accepted(receipt, detail, status)


async def look(intake: Intake, name: str, request: Request) -> Response:
    """The provider's own answer where it asks for one, else that there is somebody. Raises Rejected."""
    inbound = await read_inbound(request, intake.max_body_bytes, intake.public_url)
    hook = intake.config.hooks.get(name)
    reply = handshake(inbound, hook) if hook is not None else None
    return replies.hook_probed(name) if reply is None else replies.hook_shaken(reply)

"""`GET /forms/{name}/challenge`: what a browser is to calculate, where a form has the relay's own captcha."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from app.errors import Rejected
from app.intake import replies
from app.intake.accept import Intake
from app.intake.openapi import Problem, Responses

CHALLENGE_RESPONSES: Responses = {
    200: {"description": "A challenge as ALTCHA's widget takes it."},
    404: {"description": "There is no such form, or it has no such captcha.", "model": Problem},
    429: {"description": "Too many requests; Retry-After says when to come back.", "model": Problem},
}


def router(intake: Intake) -> APIRouter:
    """The route of every form's challenges."""
    routes = APIRouter(tags=["forms"])
    path = "/forms/{name}/challenge"

    @routes.get(path, summary="What a captcha asks", response_model=None, responses=CHALLENGE_RESPONSES)
    async def challenge(name: str, request: Request) -> Response:
        """A new challenge of ALTCHA's each time, for forms that have it as their captcha."""
        try:
            return await challenged(intake, name, request)
        except Rejected as error:
            return replies.rejected(error)

    return routes


async def challenged(intake: Intake, name: str, request: Request) -> Response:
    """A challenge as JSON; a problem where the form has no such captcha. Raises TooManyRequests."""
    form = intake.config.forms.get(name)
    if form is None or form.captcha is None or form.captcha.provider != "altcha":
        await intake.limits.take_strangers(request)
        return replies.problem(404, "No such captcha", f"The captcha of {name[:64]} is not ALTCHA.")
    await intake.limits.take_challenge(request)
    made = await intake.captchas.challenge(form, intake.clock())
    return JSONResponse(made, headers={"Cache-Control": "no-store"})

"""`/forms/{name}`: what visitors' browsers and websites' scripts send, and the pages of forms."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from app.config.endpoints import Form, unknown_endpoint
from app.errors import Rejected, UnreadableType
from app.intake import fields, replies
from app.intake.accept import Intake
from app.intake.guard import check_origin, let_pass
from app.intake.hosted import hosted
from app.intake.mend import mend
from app.intake.openapi import FORM_BODY, FORM_RESPONSES
from app.intake.pages import Look, look_of, page
from app.intake.uploads import Arrived, arriving
from app.reader import Reading


def router(intake: Intake) -> APIRouter:
    """The routes of every form."""
    routes = APIRouter(prefix="/forms/{name}", tags=["forms"])
    forms = intake.config.forms

    def look(name: str, request: Request) -> Look:
        return look_of(request, intake.config, forms.get(name))

    @routes.post("/", include_in_schema=False, response_model=None)
    @routes.post("", summary="Send a form", response_model=None, responses=FORM_RESPONSES, openapi_extra=FORM_BODY)
    async def send(name: str, request: Request) -> Response:
        """Takes a form as urlencoded, multipart or JSON. Answers 303 to a browser, JSON to a script."""
        try:
            return await receive(intake, name, request)
        except Rejected as error:
            await let_pass(request, error)
            return replies.refused(request, error, look(name, request))

    @routes.head("", include_in_schema=False, response_model=None)
    @routes.get("/", include_in_schema=False, response_model=None)
    @routes.get("", summary="The form's own page", response_model=None)
    async def show(name: str, request: Request) -> Response:
        """The form as a page, to link to or to put into a frame."""
        form = forms.get(name)
        if form is None:
            return no_such_form(request, name, look(name, request))
        return hosted(request, form, look(name, request), intake.judge.stamps.make(name, intake.clock()))

    @routes.get("/thanks", name="form_thanks", summary="The page after a form", response_model=None)
    async def thanks(name: str, request: Request) -> Response:
        """Where a form without a redirect leads."""
        form = forms.get(name)
        if form is None:
            return no_such_form(request, name, look(name, request))
        back = form.redirect or replies.page_before(request)
        return page("thanks.html", look=look(name, request), form=form, message=replies.THANKS, back=back)

    return routes


async def receive(intake: Intake, name: str, request: Request) -> Response:
    """Guard, read, check, store, answer. Raises Rejected where nothing is kept."""
    form = intake.config.forms.get(name)
    look = look_of(request, intake.config, form)
    if form is None:
        await intake.limits.take_strangers(request)
    else:
        check_origin(form, request, intake.public_url)
        await intake.limits.take(request, form)
    async with arriving(request, intake, form) as arrived:
        reading = await intake.read(arrived.inbound, form or unknown_endpoint("form", name))
        if form is None:
            await intake.store(reading)
            return no_such_form(request, name, look)
        return await answer(intake, form, request, arrived, reading)


async def answer(intake: Intake, form: Form, request: Request, arrived: Arrived, reading: Reading) -> Response:
    """Check, store and answer what has come in whole. Of a file that is not taken a robot hears too: it is not kept."""
    look = look_of(request, intake.config, form)
    if reading.problem is not None and not arrived.mistakes:
        await intake.store(await arrived.with_files(reading))
        return not_understood(request, reading, look)
    if mistakes := (fields.mistakes(form, reading) if reading.problem is None else {}) | arrived.mistakes:
        return mend(request, form, reading, mistakes, look)
    reading = await arrived.with_files(await intake.judge(form, reading, request))
    return replies.form_accepted(request, form, reading.entries, await intake.store(reading), look)


def not_understood(request: Request, reading: Reading, look: Look) -> Response:
    """400 or 415, of what was kept all the same; a script is told why, too."""
    status = 415 if isinstance(reading.problem, UnreadableType) else 400
    title, detail = look.say("Not understood"), look.say("We kept what you sent, but could not read it.")
    return replies.failed(request, status, title, detail, look=look, reason=str(reading.problem))


def no_such_form(request: Request, name: str, look: Look) -> Response:
    """404. A post to it was kept all the same, in quarantine."""
    detail = look.say("There is no form called {name} here.", name=name[:64])
    if request.method == "POST":
        detail = f"{detail} {look.say('Nothing was sent.')}"
    return replies.failed(request, 404, look.say("No such form"), detail, look=look)

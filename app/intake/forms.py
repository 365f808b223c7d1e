"""`/forms/{name}`: what visitors' browsers and websites' scripts send."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response

from app.endpoints import Form, unknown_endpoint
from app.errors import Rejected, UnreadableType
from app.intake import replies
from app.intake.accept import Intake
from app.intake.guard import check_origin, read_inbound
from app.intake.openapi import FORM_BODY, FORM_RESPONSES
from app.intake.pages import page
from app.lead import Lead, LeadState, Reason
from app.mapping.infer import is_control, means_email
from app.reader import Reading
from app.sources.trees import dotted

NO_ADDRESS = "Please give an e-mail address, so that we can answer you."
BAD_ADDRESS = "This does not look like an e-mail address. Is there a typing error in it?"
NOBODY = Lead(state=LeadState.HELD, reason=Reason.NO_EMAIL)


def router(intake: Intake) -> APIRouter:
    """The routes of every form."""
    routes = APIRouter(prefix="/forms/{name}", tags=["forms"])
    forms, site = intake.config.forms, intake.config.site

    def with_cors(name: str, request: Request, response: Response) -> Response:
        response.headers.update(replies.cors_headers(forms.get(name), request.headers.get("origin"), intake.public_url))
        return response

    @routes.post("/", include_in_schema=False, response_model=None)
    @routes.post("", summary="Send a form", response_model=None, responses=FORM_RESPONSES, openapi_extra=FORM_BODY)
    async def send(name: str, request: Request) -> Response:
        """Takes a form as urlencoded, multipart or JSON. Answers 303 to a browser, JSON to a script."""
        try:
            response = await receive(intake, name, request)
        except Rejected as error:
            response = replies.rejected(request, error, site=site, for_people=True)
        return with_cors(name, request, response)

    @routes.options("", summary="Whether a script may post", response_model=None)
    async def ask(name: str, request: Request) -> Response:
        """A browser's preflight."""
        return with_cors(name, request, replies.preflight())

    @routes.head("", include_in_schema=False, response_model=None)
    @routes.get("", summary="How to post to this form", response_model=None)
    async def show(name: str, request: Request) -> Response:
        """A short page with the snippet to paste."""
        form = forms.get(name)
        if form is None:
            return no_such_form(request, name, site)
        return page("form.html", site=site, form=form, action=f"{intake.public_url}/forms/{name}")

    @routes.get("/thanks", name="form_thanks", summary="The page after a form", response_model=None)
    async def thanks(name: str, request: Request) -> Response:
        """Where a form without a redirect leads."""
        form = forms.get(name)
        if form is None:
            return no_such_form(request, name, site)
        return page("thanks.html", site=site, back=form.redirect or replies.page_before(request))

    return routes


async def receive(intake: Intake, name: str, request: Request) -> Response:
    """Guard, read, store, answer. Raises Rejected where nothing is kept."""
    form = intake.config.forms.get(name)
    if form is None:
        intake.strangers.take(request)
    else:
        check_origin(form, request.headers.get("origin"), intake.public_url)
    inbound = await read_inbound(request, intake.max_body_bytes, intake.public_url)
    reading = await intake.read(inbound, form or unknown_endpoint("form", name))
    site = intake.config.site
    if form is None:
        await intake.store(reading)
        return no_such_form(request, name, site)
    if reading.problem is not None:
        await intake.store(reading)
        status = 415 if isinstance(reading.problem, UnreadableType) else 400
        detail = f"We kept what you sent, but could not read it: {reading.problem}."
        return replies.failed(request, status, "Not understood", detail, site=site)
    mistake = next((lead for lead in reading.submission.leads or (NOBODY,) if lacks_email(lead)), None)
    if mistake is not None:
        return mend(request, form, reading, mistake, site)
    reading = await intake.judge(form, reading, request)
    return replies.form_accepted(request, form, reading.entries, await intake.store(reading))


def lacks_email(lead: Lead) -> bool:
    """Whether a visitor can mend it: there is no usable address."""
    return lead.state is LeadState.HELD and lead.reason.startswith(Reason.NO_EMAIL)


def mend(request: Request, form: Form, reading: Reading, lead: Lead, site: str) -> Response:
    """422: the form again, with what was typed and the field to mend. Nothing was stored."""
    origin = lead.origins.get("email")
    data = reading.entries[0].data if reading.entries else {}
    typed = data if isinstance(data, Mapping) else {}
    paths = {key: dotted(key) for key in typed}
    field = next((key for key, at in paths.items() if means_email(at) and (not origin or at == origin.key)), "email")
    message = BAD_ADDRESS if origin else NO_ADDRESS
    if replies.wants_json(request):
        return replies.problem(422, "Please check the form", message, errors={field: message})
    rows = [(key, str(one)) for key, value in typed.items() for one in (value if isinstance(value, list) else [value])]
    return page(
        "mend.html",
        422,
        form_targets=replies.redirect_origins(form),
        site=site,
        form=form,
        field=field,
        message=message,
        rows=rows if field in typed else [(field, ""), *rows],
        carried={key for key in typed if key != field and is_control(paths[key])},
    )


def no_such_form(request: Request, name: str, site: str) -> Response:
    """404. A post to it was kept all the same, in quarantine."""
    return replies.failed(request, 404, "No such form", f"There is no form called {name[:64]} here.", site=site)

"""`GET /forms/{name}`: a form's own page, made from its declared fields, so that a link or a frame is enough."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from app.config.endpoints import Form
from app.intake.controls import shown
from app.intake.fields import asked
from app.intake.pages import Look, page
from app.mapping.called import campaign_of, role_of

MAX_FILLED = 2000


def hosted(request: Request, form: Form, look: Look, stamp: str) -> Response:
    """The page. The query fills in fields that are asked for; its campaign goes along unseen, and so does the stamp."""
    fields = asked(form)
    given = {key: request.query_params.getlist(key)[-20:] for key in request.query_params}
    filled = {one.name: given[one.name] for one in fields if one.name in given and one.type != "file"}
    filled = {name: [one[:MAX_FILLED] for one in values] for name, values in filled.items()}
    campaign = {key: values[-1:] for key, values in given.items() if key not in filled and _is_campaign(key)}
    drawn = shown(form, fields, look.say, typed=filled, carried=campaign)
    return page("form.html", look=look, stamp=stamp, **drawn)


def _is_campaign(key: str) -> bool:
    return bool(campaign_of(role_of(key[:MAX_FILLED], "")))

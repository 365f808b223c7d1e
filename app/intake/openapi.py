"""What the HTTP interface's description says of the routes that read their requests by themselves."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

Responses = dict[int | str, dict[str, Any]]


class LeadReply(BaseModel):
    """A lead and where it stands."""

    id: str
    state: str


class HookReply(BaseModel):
    """What a hook answers: the receipt of what was kept, and the leads in it."""

    receipt: str
    leads: list[LeadReply]
    repeat: bool = False
    detail: str = ""


class FormReply(BaseModel):
    """What a form answers a script: thanks in the visitor's language, and the page to go on to, if there is one."""

    ok: bool
    receipt: str
    message: str
    redirect: str = ""


class Problem(BaseModel):
    """An error after RFC 9457; `errors` has a message for each field that is wrong, `reason` why it was not read."""

    type: str
    title: str
    status: int
    detail: str
    errors: dict[str, str] = {}
    reason: str = ""


def _problem(words: str) -> dict[str, Any]:
    return {"description": words, "model": Problem}


REJECTED: Responses = {
    408: _problem("The request did not arrive as a whole."),
    413: _problem("The request is larger than MAX_BODY_BYTES."),
    429: _problem("Too many requests; Retry-After says when to come back."),
    503: _problem("Nothing could be stored; Retry-After says when to come back."),
}

FORM_RESPONSES: Responses = {
    200: {"description": "Stored; for a script.", "model": FormReply},
    303: {"description": "Stored; on to the thank-you page, for a browser."},
    400: _problem("It could not be read; it is kept all the same."),
    403: _problem("This form does not take posts from that website."),
    404: _problem("There is no such form."),
    415: _problem("It is neither a form nor JSON; it is kept all the same."),
    422: _problem("Something is missing, or cannot be right: `errors` says what, of each field. Nothing is stored."),
    **REJECTED,
}

HOOK_RESPONSES: Responses = {
    200: {"description": "Stored, even where it could not be read: `detail` says why.", "model": HookReply},
    401: {"description": "The sender did not prove itself; kept in quarantine all the same.", "model": HookReply},
    **REJECTED,
}

_FIELDS = {
    "schema": {
        "type": "object",
        "additionalProperties": True,
        "example": {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+442079460958", "message": "Hello"},
    }
}

FORM_BODY = {
    "requestBody": {
        "description": "Any fields. An e-mail address has to be among them.",
        "content": dict.fromkeys(
            ("application/x-www-form-urlencoded", "multipart/form-data", "application/json"), _FIELDS
        ),
    }
}

HOOK_BODY = {
    "requestBody": {
        "description": "What the hook's source sends; an array of objects is a lead each.",
        "content": {"application/json": _FIELDS, "application/x-www-form-urlencoded": _FIELDS, "text/plain": {}},
    }
}

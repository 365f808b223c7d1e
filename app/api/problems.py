"""What a program is answered where its request cannot be followed: problems after RFC 9457."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import BaseModel
from starlette.responses import JSONResponse

from app.errors import Declined, NotEntered, Rejected
from app.intake import replies

PROBLEM_JSON: Final = "application/problem+json"
TITLES: Final = {401: "Unauthorized", 403: "Forbidden"}
"""What is called otherwise where a person reads it."""


class Wrong(BaseModel):
    """One thing that is wrong: where in the body (`pointer`, RFC 6901), or in which parameter or header, and why."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None


class ApiProblem(BaseModel):
    """An error after RFC 9457; `errors` says each thing that is wrong, where there are several to say."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[Wrong] | None = None


class Invalid(Declined):
    """The request is not as it is described: what is wrong, and where."""

    status = 422
    title = "Not valid"

    def __init__(self, *errors: Wrong) -> None:
        super().__init__(" ".join(dict.fromkeys(map(_sentence, errors))))
        self.errors = errors


class Conflict(Declined):
    """It cannot be done as things stand."""

    status = 409
    title = "Not now"


def refused(error: Rejected) -> JSONResponse:
    """What is answered where nothing was done."""
    errors = [one.model_dump(exclude_none=True) for one in getattr(error, "errors", ())]
    more = {"errors": errors} if errors else {}
    response = replies.problem(error.status, TITLES.get(error.status, error.title), str(error), **more)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, NotEntered):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def invalid(found: Iterable[Any]) -> Invalid:
    """What is wrong with a request, from the errors that pydantic found."""
    return Invalid(*map(_wrong, found))


def _wrong(found: Mapping[str, Any]) -> Wrong:
    place, *path = found["loc"]
    words = found["msg"].removeprefix("Value error, ")
    if found["type"] == "json_invalid":
        return Wrong(detail=f"the body is not valid JSON: {found['ctx']['error']}", pointer="#")
    if isinstance(found.get("input"), bytes):
        words = "expected JSON, sent with Content-Type: application/json"
    if place == "body":
        return Wrong(detail=words, pointer="#" + "".join(f"/{_escaped(step)}" for step in path if step not in TAGS))
    name = str(path[0]) if path else ""
    return Wrong(detail=words, header=name) if place == "header" else Wrong(detail=words, parameter=name)


TAGS: Final = frozenset(("one lead", "many leads"))
"""Steps of a place that are the names of alternatives, and not the body's."""


def _escaped(step: object) -> str:
    return str(step).replace("~", "~0").replace("/", "~1")


def _sentence(one: Wrong) -> str:
    place = (one.pointer or one.parameter or one.header or "").removeprefix("#/")
    return f"{place}: {one.detail}." if place not in {"", "#"} else f"{one.detail.removesuffix('.')}."


WORDS: Final[Mapping[int, str]] = {
    401: "There is no token, or a wrong one.",
    403: "The token has not the scope that this takes.",
    404: "There is nothing of that id.",
    408: "The request did not arrive as a whole.",
    409: "It cannot be done as things stand; `detail` says why.",
    413: "The request is larger than MAX_BODY_BYTES.",
    422: "Something in the request is not valid: `errors` says what, and where.",
    429: "Too many requests; Retry-After says when to come back.",
    503: "The store cannot be written or read just now; Retry-After says when to come back.",
}


CONTENT: Final = {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/ApiProblem"}}}
"""What a problem is sent as. Not a route's `model`: ten to a route would be built anew whenever a relay starts."""


def may(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The description of problems that an address may answer with, besides those that any may."""
    everywhere = {401, 403, 422, 429, 503}
    return {status: {"description": WORDS[status], "content": CONTENT} for status in sorted({*statuses, *everywhere})}


BODY: Final = (408, 413)
"""What may be wrong with any body."""

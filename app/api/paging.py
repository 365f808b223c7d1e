"""A page after the other: cursors that nobody but the relay makes, and what a query may ask for."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import Path, Request, Response
from itsdangerous import BadSignature, URLSafeSerializer
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from app.api.problems import Invalid, Wrong
from app.api.shapes import ID
from app.outbox.outbox import Outbox
from app.sources.trees import clean

MOST: Final = 200
MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _moment(given: object) -> datetime:
    if isinstance(given, str) and MOMENT.fullmatch(given):
        try:
            return datetime.fromisoformat(given.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise ValueError("expected a time such as 2026-11-24T09:30:00Z")


Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-24T09:30:00Z"]}),
]
Limit = Annotated[int, Field(ge=1, le=MOST, description="How many at most.")]
Cursor = Annotated[str, Field(max_length=500, description="The `next` of the page before.")]
Word = Annotated[str, Field(max_length=200), AfterValidator(clean)]
Id = Annotated[str, Path(max_length=100, examples=[ID]), AfterValidator(clean)]


class Cursors:
    """The cursors of one list, as it is filtered: `made_for` tells it from every other."""

    def __init__(self, outbox: Outbox, made_for: str) -> None:
        self._signer = URLSafeSerializer(outbox.key_for("api cursors"), salt=made_for)

    def before(self, cursor: str | None) -> str:
        """The id that the page before ended with; "" where there was none. Raises Invalid."""
        if cursor is None:
            return ""
        try:
            return str(self._signer.loads(cursor))
        except (BadSignature, ValueError) as error:
            words = "this is not the `next` of a page of this list with these filters"
            raise Invalid(Wrong(detail=words, parameter="cursor")) from error

    def after(self, last_id: str) -> str:
        """The cursor of the page that follows an id."""
        return str(self._signer.dumps(last_id))


def link(request: Request, response: Response, cursor: str | None) -> None:
    """Names the next page in the answer's Link header."""
    if cursor is not None:
        kept = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
        query = urlencode([*kept, ("cursor", cursor)])
        response.headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'

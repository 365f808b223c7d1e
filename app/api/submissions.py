"""Submissions: the requests that leads came in, and the files that came with them."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app.api.door import Caller, Door
from app.api.leads import A_PAGE
from app.api.paging import Cursor, Cursors, Id, Limit, Word, link
from app.api.problems import may
from app.api.shapes import Standing, Submission, SubmissionPage, WholeSubmission, files_of
from app.errors import NotFound
from app.intake.downloads import download
from app.outbox import submissions as stored

FILE = {200: {"description": "The file.", "content": {"application/octet-stream": {}}}, **may(404)}


def router(door: Door) -> APIRouter:
    """The routes that read submissions."""
    routes, reads = door.routes(), door.needs("submissions:read")
    books = door.intake.outbox.books

    @routes.get("/submissions", summary="List submissions", responses=may())
    async def listed(
        request: Request,
        response: Response,
        *,
        caller: Caller = reads,
        endpoint: Annotated[Word, Query(description="What came in at this form or hook.")] = "",
        limit: Limit = A_PAGE,
        cursor: Cursor | None = None,
    ) -> SubmissionPage:
        """The newest requests first, with or without leads."""
        cursors = Cursors(door.intake.outbox, f"submissions {endpoint}")
        page = partial(stored.newest, endpoint=endpoint, before=cursors.before(cursor), limit=limit + 1)
        found = await books.read(page)
        more = cursors.after(found[limit - 1].id) if len(found) > limit else None
        link(request, response, more)
        return SubmissionPage(data=[Submission.model_validate(one) for one in found[:limit]], next=more)

    @routes.get("/submissions/{submission_id}", summary="See a submission", responses=may(404))
    async def whole(submission_id: Id, caller: Caller = reads) -> WholeSubmission:
        """The request as it was sent, and what it became."""
        found = await books.submission(submission_id)
        if found is None:
            raise NotFound("There is no such submission.")
        became, files = await asyncio.gather(
            books.read(partial(stored.leads_of, submission_id=submission_id)), books.attachments(submission_id)
        )
        return WholeSubmission(
            **Submission.model_validate(found).model_dump(),
            headers={name: str(value) for name, value in found.headers.items()},
            body=found.body.decode("utf-8", "replace"),
            leads=[Standing.model_validate(one) for one in became],
            attachments=files_of(files),
        )

    @routes.get("/attachments/{attachment_id}", summary="Get a file", response_model=None, responses=FILE)
    async def attachment(attachment_id: Id, caller: Caller = reads) -> Response:
        """A file that came with a form as it was sent, to be saved and never to be shown by a browser."""
        return await download(door.intake.outbox, attachment_id)

    return routes

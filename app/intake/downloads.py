"""Files that came with forms, given back as they were sent: to be saved, and never to be shown by a browser."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.responses import FileResponse

from app.errors import NotFound
from app.outbox.outbox import Outbox

UNSHOWN: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cache-Control": "private, no-store",
}
"""What keeps a browser from carrying a stranger's file out, where it is asked to open it all the same."""


async def download(outbox: Outbox, attachment_id: str, submission_id: str = "") -> FileResponse:
    """A file in pieces; of the submission that is named, if one is. Raises NotFound, StoreUnavailable."""
    found = await outbox.books.attachment(attachment_id)
    path = outbox.files.path(found.attachment.file) if found else None
    is_theirs = found is not None and submission_id in {"", found.submission_id}
    if found is None or path is None or not is_theirs or not await asyncio.to_thread(path.is_file):
        raise NotFound("There is no such attachment, or it was erased.")
    return FileResponse(path, headers=UNSHOWN, media_type=found.attachment.media_type, filename=found.attachment.name)

"""What a page posts: of bounded size, here in bounded time, and as text that every store can keep."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from app.errors import BodyIncomplete, BodyTooLarge, Rejected
from app.sources.trees import clean

MOST: Final = 1_000_000
"""Bytes; the largest is a request in the playground, with every sign spelled out."""
SECONDS: Final = 60


async def posted(request: Request) -> FormData:
    """The fields of a form, read once. Raises BodyTooLarge, BodyIncomplete, and Rejected for what is no form."""
    length = request.headers.get("content-length", "0")
    if "transfer-encoding" in request.headers or not length.isdecimal() or int(length) > MOST:
        raise BodyTooLarge(f"A page sends at most {MOST:,} bytes, and says before how many. Nothing was done.")
    try:
        async with asyncio.timeout(SECONDS):
            form = await request.form()
    except (ClientDisconnect, TimeoutError) as error:
        raise BodyIncomplete("This did not arrive as a whole, so nothing was done.") from error
    except (HTTPException, UnicodeError) as error:
        raise Rejected("This cannot be read as a form, so nothing was done.") from error
    return FormData([(clean(name), clean(value)) for name, value in form.multi_items() if isinstance(value, str)])

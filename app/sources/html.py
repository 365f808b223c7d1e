"""`html`: a form on any website, posted by a browser or by a script, in whatever encoding it chose.

A visitor proves nothing, and a form asks for nothing; a hook that reads forms takes a token like any other. The
constant ids that builders post (`id=form01`) are not ids of a request.
"""

from __future__ import annotations

from app.sources.base import Source
from app.sources.bodies import parse
from app.sources.signatures import token

HTML = Source(
    "html",
    token,
    parse,
    also=(
        "html-form", "contact-form-7", "ninja-forms", "formidable", "carrd", "formsubmit", "staticforms", "web3forms",
        "shopify-theme-form", "salesforce-web-to-lead",
    ),
)  # fmt: skip

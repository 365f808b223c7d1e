"""What one reads in a web page, which whoever stands before AgencyHandy may answer with in its place. Pure."""

from __future__ import annotations

import html
import re

MAX_PAGE = 50_000
"""Characters of a page in which it is looked for."""
PAGE = re.compile(r"[\s\ufeff]*<([?!]|(html|head|body|title|pre|h\d|p|div|center|style|script|error)\b)", re.IGNORECASE)
TITLE = re.compile(r"<title[^<>]*>([^<]*)", re.IGNORECASE)
UNSEEN = re.compile(
    r"""<(head|script|style)\b.*?(?:</\1\b[^>]*>|(?=<body\b)|\Z)
    | <!--.*?(?:-->|\Z)
    | <!\[CDATA\[ | \]\]>
    | <[a-z/!?][^>]*>?
    | &\#\d{8,};?
    | \ufeff""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)


def read(text: str) -> str:
    """The words that a page shows, or else its title; a text that is no page as it is."""
    if PAGE.match(text) is None:
        return text
    page = text[:MAX_PAGE]
    title = TITLE.search(page)
    return _words(page) or _words(title[1] if title else "") or "a web page"


def _words(text: str) -> str:
    return html.unescape(UNSEEN.sub(" ", text)).strip()

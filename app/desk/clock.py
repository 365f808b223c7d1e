"""The clock on the wall of whoever looks at a page: only their browser knows its time zone, and says it in a cookie."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

COOKIE: Final = "relay_zone"
"""Set by desk.js: the name of a zone, such as `Europe/Berlin`."""
NAME: Final = re.compile(r"(?:[A-Z][\w+-]{0,30}/){0,2}[A-Z][\w+-]{0,30}", re.ASCII)
"""A zone's. Other files lie beside theirs, and the search for a path that is deep enough fails for its depth."""


def zone_of(cookies: Mapping[str, str]) -> tzinfo:
    """The zone that a browser says it is in; UTC where it says none, or what is none."""
    name = cookies.get(COOKIE, "")
    try:
        return ZoneInfo(name) if NAME.fullmatch(name) else UTC
    except (KeyError, ValueError, OSError):  # KeyErrors: no such zone; OSErrors: a folder of zones
        return UTC

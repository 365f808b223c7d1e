"""The clock on the wall of whoever looks at a page: only their browser knows its time zone, and says it in a cookie."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

COOKIE: Final = "relay_zone"
"""Set by desk.js: the name of a zone, such as `Europe/Berlin`."""


def zone_of(cookies: Mapping[str, str]) -> tzinfo:
    """The zone that a browser says it is in; UTC where it says none, or what is none."""
    try:
        return ZoneInfo(cookies[COOKIE])
    except (KeyError, ValueError, OSError):  # among KeyErrors: no such zone; among OSErrors: a folder of zones
        return UTC

"""Leads are counted by the hours and days of the clock that one looks at, on both engines alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from zoneinfo import ZoneInfo

import pytest

from app.lead import Lead, LeadState, Submission
from app.outbox import stats
from app.outbox.outbox import Outbox
from tests.outbox.by_hand import outbox, url

__all__ = ["outbox", "url"]

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BERLIN, KATHMANDU, NEW_YORK = map(ZoneInfo, ("Europe/Berlin", "Asia/Kathmandu", "America/New_York"))


async def counted(
    outbox: Outbox, came: list[str], now: str, back: timedelta, step: timedelta, zone: tzinfo
) -> dict[str, int]:
    """How many came in each step that there was any in, by how the clock stood as the step began."""
    for number, at in enumerate(came):
        lead = Lead(email=f"person{number}@example.com")
        received = datetime.fromisoformat(at).replace(tzinfo=UTC)
        await outbox.add(Submission("contact", "html", received, {}, b"", fingerprint=str(number), leads=(lead,)))
    until = datetime.fromisoformat(now).replace(tzinfo=UTC).astimezone(zone)
    asked = partial(stats.flow, since=until - back, step=step, now=until, zone=zone)
    flow = await outbox.books.read(asked)
    assert flow.total() == sum(flow.of_state(LeadState.PENDING)) == sum(flow.of_endpoint("contact"))
    return {
        f"{at:%d %H:%M}": count for at, count in zip(flow.starts, flow.of_endpoint("contact"), strict=True) if count
    }


@pytest.mark.parametrize(
    ("zone", "days"),
    [
        (UTC, {"25 00:00": 1, "26 00:00": 2}),
        (BERLIN, {"25 00:00": 1, "26 00:00": 1, "27 00:00": 1}),
        (NEW_YORK, {"25 00:00": 2, "26 00:00": 1}),
    ],
)
async def test_a_day_begins_at_the_midnight_of_the_clock(outbox: Outbox, zone: tzinfo, days: dict[str, int]) -> None:
    came = ["2026-11-25T22:59:59.999", "2026-11-26T04:59", "2026-11-26T23:00"]
    assert await counted(outbox, came, "2026-11-27T12:00", 29 * DAY, DAY, zone) == days


async def test_an_hour_begins_where_the_clock_is_off_by_quarters_of_one(outbox: Outbox) -> None:
    came = ["2026-11-26T09:14:59", "2026-11-26T09:15", "2026-11-26T10:14"]
    hours = await counted(outbox, came, "2026-11-26T12:00", 23 * HOUR, HOUR, KATHMANDU)
    assert hours == {"26 14:00": 1, "26 15:00": 2}


async def test_the_days_on_both_sides_of_the_end_of_summer_time_begin_at_midnight(outbox: Outbox) -> None:
    came = ["2026-10-24T21:59", "2026-10-24T22:00", "2026-10-25T22:59", "2026-10-25T23:00"]
    days = await counted(outbox, came, "2026-11-05T12:00", 29 * DAY, DAY, BERLIN)
    assert days == {"24 00:00": 1, "25 00:00": 2, "26 00:00": 1}


async def test_the_hour_that_clocks_show_twice_has_what_came_in_both(outbox: Outbox) -> None:
    came = ["2026-10-24T23:59", "2026-10-25T00:30", "2026-10-25T01:30", "2026-10-25T02:00"]
    hours = await counted(outbox, came, "2026-10-25T12:00", 23 * HOUR, HOUR, BERLIN)
    assert hours == {"25 01:00": 1, "25 02:00": 2, "25 03:00": 1}


async def test_the_hour_that_clocks_leave_out_is_empty_and_no_other_is(outbox: Outbox) -> None:
    came = ["2026-03-29T00:59:59", "2026-03-29T01:00", "2026-03-29T02:00"]
    hours = await counted(outbox, came, "2026-03-29T12:00", 23 * HOUR, HOUR, BERLIN)
    assert hours == {"29 01:00": 1, "29 03:00": 1, "29 04:00": 1}


async def test_what_came_in_the_hour_that_clocks_then_leave_again_is_in_a_step_too(outbox: Outbox) -> None:
    came = ["2026-04-04T13:44", "2026-04-04T13:59"]  # there it was 03:29 and 03:44, and a minute later 02:45
    hours = await counted(outbox, came, "2026-04-04T14:05", 23 * HOUR, HOUR, ZoneInfo("Pacific/Chatham"))
    assert hours == {"05 02:00": 2}


async def test_what_came_by_a_clock_that_is_ahead_is_in_the_last_step(outbox: Outbox) -> None:
    hours = await counted(outbox, ["2026-11-26T13:00:01"], "2026-11-26T12:59:59", 23 * HOUR, HOUR, UTC)
    assert hours == {"26 12:00": 1}

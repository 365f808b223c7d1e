"""The desk's times and days are by the clock of whoever reads them, whose time zone their browser tells."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from app.desk.clock import COOKIE
from tests.browsing import chromium, needs_chromium
from tests.desk.conftest import PASSWORD, TOML, csrf_of, log_in
from tests.desk.crowd import filled

Start = Callable[..., httpx.Client]
LATE = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
"""When the only lead came in: in Berlin it was the 21st already, in New York not yet the evening."""


@pytest.fixture
def client(desk: Start, tmp_path: Path) -> httpx.Client:
    filled(tmp_path, 1, now=LATE)
    client = desk(TOML, role="intake")
    log_in(client)
    return client


def living_in(client: httpx.Client, zone: str) -> httpx.Client:
    client.cookies.set(COOKIE, zone, domain="127.0.0.1", path="/desk")
    return client


def lead_page(client: httpx.Client) -> str:
    found = re.search(r"/desk/leads/[0-9A-Z]{26}", client.get("/desk/leads").text)
    assert found
    return client.get(found[0]).text


@pytest.mark.parametrize(
    ("zone", "exact", "told"),
    [
        ("Europe/Berlin", "2026-11-21 00:30:00 CET", "21 Nov 2026, 00:30 CET"),
        ("Asia/Kolkata", "2026-11-21 05:00:00 IST", "21 Nov 2026, 05:00 IST"),
        ("America/New_York", "2026-11-20 18:30:00 EST", "20 Nov 2026, 18:30 EST"),
    ],
)
def test_times_are_those_of_the_readers_zone(client: httpx.Client, zone: str, exact: str, told: str) -> None:
    living_in(client, zone)
    assert f'<time datetime="2026-11-20T23:30:00+00:00" title="{exact}">' in client.get("/desk/leads").text
    assert told in lead_page(client)


@pytest.mark.parametrize(
    "said",
    [
        *("", "Nowhere/At_All", "Europe", "../../etc/passwd", "/etc/passwd", "tzdata.zi", "%00", "x" * 3000, "a b;c"),
        *("A/" * 900 + "A", "A." * 900 + "/A", "localtime", "posixrules", "right/Asia/Tokyo"),
    ],
)
def test_what_is_no_zone_is_utc(client: httpx.Client, said: str) -> None:
    living_in(client, said)
    assert 'title="2026-11-20 23:30:00 UTC"' in client.get("/desk/leads").text
    assert "20 Nov 2026, 23:30 UTC" in lead_page(client)


@pytest.mark.parametrize(
    ("zone", "day", "is_found"),
    [
        ("UTC", "2026-11-20", True),
        ("UTC", "2026-11-21", False),
        ("Europe/Berlin", "2026-11-20", False),
        ("Europe/Berlin", "2026-11-21", True),
        ("America/New_York", "2026-11-20", True),
        ("Asia/Kolkata", "0001-01-01", False),
        ("America/New_York", "9999-12-31", False),
    ],
)
def test_leads_of_a_day_are_those_of_the_readers_day(client: httpx.Client, zone: str, day: str, is_found: bool) -> None:
    asked = {"_csrf": csrf_of(living_in(client, zone)), "since": day, "until": day}
    assert ("No lead is like that" not in client.post("/desk/leads", data=asked).text) is is_found
    assert ("person0@example.com" in client.post("/desk/leads/export", data=asked).text) is is_found


@pytest.mark.parametrize("span", ["24h", "7d", "30d"])
def test_the_chart_says_by_whose_clock_it_is(desk: Start, tmp_path: Path, span: str) -> None:
    filled(tmp_path, 5)
    client = desk(TOML, role="intake")
    log_in(client)
    page = living_in(client, "Asia/Kathmandu").get("/desk", params={"span": span}).text
    assert "by the clock of Asia/Kathmandu, where it is" in page


@pytest.mark.slow
@needs_chromium
def test_a_browser_tells_its_zone_by_itself(client: httpx.Client) -> None:
    with chromium() as browser:
        page = browser.new_context(base_url=str(client.base_url), timezone_id="Asia/Kolkata").new_page()
        page.goto("/desk/login")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url("**/desk")
        page.get_by_role("link", name="Leads", exact=True).click()
        expect(page.locator("time").first).to_have_attribute("title", "2026-11-21 05:00:00 IST")
        page.get_by_label("To").fill("2026-11-20")
        expect(page.get_by_text("No lead is like that.")).to_be_visible()
        page.get_by_label("To").fill("2026-11-21")
        expect(page.locator("tr[data-row]")).to_have_count(1)

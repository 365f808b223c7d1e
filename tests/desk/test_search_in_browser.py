"""What is looked for at the desk stays with its place in the history, and with nobody else, in Debian's Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browsing import chromium, needs_chromium
from tests.desk.conftest import PASSWORD, Place
from tests.running import eventually

pytestmark = [
    pytest.mark.slow,
    needs_chromium,
]
KEPT = "Object.values(sessionStorage).join()"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def opened(browser: Browser, place: Place) -> Iterator[Page]:
    """A window of somebody who has logged in."""
    for number in (1, 2, 3):
        lead = place.hook({"name": f"Charles Babbage{number}th", "email": "charles@example.com", "message": "x"})
        eventually(lambda lead=lead: place.state(lead) in {"delivered", "duplicate"}, "it has gone out")
    page = browser.new_context(base_url=place.address, viewport={"width": 1200, "height": 800}).new_page()
    page.set_default_timeout(10_000)
    log_in(page)
    yield page
    page.context.close()


@pytest.fixture
def page(opened: Page) -> Iterator[Page]:
    """Its list of leads, as the navigation opens it; anything that the browser complains of fails the test."""
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.get_by_role("link", name="Leads", exact=True).click()
    expect(opened.get_by_role("searchbox")).to_have_value("")
    expect(opened.locator("tr[data-row]")).to_have_count(50)
    yield opened
    assert complaints == []


def log_in(page: Page) -> None:
    page.goto("/desk/login")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/desk")


def test_going_back_or_reloading_shows_again_what_was_found(page: Page) -> None:
    rows, search, state = page.locator("tr[data-row]"), page.get_by_role("searchbox"), page.get_by_label("State")
    state.select_option("held")
    expect(page.locator("tr[data-row] .chip:not(.held)")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"/desk/leads\?state=held$"))
    state.select_option("duplicate")
    search.press_sequentially("babb")
    expect(rows).to_have_count(2)
    rows.first.get_by_role("link").click(delay=300)  # as long as a finger takes: the rows must stay meanwhile
    page.wait_for_url("**/desk/leads/*")
    for goes in (page.go_back, page.reload):
        goes()
        expect(rows).to_have_count(2)
        expect(search).to_have_value("babb")
        expect(state).to_have_value("duplicate")
        expect(rows.first.get_by_role("link")).to_be_focused()
        expect(page).to_have_url(re.compile(r"/desk/leads\?state=duplicate$"))

    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Charles Babbage2th")).to_be_visible()
    page.get_by_role("link", name="Leads", exact=True).click()
    expect(rows).to_have_count(50)
    expect(search).to_have_value("")
    expect(page).to_have_url(re.compile("/desk/leads$"))
    page.go_back()
    page.go_back()
    expect(rows).to_have_count(2)
    expect(search).to_have_value("babb")


def test_going_back_to_what_another_page_asked_for_shows_it_too(page: Page) -> None:
    page.get_by_role("link", name="Charles Babbage2th").click()
    page.get_by_role("button", name="All 3 leads with this e-mail address").click()
    expect(page.locator("tr[data-row]")).to_have_count(3)
    page.get_by_role("link", name="Charles Babbage1th").click()
    page.wait_for_url("**/desk/leads/*")
    page.go_back()
    expect(page.locator("tr[data-row]")).to_have_count(3)
    assert "charles" not in page.url


def test_enter_goes_from_the_words_to_the_first_that_was_found(page: Page) -> None:
    search, rows = page.get_by_role("searchbox"), page.locator("tr[data-row]")
    search.press_sequentially("babbage")
    page.keyboard.press("Enter")
    expect(rows).to_have_count(3)
    expect(rows.first.get_by_role("link")).to_be_focused()
    page.keyboard.press("j")
    expect(rows.nth(1).get_by_role("link")).to_be_focused()
    page.keyboard.press("/")
    search.press_sequentially("zzz")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No lead is like that.")).to_be_visible()
    expect(search).to_be_focused()


def test_who_logs_in_next_finds_nothing_of_what_was_looked_for(page: Page) -> None:
    page.get_by_role("searchbox").fill("babbage")
    expect(page.locator("tr[data-row]")).to_have_count(3)
    assert "babbage" in page.evaluate(KEPT)
    page.locator("header summary").click()
    page.get_by_role("button", name="Log out", exact=True).click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    assert "babbage" not in page.evaluate(KEPT)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/desk")
    page.go_back()
    page.go_back()
    expect(page.get_by_role("searchbox")).to_have_value("")
    expect(page.locator("tr[data-row]")).to_have_count(50)

"""Pages that stay open, in Debian's Chromium: new leads, states and counts come without reloading."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.browsing import accessible, chromium, needs_chromium
from tests.desk.conftest import PASSWORD, csrf_of, log_in
from tests.running import DEMO_TOML, SandboxClient, eventually, started

pytestmark = [
    pytest.mark.slow,
    needs_chromium,
]
NUMBERS = itertools.count(1)
STAYS = "window.stays = true"
"""What is gone where a page was loaded again."""


@pytest.fixture(scope="module")
def relay_of_all(_sandbox: SandboxClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    _sandbox.reset()
    with ExitStack() as stack:
        client = started(stack, _sandbox, tmp_path_factory.mktemp("relay"), DEMO_TOML, desk_password=PASSWORD)
        log_in(client)
        yield client


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser, relay_of_all: httpx.Client) -> Iterator[Page]:
    """A window of somebody who has logged in; anything that the browser complains of fails the test."""
    context = browser.new_context(base_url=str(relay_of_all.base_url), viewport={"width": 1100, "height": 700})
    [cookie] = relay_of_all.cookies.jar
    context.add_cookies([{"name": cookie.name, "value": cookie.value or "", "url": f"{relay_of_all.base_url}/desk"}])
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert [one for one in complaints if not one.startswith("htmx:")] == []  # a search that was typed on


def post(client: httpx.Client, name: str = "Ada") -> str:
    """Sends an enquiry; the name that it stands under."""
    number = next(NUMBERS)
    client.post("/forms/contact", data={"name": f"{name} {number}th", "email": f"{name}{number}@example.com".lower()})
    return f"{name} {number}th"


def is_empty(client: httpx.Client, state: str) -> bool:
    """Whether no lead is in a state."""
    return "No lead is like that" in client.get("/desk/leads", params={"state": state}).text


def nothing_waits(client: httpx.Client) -> None:
    """So that a fault meets no other lead than the next."""
    for state in ("pending", "sending"):
        eventually(partial(is_empty, client, state), "all have gone out")


def top_of(shown: Locator) -> float:
    """How far below the window's top it stands, in pixels; a browser scrolls by whole ones."""
    box = shown.bounding_box()
    assert box
    return box["y"]


def test_a_new_lead_comes_to_the_top_while_the_reader_keeps_her_place(page: Page, relay_of_all: httpx.Client) -> None:
    names = [post(relay_of_all) for _ in range(20)]
    page.goto("/desk/leads")
    page.evaluate(STAYS)
    count = page.locator("#found > p").first
    before = int(count.inner_text().split()[0])
    for _ in range(3):
        page.keyboard.press("j")
    chosen = page.locator('tr[aria-selected="true"]').inner_text()
    new = post(relay_of_all)

    expect(page.locator("tr[data-row]").first).to_contain_text(new)
    expect(page.locator("tr[data-row]").first).to_contain_text("delivered")
    assert page.locator('tr[aria-selected="true"]').inner_text().split("\n")[0] == chosen.split("\n")[0]
    expect(count).to_contain_text(re.compile(rf"^{before + 1} leads"))

    page.get_by_role("link", name=names[0]).scroll_into_view_if_needed()
    top = top_of(page.get_by_role("link", name=names[0]))
    another = post(relay_of_all)
    expect(page.locator("tr[data-row]").first).to_contain_text(another)
    assert top_of(page.get_by_role("link", name=names[0])) == pytest.approx(top, abs=1)
    assert page.evaluate("window.stays")
    accessible(page)


def test_rows_that_are_no_whole_pixels_high_move_nothing_however_many_come(
    page: Page, relay_of_all: httpx.Client
) -> None:
    for _ in range(20):
        post(relay_of_all)
    page.goto("/desk/leads")
    tall = "const sheet = new CSSStyleSheet(); sheet.replaceSync('td { height: 80.45px }')"
    page.evaluate(f"{tall}; document.adoptedStyleSheets = [sheet]")
    read = page.locator("tr[data-row] a", has_text=page.locator("tr[data-row] a").nth(12).inner_text())
    read.evaluate("link => link.scrollIntoView({block: 'center'})")
    top = top_of(read)
    for _ in range(3):
        another = post(relay_of_all)
        expect(page.locator("tr[data-row]").first).to_contain_text(another)
    assert top_of(read) == pytest.approx(top, abs=0.75)


def test_a_lead_out_of_sight_that_changes_its_height_moves_nothing(
    page: Page, relay_of_all: httpx.Client, sandbox: SandboxClient
) -> None:
    for _ in range(20):
        post(relay_of_all)
    nothing_waits(relay_of_all)
    sandbox.fault(kind="status", status=422, times=1, body='{"message": "Words enough to fill more lines than one."}')
    name = post(relay_of_all, "Olena")
    eventually(lambda: name in relay_of_all.get("/desk/held").text, "it is held, with a reason of several lines")
    page.goto("/desk/leads")
    first, read = page.locator("tr[data-row]").first, page.locator("tr[data-row] a").nth(12)
    tall = first.evaluate("row => row.offsetHeight")
    lead = (first.locator("a").get_attribute("href") or "").rpartition("/")[2]
    read.evaluate("link => link.scrollIntoView({block: 'center'})")
    top = top_of(read)
    relay_of_all.post(f"/desk/leads/{lead}/release", data={"_csrf": csrf_of(relay_of_all)})
    expect(first.locator(".chip")).to_contain_text("delivered")
    expect(first.locator(".why small time")).to_be_visible()
    assert first.evaluate("row => row.offsetHeight") < tall
    assert top_of(read) == pytest.approx(top, abs=1)


def test_what_happens_while_the_news_are_on_their_way_is_shown_as_well(
    page: Page, relay_of_all: httpx.Client, sandbox: SandboxClient
) -> None:
    """Both of the list, whose new row is not there yet when its lead is delivered, and of a lead's own page."""

    def late(route: Route) -> None:
        answer = route.fetch()
        page.wait_for_timeout(4000)
        route.fulfill(response=answer)

    nothing_waits(relay_of_all)
    page.goto("/desk/leads")
    page.route(re.compile("/desk/leads"), late, times=1)
    sandbox.fault(kind="delay", seconds=3, times=1)
    name = post(relay_of_all, "Ines")
    expect(page.locator("tr[data-row]").first).to_contain_text(name, timeout=15000)
    expect(page.locator("tr[data-row]").first).to_contain_text("delivered", timeout=15000)

    page.get_by_role("link", name=name).click()
    expect(page.locator("h1 .chip")).to_contain_text("delivered")
    lead = page.url.rpartition("/")[2]
    page.route(re.compile("/desk/leads"), late, times=1)
    sandbox.fault(kind="delay", seconds=3, times=1)
    relay_of_all.post(f"/desk/leads/{lead}/resend", data={"_csrf": csrf_of(relay_of_all)})
    expect(page.locator("h1 .chip")).to_contain_text(re.compile("pending|sending"), timeout=15000)
    expect(page.locator("h1 .chip")).to_contain_text("delivered", timeout=15000)


def test_what_could_not_be_asked_for_is_asked_for_with_the_next_news(page: Page, relay_of_all: httpx.Client) -> None:
    name = post(relay_of_all, "Vera")
    nothing_waits(relay_of_all)
    page.goto("/desk/leads")
    page.get_by_role("link", name=name).click()
    expect(page.locator("h1 .chip")).to_contain_text("delivered")
    lead = page.url.rpartition("/")[2]
    page.route(re.compile("/desk/leads/"), lambda route: route.fulfill(status=303, headers={"location": "/healthz"}))
    relay_of_all.post(f"/desk/leads/{lead}/resend", data={"_csrf": csrf_of(relay_of_all)})
    with page.expect_response("**/healthz"):
        nothing_waits(relay_of_all)
    page.wait_for_timeout(2500)  # all that is told of this lead
    expect(page.locator(".timeline")).not_to_contain_text("to be sent again")
    page.unroute_all()
    post(relay_of_all, "Wim")
    expect(page.locator(".timeline")).to_contain_text("to be sent again", timeout=15000)


def test_news_that_were_asked_for_before_something_else_was_looked_for_are_none(
    page: Page, relay_of_all: httpx.Client
) -> None:
    def late(route: Route) -> None:
        answer = None if "hx-target" in route.request.headers else route.fetch()
        if answer is None:  # what the reader looks for
            route.continue_()
        else:
            page.wait_for_timeout(1500)
            route.fulfill(response=answer)

    post(relay_of_all, "Zelda")
    nothing_waits(relay_of_all)
    page.goto("/desk/leads")
    page.route(re.compile("/desk/leads$"), late)
    with page.expect_response(lambda answer: "hx-target" not in answer.request.headers):
        with page.expect_request(lambda request: request.method == "POST"):
            post(relay_of_all, "Mia")
        page.get_by_role("searchbox").fill("zelda")
        expect(page.locator("tr[data-row]")).to_have_count(1)
    with page.expect_response(lambda answer: "hx-target" not in answer.request.headers):
        expect(page.locator("tr[data-row]")).to_have_count(1)
    expect(page.locator("tr[data-row]")).to_have_count(1)
    page.unroute_all(behavior="wait")


def test_a_bar_that_comes_above_what_is_read_moves_nothing(page: Page, relay_of_all: httpx.Client) -> None:
    for _ in range(20):
        post(relay_of_all, "Noor")
    post(relay_of_all, "Mia")
    page.goto("/desk/leads")
    page.get_by_role("searchbox").fill("noor")
    read = page.locator("tr[data-row] a").nth(12)
    expect(page.locator("tr[data-row]")).to_have_count(20)
    read.evaluate("link => link.scrollIntoView({block: 'center'})")
    top = top_of(read)
    post(relay_of_all, "Noor")
    expect(page.get_by_role("status")).to_contain_text("1 new lead.")
    assert top_of(read) == pytest.approx(top, abs=1)


def test_where_leads_are_looked_for_a_bar_tells_of_those_that_are_like_that(
    page: Page, relay_of_all: httpx.Client
) -> None:
    post(relay_of_all, "Greta")
    page.goto("/desk/leads")
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.get_by_role("searchbox").fill("greta")
    expect(page.locator("tr[data-row]")).to_have_count(1)
    page.evaluate(STAYS)
    other = post(relay_of_all, "Mia")
    post(relay_of_all, "Greta")
    expect(page.get_by_role("status")).to_contain_text("1 new lead.")
    expect(page.locator("tr[data-row]")).to_have_count(1)
    accessible(page)
    page.get_by_role("link", name="Show").focus()
    same = post(relay_of_all, "Greta")
    expect(page.get_by_role("status")).to_contain_text("2 new leads.")
    expect(page.get_by_role("link", name="Show")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("tr[data-row]")).to_have_count(3)
    expect(page.locator("tr[data-row]").first).to_contain_text(same)
    expect(page.locator("#found")).not_to_contain_text(other)
    expect(page.get_by_role("status")).to_have_count(0)
    assert page.evaluate("window.stays")


def test_a_lead_that_is_read_and_the_counts_beside_the_queues_change_as_it_does(
    page: Page, relay_of_all: httpx.Client, sandbox: SandboxClient
) -> None:
    nothing_waits(relay_of_all)
    sandbox.fault(kind="status", status=422, times=1)
    page.goto("/desk/held")
    page.evaluate(STAYS)
    count = page.locator("nav .count").first
    before = int(count.text_content() or "")
    name = post(relay_of_all, "Olena")
    expect(count).to_have_text(str(before + 1), timeout=15000)
    expect(page.get_by_role("status")).to_contain_text("This list has changed.")
    assert page.evaluate("window.stays")
    page.evaluate("new MutationObserver(() => (window.stays = false)).observe(news, {childList: true})")
    sandbox.fault(kind="status", status=422, times=1)
    post(relay_of_all, "Olha")
    expect(count).to_have_text(str(before + 2), timeout=15000)
    assert page.evaluate("window.stays"), "the bar says the same as before, and is not read out again"
    page.get_by_role("status").get_by_role("link", name="Show").click()
    page.get_by_role("link", name=name).click()
    expect(page.locator("h1 .chip")).to_contain_text("held")
    page.evaluate(STAYS)
    lead = page.url.rpartition("/")[2]
    relay_of_all.post(f"/desk/leads/{lead}/release", data={"_csrf": csrf_of(relay_of_all)})
    expect(page.locator("h1 .chip")).to_contain_text("delivered", timeout=15000)
    expect(page.locator(".timeline")).to_contain_text("to be sent")
    expect(count).to_have_text(str(before + 1))
    assert page.evaluate("window.stays")
    page.locator("details summary", has_text="The request as it came").click()
    relay_of_all.post(f"/desk/leads/{lead}/discard", data={"_csrf": csrf_of(relay_of_all)})
    expect(page.get_by_role("status")).to_contain_text("This lead has changed.", timeout=15000)
    expect(page.locator("h1 .chip")).to_contain_text("delivered")
    page.get_by_role("status").get_by_role("link", name="Show").click()
    expect(page.locator("h1 .chip")).to_contain_text("discarded")


def test_a_bar_that_comes_above_a_queue_moves_nothing(
    page: Page, relay_of_all: httpx.Client, sandbox: SandboxClient
) -> None:
    nothing_waits(relay_of_all)
    sandbox.fault(kind="status", status=422, times=2)
    name = post(relay_of_all, "Olena")
    eventually(lambda: name in relay_of_all.get("/desk/held").text, "it is held")
    page.set_viewport_size({"width": 1100, "height": 350})
    page.goto("/desk/held")
    page.evaluate("scrollTo(0, 60)")
    read = page.get_by_role("link", name=name)
    top = top_of(read)
    post(relay_of_all, "Olena")
    expect(page.get_by_role("status")).to_contain_text("This list has changed.")
    assert top_of(read) == pytest.approx(top, abs=1)


def test_the_overview_counts_on(page: Page, relay_of_all: httpx.Client) -> None:
    page.goto("/desk")
    page.evaluate(STAYS)
    delivered = page.locator(".figures li", has_text="delivered").locator("strong")
    before = int(delivered.inner_text())
    for _ in range(3):
        post(relay_of_all)
    eventually(lambda: int(delivered.inner_text()) >= before + 3, "they are counted")
    assert page.evaluate("window.stays")
    accessible(page)


def test_a_hidden_page_lets_go_and_catches_up_as_one_that_is_gone_back_to(
    page: Page, relay_of_all: httpx.Client
) -> None:
    nothing_waits(relay_of_all)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/desk/events" in request.url else None)
    with page.expect_request("**/desk/events*"):
        page.goto("/desk/leads")
    hide(page, is_hidden=True)
    asked.clear()
    missed = post(relay_of_all)
    eventually(lambda: missed in relay_of_all.get("/desk/leads").text, "it came in")
    assert asked == []
    expect(page.locator("#found")).not_to_contain_text(missed)
    hide(page, is_hidden=False)
    expect(page.locator("tr[data-row]").first).to_contain_text(missed)
    assert len(asked) == 1

    page.locator("tr[data-row] a").first.click()
    page.wait_for_url("**/desk/leads/*")
    missed = post(relay_of_all)
    page.go_back()
    expect(page.locator("tr[data-row]").first).to_contain_text(missed)


def test_how_long_ago_goes_on_while_a_page_is_open(page: Page, relay_of_all: httpx.Client) -> None:
    page.clock.install()
    post(relay_of_all, "Grace")
    nothing_waits(relay_of_all)
    page.goto("/desk/leads")
    came_in = page.locator("[data-row]").first.locator("td:last-child time")
    expect(came_in).to_have_text(re.compile(r"^(now|\d+ s ago)$"))
    for pause, words in (("05:00", "5 min ago"), ("01:55:00", "2 h ago"), ("46:00:00", "2 d ago")):
        page.clock.fast_forward(pause)
        expect(came_in).to_have_text(words)


def test_the_overview_is_renewed_also_while_nobody_writes(page: Page, relay_of_all: httpx.Client) -> None:
    post(relay_of_all, "Mary")
    nothing_waits(relay_of_all)
    page.clock.install()
    page.goto("/desk")
    clock = page.locator("#came")
    for is_open in (True, False):
        clock.evaluate("one => (one.textContent = 'of long ago')")
        page.locator("figcaption details").evaluate("(one, is) => (one.open = is)", is_open)
        page.clock.fast_forward("01:10")
        expect(clock).to_have_text("of long ago" if is_open else re.compile(r"\d+ came in within 24 hours"))
        expect(page.locator("#news")).to_have_count(0)


def hide(page: Page, *, is_hidden: bool) -> None:
    """As a browser says that another tab is in front."""
    page.evaluate(
        f"Object.defineProperty(document, 'hidden', {{value: {str(is_hidden).lower()}, configurable: true}});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )


def test_the_stream_of_a_page_is_not_asked_for_at_the_door(browser: Browser, relay_of_all: httpx.Client) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{relay_of_all.base_url}/desk/login")
    page.wait_for_load_state()
    assert not [address for address in asked if "events" in address]
    page.close()

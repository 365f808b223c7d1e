"""The desk beside 100,000 leads in Debian's Chromium, driven by Playwright. Screenshots go to .ci/screenshots."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from app.desk.entry import COOKIE
from tests.browsing import chromium, look, needs_chromium, says
from tests.desk.conftest import PASSWORD, Place, csrf_of
from tests.desk.crowd import hundred_thousand
from tests.running import eventually, stored

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),  # the first test waits for the crowd too
    needs_chromium,
]

LONG = "Wolfe" * 60
STRANGERS = (
    {"name": LONG, "fax_number": "1", "email": f"{'w' * 60}@{'x' * 60}.example.com", "message": "y" * 3000},
    {"name": "عمر بن عبد العزيز", "email": "omar@example.com", "message": "أريد موقعًا جديدًا"},
    {"name": "👩‍👩‍👧‍👦", "fax_number": "1", "email": "family@example.com", "message": "🎉" * 300},
    {"name": "\u202eevil", "email": "rtl@example.com", "message": "\u202e\u2066 turned around"},
    {"email": "nameless@example.com"},
)
WIDTHS = {
    "th": (192, 360),
    "td.why": (144, 400),
    "td.text": (192, 480),
    "td:nth-last-child(2)": (90, 200),
    "td:last-child": (60, 200),
}
"""What a column of a list may be wide in a window of 1200 px, whoever is in it."""
PAGES = ("", "/leads", "/held", "/spam", "/duplicate", "/destination", "/audit")


@pytest.fixture(scope="module")
def crowd() -> Callable[[Path], None]:
    return hundred_thousand


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def people(place: Place) -> dict[str, str]:
    """Leads of every kind, by what is special about them → id."""
    strangers = [place.send(**one) for one in STRANGERS]
    place.session()
    token = csrf_of(place.client)
    for name, number in ((LONG, 0), ("👩‍👩‍👧‍👦", 2)):  # no mapping takes these for names, but a person may
        changes = {"_csrf": token, "firstName": name}
        assert place.client.post(f"/desk/leads/{strangers[number]}/edit", data=changes).status_code == 303
    found = {"strange": strangers[0], "mirrored": strangers[1]}
    found["spam"] = place.send(name="Mallory", email="mallory@example.com", message="Buy", fax_number="1")
    found["held"] = place.hook({"name": "Charles Babbage", "message": "An engine, please."})
    found["delivered"] = place.send(name="Ada Lovelace", email="ada@lovelace.example", message="A website")
    eventually(lambda: place.state(found["delivered"]) == "delivered", "it is delivered")
    return found


def opened(browser: Browser, place: Place, *, js: bool = True) -> Page:
    """A page of somebody who has logged in."""
    context = browser.new_context(base_url=place.address, java_script_enabled=js)
    let_in(context, place)
    page = context.new_page()
    page.set_viewport_size({"width": 1200, "height": 800})
    page.set_default_timeout(10_000)
    return page


def let_in(context: BrowserContext, place: Place) -> None:
    """Gives a browser the session of somebody who has logged in."""
    context.add_cookies([{"name": COOKIE, "value": place.session(), "domain": "127.0.0.1", "path": "/desk"}])


def in_every_look(page: Page, name: str) -> None:
    """Wide and on a phone, light and dark, nothing sticks out; in two of these, which have all of it, axe looks too."""
    for width, height in ((1200, 800), (360, 740)):
        page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            if (width, scheme) in {(1200, "light"), (360, "dark")}:
                look(page, name)
            assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.fixture
def page(browser: Browser, place: Place, people: dict[str, str]) -> Iterator[Page]:
    """Somebody who has logged in, at a desk of usual size."""
    found = opened(browser, place)
    complaints: list[str] = []
    found.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    found.on("pageerror", lambda error: complaints.append(str(error)))
    yield found
    found.context.close()
    assert [text for text in complaints if not any(map(text.__contains__, ("401", "403", "409")))] == []


def test_every_page_fits_its_window_and_shuts_nobody_out(page: Page, place: Place, people: dict[str, str]) -> None:
    for path in PAGES:
        page.goto(f"/desk{path}")
        in_every_look(page, f"desk{path.replace('/', '-')}")
    for name in ("strange", "held"):
        page.goto(f"/desk/leads/{people[name]}")
        for one in page.locator("main details:not(.menu) > summary").all():
            one.click()
        page.get_by_text("More", exact=True).click()
        in_every_look(page, f"desk-lead-{name}")
    page.context.clear_cookies()
    page.goto("/desk/login")
    in_every_look(page, "desk-login")


def test_names_of_every_kind_stay_within_their_lines(page: Page, place: Place, people: dict[str, str]) -> None:
    page.goto("/desk/leads")
    for name in ("عمر", "👩‍👩‍👧‍👦", "No name", LONG[:30]):
        expect(page.locator("th", has_text=name).first).to_be_visible()
    page.set_viewport_size({"width": 1200, "height": 800})
    for path in ("/leads", "/spam"):
        page.goto(f"/desk{path}")
        for name, (least, most) in WIDTHS.items():
            width = page.locator(f".leads tbody {name}").first.evaluate("cell => cell.getBoundingClientRect().width")
            assert least <= width <= most, (path, name, width)
    page.set_viewport_size({"width": 320, "height": 640})
    for path in PAGES:
        page.goto(f"/desk{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
    lines = page.locator("[data-row]").first.evaluate("row => row.getBoundingClientRect().height") / 20
    assert lines <= 3.5, "an act is told in as few lines as it has words for, not in one a column"
    for lead_id in people.values():
        page.goto(f"/desk/leads/{lead_id}")
        for width in (1200, 360):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".even tbody td").first.evaluate("cell => cell.getBoundingClientRect().width") > 180
    assert page.locator("h1 bdi").evaluate("node => getComputedStyle(node).unicodeBidi") == "isolate"


def test_somebody_logs_in_once_the_password_is_right(page: Page) -> None:
    page.context.clear_cookies()
    page.goto("/desk/leads")
    for password in ("guess", PASSWORD):
        page.get_by_label("Password").fill(password)
        page.get_by_label("Name").fill("admin")
        page.get_by_role("button", name="Log in").click()
        if password == "guess":
            expect(page.get_by_role("alert")).to_contain_text("do not go together")
    expect(page.get_by_role("heading", name="Leads")).to_be_visible()


def test_somebody_is_found_by_a_few_letters_mended_and_sent(page: Page, place: Place, people: dict[str, str]) -> None:
    page.goto("/desk/leads")
    page.get_by_label("Search").press_sequentially("babb")
    expect(page.locator("#found tbody tr")).to_have_count(1)
    assert "babb" not in page.url
    page.get_by_role("link", name="Charles Babbage").click()
    expect(page.get_by_text("Without an e-mail address AgencyHandy takes no lead")).to_be_visible()
    page.get_by_role("link", name="Edit and send").click()
    page.get_by_label("Phone").fill("+44 20 7946 0958")
    page.get_by_role("textbox", name="E-mail").fill("charles@")
    page.get_by_role("button", name="Save and send").click()
    expect(page.get_by_role("alert")).to_contain_text("not a valid e-mail address")
    expect(page.get_by_label("Phone")).to_have_value("+44 20 7946 0958")
    page.context.clear_cookies()
    page.get_by_role("textbox", name="E-mail").fill("charles@example.com")
    page.get_by_role("button", name="Save and send").click()
    expect(page.get_by_role("alert")).to_contain_text("not logged in any more")
    assert page.evaluate("JSON.parse(sessionStorage.typed).values.map(([name]) => name)") == ["email", "contactNo"]
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    says(page, "what you typed before")
    expect(page.get_by_label("Phone")).to_have_value("+44 20 7946 0958")
    page.context.clear_cookies()
    let_in(page.context, place)  # as in another tab
    page.get_by_role("button", name="Save and send").click()
    expect(page.get_by_role("heading", name="Not from here")).to_be_visible()
    page.goto(f"/desk/leads/{people['held']}")
    says(page, "what you typed before")
    expect(page.get_by_label("Phone")).to_have_value("+44 20 7946 0958")
    page.get_by_role("button", name="Save and send").click()
    eventually(lambda: place.state(people["held"]) == "delivered", "it is delivered")
    page.reload()
    expect(page.get_by_text("AgencyHandy has this lead.")).to_be_visible()
    expect(page.get_by_text("admin: edited")).to_be_visible()
    assert "charles@example.com" in place.sandbox.emails()


def test_a_second_press_while_the_first_is_under_way_is_none(page: Page, place: Place) -> None:
    lead = place.hook({"name": "Ada Twice", "message": "x"})
    page.goto(f"/desk/leads/{lead}")
    page.get_by_text("More", exact=True).click()
    asked: list[str] = []

    def slowly(route: Route) -> None:
        asked.append(route.request.url)
        page.wait_for_timeout(400)
        route.continue_()

    page.route("**/spam", slowly)
    with page.expect_navigation():
        for _ in range(2):
            page.keyboard.press("s")
            page.wait_for_timeout(100)
    expect(page.locator("h1 .chip")).to_contain_text("spam")
    assert len(asked) == 1
    page.keyboard.press("d")
    expect(page.locator("h1 .chip")).to_contain_text("discarded")


def test_closing_the_help_is_no_press(page: Page, place: Place) -> None:
    lead = place.hook({"name": "Ada Helped", "message": "x"})
    page.goto(f"/desk/leads/{lead}")
    page.get_by_text("More", exact=True).click()
    for _ in range(2):
        page.keyboard.press("?")
        page.get_by_role("button", name="Close").click()
        expect(page.locator("#keys")).to_be_hidden()
    page.keyboard.press("s")
    expect(page.locator("h1 .chip")).to_contain_text("spam")


def test_the_keyboard_alone_works_a_queue_off(page: Page, place: Place, people: dict[str, str]) -> None:
    ids = [place.hook({"name": f"Key Board{number}", "message": "x"}) for number in range(3)]
    page.goto("/desk")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("mark as spam")
    page.keyboard.press("Escape")
    page.goto("/desk/held")
    for key in "jjk":
        page.keyboard.press(key)
    expect(page.locator('[aria-selected="true"]')).to_contain_text("Board2")
    page.keyboard.press("s")
    says(page, "1 lead: marked as spam")
    expect(page.locator('[aria-selected="true"]')).to_contain_text("Board1")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("d")
    says(page, "2 leads: discarded")
    assert [place.state(one) for one in ids] == ["discarded", "discarded", "spam"]
    expect(page.locator('[aria-selected="true"]')).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What was sent")).to_be_visible()
    place.hook({"name": "Key Less", "message": "x"})
    page.goto("/desk/held")
    page.keyboard.press("j")
    page.keyboard.press("e")
    expect(page.get_by_label("E-mail")).to_be_focused()  # which is what it lacks
    page.keyboard.press("Escape")
    page.goto("/desk/leads")
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()


def test_a_sender_who_is_no_spam_is_never_taken_for_it_again(page: Page, place: Place, people: dict[str, str]) -> None:
    page.goto(f"/desk/leads/{people['spam']}")
    expect(page.get_by_text("filled in a field that people do not see: fax_number").first).to_be_visible()
    page.get_by_text("More", exact=True).click()
    page.get_by_role("button", name="never take this sender for spam again").click()
    eventually(lambda: place.state(people["spam"]) == "delivered", "it is delivered")
    again = place.send(name="Mallory", email="mallory@example.com", message="Hello again", fax_number="1")
    assert place.state(again) != "spam"


def test_delivery_is_paused_and_resumed_and_nothing_goes_out_meanwhile(page: Page, place: Place) -> None:
    page.goto("/desk/destination")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("by admin: nothing is sent")).to_be_visible()
    waits = place.send(name="Wait Ing", email="waiting@example.com")
    page.goto("/desk")
    expect(page.get_by_role("heading", name=re.compile("need"))).to_be_visible()
    assert place.state(waits) == "pending"
    page.goto("/desk/destination")
    page.get_by_role("button", name="Resume").click()
    says(page, "Resumed")
    page.get_by_role("button", name="Check now").click()
    says(page, "asked anew")
    eventually(lambda: place.state(waits) == "delivered", "it is delivered")


def test_a_known_customer_who_writes_again_is_seen_and_put_away(page: Page, place: Place) -> None:
    first = place.send(name="Grace Hopper", email="grace@example.com", message="First")
    eventually(lambda: place.state(first) == "delivered", "she is known")
    again = place.send(name="Grace Hopper", email="grace@example.com", message="And a second thing")
    eventually(lambda: place.state(again) == "duplicate", "AgencyHandy knows her")
    page.goto("/desk")
    page.get_by_role("link", name="wrote again").first.click()
    row = page.locator("tr", has_text="And a second thing")
    row.get_by_role("checkbox").check()
    page.get_by_role("button", name="Done").click()
    says(page, "1 lead: ")
    assert place.state(again) == "discarded"
    page.goto(f"/desk/leads/{again}")
    page.get_by_role("button", name="All 2 leads with this e-mail address").click()
    expect(page.locator("#found tbody tr")).to_have_count(2)
    assert "grace" not in page.url


def test_an_act_on_thousands_says_how_many_shows_how_far_it_is_and_stops(page: Page, place: Place) -> None:
    held = "SELECT count(*) FROM leads WHERE state = 'spam' AND reason LIKE 'honeypot%'"
    deeds = "SELECT count(*), count(DISTINCT lead_id) FROM audit WHERE what = 'discard'"
    [(total,)], [(earlier, _)] = stored(place.folder, held), stored(place.folder, deeds)
    page.goto("/desk/spam?why=honeypot")
    page.get_by_role("checkbox", name="not only those chosen").check()
    page.get_by_role("button", name="Discard").click()
    button = page.get_by_role("button", name=re.compile(f"Discard {total:,}"))
    expect(button).to_be_visible()
    button.dblclick(no_wait_after=True)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text(re.compile("stopped"))).to_be_visible()
    [(left,)] = stored(place.folder, held)
    [(done, different)] = stored(place.folder, deeds)
    assert done == different
    assert 0 < left == total - (done - earlier) < total
    for heading in (f"Discard: {total:,}", f"Discard: {total:,}", "Discard: .* leads[?]", "Spam"):
        expect(page.get_by_role("heading", name=re.compile(heading))).to_be_visible()
        page.go_back()


def test_logging_out_everywhere_ends_the_other_browsers_session(page: Page, browser: Browser, place: Place) -> None:
    other = opened(browser, place)
    page.goto("/desk")
    page.locator("header summary").click()
    page.get_by_role("button", name="Log out everywhere").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    other.goto("/desk/leads")
    expect(other.get_by_role("button", name="Log in")).to_be_visible()
    other.context.close()


def test_all_of_it_works_without_javascript(browser: Browser, place: Place, people: dict[str, str]) -> None:
    held = place.hook({"name": "Mary Shelley", "message": "A monster of a website"})
    page = opened(browser, place, js=False)
    page.goto("/desk/leads")
    page.get_by_label("Search").fill("shelley monster")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Mary Shelley").click()
    page.locator("summary", has_text="Edit and send").click()
    page.get_by_role("textbox", name="E-mail").fill("mary@example.com")
    page.get_by_role("button", name="Save and send").click()
    eventually(lambda: place.state(held) == "delivered", "it is delivered")
    ids = [place.hook({"name": f"Percy Shelley{number}", "message": "x"}) for number in range(2)]
    page.goto("/desk/held?why=no+e-mail")
    page.locator("tr", has_text="Shelley1").get_by_role("checkbox").check()
    page.get_by_role("button", name="Spam").click()
    assert [place.state(one) for one in ids] == ["held", "spam"]
    page.goto("/desk/spam")
    page.get_by_role("checkbox", name="not only those chosen").check()
    page.get_by_role("button", name="Discard").click()
    page.get_by_role("button", name=re.compile(r"Discard \d")).click()
    expect(page.get_by_role("heading", name=re.compile(r"Discard: \d"))).to_be_visible()
    eventually(lambda: page.reload() and page.get_by_text(": done.").is_visible(), "the job is done", seconds=60)
    page.goto("/desk/audit")
    page.get_by_role("combobox", name="What").fill("edit")
    page.get_by_role("button", name="Search").click()
    assert "edit" in page.locator("tbody").inner_text()
    page.locator("header summary").click()
    page.get_by_role("button", name="Log out", exact=True).click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    page.context.close()

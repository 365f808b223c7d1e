"""relay.js in a real browser, on a website of another origin than the relay's. Screenshots go to .ci/screenshots."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from app.config.relay_toml import load_relay_config
from app.config.settings import load_settings
from app.main import create_app
from app.sandbox import DEMO_KEY
from tests.browsing import chromium, look, needs_chromium
from tests.running import DEMO_TOML, SandboxClient, eventually, free_port, served, stored
from tests.websites import Middlebox, Website, middlebox, website

Start = Callable[..., httpx.Client]
FORM = """
<form data-relay action="{to}/forms/contact" method="post">
<p><label>Name <input name="name" autocomplete="name"></label></p>
<p><label>Email <input name="email" type="email" autocomplete="email" required></label></p>
<p><label>Message <textarea name="message"></textarea></label></p>
<p><button>Send</button></p>
</form>
"""
SCRIPT = '<script src="{to}/relay.js" defer></script>'
WATCH = """
window.events = [];
for (const name of ["sent", "failed"])
  addEventListener("relay:" + name, (event) => events.push([name, event.detail]));
"""
THANKS = "Your message has arrived. We will get back to you soon."
EXPECTED = (
    "413",
    "422",
    "429",
    "503",
    "ERR_",
    "blocked by CORS policy",
    "Content Security Policy",
    "violates the following",
)
"""What Chromium writes to the console about answers that a test asks for."""

pytestmark = [
    pytest.mark.slow,
    needs_chromium,
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 600, "height": 700}, **getattr(request, "param", {}))
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page; what its scripts throw fails the test, and so does what Chromium complains of unasked."""
    opened = context.new_page()
    opened.add_init_script(WATCH)
    opened.set_default_timeout(10_000)
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(f"thrown: {error}"))
    yield opened
    assert [text for text in complaints if not any(one in text for one in EXPECTED)] == []


@pytest.fixture(scope="module")
def site() -> Iterator[Website]:
    with website() as found:
        yield found


@pytest.fixture
def box(relay: Start) -> Iterator[Middlebox]:
    """In front of a relay that takes the same content twice, unless it is told that it is the same."""
    with middlebox(str(relay(repeat_window_minutes=0.000001, max_body_bytes=20_000_000).base_url)) as found:
        yield found


def opened(page: Page, site: Website, to: str, form: str = FORM, **headers: str) -> None:
    page.goto(site.put(form.format(to=to), head=SCRIPT.format(to=to), **headers))


def fill(page: Page, **values: str) -> None:
    for label, value in {"Name": "Ada Lovelace", "Email": "ada@example.com", "Message": "Hello", **values}.items():
        page.get_by_label(label).fill(value)


def send(page: Page, **values: str) -> None:
    fill(page, **values)
    page.get_by_role("button", name="Send").click()


def is_sent(page: Page) -> None:
    expect(page.get_by_role("status")).to_have_text(THANKS, timeout=15_000)


def leads(folder: Path) -> int:
    return len(stored(folder, "SELECT id FROM leads"))


def events(page: Page) -> list[Any]:
    found: list[Any] = page.evaluate("events")
    return found


class TestSending:
    @pytest.mark.parametrize("context", [{"java_script_enabled": False}], indirect=True)
    def test_without_javascript_the_form_is_posted_plainly(
        self, page: Page, site: Website, box: Middlebox, tmp_path: Path
    ) -> None:
        opened(page, site, box.address)
        send(page)

        expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
        assert leads(tmp_path) == 1

    def test_the_visitor_stays_on_the_page_and_is_thanked(
        self, page: Page, site: Website, box: Middlebox, tmp_path: Path
    ) -> None:
        opened(page, site, box.address)
        send(page)

        is_sent(page)
        expect(page.get_by_role("status")).to_be_focused()
        expect(page.get_by_label("Email")).to_have_value("")
        look(page, "relay-js-sent")
        assert page.url == f"{site.address}/"
        assert leads(tmp_path) == 1
        [[name, detail]] = events(page)
        assert (name, detail["ok"], detail["message"]) == ("sent", True, THANKS)
        assert stored(tmp_path, "SELECT id FROM submissions") == [(detail["receipt"],)]

    def test_native_validation_comes_first(self, page: Page, site: Website, box: Middlebox) -> None:
        opened(page, site, box.address)
        send(page, Email="ada")

        expect(page.get_by_label("Email")).to_be_focused()
        assert box.posts == 0

    @pytest.mark.parametrize("also", ["", SCRIPT])
    def test_a_double_click_sends_once(
        self, page: Page, site: Website, box: Middlebox, tmp_path: Path, also: str
    ) -> None:
        """Also where the script is on the page twice."""
        box.next = ["slow"]
        opened(page, site, box.address, FORM + also)
        fill(page)
        button = page.get_by_role("button", name="Send")
        button.dblclick()
        expect(button).to_have_attribute("aria-busy", "true")
        button.click()

        is_sent(page)
        expect(button).to_have_attribute("aria-busy", "false")
        assert (box.posts, leads(tmp_path)) == (1, 1)

    def test_keys_alone_are_enough(self, page: Page, site: Website, box: Middlebox, tmp_path: Path) -> None:
        opened(page, site, box.address)
        for text in ("Mary Shelley", "mary@example", "Hello"):
            page.keyboard.press("Tab")
            page.keyboard.type(text)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_label("Email")).to_be_focused()
        page.keyboard.press("End")
        page.keyboard.type(".com")
        page.keyboard.press("Enter")

        is_sent(page)
        assert leads(tmp_path) == 1

    def test_a_form_that_comes_later_is_sent_as_well(self, page: Page, site: Website, box: Middlebox) -> None:
        opened(page, site, box.address, "<div id='app'></div>")
        page.evaluate("html => document.getElementById('app').innerHTML = html", FORM.format(to=box.address))
        send(page)

        is_sent(page)

    def test_a_strict_policy_of_the_page_is_enough(self, page: Page, site: Website, box: Middlebox) -> None:
        policy = f"default-src 'none'; img-src data:; script-src {box.address}; connect-src {box.address}"
        opened(page, site, box.address, Content_Security_Policy=f"{policy}; form-action {box.address}")
        send(page, Email="ada@example")
        expect(page.locator(".relay-error")).to_be_visible()
        page.get_by_label("Email").fill("ada@example.com")
        page.get_by_role("button", name="Send").click()

        expect(page.get_by_role("status")).to_have_text(THANKS)
        assert page.url == f"{site.address}/"

    def test_a_frame_without_an_origin_of_its_own_may_send_and_store_nothing(
        self, page: Page, site: Website, box: Middlebox, tmp_path: Path
    ) -> None:
        box.next = ["cut"]
        site.put(FORM.format(to=box.address), "/framed", head=SCRIPT.format(to=box.address))
        page.goto(site.put('<iframe title="Form" src="/framed" sandbox="allow-scripts allow-forms"></iframe>'))
        frame = page.frame_locator("iframe")
        frame.get_by_label("Email").fill("ada@example.com")
        frame.get_by_role("button", name="Send").click()

        expect(frame.get_by_role("status")).to_have_text(THANKS, timeout=15_000)
        assert (box.posts, box.origin, leads(tmp_path)) == (2, "null", 1)

    def test_the_button_that_was_pressed_is_told(self, page: Page, site: Website, box: Middlebox) -> None:
        opened(page, site, box.address, FORM.replace("<button>", '<button name="way" value="by-mail">'))
        with page.expect_request(lambda request: request.method == "POST") as posted:
            send(page)

        assert "by-mail" in (posted.value.post_data or "")
        is_sent(page)


class TestWhatIsWrong:
    def test_it_is_said_beside_the_field_and_what_was_typed_stays(
        self, page: Page, site: Website, box: Middlebox, tmp_path: Path
    ) -> None:
        opened(page, site, box.address)
        send(page, Email="ada@example", Message="First\nSecond")
        field = page.get_by_label("Email")

        expect(field).to_be_focused()
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_accessible_description(page.locator(".relay-error").inner_text())
        expect(page.locator("p:has(> label) .relay-error")).to_contain_text("does not look like an e-mail address")
        expect(page.get_by_role("status")).to_have_text("Please check the form")
        expect(page.get_by_label("Message")).to_have_value("First\nSecond")
        look(page, "relay-js-wrong")
        assert [name for name, _ in events(page)] == ["failed"]
        field.fill("ada@example.com")
        expect(page.locator(".relay-error")).to_have_count(0)
        expect(field).not_to_have_attribute("aria-invalid", "true")
        page.get_by_role("button", name="Send").click()
        is_sent(page)
        assert leads(tmp_path) == 1

    def test_what_is_about_no_field_of_the_form_is_said_below(self, page: Page, site: Website, box: Middlebox) -> None:
        opened(page, site, box.address, FORM.replace('name="email" type="email" autocomplete="email" required', ""))
        send(page)

        expect(page.get_by_role("status")).to_contain_text("Please give an e-mail address")
        expect(page.get_by_role("status")).to_be_focused()

    @pytest.mark.parametrize(("context", "chosen"), [({"locale": "de-DE"}, ""), ({}, "?lang=de")], indirect=["context"])
    def test_it_is_said_in_the_visitors_language_or_in_one_that_the_form_chooses(
        self, page: Page, site: Website, box: Middlebox, chosen: str
    ) -> None:
        box.next = ["busy"]
        opened(page, site, box.address, FORM.replace("/contact", f"/contact{chosen}"))
        send(page)

        expect(page.get_by_role("status")).to_have_text("Das hat noch nicht geklappt. Es wird noch einmal versucht…")
        expect(page.get_by_role("status")).to_contain_text("Ihre Nachricht ist angekommen.")

    def test_after_giving_up_what_was_typed_stays_and_can_be_sent_again(
        self, page: Page, site: Website, box: Middlebox, tmp_path: Path
    ) -> None:
        box.next = ["away"]
        opened(page, site, box.address)
        send(page)

        expect(page.get_by_role("status")).to_have_text("This could not be sent. Please try again.")
        expect(page.get_by_role("status")).to_be_focused()
        expect(page.get_by_label("Message")).to_have_value("Hello")
        look(page, "relay-js-gave-up")
        page.get_by_role("button", name="Send").click()
        is_sent(page)
        assert leads(tmp_path) == 1


class TestOverBadConnections:
    def test_offline_then_online(
        self, page: Page, context: BrowserContext, site: Website, box: Middlebox, tmp_path: Path
    ) -> None:
        opened(page, site, box.address)
        fill(page)
        context.set_offline(True)
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("status")).to_contain_text("You are offline.")
        look(page, "relay-js-offline")
        context.set_offline(False)

        is_sent(page)
        assert leads(tmp_path) == 1

    def test_an_answer_that_gets_lost_doubles_nothing(
        self, page: Page, site: Website, box: Middlebox, tmp_path: Path
    ) -> None:
        box.next = ["cut"]
        opened(page, site, box.address)
        send(page)

        is_sent(page)
        assert (box.posts, leads(tmp_path)) == (2, 1)

    def test_too_many_requests_are_waited_out_as_long_as_is_asked_for(
        self, page: Page, site: Website, box: Middlebox, tmp_path: Path
    ) -> None:
        box.next = ["busy", "busy"]
        opened(page, site, box.address)
        send(page)

        expect(page.get_by_role("status")).to_contain_text("being tried again")
        look(page, "relay-js-again")
        is_sent(page)
        assert (box.posts, leads(tmp_path)) == (3, 1)

    def test_a_relay_that_is_down_is_waited_for(
        self, page: Page, site: Website, sandbox: SandboxClient, tmp_path: Path
    ) -> None:
        """Not even the words could be had, so that they are English at first."""
        port = free_port()
        to = f"http://127.0.0.1:{port}"
        with served(application(sandbox, tmp_path), port):
            opened(page, site, to)
        send(page)
        expect(page.get_by_role("status")).to_have_text("Trying again…")
        with served(application(sandbox, tmp_path), port):
            is_sent(page)
        assert leads(tmp_path) == 1

    def test_after_a_reload_the_same_again_is_no_second_one(
        self, page: Page, site: Website, box: Middlebox, tmp_path: Path
    ) -> None:
        box.next = ["cut", "busy", "busy"]
        opened(page, site, box.address)
        page.on("dialog", lambda dialog: dialog.accept())
        send(page)
        expect(page.get_by_role("status")).to_contain_text("being tried again")
        page.reload()
        box.next = []
        send(page)

        is_sent(page)
        assert leads(tmp_path) == 1

    def test_leaving_while_it_is_not_sent_yet_is_asked_about(self, page: Page, site: Website, box: Middlebox) -> None:
        box.next = ["busy"]
        opened(page, site, box.address)
        asked: list[str] = []

        def leave(dialog: Any) -> None:
            asked.append(dialog.type)
            dialog.accept()

        page.on("dialog", leave)
        send(page)
        expect(page.get_by_role("status")).to_contain_text("being tried again")
        page.reload()
        assert asked == ["beforeunload"]
        send(page)
        is_sent(page)
        page.reload()
        assert asked == ["beforeunload"]


class TestThePlainWay:
    def test_it_is_taken_where_the_pages_policy_lets_no_script_through(
        self, page: Page, site: Website, box: Middlebox, tmp_path: Path
    ) -> None:
        opened(page, site, box.address, Content_Security_Policy="connect-src 'self'")
        send(page)

        expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
        assert leads(tmp_path) == 1

    def test_it_is_taken_where_answers_cannot_be_read_and_doubles_nothing(
        self, page: Page, site: Website, box: Middlebox, tmp_path: Path
    ) -> None:
        box.next = ["private", "private"]
        opened(page, site, box.address, FORM.replace("<button>", '<button name="way" value="by-mail">'))
        send(page)

        expect(page.get_by_role("heading", name="Thank you")).to_be_visible(timeout=15_000)
        assert (box.posts, leads(tmp_path)) == (3, 1)

    def test_after_going_back_it_can_be_sent_again(
        self, page: Page, site: Website, box: Middlebox, tmp_path: Path
    ) -> None:
        opened(page, site, box.address, Content_Security_Policy="connect-src 'self'")
        send(page)
        expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
        page.go_back()
        send(page, Message="And one more thing")

        expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
        assert leads(tmp_path) == 2


class TestWhatASiteCanSay:
    def test_where_to_go_on_to_and_back_again(self, page: Page, site: Website, box: Middlebox, tmp_path: Path) -> None:
        """The very same again is taken for a repeat, something else is not."""
        site.put("<p>Danke</p>", "/danke")
        opened(page, site, box.address, FORM.replace("data-relay", 'data-relay data-relay-redirect="/danke"'))
        for message, count in (("Hello", 1), ("Hello", 1), ("And one more thing", 2)):
            send(page, Message=message)
            page.wait_for_url("**/danke")
            assert leads(tmp_path) == count
            page.go_back()
            expect(page.get_by_role("button", name="Send")).not_to_have_attribute("aria-busy", "true")

    @pytest.mark.parametrize(("stays", "path"), [(False, "/danke"), (True, "/")])
    def test_the_redirect_of_relay_toml_is_followed_unless_the_site_says_otherwise(
        self, page: Page, site: Website, relay: Start, stays: bool, path: str
    ) -> None:
        site.put("<p>Danke</p>", "/danke")
        to = str(relay(f'[forms.contact]\nredirect = "{site.address}/danke"\n').base_url)
        form = FORM.replace("data-relay", 'data-relay data-relay-redirect=""') if stays else FORM
        opened(page, site, to, form)
        send(page)

        page.wait_for_url(f"**{path}")
        if stays:
            is_sent(page)

    def test_words_of_its_own(self, page: Page, site: Website, box: Middlebox) -> None:
        box.next = ["slow"]
        own = 'data-relay data-relay-sending="One moment" data-relay-thanks="See you!"'
        opened(page, site, box.address, FORM.replace("data-relay", own))
        send(page)

        expect(page.get_by_role("status")).to_have_text("One moment")
        expect(page.get_by_role("status")).to_have_text("See you!")

    def test_that_it_shows_by_itself_what_became_of_it(self, page: Page, site: Website, box: Middlebox) -> None:
        opened(page, site, box.address)
        page.evaluate("['sent', 'failed'].map(on => addEventListener('relay:' + on, event => event.preventDefault()))")
        send(page, Email="ada@example")
        expect(page.locator("form")).to_have_attribute("data-relay-state", "failed")
        expect(page.locator(".relay-error")).to_have_count(0)
        send(page)

        expect(page.locator("form")).to_have_attribute("data-relay-state", "sent")
        expect(page.get_by_role("status")).to_have_text("")
        expect(page.get_by_label("Email")).to_have_value("ada@example.com")

    def test_that_it_is_not_to_be_sent(self, page: Page, site: Website, box: Middlebox) -> None:
        opened(page, site, box.address)
        page.evaluate("document.forms[0].addEventListener('submit', event => event.preventDefault())")
        send(page)
        page.wait_for_timeout(300)

        assert (box.posts, events(page)) == (0, [])


class TestUploads:
    FORM = FORM.replace("<form", '<form enctype="multipart/form-data"').replace(
        "<p><button>", '<p><label>File <input type="file" name="file" multiple></label></p><p><button>'
    )

    def test_how_much_is_through_is_shown(
        self, page: Page, context: BrowserContext, site: Website, box: Middlebox, tmp_path: Path
    ) -> None:
        opened(page, site, box.address, self.FORM)
        network = context.new_cdp_session(page)
        limits = {"offline": False, "latency": 5, "downloadThroughput": -1, "uploadThroughput": 3_000_000}
        network.send("Network.emulateNetworkConditions", limits)
        payload = b"%PDF-1.7\n" + os.urandom(5_000_000)
        page.get_by_label("File").set_input_files(
            {"name": "plan.pdf", "mimeType": "application/pdf", "buffer": payload}
        )
        send(page)
        bar = page.get_by_role("progressbar", name="Sending…")
        eventually(lambda: 0.2 < bar.evaluate("bar => bar.value") < 1, "some of it is through")
        look(page, "relay-js-upload")

        is_sent(page)
        expect(bar).to_have_count(0)
        assert stored(tmp_path, "SELECT sha256 FROM attachments") == [(sha256(payload).hexdigest(),)]

    def test_one_that_is_too_large_is_said_to_be_so(
        self, page: Page, site: Website, relay: Start, tmp_path: Path
    ) -> None:
        opened(page, site, str(relay(max_body_bytes=2_000_000).base_url), self.FORM)
        (tmp_path / "plan.pdf").write_bytes(b"%PDF-1.7\n" + os.urandom(20_000_000))
        page.get_by_label("File").set_input_files(tmp_path / "plan.pdf")
        send(page)

        expect(page.get_by_text("This file is too large.")).to_be_visible(timeout=20_000)
        expect(page.get_by_label("Message")).to_have_value("Hello")
        assert leads(tmp_path) == 0

    def test_no_file_is_no_upload(self, page: Page, site: Website, box: Middlebox) -> None:
        box.next = ["slow"]
        opened(page, site, box.address, self.FORM)
        send(page)

        expect(page.get_by_role("progressbar")).to_have_count(0)
        is_sent(page)


class TestTheStart:
    START = """{"stamp": "a-stamp", "words": {},
        "captcha": {"provider": "altcha", "script": "/static/altcha.js", "challenge": {"salt": "s"}}}"""
    SOLVER = "window.relayAltcha = async (challenge) => 'solved ' + challenge.salt + ' ' + ++window.times; times = 0"

    def test_the_stamp_and_the_captchas_solution_are_sent_along(
        self, page: Page, site: Website, box: Middlebox
    ) -> None:
        """Each post has a solution of its own, as none counts twice."""

        def start(route: Route) -> None:
            route.fulfill(body=self.START, headers={"Access-Control-Allow-Origin": "*"})

        page.route("**/start", start)
        page.route("**/altcha.js", lambda route: route.fulfill(body=self.SOLVER, content_type="text/javascript"))
        opened(page, site, box.address)
        for email, solution in (("ada@example", "solved s 1"), ("ada@example.com", "solved s 2")):
            fill(page, Email=email)
            eventually(lambda: page.evaluate("window.times") == int(solution[-1]), "the captcha is solved")  # noqa: B023
            with page.expect_request(lambda request: request.method == "POST") as posted:
                page.get_by_role("button", name="Send").click()
            body = posted.value.post_data or ""
            assert (solution in body, body.count("a-stamp")) == (True, 1)
            expect(page.get_by_role("button", name="Send")).to_have_attribute("aria-busy", "false")

        is_sent(page)

    def test_the_relays_own_captcha_is_solved_for_each_try_that_needs_it(
        self, page: Page, site: Website, relay: Start, tmp_path: Path
    ) -> None:
        """After a mistake anew; not after an answer that got lost, as that was for the same enquiry."""
        to = str(relay('[forms.contact]\ncaptcha = "altcha"\n', repeat_window_minutes=0.000001).base_url)
        with middlebox(to) as between:
            between.next = ["pass", "cut"]
            opened(page, site, between.address)
            send(page, Email="ada@example")
            expect(page.locator(".relay-error")).to_be_visible(timeout=15_000)
            page.get_by_label("Email").fill("ada@example.com")
            page.get_by_role("button", name="Send").click()
            is_sent(page)

        assert between.posts == 3
        assert stored(tmp_path, "SELECT reason FROM leads") == [("",)]

    def test_a_captcha_that_cannot_be_loaded_holds_nobody_up(self, page: Page, site: Website, box: Middlebox) -> None:
        page.route(
            "**/start", lambda route: route.fulfill(body=self.START, headers={"Access-Control-Allow-Origin": "*"})
        )
        page.route("**/altcha.js", lambda route: route.abort())
        opened(page, site, box.address)
        send(page)

        expect(page.get_by_role("status")).to_have_text(THANKS)

    def test_without_it_the_form_is_sent_all_the_same(self, page: Page, site: Website, box: Middlebox) -> None:
        """And it is not asked for with every key that is pressed."""
        asked: list[str] = []

        def nothing(route: Route) -> None:
            asked.append(route.request.url)
            route.fulfill(body="<h1>", headers={"Access-Control-Allow-Origin": "*"})

        page.route("**/start", nothing)
        opened(page, site, box.address)
        send(page)

        is_sent(page)
        assert asked == [f"{box.address}/forms/contact/start"]


def application(sandbox: SandboxClient, folder: Path) -> Any:
    settings = load_settings(
        agencyhandy_api_key=DEMO_KEY,
        agencyhandy_base_url=sandbox.address,
        database_url=f"sqlite+aiosqlite:///{folder}/relay.db",
    )
    return create_app(settings, load_relay_config(DEMO_TOML, {}))

"""Visitors' pages in a real browser: every language, every width, by keyboard, in a frame, and back again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from app.intake.language import language, languages
from tests.browsing import LOOKS, chromium, look, needs_chromium
from tests.running import SandboxClient, eventually, free_port, served, started, stored

pytestmark = [
    pytest.mark.slow,
    needs_chromium,
]
Start = Callable[..., httpx.Client]
LONG = "Donaudampfschifffahrtsgesellschaftskapitänswitwenrentenauszahlungsstelle"
TOML = f"""
site = "Müller & Söhne, Werkstatt für alles, was sich dreht"
color = "#ffd400"
logo = "SITE/logo.svg"

[forms.contact]

[forms.brief]
title = "Tell us about your project"
intro = "We answer within a day."
color = "#7a1f5c"
allowed_origins = ["SITE"]
fields = [
  {{ name = "name", label = "Your name", required = true }},
  {{ name = "email", type = "email", required = true, help = "We never pass it on." }},
  {{ name = "phone", type = "tel", placeholder = "+44 20 7946 0958" }},
  {{ name = "budget", type = "select", options = ["under 5,000", "5,000 or more", "{LONG}"], required = true }},
  {{ name = "how", label = "How did you hear of us?", type = "radio", options = ["a friend", "the web"] }},
  {{ name = "start", label = "{LONG} {LONG}?", type = "date" }},
  {{ name = "pages", label = "How many pages?", type = "number" }},
  {{ name = "website", type = "url" }},
  {{ name = "sketch", label = "A sketch", type = "file" }},
  {{ name = "message", label = "What is it about?", type = "textarea", required = true }},
  {{ name = "agree", label = "You may call me, and keep what I wrote.", type = "checkbox", required = true }},
]
"""
LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 80 20"><rect width="80" height="20" fill="#7a1f5c"/></svg>'


@contextmanager
def website(port: int, relay: list[str]) -> Iterator[None]:
    """A site of the visitor's: a logo, and a page with a frame of the relay's form that its query names."""

    async def logo(_: Request) -> Response:
        return Response(LOGO, media_type="image/svg+xml")

    async def framing(request: Request) -> Response:
        source = f"{relay[0]}/forms/{request.query_params['form']}?embed"
        frame = f'<iframe title="Form" width="400" height="900" src="{source}"></iframe>'
        return HTMLResponse(f'<title>A site</title><link rel="icon" href="data:,">{frame}')

    with served(Starlette(routes=[Route("/logo.svg", logo), Route("/page", framing)]), port):
        yield


@pytest.fixture(scope="module")
def site(_sandbox: SandboxClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, Path]]:
    """A relay with TOML, a website whose forms are there, and the relay's folder."""
    folder = tmp_path_factory.mktemp("browser")
    toml, port, relay = folder / "relay.toml", free_port(), [""]
    toml.write_text(TOML.replace("SITE", f"http://127.0.0.1:{port}"), encoding="utf-8")
    with ExitStack() as stack:
        relay[0] = str(started(stack, _sandbox, folder, toml).base_url).rstrip("/")
        stack.enter_context(website(port, relay))
        yield relay[0], f"127.0.0.1:{port}", folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page in a look and a language; anything that the browser complains of fails the test."""
    with ExitStack() as stack:
        complaints: list[str] = []

        def start(name: str = "light", locale: str = "en", *, script: bool = True, expected: str = "404") -> Page:
            scheme, width, height = LOOKS[name]
            context = browser.new_context(
                color_scheme=scheme,
                viewport={"width": width, "height": height},
                locale=locale,
                java_script_enabled=script,
                reduced_motion="reduce",
            )
            stack.callback(context.close)
            page = context.new_page()
            page.on(
                "console",
                lambda said: (
                    complaints.append(said.text)
                    if said.type == "error" and not any(one in said.text for one in ("422", expected))
                    else None
                ),
            )
            page.on("pageerror", lambda error: complaints.append(str(error)))
            return page

        yield start
        assert complaints == []


def fill(page: Page | FrameLocator, email: str = "ada@example.com") -> None:
    """Fills in the brief, and leaves out what is optional."""
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Budget").select_option("5,000 or more")
    page.get_by_label("the web").check()
    page.get_by_label("What is it about?").fill("An analytical engine.\nTwo lines.")
    page.get_by_label("You may call me").check()


@pytest.mark.parametrize("name", LOOKS)
def test_the_forms_own_page_is_filled_in_mended_and_sent(
    site: tuple[str, str, Path], open_page: Callable[..., Page], name: str
) -> None:
    page = open_page(name)
    page.goto(f"{site[0]}/forms/brief")
    assert page.evaluate("document.querySelector('img').naturalWidth") > 0
    look(page, "brief")
    page.get_by_role("button", name="Send").click()
    expect(page).to_have_title(re.compile("^Error: Please check the form"))
    expect(page.get_by_role("alert")).to_be_focused()
    look(page, "brief-mend")
    links = page.get_by_role("alert").get_by_role("link")
    expect(links).to_have_count(5)
    for number in range(5):
        links.nth(number).click()
        expect(page.locator(links.nth(number).get_attribute("href") or "")).to_be_focused()
    fill(page, f"{name}@example")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_label("E-mail")).to_be_focused()
    expect(page.get_by_label("What is it about?")).to_have_value("An analytical engine.\nTwo lines.")
    expect(page.get_by_label("the web")).to_be_checked()
    expect(page.get_by_label("You may call me")).to_be_checked()
    expect(page.get_by_label("Budget")).to_have_value("5,000 or more")
    look(page, "brief-mend-one")
    page.get_by_label("E-mail").fill(f"{name}@example.com")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    look(page, "brief-thanks")
    sent = "SELECT state FROM leads WHERE email = ?"
    assert eventually(lambda: stored(site[2], sent, f"{name}@example.com"), "the lead is there")


@pytest.mark.parametrize("tag", languages())
def test_every_language_has_its_pages(site: tuple[str, str, Path], open_page: Callable[..., Page], tag: str) -> None:
    page, say = open_page("phone", tag), language(tag)
    page.goto(f"{site[0]}/forms/contact")
    look(page, f"language-{tag}-form")
    page.get_by_label(say("Name")).fill("Ada")
    page.get_by_role("button", name=say("Send")).click()
    expect(page.get_by_role("alert")).to_contain_text(say("Nothing was sent yet"))
    look(page, f"language-{tag}-mend")
    page.get_by_label(say("E-mail")).fill(f"{tag}@example.com")
    page.get_by_role("button", name=say("Send")).click()
    expect(page.get_by_role("heading", name=say("Thank you"))).to_be_visible()
    look(page, f"language-{tag}-thanks")
    page.get_by_role("link", name=say("Back")).click()
    expect(page.get_by_role("heading", name=say("Contact"))).to_be_visible()
    page.goto(f"{site[0]}/forms/nobody")
    look(page, f"language-{tag}-error")


@pytest.mark.parametrize("tag", ["ar", "he", "en"])
def test_right_to_left_is_mirrored(site: tuple[str, str, Path], open_page: Callable[..., Page], tag: str) -> None:
    page = open_page("light", tag)
    page.goto(f"{site[0]}/forms/contact")
    button = page.get_by_role("button").bounding_box()
    field = page.get_by_role("textbox").first.bounding_box()
    label = page.locator("label bdi").first.bounding_box()
    assert button
    assert field
    assert label
    is_mirrored = tag != "en"
    starts = [round(one["x"] + one["width"] if is_mirrored else one["x"]) for one in (button, field, label)]
    assert max(starts) - min(starts) <= 1
    assert button["width"] < field["width"] / 2


def test_keys_alone_are_enough(site: tuple[str, str, Path], open_page: Callable[..., Page]) -> None:
    page = open_page("light")
    page.goto(f"{site[0]}/forms/brief")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Your name")).to_be_focused()
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.type("Mary Shelley")
    page.keyboard.press("Tab")
    page.keyboard.type("mary@example.com")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("the web")).to_be_checked()
    page.get_by_label("What is it about?").focus()
    page.keyboard.type("Hello")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Send")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()


def test_the_back_button_keeps_what_was_typed(site: tuple[str, str, Path], open_page: Callable[..., Page]) -> None:
    page = open_page("light")
    page.goto(f"{site[0]}/forms/brief")
    fill(page, "nobody@example")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Your name")).to_have_value("Ada Lovelace")
    expect(page.get_by_label("What is it about?")).to_have_value("An analytical engine.\nTwo lines.")
    expect(page.get_by_label("the web")).to_be_checked()


def test_no_script_is_needed(site: tuple[str, str, Path], open_page: Callable[..., Page]) -> None:
    page = open_page("phone", script=False)
    page.goto(f"{site[0]}/forms/contact")
    page.get_by_label("E-mail").fill("noscript@example")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_label("E-mail")).to_be_focused()
    page.get_by_label("E-mail").fill("noscript@example.com")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()


def test_a_frame_on_the_sites_own_page_shows_and_sends_the_form(
    site: tuple[str, str, Path], open_page: Callable[..., Page]
) -> None:
    page = open_page("light", expected="Blocked autofocusing")
    page.goto(f"http://{site[1]}/page?form=brief")
    frame = page.frame_locator("iframe")
    fill(frame, "framed@example")
    frame.get_by_role("button", name="Send").click()
    expect(frame.get_by_role("alert")).to_be_visible()
    frame.get_by_label("E-mail").fill("framed@example.com")
    frame.get_by_role("button", name="Send").click()
    expect(frame.get_by_role("heading", name="Thank you")).to_be_visible()
    assert page.url == f"http://{site[1]}/page?form=brief"


def test_a_frame_on_a_foreign_page_shows_nothing(site: tuple[str, str, Path], open_page: Callable[..., Page]) -> None:
    page = open_page("light", expected="frame-ancestors")
    foreign = site[1].replace("127.0.0.1", "localhost")
    page.goto(f"http://{foreign}/page?form=brief")
    expect(page.frame_locator("iframe").get_by_role("button", name="Send")).to_have_count(0)
    page.goto(f"http://{foreign}/page?form=contact")
    expect(page.frame_locator("iframe").get_by_role("button", name="Send")).to_have_count(1)


@pytest.mark.parametrize("name", LOOKS)
def test_in_a_frame_nothing_stands_around_the_form(
    site: tuple[str, str, Path], open_page: Callable[..., Page], name: str
) -> None:
    page = open_page(name)
    page.goto(f"{site[0]}/forms/contact?embed&lang=ar")
    box = page.locator("h1").bounding_box()
    assert box
    assert box["y"] == 0
    look(page, "embedded")


def test_what_may_be_touched_is_large_enough(site: tuple[str, str, Path], open_page: Callable[..., Page]) -> None:
    """WCAG 2.2, 2.5.8 asks for 24 px; controls have 44, as a thumb likes it."""
    page = open_page("phone")
    page.goto(f"{site[0]}/forms/brief")
    for one in page.locator("input:not([type=hidden]):not(.trap input), select, textarea, button").all():
        box = one.bounding_box()
        is_box = one.get_attribute("type") in {"radio", "checkbox"}
        assert box
        assert box["height"] >= (20 if is_box else 44)
    for one in page.locator("label.choice").all():
        box = one.bounding_box()
        assert box
        assert box["height"] >= 24


def test_nothing_moves_for_who_wants_no_motion(site: tuple[str, str, Path], open_page: Callable[..., Page]) -> None:
    page = open_page("light")
    page.goto(f"{site[0]}/forms/contact")
    assert page.evaluate("getComputedStyle(document.querySelector('button')).transitionDuration") == "0s"

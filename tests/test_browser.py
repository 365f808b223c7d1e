"""The demo in a real browser: Debian's Chromium, driven by Playwright. Screenshots go to .ci/screenshots."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from app.config.relay_toml import load_relay_config
from app.config.settings import load_settings
from app.main import create_app
from tests.browsing import LOOKS, chromium, look, needs_chromium
from tests.running import DEMO_TOML, SandboxClient, eventually, served

pytestmark = [
    pytest.mark.slow,
    needs_chromium,
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(params=LOOKS)
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page in each look; anything that the browser complains of fails the test."""
    scheme, width, height = LOOKS[request.param]
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": height})
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    asked_for = ("422", "status of 404 (Not Found)") if "nothing" in request.node.name else ("422",)
    assert [text for text in complaints if not any(one in text for one in asked_for)] == []


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[str]:
    """What `make run` serves."""
    settings = load_settings(database_url=f"sqlite+aiosqlite:///{tmp_path}/relay.db", relay_config=DEMO_TOML)
    with served(create_app(settings, load_relay_config(DEMO_TOML, {}))) as address:
        yield address


def test_somebody_sends_the_demos_form_and_sees_the_lead_delivered(page: Page, demo: str) -> None:
    page.goto(demo)
    look(page, "home-empty")
    page.get_by_label("Name").fill("Ada Lovelace")
    page.get_by_label("E-mail").fill("ada@example.com")
    page.get_by_label("Phone").fill("+44 20 7946 0958")
    page.get_by_label("Message").fill("We need a website for an analytical engine.")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    look(page, "thanks")
    eventually(lambda: "delivered" in httpx.get(demo).text, "the lead is delivered")
    page.get_by_role("link", name="Back").click()
    expect(page.get_by_role("cell", name="Ada Lovelace")).to_be_visible()
    expect(page.get_by_role("cell", name="delivered")).to_be_visible()
    look(page, "home")


def test_a_mistyped_address_is_mended_without_typing_the_rest_again(page: Page, demo: str) -> None:
    page.goto(demo)
    page.get_by_label("Name").fill("Grace Hopper")
    page.get_by_label("E-mail").fill("grace@example")
    page.get_by_label("Message").fill("First line\nSecond line")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Nothing was sent yet")).to_be_visible()
    expect(page.get_by_label("Message")).to_have_value("First line\nSecond line")
    expect(page.get_by_label("E-mail")).to_be_focused()
    look(page, "mend")
    page.get_by_label("E-mail").fill("grace@example.com")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    sandbox = SandboxClient(f"{demo}/sandbox")
    assert eventually(sandbox.emails, "the lead arrives") == ["grace@example.com"]
    sandbox.close()


@pytest.mark.parametrize("path", ["/forms/contact", "/forms/nothing", "/sandbox/"])
def test_every_page_fits_its_window(page: Page, demo: str, path: str) -> None:
    page.goto(f"{demo}{path}")
    look(page, path.strip("/").replace("/", "-"))


def test_keys_alone_are_enough(page: Page, demo: str) -> None:
    page.goto(demo)
    page.get_by_label("Name").focus()
    for text in ("Mary Shelley", "mary@example.com", "", "Hello"):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()

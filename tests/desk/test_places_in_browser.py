"""The desk's endpoints and playground in a real browser: by keyboard, on a phone, in the dark, with axe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Page, expect

from tests.browsing import LOOKS, chromium, look, says
from tests.desk.conftest import PASSWORD
from tests.desk.test_places import BODY, TOML
from tests.running import SandboxClient, started

pytestmark = pytest.mark.slow
LONG = "".join(
    f"[hooks.{name}]\nsource = 'tally'\nopen = true\n"
    for name in (
        "a-hook-with-a-name-that-is-as-long-as-names-may-be-and-wraps",
        "ahookwhosenameisaslongbuthasnoplacetowrap",
    )
)


@pytest.fixture(scope="module")
def page(_sandbox: SandboxClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A browser in which the admin has logged in, in front of a relay of this module's own."""
    folder = tmp_path_factory.mktemp("places")
    toml = folder / "relay.toml"
    toml.write_text(TOML + LONG, encoding="utf-8")
    with ExitStack() as stack:
        client = started(stack, _sandbox, folder, toml, desk_password=PASSWORD)
        client.post("/hooks/elsewhere", json={"email": "ada@example.com"})
        client.post("/hooks/shop", json={"email": "ada@example.com"})
        client.post("/hooks/zaps", content=BODY, headers={"content-type": "application/json"})
        browser = stack.enter_context(chromium())
        context = browser.new_context(base_url=str(client.base_url), permissions=["clipboard-read", "clipboard-write"])
        page = context.new_page()
        page.goto("/desk/login")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        yield page


def in_each_look(page: Page, name: str) -> None:
    for scheme, width, height in LOOKS.values():
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        look(page, name)
    page.set_viewport_size({"width": 1100, "height": 900})
    page.emulate_media(color_scheme="light")


def test_an_address_is_copied_and_a_test_is_sent(page: Page) -> None:
    page.goto("/desk")
    in_each_look(page, "desk-overview")
    page.goto("/desk/endpoints")
    in_each_look(page, "desk-endpoints")
    page.get_by_role("link", name="zaps", exact=True).click()
    page.get_by_role("button", name="Copy the address").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").endswith("/hooks/zaps")
    page.get_by_role("button", name="Send a test").press("Enter")
    says(page, "The test became a lead")
    in_each_look(page, "desk-hook")
    page.goto("/desk/endpoints/forms/contact")
    in_each_look(page, "desk-form")


def test_a_mapping_is_tried_while_it_is_typed(page: Page) -> None:
    page.goto("/desk/playground?endpoint=zaps")
    in_each_look(page, "desk-playground-empty")
    page.get_by_label("The request’s body").fill(BODY)
    expect(page.get_by_role("table")).to_contain_text("ada@example.com")
    page.get_by_label("Its mapping").fill('lastName = "note"')
    expect(page.locator("tr.changed").first).to_contain_text("Last name")
    page.get_by_role("button", name="requests too").click()
    expect(page.get_by_role("heading", name="On the last")).to_be_visible()
    in_each_look(page, "desk-playground")
    page.get_by_label("Its mapping").fill("lastName = ")
    expect(page.get_by_role("alert").filter(has_text="not TOML")).to_be_visible()

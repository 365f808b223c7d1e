"""A visitor's browser on the website, whose form leads to a proxy on another origin."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from playwright.sync_api import Page, expect
from starlette.responses import HTMLResponse

from tests.browsing import chromium, needs_chromium
from tests.proxies.conftest import Stand
from tests.running import eventually, served

pytestmark = [
    pytest.mark.slow,
    needs_chromium,
]

WEBSITE = """<!doctype html><title>A website</title><link rel="icon" href="data:,">
<form action="{action}" method="post"><input name="email" aria-label="E-mail"><button>Send</button></form>
<button id="fetch">Fetch</button> <output></output>
<script>
document.querySelector("#fetch").onclick = async () => {{
  const body = JSON.stringify({{email: document.querySelector("input").value}});
  const headers = {{"Content-Type": "application/json", "Idempotency-Key": "a-key"}};
  const answer = await fetch("{action}", {{method: "POST", headers, body}});
  const said = await answer.json();
  document.querySelector("output").textContent = answer.status + " " + (said.receipt ? "receipt" : said.errors.email);
}};
</script>"""


@pytest.fixture
def website(stand: Stand) -> Iterator[str]:
    site = FastAPI()
    site.get("/")(lambda: HTMLResponse(WEBSITE.format(action=f"{stand.address}/forms/anybodys")))
    with served(site) as address:
        yield address


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as running:
        yield running.new_context(ignore_https_errors=True).new_page()


def test_a_plain_form_and_a_script_reach_the_relay_from_another_origin(stand: Stand, website: str, page: Page) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(website)
    page.get_by_label("E-mail").fill("browser@example.com")
    page.get_by_role("button", name="Send").click()
    page.wait_for_url(f"{stand.address}/forms/anybodys/thanks")
    assert page.evaluate("document.styleSheets[0].cssRules.length") > 5

    page.goto(website)
    page.get_by_label("E-mail").fill("script@example.com")
    page.locator("#fetch").click()
    expect(page.locator("output")).to_have_text("200 receipt")
    assert complaints == []
    page.get_by_label("E-mail").fill("nobody")
    page.locator("#fetch").click()
    expect(page.locator("output")).to_contain_text("422 ")
    eventually(lambda: {"browser@example.com", "script@example.com"} <= set(stand.sandbox.emails()), "both arrive")

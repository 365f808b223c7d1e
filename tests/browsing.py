"""Debian's Chromium, driven by Playwright: how it looks, and whether everybody can use it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.running import ROOT

CHROMIUM = shutil.which("chromium")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium, which .ci/run installs")
"""Whoever has no browser can run the other tests; .ci/run takes no skip."""
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
SCREENSHOTS = ROOT / ".ci/screenshots"
LOOKS: dict[str, tuple[Literal["light", "dark"], int, int]] = {
    "light": ("light", 1100, 900),
    "dark": ("dark", 1100, 900),
    "phone": ("light", 320, 640),
    "dark-phone": ("dark", 320, 640),
}
"""The colours that a visitor's system asks for, and the window's width and height."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, until the block ends."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def look(page: Page, name: str) -> None:
    """Keeps a screenshot, and checks that nothing sticks out of the window and nobody is shut out."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    width = (page.viewport_size or {"width": 0})["width"]
    scheme = "dark" if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "light"
    page.screenshot(path=SCREENSHOTS / f"{name}-{width}-{scheme}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    accessible(page)


def says(page: Page, words: str) -> None:
    """Waits until a message on the page says so, whatever other one is there beside it."""
    expect(page.get_by_role("status").filter(has_text=words)).to_be_visible()


def accessible(page: Page) -> None:
    """axe finds nothing: WCAG 2.2 AA, and the practices that it holds for the best."""
    script = "true" if page.evaluate("'axe' in window") else AXE_SCRIPT  # half a megabyte, once for a page
    found = Axe(script).run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()

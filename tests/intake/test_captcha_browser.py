"""Captchas in a real browser: the hosted page of a form with each of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.intake.spam import vendors
from tests.browsing import accessible, chromium, needs_chromium
from tests.intake.captcha_services import SECRET, Services
from tests.running import SandboxClient, served, started, stored

pytestmark = [
    pytest.mark.slow,
    needs_chromium,
]
WITHOUT_HELP = "Object.defineProperty(Crypto.prototype, 'subtle', { value: undefined })"
"""As on a page without TLS, where browsers calculate nothing for scripts."""
FRAMES = """() => {
  window.frames_drawn = 0;
  const frame = () => {
    window.frames_drawn++;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}"""
"""Counts in `frames_drawn` how often the page had its turn."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page; anything that the browser complains of fails the test."""
    context = browser.new_context(locale="en-GB")
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert [text for text in complaints if "422" not in text] == []


@pytest.fixture(scope="module")
def services() -> Services:
    return Services()


@pytest.fixture(scope="module")
def site(
    services: Services, _sandbox: SandboxClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """The address of a relay with a form for every captcha, called like it, and where its store is."""
    folder = tmp_path_factory.mktemp("captchas")
    with ExitStack() as stack:
        address = stack.enter_context(served(services.app))
        toml = '[forms.altcha]\ntitle = "Contact"\ncaptcha = "altcha"\n'
        names = ("elements", "submit", "requestSubmit", "querySelector", "setAttribute", "matches")
        fields = ", ".join(f'{{ name = "{name}" }}' for name in names)
        toml += f'[forms.odd]\ncaptcha = "altcha"\nfields = [{{ name = "email", label = "E-mail" }}, {fields}]\n'
        for provider in vendors.VENDORS:
            toml += f'[forms.{provider}]\ncaptcha = {{ provider = "{provider}", site_key = "key", secret = "{SECRET}", '
            toml += f'base_url = "{address}" }}\n'
        (folder / "relay.toml").write_text(toml, encoding="utf-8")
        client = started(stack, _sandbox, folder, folder / "relay.toml")
        yield str(client.base_url).rstrip("/"), folder


def fill_in(page: Page, who: str) -> None:
    page.get_by_label("Name").fill("Ada Lovelace")
    page.get_by_label("E-mail").fill(f"{who}@example.com")
    page.get_by_label("Message").fill("We need a website for an analytical engine.")


def send(page: Page) -> None:
    page.get_by_role("button", name="Send").click()


def found(folder: Path, who: str) -> list[tuple[str, str]]:
    """Whether each lead of somebody is spam, and why in the first place: robots fill in forms quickly, too."""
    leads = stored(folder, "SELECT state, reason FROM leads WHERE email = ?", f"{who}@example.com")
    return [("spam" if state == "spam" else "good", reason.partition(";")[0]) for state, reason in leads]


@pytest.mark.parametrize("is_helped", [True, False])
def test_altcha_is_solved_unseen_while_somebody_fills_in_the_page(
    page: Page, site: tuple[str, Path], *, is_helped: bool
) -> None:
    address, folder = site
    who = f"unseen-{is_helped}"
    if not is_helped:
        page.add_init_script(WITHOUT_HELP)
    page.goto(f"{address}/forms/altcha")
    page.evaluate(FRAMES)
    fill_in(page, who)
    send(page)
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert found(folder, who) == [("good", "")]


@pytest.mark.parametrize(("is_helped", "most"), [(True, 1500), (False, 6000)])
def test_solving_it_takes_a_moment_and_the_page_does_not_stand_still(
    page: Page, site: tuple[str, Path], *, is_helped: bool, most: int
) -> None:
    if not is_helped:
        page.add_init_script(WITHOUT_HELP)
    page.goto(f"{site[0]}/forms/altcha")
    page.evaluate(FRAMES)
    answers = [page.evaluate("relayAltcha('/forms/altcha/challenge')") for _ in range(5)]
    times = [page.evaluate("(answer) => JSON.parse(atob(answer)).solution.time", answer) for answer in answers]
    drawn = page.evaluate("frames_drawn")
    print(f"solved in {sorted(times)} ms, {drawn} frames meanwhile")
    assert sorted(times)[2] < most
    assert drawn > sum(times) / 60


def test_fields_may_be_called_like_what_a_form_can_do(page: Page, site: tuple[str, Path]) -> None:
    address, folder = site
    page.goto(f"{address}/forms/odd")
    page.get_by_label("E-mail").fill("odd@example.com")
    send(page)
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert found(folder, "odd") == [("good", "")]


def test_who_is_faster_than_the_captcha_waits_for_it_unseen(page: Page, site: tuple[str, Path]) -> None:
    address, folder = site
    page.goto(f"{address}/forms/altcha")
    page.evaluate(
        """() => {
          document.querySelector("[name=name]").value = "Ada";
          document.querySelector("[name=email]").value = "faster@example.com";
          document.querySelector("form button:not([type])").click();
        }"""
    )
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert found(folder, "faster") == [("good", "")]


def test_a_double_click_and_the_way_back_make_one_lead_each(page: Page, site: tuple[str, Path]) -> None:
    address, folder = site
    page.goto(f"{address}/forms/altcha")
    fill_in(page, "twice")
    page.get_by_role("button", name="Send").dblclick()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert found(folder, "twice") == [("good", "")]

    page.go_back()
    fill_in(page, "back")
    send(page)
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert found(folder, "back") == [("good", "")]


def test_a_mistake_is_mended_and_the_captcha_solved_anew(page: Page, site: tuple[str, Path]) -> None:
    address, folder = site
    page.goto(f"{address}/forms/altcha")
    fill_in(page, "ada@")
    with page.expect_response(lambda answer: answer.request.method == "POST") as answered:
        send(page)
    assert answered.value.status == 422
    expect(page.get_by_text("Nothing was sent yet")).to_be_visible()
    expect(page.locator("[name=altcha]")).to_have_count(1)
    page.get_by_label("E-mail").fill("mended@example.com")
    send(page)
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert found(folder, "mended") == [("good", "")]


@pytest.mark.parametrize("provider", ["turnstile", "recaptcha-v3"])
def test_a_service_that_needs_no_hand_is_waited_for(page: Page, site: tuple[str, Path], provider: str) -> None:
    address, folder = site
    page.goto(f"{address}/forms/{provider}")
    fill_in(page, provider)
    send(page)
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert found(folder, provider) == [("good", "")]


@pytest.mark.parametrize("provider", ["hcaptcha", "recaptcha"])
def test_who_forgets_the_box_is_told_so_and_then_gets_through(
    page: Page, site: tuple[str, Path], provider: str
) -> None:
    address, folder = site
    page.goto(f"{address}/forms/{provider}")
    fill_in(page, provider)
    page.get_by_role("button", name="I am human").wait_for()
    send(page)
    expect(page.get_by_role("alert")).to_have_text("Please finish the check above, then send again.")
    accessible(page)
    assert found(folder, provider) == []
    page.get_by_role("button", name="I am human").click()
    send(page)
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert found(folder, provider) == [("good", "")]


def test_who_insists_is_not_turned_away_without_the_box(page: Page, site: tuple[str, Path]) -> None:
    address, folder = site
    page.goto(f"{address}/forms/hcaptcha")
    fill_in(page, "insists")
    page.get_by_role("button", name="I am human").wait_for()
    send(page)
    expect(page.get_by_role("alert")).to_be_visible()
    send(page)
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert found(folder, "insists") == [("spam", "captcha: no answer")]


@pytest.mark.parametrize("provider", ["recaptcha", "recaptcha-v3"])
def test_where_the_services_script_is_blocked_the_message_is_kept(
    browser: Browser, site: tuple[str, Path], provider: str
) -> None:
    address, folder = site
    with browser.new_context(locale="en-GB") as context:
        page = context.new_page()
        page.route("**/api.js*", lambda route: route.abort())
        page.goto(f"{address}/forms/{provider}")
        fill_in(page, f"blocked-{provider}")
        send(page)
        expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert found(folder, f"blocked-{provider}") == [("spam", "captcha: no answer")]


def test_without_javascript_the_page_says_so_and_the_message_is_kept(browser: Browser, site: tuple[str, Path]) -> None:
    address, folder = site
    with browser.new_context(locale="en-GB", java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{address}/forms/altcha")
        expect(page.locator("noscript p")).to_contain_text("JavaScript")
        fill_in(page, "plain")
        send(page)
        expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert found(folder, "plain") == [("spam", "captcha: no answer")]

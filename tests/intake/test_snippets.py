"""What `lead-relay form snippet` prints, pasted into a website of another origin and sent in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args
from xml.etree import ElementTree

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from typer.testing import CliRunner

from app.cli import app
from app.cli.forms import Kind
from app.config.endpoints import Form, Provider
from app.intake.snippets import POST, SNIPPETS
from tests.browsing import CHROMIUM, FLAGS, needs_chromium
from tests.intake.captcha_services import SECRET, Services
from tests.running import DEMO_TOML, served, stored
from tests.websites import Website, website

Start = Callable[..., httpx.Client]
PUBLIC = "https://leads.example.com"
EVERYTHING = """
[forms.big-brief]
fields = [
  { name = "your name", label = 'Who are "you" & {yours}?', required = true, placeholder = "a < b", help = "As long" },
  { name = "email", type = "email", required = true, autocomplete = "email" },
  { name = "phone_number", type = "tel" },
  { name = "about", type = "textarea", value = "Two\\nlines" },
  { name = "budget", type = "select", options = ["under 5,000", "more"], value = "more", required = true },
  { name = "way", type = "radio", options = ["mail", "phone"], value = "phone" },
  { name = "news", type = "checkbox", label = "Send me <news>" },
  { name = "when", type = "date" },
  { name = "plan", type = "file" },
  { name = "page", type = "hidden", value = "brief" },
]
"""
BLOCKS = (
    "(?:table|thead|tfoot|caption|col|colgroup|tbody|tr|td|th|div|dl|dd|dt|ul|ol|li|pre|form|map|area|blockquote"
    "|address|style|p|h[1-6]|hr|fieldset|legend|section|article|aside|header|footer|nav|figure|details|menu|summary)"
)


def forms(toml: str) -> dict[str, Form]:
    import tomllib

    from app.config.relay_toml import RelayConfig

    return dict(RelayConfig.model_validate(tomllib.loads(toml)).forms)


BIG = forms(EVERYTHING)["big-brief"]
SMALL = Form(name="contact")


def as_wordpress_does(text: str) -> str:
    """What becomes of a text in WordPress: the rules of `wpautop` in wp-includes/formatting.php that touch forms."""
    text = re.sub(rf"(<{BLOCKS}[\s/>])", r"\n\n\1", text + "\n")
    text = re.sub(rf"(</{BLOCKS}>)", r"\1\n\n", text)
    text = re.sub(r"\s*<option", "<option", re.sub(r"</option>\s*", "</option>", text))
    text = "".join(f"<p>{part.strip()}</p>\n" for part in re.split(r"\n\s*\n", text) if part.strip())
    text = re.sub(rf"<p>\s*(</?{BLOCKS}[^>]*>)\s*</p>", r"\1", text)
    text = re.sub(rf"<p>\s*(</?{BLOCKS}[^>]*>)", r"\1", text)
    text = re.sub(rf"(</?{BLOCKS}[^>]*>)\s*</p>", r"\1", text)
    text = re.sub(r"(?<!<br />)\s*\n", "<br />\n", text)
    return re.sub(rf"(</?{BLOCKS}[^>]*>)\s*<br />", r"\1", text)


class TestTheCommand:
    def run(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *words: str, toml: str = EVERYTHING
    ) -> tuple[int, str, str]:
        (tmp_path / "relay.toml").write_text(toml, encoding="utf-8")
        monkeypatch.setenv("RELAY_CONFIG", str(tmp_path / "relay.toml"))
        monkeypatch.setenv("PUBLIC_URL", PUBLIC)
        monkeypatch.setenv("AGENCYHANDY_API_KEY", "a-key")
        done = CliRunner().invoke(app, ["form", *words])
        return done.exit_code, done.stdout, done.stderr

    @pytest.mark.parametrize("kind", SNIPPETS)
    def test_it_prints_each_kind(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
        code, printed, said = self.run(tmp_path, monkeypatch, "snippet", "big-brief", "--as", kind)

        assert (code, printed, said) == (0, SNIPPETS[kind](BIG, PUBLIC), "")

    def test_the_one_to_recommend_is_printed_unasked(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.run(tmp_path, monkeypatch, "snippet", "big-brief")[1] == SNIPPETS["script"](BIG, PUBLIC)

    def test_a_form_that_is_not_there_is_said_to_be_so(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        code, printed, said = self.run(tmp_path, monkeypatch, "snippet", "nope")

        assert (code, printed) == (2, "")
        assert "no form called nope; there are: big-brief" in said

    def test_an_address_that_visitors_cannot_reach_is_pointed_out(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("RELAY_CONFIG", str(DEMO_TOML))
        done = CliRunner().invoke(app, ["form", "snippet", "contact"])

        assert done.stdout == SNIPPETS["script"](SMALL, "http://127.0.0.1:8000")
        assert "set PUBLIC_URL" in done.stderr

    def test_it_lists_the_forms(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.run(tmp_path, monkeypatch, "list")[1] == f"big-brief  {PUBLIC}/forms/big-brief  Contact\n"

    def test_every_kind_is_one_that_can_be_asked_for(self) -> None:
        assert Kind.__args__ == tuple(SNIPPETS)  # type: ignore[attr-defined]


def with_captcha(provider: str, service: str = "https://captcha.example.com") -> str:
    """A form with a captcha, where nobody is too quick."""
    given = '"altcha"'
    if provider != "altcha":
        given = f'{{ provider = "{provider}", site_key = "key", secret = "{SECRET}", base_url = "{service}" }}'
    return f'[forms.contact]\ncaptcha = {given}\n[forms.contact.spam]\nfastest = "0s"\n'


class TestTheTexts:
    @pytest.mark.parametrize("kind", SNIPPETS)
    @pytest.mark.parametrize("provider", get_args(Provider))
    def test_a_forms_captcha_is_in_every_kind_and_its_secret_in_none(self, kind: str, provider: str) -> None:
        text = SNIPPETS[kind](forms(with_captcha(provider))["contact"], PUBLIC)
        is_left_to_relay_js = provider == "altcha" and kind in {"script", "wordpress"}

        assert (f'data-relay-captcha="{provider}"' in text) is not is_left_to_relay_js
        assert (f"{PUBLIC}/static/altcha.js" in text) is not is_left_to_relay_js
        assert ("https://captcha.example.com/" in text) is (provider != "altcha")
        assert ("useEffect" in text) is (kind == "react")
        assert SECRET not in text

    @pytest.mark.parametrize("kind", SNIPPETS)
    def test_a_form_without_one_loads_nothing_for_it(self, kind: str) -> None:
        assert not re.search("relay-captcha|useEffect|altcha.js", SNIPPETS[kind](SMALL, PUBLIC))

    def test_the_usual_fields_stand_in_for_those_that_nobody_declared(self) -> None:
        names = re.findall(r' name="(\w+)"', SNIPPETS["html"](SMALL, PUBLIC))

        assert names == ["name", "email", "phone", "message", "_gotcha"]

    def test_react_is_given_well_formed_elements_and_the_same_code(self) -> None:
        """JSX is XML but for its expressions and for attributes without a value."""
        text = SNIPPETS["react"](BIG, PUBLIC)
        _, _, elements = text.partition("return (\n")
        elements = elements.partition("\n  );")[0]
        spelled = re.sub(r'\{("(?:[^"\\]|\\.)*"|\w+)\}', "X", elements)
        spelled = re.sub(r"=X", '="X"', spelled)
        spelled = re.sub(r" (required|hidden|defaultChecked)(?=[ />])", r' \1="true"', spelled)
        tree = ElementTree.fromstring(spelled)  # noqa: S314

        assert [one.get("name") for one in tree.iter() if one.get("name")] == [
            *("your name", "email", "phone_number", "about", "budget", "way", "way", "news", "when", "plan", "page"),
            "_gotcha",
        ]
        assert {name for one in tree.iter() for name in one.attrib} <= {
            *("name", "type", "value", "defaultValue", "defaultChecked", "placeholder", "autoComplete", "required"),
            *(
                "action",
                "method",
                "encType",
                "acceptCharset",
                "onSubmit",
                "disabled",
                "hidden",
                "tabIndex",
                "role",
                "rows",
            ),
        }
        assert all(line.strip() in text for line in POST.splitlines())
        assert "export default function RelayBigBrief()" in text

    def test_a_choice_that_has_to_be_made_is_made_by_nobody_else(self) -> None:
        text = SNIPPETS["html"](
            BIG.model_copy(update={"fields": (BIG.fields[4].model_copy(update={"value": ""}),)}), PUBLIC
        )

        assert '<select name="budget" required><option value="">–</option><option value="under 5,000">' in text
        assert "selected" not in text

    def test_wordpress_finds_no_line_to_break(self) -> None:
        start, line, end, _ = SNIPPETS["wordpress"](SMALL, PUBLIC).split("\n")

        assert (start, end) == ("<!-- wp:html -->", "<!-- /wp:html -->")
        assert line.startswith("<form")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 375, "height": 800})
    opened = context.new_page()
    thrown: list[str] = []
    opened.on("pageerror", lambda error: thrown.append(str(error)))
    yield opened
    context.close()
    assert thrown == []


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """The address of a stand-in for every captcha service."""
    with served(Services().app) as address:
        yield address


@pytest.fixture(scope="module")
def site() -> Iterator[Website]:
    with website() as found:
        yield found


@pytest.mark.slow
@needs_chromium
class TestPasted:
    @pytest.mark.parametrize("kind", ["html", "script", "fetch", "wordpress"])
    def test_it_is_sent_from_another_origin(
        self, page: Page, site: Website, relay: Start, tmp_path: Path, kind: str
    ) -> None:
        text = SNIPPETS[kind](BIG, str(relay(EVERYTHING).base_url).rstrip("/"))
        page.goto(site.put(as_wordpress_does(text) if kind == "wordpress" else text))
        page.get_by_label('Who are "you" & {yours}?').fill("Ada Lovelace")
        page.get_by_label("E-mail").fill("ada@example.com")
        page.get_by_label("Send me <news>").check()
        page.get_by_label("mail", exact=True).check()
        page.get_by_label("Plan").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"a plan"})
        expect(page.get_by_label("Leave this empty")).not_to_be_visible()
        page.get_by_role("button", name="Send").click()

        if kind == "html":
            expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
        else:
            expect(page.get_by_role("status")).to_contain_text("Your message has arrived.")
            assert page.url == f"{site.address}/"
        [(body, state)] = stored(
            tmp_path, "SELECT body, state FROM submissions JOIN leads ON leads.submission_id = submissions.id"
        )
        assert state in {"pending", "sending", "delivered"}
        for sent in (b"Two\r\nlines", b"more", b'name="way"\r\n\r\nmail\r\n', b"yes", b"brief"):
            assert sent in body
        assert stored(tmp_path, "SELECT name, size FROM attachments") == [("a.txt", 6)]

    @pytest.mark.parametrize("provider", ["altcha", "turnstile", "hcaptcha", "recaptcha-v3"])
    @pytest.mark.parametrize("kind", ["html", "script", "fetch", "wordpress"])
    def test_a_forms_captcha_is_solved_anew_for_each_enquiry(
        self, page: Page, site: Website, relay: Start, tmp_path: Path, service: str, kind: str, provider: str
    ) -> None:
        toml = with_captcha(provider, service)
        text = SNIPPETS[kind](forms(toml)["contact"], str(relay(toml).base_url).rstrip("/"))
        address = site.put(as_wordpress_does(text) if kind == "wordpress" else text)
        page.goto(address)
        for who in ("ada", "grace"):
            page.get_by_label("Name").fill(who)
            page.get_by_label("E-mail").fill(f"{who}@example.com")
            page.get_by_label("Message").fill(f"We need a website for {who}.")
            if provider == "hcaptcha":
                page.get_by_role("button", name="I am human").click()
            with page.expect_response(lambda answer: answer.request.method == "POST"):
                page.get_by_role("button", name="Send").click()
            if kind == "html":
                expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
                page.go_back()
            else:
                expect(page.get_by_role("status")).to_contain_text("Your message has arrived.")
        found = stored(tmp_path, "SELECT email, reason FROM leads ORDER BY id")
        assert found == [("ada@example.com", ""), ("grace@example.com", "")]

    @pytest.mark.parametrize("kind", ["script", "fetch"])
    def test_what_is_wrong_is_said_and_can_be_mended(
        self, page: Page, site: Website, relay: Start, tmp_path: Path, kind: str
    ) -> None:
        page.goto(site.put(SNIPPETS[kind](SMALL, str(relay().base_url).rstrip("/"))))
        page.get_by_label("Name").fill("Ada Lovelace")
        for address in ("ada@example", "ada@example.com"):
            page.get_by_label("E-mail").fill(address)
            page.get_by_role("button", name="Send").click()
            if not address.endswith(".com"):
                expect(page.get_by_text("This does not look like an e-mail address.")).to_be_visible()
                expect(page.get_by_label("Name")).to_have_value("Ada Lovelace")

        expect(page.get_by_role("status")).to_contain_text("Your message has arrived.")
        assert len(stored(tmp_path, "SELECT id FROM leads")) == 1

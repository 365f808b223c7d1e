"""Visitors' pages as they are sent: a form's own page, the mending one, how they look, who may frame them."""

from __future__ import annotations

import itertools
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from app.config.relay_toml import load_relay_config
from app.config.settings import load_settings
from app.intake.colours import BLACK, DARK, LIGHT, READABLE, WHITE, contrast, shade, style_of, text_on
from app.main import create_app
from tests.running import SandboxClient, served, started

Start = Callable[..., httpx.Client]
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}
SITE = "https://www.example.com"
TOML = f"""
site = "Müller & Söhne"
logo = "https://cdn.example.com:8443/logo.svg"

[forms.plain]

[forms.brief]
title = "Tell us <more>"
intro = "We answer within a day."
color = "#7A1F5C"
allowed_origins = ["{SITE}"]
fields = [
  {{ name = "name", label = "Your name", required = true, help = "As on your card." }},
  {{ name = "email", type = "email" }},
  {{ name = "tel", type = "tel", label = "Phone", placeholder = "+44 20 …" }},
  {{ name = "budget", type = "select", options = ["under 5,000", "more"] }},
  {{ name = "how", type = "radio", options = ["a friend", "the web"], required = true }},
  {{ name = "start", type = "date" }},
  {{ name = "site", type = "url" }},
  {{ name = "sketch", type = "file" }},
  {{ name = "message", type = "textarea" }},
  {{ name = "news", type = "checkbox", value = "yes" }},
  {{ name = "page", type = "hidden", value = "brief" }},
]
"""
RED = "#cc0000"


@pytest.fixture(scope="module")
def client(_sandbox: SandboxClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A relay with TOML that stays up: for tests that only look at an answer."""
    folder = tmp_path_factory.mktemp("pages")
    toml = folder / "relay.toml"
    toml.write_text(TOML, encoding="utf-8")
    with ExitStack() as stack:
        yield started(stack, _sandbox, folder, toml)


def policy(answer: httpx.Response) -> dict[str, str]:
    """The content policy, rule by rule."""
    rules = (rule.strip().partition(" ") for rule in answer.headers["content-security-policy"].split(";"))
    return {name: value for name, _, value in rules}


def control(html: str, name: str) -> str:
    """The start tag of the control that is sent by this name."""
    [found] = re.findall(rf'<(?:input|textarea|select)\b[^>]*name="{re.escape(name)}"[^>]*>', html)
    return str(found)


def test_a_form_has_a_page_of_the_usual_fields(client: httpx.Client) -> None:
    answer = client.get("/forms/plain", headers=BROWSER)

    assert answer.status_code == 200
    assert re.findall(r'<(?:input|textarea)[^>]* name="([^"]*)"', answer.text) == [
        *("name", "email", "phone", "message", "_gotcha", "_stamp")
    ]
    for name, filled in {"name": "name", "email": "email", "phone": "tel"}.items():
        assert f'autocomplete="{filled}"' in control(answer.text, name)
    assert "<h1><bdi>Contact</bdi></h1>" in answer.text
    assert client.head("/forms/plain").status_code == 200


def test_a_forms_page_is_made_of_its_declared_fields(client: httpx.Client) -> None:
    html = client.get("/forms/brief", headers=BROWSER).text

    assert "Tell us &lt;more&gt;" in html
    assert "We answer within a day." in html
    assert 'enctype="multipart/form-data"' in html
    assert 'required autocomplete="name" aria-describedby="f1-help"' in control(html, "name")
    assert 'type="email"' in control(html, "email")
    assert "required" in control(html, "email")
    assert 'type="tel"' in control(html, "tel")
    assert 'placeholder="+44 20 …"' in control(html, "tel")
    assert 'type="text"' in control(html, "site")
    assert 'inputmode="url"' in control(html, "site")
    assert 'type="file"' in control(html, "sketch")
    assert "checked" in control(html, "news")
    assert '<input type="hidden" name="page" value="brief">' in html
    assert html.count('type="radio"') == 2
    assert "<option>under 5,000</option>" in html


def test_an_address_may_fill_in_what_is_asked_for_and_nothing_else(client: httpx.Client) -> None:
    query = {
        "email": 'a"b@example.com',
        "budget": "UNDER 5,000",
        "how": "The web",
        "message": "</textarea><b>",
        "news": "no",
        "page": "mine",
        "utm_source": "letter",
        "gclid": "g1",
        "unasked": "x",
        "_next": "https://evil.example",
        "_gotcha": "x",
        "sketch": "/etc/passwd",
    }
    html = client.get("/forms/brief", params=query, headers=BROWSER).text

    assert 'value="a&#34;b@example.com"' in control(html, "email")
    assert "<option selected>under 5,000</option>" in html
    assert re.search(r'value="the web" checked', html)
    assert "&lt;/textarea&gt;&lt;b&gt;</textarea>" in html
    assert "checked" not in control(html, "news")
    assert 'value="mine"' in control(html, "page")
    assert 'type="hidden" name="utm_source" value="letter"' in html
    assert 'type="hidden" name="gclid" value="g1"' in html
    assert "value" not in control(html, "_gotcha")
    for absent in ("unasked", "evil.example", "/etc/passwd"):
        assert absent not in html


def test_every_wrong_field_is_told_on_top_and_beside_it(client: httpx.Client) -> None:
    sent = {"email": "ada@", "tel": "none at all", "start": "24.12.2026", "message": "Hello\nthere", "budget": "More"}
    answer = client.post("/forms/brief", data=sent, headers=BROWSER)
    html = answer.text

    assert answer.status_code == 422
    assert "<title>Error: Please check the form – Müller &amp; Söhne</title>" in html
    links = re.findall(r'<li><a href="#([^"]+)"><bdi>([^<]+)</bdi> – ([^<]+)</a>', html)
    assert [label for _, label, _ in links] == ["Your name", "E-mail", "Phone", "How"]
    for target, _, message in links:
        assert f'id="{target}"' in html
        assert f'<p class="why" id="{target}-wrong">{message}</p>' in html
    assert 'aria-describedby="f1-help f1-wrong" aria-invalid="true"' in control(html, "name")
    assert html.count("autofocus") == 1
    assert 'tabindex="-1" autofocus' in html
    assert 'type="text" value="24.12.2026"' in control(html, "start").replace(' dir="auto"', "")
    assert "Hello\nthere</textarea>" in html.replace("\r\n", "\n")
    assert "<option selected>more</option>" in html
    assert "Please choose the file again" not in html
    assert "checked" not in control(html, "news")


def test_a_single_wrong_field_has_the_focus(client: httpx.Client) -> None:
    html = client.post("/forms/plain", data={"name": "Ada", "email": "ada@"}, headers=BROWSER).text

    assert "autofocus" in control(html, "email")
    assert html.count("autofocus") == 1


def test_the_usual_fields_stay_what_they_are_while_mending(client: httpx.Client) -> None:
    html = client.post(
        "/forms/plain", data={"name": "Ada", "phone": "1", "message": "Hi", "Nachricht": "Ja"}, headers=BROWSER
    ).text

    assert control(html, "message").startswith("<textarea")
    assert control(html, "Nachricht").startswith("<textarea")
    assert 'type="tel"' in control(html, "phone")
    assert 'type="email"' in control(html, "email")
    assert 'autocomplete="name"' in control(html, "name")


def test_nothing_that_was_typed_is_lost_while_mending(client: httpx.Client) -> None:
    sent = {
        "name": ["Ada"],
        "interest[]": ["Web", "Print"],
        "long": ["x" * 80],
        "lines": ["one\ntwo"],
        "email": ["ada@"],
        "_next": ["https://www.example.com/x"],
        "_stamp": ["s"],
        "utm_source": ["letter"],
    }
    html = client.post("/forms/plain", data=sent, headers=BROWSER).text

    for value in ("Ada", "Web", "Print", "letter"):
        assert f'value="{value}"' in html
    assert "x" * 80 + "</textarea>" in html
    assert "one\ntwo</textarea>" in html.replace("\r\n", "\n")
    for hidden in ("_next", "_stamp"):
        assert control(html, hidden).startswith('<input type="hidden"')
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids))


def test_passwords_and_cards_are_never_shown_again(client: httpx.Client) -> None:
    sent = {"name": "Ada", "password": "tulip-secret", "note": "4111 1111 1111 1111", "iban": "DE89370400440532013000"}
    html = client.post("/forms/plain", data=sent, headers=BROWSER).text

    for secret in ("tulip-secret", "4111", "DE8937"):
        assert secret not in html
    assert 'name="note"' in html


def test_a_file_that_was_sent_is_asked_for_again(client: httpx.Client) -> None:
    files = {"cv": ("cv.pdf", b"%PDF-1.4", "application/pdf")}
    html = client.post("/forms/plain", data={"name": "Ada"}, files=files, headers=BROWSER).text

    assert 'type="file"' in control(html, "cv")
    assert 'enctype="multipart/form-data"' in html
    assert "cv.pdf" not in html
    assert "Please choose the file again" in html


def test_a_field_named_like_a_control_is_shown_where_it_is_declared(relay: Start) -> None:
    toml = '[forms.contact]\nfields = [{ name = "template", type = "select", options = ["Dark", "Light"] }]\n'
    html = relay(toml).post("/forms/contact", data={"template": "Dark"}, headers=BROWSER).text

    assert "<option selected>Dark</option>" in html


@pytest.mark.parametrize("path", ["/forms/plain", "/forms/brief", "/forms/brief/thanks", "/forms/nobody", "/nowhere"])
def test_a_page_runs_no_script_and_loads_nothing_but_the_logo(client: httpx.Client, path: str) -> None:
    answer = client.get(path, headers=BROWSER)
    rules = policy(answer)

    assert rules["default-src"] == "'none'"
    assert "script-src" not in rules
    assert rules["img-src"] == "'self' https://cdn.example.com:8443"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert set(re.findall(r'(?:src|href)="(https?://[^"]+)"', answer.text)) <= {"https://cdn.example.com:8443/logo.svg"}
    assert "<script" not in answer.text
    assert not re.search(r'\bstyle="', answer.text)


def test_the_colour_is_let_through_by_its_hash(client: httpx.Client) -> None:
    answer = client.get("/forms/brief", headers=BROWSER)
    [style] = re.findall(r"<style>(.*?)</style>", answer.text)

    assert "--button:#7a1f5c" in style
    assert f"'sha256-{b64encode(sha256(style.encode()).digest()).decode()}'" in policy(answer)["style-src"]
    assert policy(client.get("/forms/plain", headers=BROWSER))["style-src"] == "'self'"


@pytest.mark.parametrize(
    ("path", "ancestors"),
    [
        ("/forms/plain", "*"),
        ("/forms/plain/thanks", "*"),
        ("/forms/brief", f"'self' {SITE}"),
        ("/forms/brief/thanks", f"'self' {SITE}"),
        ("/forms/nobody", "'none'"),
        ("/", "'none'"),
    ],
)
def test_a_form_may_be_framed_where_it_may_be_sent_from(client: httpx.Client, path: str, ancestors: str) -> None:
    assert policy(client.get(path, headers=BROWSER))["frame-ancestors"] == ancestors


def test_in_a_frame_there_is_the_form_alone_and_it_stays_so(client: httpx.Client) -> None:
    html = client.get("/forms/brief?embed&lang=de", headers=BROWSER).text

    assert 'class="embedded"' in html
    assert "logo.svg" not in html
    assert 'action="/forms/brief?lang=de&amp;embed=1"' in html


@pytest.mark.parametrize("color", ["#ffd400", "#000000", "#ffffff", "#7f7f7f", "#808080", "#1f5fbf", "#00ff00", RED])
def test_a_known_colour_is_readable(color: str) -> None:
    check_readable(color)


def test_every_colour_there_may_be_is_readable() -> None:
    for parts in itertools.product(range(0, 256, 17), repeat=3):
        check_readable("#" + "".join(f"{part:02x}" for part in parts))


def check_readable(color: str) -> None:
    """Text on the button, and links and frames on every background, in light and in dark."""
    style = style_of(color)
    assert contrast(color, text_on(color)) >= READABLE
    assert f"--on-button:{text_on(color)}" in style
    for accent, behind in zip(re.findall(r"--accent:(#\w{6})", style), (LIGHT, DARK), strict=True):
        assert all(contrast(accent, back) >= READABLE for back in behind), (color, accent)


def test_a_colour_that_is_readable_stays_as_it_is() -> None:
    assert shade("#1f5fbf", LIGHT, BLACK) == "#1f5fbf"
    assert contrast(BLACK, WHITE) == pytest.approx(21)


def test_the_backgrounds_are_those_of_the_stylesheet(client: httpx.Client) -> None:
    css = client.get("/static/relay.css").text
    found = re.findall(r"--background: (#\w+); --surface: (#\w+)", css)
    assert found == [("#f7f7f5", "#fff"), DARK]
    assert LIGHT == ("#f7f7f5", "#ffffff")


@pytest.mark.parametrize(
    "path", ["/forms/plain", "/forms/brief", "/forms/brief/thanks", "/forms/nobody", "/forms/brief?lang=uk"]
)
def test_a_page_is_under_20_kilobytes_in_all(client: httpx.Client, path: str) -> None:
    pages = [client.get(path, headers=BROWSER), client.post("/forms/brief", data={"a": "b"}, headers=BROWSER)]
    around = sum(len(client.get(f"/static/{name}").content) for name in ("relay.css", "icon.svg"))
    assert all(len(page.content) + around < 20_000 for page in pages)


def test_an_address_that_leads_nowhere_is_a_page_for_people_and_a_line_for_programs(client: httpx.Client) -> None:
    page = client.get("/contact", headers=BROWSER)
    assert (page.status_code, "There is no page at this address." in page.text) == (404, True)
    assert client.get("/contact").json() == {"detail": "Not Found"}


def test_a_fault_of_our_own_is_owned_up_to(tmp_path: Path) -> None:
    toml = tmp_path / "relay.toml"
    toml.write_text("[forms.contact]\n", encoding="utf-8")
    settings = load_settings(database_url=f"sqlite+aiosqlite:///{tmp_path}/relay.db", relay_config=toml)
    app = create_app(settings, load_relay_config(toml, {}))

    @app.post("/broken")
    async def broken() -> None:
        raise ZeroDivisionError

    with served(app) as address:
        page = httpx.post(f"{address}/broken", headers=BROWSER | {"Accept-Language": "fr"})
        problem = httpx.post(f"{address}/broken", json={})
    assert page.status_code == problem.status_code == 500
    assert "il n’arrivera pas deux fois" in page.text
    assert problem.json()["title"] == "Something went wrong"

"""What visitors read, in their own language: the catalogues are whole, and the right one is taken."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from string import Formatter

import httpx
import polib
import pytest
from starlette.requests import Request

from app import errors
from app.intake import fields
from app.intake.controls import LABELS, UNTITLED
from app.intake.language import LOCALES, language, language_of, languages
from app.intake.mend import TITLE
from app.intake.replies import THANKS
from tests.running import SandboxClient, started

Start = Callable[..., httpx.Client]
INTAKE = LOCALES.parent
CATALOGUES = sorted(LOCALES.glob("*.po"))
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Sec-Fetch-Mode": "navigate"}
MESSAGES = {one.msgid for one in polib.pofile(str(CATALOGUES[0]))}
OTHER_SCRIPTS = {
    "ar": "\u0600-\u06ff",
    "he": "\u0590-\u05ff",
    "ja": "\u3040-\u9fff",
    "uk": "\u0400-\u04ff",
    "zh": "\u4e00-\u9fff",
}
SPELLED_ALIKE = {"E-mail", "Message", "Contact", "optional"}
"""Words that some other language spells as English does."""
AWAITED = {
    "Sending…",
    "You are offline. This will be sent as soon as you are online again.",
    "This has not worked yet. It is being tried again…",
    "This could not be sent. Please try again.",
}
"""What relay.js says."""

each = pytest.mark.parametrize("file", CATALOGUES, ids=lambda file: file.stem)


def placeholders(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def in_templates() -> Iterator[str]:
    for file in (INTAKE / "templates").glob("*.html"):
        yield from re.findall(r"""\bsay\("([^"]+)\"""", file.read_text(encoding="utf-8"))


def in_code() -> Iterator[str]:
    """Every text that is said as it stands, and those that are said by the names that they have."""
    for file in INTAKE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "say":
                yield from (
                    one.value for one in node.args[:1] if isinstance(one, ast.Constant) and isinstance(one.value, str)
                )
    yield from (text for name, text in vars(fields).items() if name.isupper() and isinstance(text, str))
    yield from (*LABELS.values(), UNTITLED, TITLE, THANKS)
    refusals: list[type[errors.Rejected]] = [errors.Rejected, errors.StoreUnreadable, *errors.Rejected.__subclasses__()]
    for refusal in refusals:
        yield from (refusal.title, refusal.told)


def literals() -> str:
    """The sources that may say something to a visitor."""
    files = [*INTAKE.rglob("*.py"), *INTAKE.rglob("*.html"), Path(errors.__file__)]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def test_there_are_at_least_fifteen_languages() -> None:
    assert len(languages()) >= 15


def test_every_message_that_is_said_is_in_the_catalogues() -> None:
    said = {*in_templates(), *in_code()}
    assert len(said) > 40
    assert said - MESSAGES == set()


def test_every_message_of_the_catalogues_is_said() -> None:
    source = re.sub(r'"\s*\n\s*"', "", literals())
    assert {one for one in MESSAGES if f'"{one}"' not in source} - AWAITED == set()


@each
def test_a_catalogue_has_every_message_and_nothing_else(file: Path) -> None:
    entries = list(polib.pofile(str(file)))
    assert {one.msgid for one in entries} == MESSAGES
    assert len(entries) == len(MESSAGES)
    assert [one.msgid for one in entries if one.fuzzy or one.obsolete or not one.msgstr.strip()] == []


@each
def test_a_translation_has_the_placeholders_of_its_message(file: Path) -> None:
    assert [one.msgid for one in polib.pofile(str(file)) if placeholders(one.msgid) != placeholders(one.msgstr)] == []


@each
def test_a_translation_is_one(file: Path) -> None:
    """Not English, in the language's own letters, and a sentence where the message is one."""
    for one in polib.pofile(str(file)):
        assert one.msgstr != one.msgid or one.msgid in {*SPELLED_ALIKE, "Name", "Error: {title}"}, one.msgid
        assert one.msgstr == one.msgstr.strip()
        if letters := OTHER_SCRIPTS.get(file.stem):
            assert re.search(f"[{letters}]", one.msgstr), one.msgid
        assert (one.msgid[-1] in ".?…") == (one.msgstr[-1] in ".?…。؟？"), one.msgid


@each
def test_a_translation_is_no_longer_than_a_button_or_a_line_allows(file: Path) -> None:
    texts = {one.msgid: one.msgstr for one in polib.pofile(str(file))}
    assert len(texts["Send"]) <= 16
    assert all(len(text) <= max(30, 2 * len(message)) for message, text in texts.items())


def asking(header: str, query: str = "") -> str:
    scope = {"type": "http", "headers": [(b"accept-language", header.encode())], "query_string": query.encode()}
    return language_of(Request(scope)).tag


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        ("de", "de"),
        ("de-CH, fr;q=0.9, en;q=0.8", "de"),
        ("en-US,en;q=0.9,de;q=0.8", "en"),
        ("fr;q=0.5, nl;q=0.9", "nl"),
        ("da, sv;q=0.7", "sv"),
        ("zh-Hant-TW", "zh"),
        ("pt_BR", "pt"),
        ("HE", "he"),
        ("fr;q=0, it", "it"),
        ("xx, *;q=0.5", "en"),
        ("", "en"),
        (";;;,=,q=1", "en"),
        ("de;q=nonsense, fr", "fr"),
        ("de;q=1.0.0;q=9", "en"),
        ("x" * 100_000, "en"),
        (",".join(["xx"] * 5000) + ",de", "en"),
    ],
)
def test_the_language_is_the_best_of_those_the_browser_asks_for(header: str, tag: str) -> None:
    assert asking(header) == tag


@pytest.mark.parametrize(
    ("query", "tag"),
    [("lang=de", "de"), ("lang=de-AT", "de"), ("lang=PT_br", "pt"), ("lang=xx", "fr"), ("lang=", "fr")],
)
def test_the_address_may_ask_for_another(query: str, tag: str) -> None:
    assert asking("fr", query) == tag


@pytest.fixture(scope="module")
def relay_of_all(_sandbox: SandboxClient, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A relay with a form that stays up: for tests that only look at an answer."""
    folder = tmp_path_factory.mktemp("languages")
    toml = folder / "relay.toml"
    toml.write_text('[forms.contact]\nallowed_origins = ["https://www.example.com"]\n', encoding="utf-8")
    with ExitStack() as stack:
        yield started(stack, _sandbox, folder, toml, max_body_bytes=4096)


numbers = count(1)
everywhere = pytest.mark.parametrize("tag", languages())


@everywhere
def test_every_page_is_in_the_visitors_language(relay_of_all: httpx.Client, tag: str) -> None:
    say = language(tag)
    asks = BROWSER | {"Accept-Language": f"{tag}, en;q=0.5"}
    form = "/forms/contact"
    answers = {
        say("Contact"): relay_of_all.get(form, headers=asks),
        say("Thank you"): relay_of_all.get(f"{form}/thanks", headers=asks),
        say("No such form"): relay_of_all.get("/forms/nobody", headers=asks),
        say("No such page"): relay_of_all.get("/nowhere", headers=asks),
        say("Please check the form"): relay_of_all.post(form, data={"name": "Ada"}, headers=asks),
        say("Not accepted"): relay_of_all.post(form, data={"a": "b"}, headers=asks | {"Origin": "https://x.example"}),
        say("Too large"): relay_of_all.post(form, data={"a": "b" * 5000}, headers=asks),
        say("Not understood"): relay_of_all.post(form, content=b"{", headers=asks | {"Content-Type": "image/png"}),
    }
    for title, answer in answers.items():
        assert answer.headers["content-language"] == tag
        assert f'<html lang="{tag}" dir="{"rtl" if tag in {"ar", "he"} else "ltr"}">' in answer.text
        assert title in answer.text
    assert say("Nothing was sent yet") in answers[say("Please check the form")].text
    assert (
        say("Please give an e-mail address, so that we can answer you.") in answers[say("Please check the form")].text
    )


@everywhere
def test_a_script_is_answered_in_the_visitors_language_too(relay_of_all: httpx.Client, tag: str) -> None:
    say, asks = language(tag), {"Accept-Language": tag}
    good = relay_of_all.post("/forms/contact", json={"email": f"a{next(numbers)}@example.com"}, headers=asks)
    bad = relay_of_all.post("/forms/contact", json={"email": "ada@"}, headers=asks)

    assert good.json()["message"] == say(THANKS)
    assert bad.json()["title"] == say("Please check the form")
    assert bad.json()["errors"] == {"email": say(fields.BAD_ADDRESS)}


def test_the_language_that_an_address_asked_for_goes_on_from_page_to_page(relay_of_all: httpx.Client) -> None:
    page = relay_of_all.get("/forms/contact?lang=de-AT", headers=BROWSER)
    assert 'action="/forms/contact?lang=de"' in page.text
    mend = relay_of_all.post("/forms/contact?lang=de", data={"name": "Ada"}, headers=BROWSER)
    assert 'action="/forms/contact?lang=de"' in mend.text
    sent = relay_of_all.post("/forms/contact?lang=de", data={"email": "ada@example.com"}, headers=BROWSER)
    assert sent.headers["location"] == "/forms/contact/thanks?lang=de"
    assert "Vielen Dank" in relay_of_all.get(sent.headers["location"]).text


def test_when_too_many_came_the_visitor_is_told_in_their_language(relay: Start) -> None:
    client = relay()
    for _ in range(70):
        answer = client.post("/forms/nobody", data={"a": "b"}, headers=BROWSER | {"Accept-Language": "es"})
    assert answer.status_code == 429
    assert "Demasiados mensajes" in answer.text

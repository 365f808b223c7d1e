"""What documents say is held against the code: settings, keys, commands, addresses, links."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any, get_args
from urllib.parse import urlsplit

import pytest
from dotenv import dotenv_values
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from starlette.routing import BaseRoute, Match
from typer.main import get_command

from app.cli import app
from app.config.endpoints import (
    CaptchaConfig,
    Defaults,
    FetchConfig,
    FileLimits,
    Form,
    FormField,
    Hook,
    Provider,
    Signature,
    SpamConfig,
)
from app.config.relay_toml import AlertsConfig, RelayConfig, load_relay_config
from app.config.settings import Settings
from app.intake.guard import TIGHTER
from app.intake.spam.altcha import GOOD_FOR
from app.intake.spam.layers import LAYERS
from app.intake.spam.vendors import OWN_FIELD, VENDORS
from app.lead import MARKS, MEANING, LeadState
from app.main import create_app
from app.mapping import rules
from app.outbox.records import MAY
from app.reader import TARGET_OF, check, read
from app.sandbox import control
from app.sources.base import Inbound
from app.sources.signatures import SCHEMES
from tests.running import DEMO_TOML, ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
CONFIGURATION = ROOT / "docs/configuration.md"
EXAMPLE = ROOT / ".env.example"
HEAD = """\
# The settings of Lead Relay. Copy this file to .env and set what you need; what is commented out is the default.
# The environment wins over this file. docs/configuration.md tells more, also how a secret comes from a file.
"""
BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
NOW = datetime(2026, 11, 24, tzinfo=UTC)
NOT_WRITTEN = {"name", "kind", "known"}
"""Fields of an endpoint that are no keys of relay.toml. A form's field says its own name."""

OUR_HOSTS = r"https?://(?:127\.0\.0\.1|localhost|leads\.example\.com)(?::\d+|:\$\{?PORT\}?)?"
ADDRESS = re.compile(
    rf"(?:\b(?P<method>GET|HEAD|POST|PUT|DELETE) )?(?:{OUR_HOSTS}|(?<![\w./:$}}*<#-]))"
    r"(?P<path>/[a-z_][\w{}/-]*(?:\.js\b)?)"
)
FILE_SYSTEM = {"path", "run", "etc", "data", "tmp", "var", "opt", "usr", "home", "dev", "proc", "app"}
AGENCYHANDYS = {"accounts", "roles", "members"}

paper = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def default_of(field: FieldInfo) -> str:
    """A default as a person writes it."""
    value = field.get_default(call_default_factory=True) if not field.is_required() else None
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, timedelta):
        minutes, seconds = divmod(int(value.total_seconds()), 60)
        return f"{seconds}s" if seconds else f"{minutes}m" if minutes % 60 else f"{minutes // 60}h"
    if isinstance(value, tuple) and value:
        return json.dumps(value)
    return "" if value in (None, (), {}) or isinstance(value, BaseModel) else str(value)


def rows_below(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading of docs/configuration.md, without its head."""
    _, found, rest = CONFIGURATION.read_text(encoding="utf-8").partition(f"\n{heading}\n")
    assert found, f"docs/configuration.md has no heading {heading!r}"
    lines = iter(rest.splitlines())
    table: list[list[str]] = []
    for line in lines:
        if line.startswith("|"):
            table.append([cell.strip() for cell in line.strip("|").split("|")])
        elif table:
            break
    return table[2:]


def keys_of(model: type[BaseModel]) -> dict[str, str]:
    """What a table of relay.toml may hold → its default."""
    return {
        f"`{field.alias or name}`": f"`{default_of(field)}`" if default_of(field) else ""
        for name, field in model.model_fields.items()
        if name not in NOT_WRITTEN or model is FormField
    }


def blocks_in(document: Path) -> list[tuple[str, str]]:
    """The language and the text of every block of code, without the indentation that lists give it."""
    return [(language, dedent(block)) for language, block in BLOCK.findall(document.read_text(encoding="utf-8"))]


def prose_of(document: Path) -> str:
    """A document without its blocks of code."""
    return BLOCK.sub("", document.read_text(encoding="utf-8"))


def code_in(document: Path) -> list[str]:
    """What stands in code: blocks line by line, and spans."""
    return [line for _, block in blocks_in(document) for line in block.splitlines()] + re.findall(
        r"`([^`\n]+)`", prose_of(document)
    )


def toml_in(document: Path) -> list[str]:
    return [block for language, block in blocks_in(document) if language == "toml"]


def every_toml() -> Iterator[Any]:
    for document in DOCUMENTS:
        for number, block in enumerate(toml_in(document), 1):
            yield pytest.param(block, id=f"{document.relative_to(ROOT)}-{number}")


class TestSettings:
    def test_env_example_lists_every_setting_with_its_meaning_and_default(self) -> None:
        expected = [
            f"# {field.description}\n# {name.upper()}={default_of(field)}\n"
            for name, field in Settings.model_fields.items()
        ]
        assert EXAMPLE.read_text(encoding="utf-8") == "\n".join([HEAD, *expected])

    def test_env_example_is_what_applies_without_it(self, tmp_path: Path) -> None:
        whole = re.sub(r"^# ([A-Z_]+=)", r"\1", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
        (tmp_path / ".env").write_text(whole, encoding="utf-8")
        given = {name.lower(): value for name, value in dotenv_values(tmp_path / ".env").items() if value}
        assert set(given) <= set(Settings.model_fields)
        assert Settings.model_validate(given) == Settings.model_construct()

    def test_the_documents_table_lists_every_setting_with_its_meaning_and_default(self) -> None:
        expected = [
            [f"`{name.upper()}`", f"`{default_of(field)}`" if default_of(field) else "", field.description]
            for name, field in Settings.model_fields.items()
        ]
        assert rows_below("## Settings") == expected

    def test_every_setting_has_a_meaning_of_one_line(self) -> None:
        for name, field in Settings.model_fields.items():
            assert field.description, name
            assert field.description.endswith("."), name
            assert not set("\n|") & set(field.description), name


class TestRelayToml:
    @pytest.mark.parametrize(
        ("heading", "model"),
        [
            ("### The whole file", RelayConfig),
            ("### Forms", Form),
            ("### Fields", FormField),
            ("### Files", FileLimits),
            ("### Spam", SpamConfig),
            ("### Hooks", Hook),
            ("### Defaults", Defaults),
            ("### Alerts", AlertsConfig),
            ("The keys of such a table:", Signature),
            ("The keys of `fetch`:", FetchConfig),
            ("The keys of `captcha`:", CaptchaConfig),
        ],
    )
    def test_every_key_is_listed_with_its_default(self, heading: str, model: type[BaseModel]) -> None:
        rows = rows_below(heading)
        assert {key: default for key, default, _ in rows} == keys_of(model)
        assert len(rows) == len(keys_of(model))
        assert all(meaning for *_, meaning in rows)

    def test_every_field_of_a_lead_that_can_be_mapped_is_listed(self) -> None:
        listed = [key.strip("`") for key, _ in rows_below("### Mapping")]
        assert sorted(listed) == sorted(TARGET_OF)

    def test_every_example_of_a_rule_finds_what_the_document_says(self) -> None:
        _, _, below = CONFIGURATION.read_text(encoding="utf-8").partition("\n### Mapping\n")
        [(_, body)] = [block for block in BLOCK.findall(below) if block[0] == "json"]
        examples = re.findall(
            r"^\| `(.+?)` \| (.*?) ?\| .*\|$",
            below.partition("these rules find:")[2].partition("\n\nIn a")[0],
            re.MULTILINE,
        )
        assert len(examples) >= 14
        for spelled, finds in examples:
            mapping = tomllib.loads(f"message = {spelled}")
            form = Form.model_validate({"name": "contact", "mapping": mapping})
            check(RelayConfig.model_construct(forms={"contact": form}), CONFIGURATION)
            [entry] = read(Inbound(body.encode(), {"content-type": "application/json"}), form, NOW).entries
            found = rules.apply(form.mapping, entry)
            assert (found["message"].value if found else "") == finds, spelled

    def test_the_bounds_of_rules_are_those_of_the_document(self) -> None:
        text = CONFIGURATION.read_text(encoding="utf-8")
        assert f"more than {rules.MAX_VALUES:,} values" in text
        assert f"more than {rules.MAX_STEPS:,} steps" in text
        assert f"more than {rules.MAX_SIZE // 1_000_000} MB" in text

    def test_every_provider_of_captchas_is_listed_with_its_field_and_where_it_is_asked(self) -> None:
        _, _, below = (ROOT / "docs/forms.md").read_text(encoding="utf-8").partition("\n## Captchas\n")
        rows = re.findall(r"^\| `([\w-]+)` \| [^|]+ \| `([\w-]+)` \| (?:`([\w.]+)`)? ?\| ", below, re.MULTILINE)
        services = {name: (one.field, urlsplit(one.verify).hostname) for name, one in VENDORS.items()}
        assert {name: (field, host or None) for name, field, host in rows} == {
            "altcha": (OWN_FIELD, None),
            **services,
        }
        assert [name for name, *_ in rows] == [*get_args(Provider)]
        assert "twenty minutes" in below
        assert timedelta(minutes=20) == GOOD_FOR
        assert "a sixth as often" in below
        assert TIGHTER == 6

    def test_every_scheme_is_listed(self) -> None:
        listed = [row[0].strip('`"') for row in rows_below("### Proof")]
        assert listed == [*SCHEMES, "a table"]

    @pytest.mark.parametrize("block", list(every_toml()))
    def test_every_example_loads(self, block: str, tmp_path: Path) -> None:
        for name in re.findall(r'"file:([^"]+)"', block):
            assert not name.startswith("/"), "an example's file is beside its relay.toml"
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("of a file")
        environ = dict.fromkeys(re.findall(r'"env:([^"]+)"', block), "of-the-environment")
        file = tmp_path / "relay.toml"
        file.write_text(block, encoding="utf-8")
        check(load_relay_config(file, environ), file)

    def test_the_example_of_the_document_uses_every_key(self) -> None:
        used: set[str] = set()

        def walk(table: dict[str, Any]) -> None:
            for key, value in table.items():
                used.add(key)
                for inner in value if isinstance(value, list) else [value]:
                    if isinstance(inner, dict):
                        walk(inner)

        walk(tomllib.loads(toml_in(CONFIGURATION)[0]))
        for model in (RelayConfig, Form, FormField, SpamConfig, Hook, Defaults):
            assert {key.strip("`") for key in keys_of(model)} <= used


def test_every_layer_of_the_verdict_on_spam_is_listed_in_its_words() -> None:
    _, _, below = (ROOT / "docs/forms.md").read_text(encoding="utf-8").partition("\n## Spam\n")
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|$", below, re.MULTILINE)
    assert rows == [(layer.name, layer.meaning) for layer in LAYERS]


class TestStates:
    def test_every_state_has_a_meaning_and_a_mark(self) -> None:
        assert set(MEANING) == set(LeadState) == set(MARKS)
        assert all(MEANING.values())

    @paper
    def test_a_table_of_states_lists_them_all_in_the_same_words(self, document: Path) -> None:
        rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|$", document.read_text(encoding="utf-8"), re.MULTILINE)
        listed = {name: meaning for name, meaning in rows if name in set(LeadState)}
        assert listed in ({}, {state.value: meaning for state, meaning in MEANING.items()})


class TestDesk:
    def test_every_role_is_listed_with_what_it_may_do(self) -> None:
        text = (ROOT / "docs/desk.md").read_text(encoding="utf-8")
        who = text.partition("## Who may come in")[2].partition("\n## ")[0]
        listed = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|$", who, re.MULTILINE))
        assert listed == {role.value: words for role, words in MAY.items()}


class TestCommands:
    def test_the_readme_starts_with_the_two_commands(self) -> None:
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        assert "make run" in readme
        assert "make test" in readme

    @paper
    def test_every_make_target_that_is_mentioned_is_there(self, document: Path) -> None:
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        targets = set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE))
        mentioned = {name for line in code_in(document) for name in re.findall(r"(?:^|[\s&;])make ([a-z]+)", line)}
        assert mentioned <= targets

    @paper
    def test_every_command_and_option_that_is_mentioned_is_there(self, document: Path) -> None:
        for line in code_in(document):
            for words in re.findall(r"(?<![\w-])lead-relay((?: (?!\|)[^\s|&;]+)+)", line):
                command, rest = find_command(words.split())
                options = {option for parameter in command.params for option in parameter.opts}
                given = {word.partition("=")[0] for word in rest if word.startswith("--")}
                assert given <= {*options, "--help"}, f"{line!r}: no such option"


def find_command(words: list[str]) -> tuple[Any, list[str]]:
    """The command that the words name, and what they say to it."""
    command: Any = get_command(app)
    while (commands := getattr(command, "commands", None)) and words and re.fullmatch(r"[a-z]+", words[0]):
        assert words[0] in commands, f"lead-relay has no command {words[0]!r}"
        command, words = commands[words[0]], words[1:]
    return command, words


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[BaseRoute]:
    """Every route of the app, and of the sandbox's control API but for the one that takes any path."""
    store = tmp_path_factory.mktemp("store") / "relay.db"
    settings = Settings.model_construct(database_url=SecretStr(f"sqlite+aiosqlite:///{store}"))
    relay = create_app(settings, load_relay_config(DEMO_TOML, {}))
    return [*relay.routes, *(route for route in control.router.routes if ":path}" not in getattr(route, "path", ""))]


class TestAddresses:
    @paper
    def test_every_address_that_is_mentioned_is_there(self, document: Path, routes: list[BaseRoute]) -> None:
        for line in code_in(document):
            for found in ADDRESS.finditer(line):
                path, method = found["path"].rstrip("/"), found["method"]
                if path.split("/")[1] not in FILE_SYSTEM | AGENCYHANDYS:
                    assert any(takes(route, path, method) for route in routes), f"{line!r}: no route takes {path}"

    @paper
    def test_every_form_and_hook_that_is_mentioned_is_the_demos_or_an_examples(self, document: Path) -> None:
        examples = [DEMO_TOML.read_text(encoding="utf-8"), *toml_in(document)]
        named = {
            (kind, name)
            for text in examples
            for kind in ("forms", "hooks")
            for name in tomllib.loads(text).get(kind, {})
        }
        mentioned = {
            pair for line in code_in(document) for pair in re.findall(r"(?<![\w.])/(forms|hooks)/([a-z0-9_-]+)", line)
        }
        assert mentioned <= named


def takes(route: BaseRoute, path: str, method: str | None) -> bool:
    """Whether a route answers at a path, `{name}` and NAME standing for any name."""
    path = re.sub(r"\{\w+\}|\b[A-Z]+\b", "name", path)
    match, _ = route.matches({"type": "http", "path": path, "root_path": "", "method": method or "GET", "headers": []})
    return match is Match.FULL or (match is Match.PARTIAL and method is None)


def test_the_check_of_addresses_sees_what_is_not_there(routes: list[BaseRoute]) -> None:
    def known(path: str, method: str | None = None) -> bool:
        return any(takes(route, path, method) for route in routes)

    assert known("/forms/{name}", "POST")
    assert known("/_sandbox/companies", "PUT")
    assert known("/relay.js")
    assert not known("/relay.css")
    assert not known("/forms", "POST")
    assert not known("/forms/{name}", "DELETE")
    assert not known("/_sandbox/company")
    found = ADDRESS.findall("curl http://127.0.0.1:8000/form/x, POST /hook/y and https://www.example.com/z </form>")
    assert found == [("", "/form/x"), ("POST", "/hook/y")]


class TestLinks:
    @paper
    def test_every_relative_link_leads_somewhere(self, document: Path) -> None:
        for target in re.findall(r"\]\(([^)\s]+)\)", prose_of(document)):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            file = document.parent / path if path else document
            assert file.exists(), f"{target}: no such file"
            if anchor:
                assert anchor in anchors(file), f"{target}: no such heading"


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose_of(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

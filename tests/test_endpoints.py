"""relay.toml: what it may say, and what is said of it when it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.config.addresses import origin_of
from app.config.endpoints import unknown_endpoint
from app.config.relay_toml import RelayConfig, load_relay_config, names_of_secrets
from app.errors import ConfigurationError
from app.reader import check
from tests.running import DEMO_TOML

ZAPIER = '[hooks.zapier]\nsource = "zapier"\nsecrets = ["s"]\n'
A = "[hooks.a]\nsource = 'json'\nsecrets = ['x']\n"
SIGNED = f"{A}verify = {{ hmac = 'sha256', header = 'X-Sig'"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "relay.toml"


def load(file: Path, text: str, **environ: str) -> RelayConfig:
    file.write_text(text, encoding="utf-8")
    config = load_relay_config(file, environ)
    check(config, file)
    return config


def refusal(file: Path, text: str, **environ: str) -> str:
    with pytest.raises(ConfigurationError) as refused:
        load(file, text, **environ)
    return str(refused.value)


def test_an_empty_file_has_no_forms_and_no_hooks(file: Path) -> None:
    config = load(file, "")
    assert list(config.endpoints()) == []
    assert config.site == "Lead Relay"


def test_the_demos_file_has_the_names_that_documents_use() -> None:
    config = load_relay_config(DEMO_TOML, {})
    check(config, DEMO_TOML)
    assert list(config.forms) == ["contact", "brief"]
    assert {name: hook.source for name, hook in config.hooks.items()} == {
        "typeform": "typeform",
        "zapier": "zapier",
        "json": "json",
    }


def test_a_form_needs_nothing_but_its_name(file: Path) -> None:
    form = load(file, "[forms.contact]").forms["contact"]
    assert (form.name, form.kind, form.source, form.title) == ("contact", "form", "html", "Contact")


def test_the_files_region_counts_where_an_endpoint_has_none(file: Path) -> None:
    config = load(file, f'region = "GB"\n[forms.a]\n[forms.b]\nregion = "DE"\n{ZAPIER}')
    assert [endpoint.region for endpoint in config.endpoints()] == ["GB", "DE", "GB"]


def test_a_rule_may_be_one_or_several(file: Path) -> None:
    form = load(file, '[forms.a.mapping]\nemail = "mail"\nname = ["who", "name"]').forms["a"]
    assert form.mapping == {"email": ("mail",), "name": ("who", "name")}


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("sight = 'x'", "sight", "no such key"),
        ("[form.contact]", "form", "no such key"),
        ("[forms.contact]\ncolour = 1", "forms.contact.colour", "no such key"),
        ("[forms.contact]\nname = 'x'", "forms.contact.name", "no such key"),
        ("[hooks.zaps]\nkind = 'form'", "hooks.zaps.kind", "no such key"),
        ("[forms.contact]\nsecrets = ['x']", "forms.contact.secrets", "no such key"),
        ("[forms.a.defaults]\nsorce = 'x'", "forms.a.defaults.sorce", "no such key"),
        ("[forms.a.defaults]\nposition_in_board = 1", "forms.a.defaults.position_in_board", "no such key"),
        ("[forms.a.defaults]\npositionInBoard = 'top'", "forms.a.defaults.positionInBoard", "a whole number"),
        ("[forms.a.mapping]\nmail = 'x'", "forms.a.mapping.mail", "firstName"),
        ("[forms.a.mapping]\nemail = 5", "forms.a.mapping.email", "a list"),
        ("[forms.a.mapping]\nemail = []", "forms.a.mapping.email", "at least one"),
        ("[forms.a.mapping]\nemail = ''", "forms.a.mapping.email.0", "not empty"),
        ("[forms.a.mapping]\nemail = 'a[b'", "forms.a.mapping.email", "neither a field's name nor a JMESPath"),
        ("[forms.'Contact Us']", "forms.Contact Us", "lower-case letters"),
        ("forms = 1", "forms", "a table"),
        ("[forms]\ncontact = 'x'", "forms.contact", "a table"),
        ("site = ''", "site", "not empty"),
        ("site = 1", "site", "a text in quotes"),
        ("region = 'UK'", "region", "a country's two letters"),
        ("[forms.a]\nregion = 'de'", "forms.a.region", "a country's two letters"),
        ("[forms.a]\nsource = 'hmtl'", "forms.a.source", "there is no source 'hmtl'; did you mean"),
        ("[forms.a]\nredirect = '/thanks'", "forms.a.redirect", "the whole address"),
        ("[forms.a]\nredirect = 'https://'", "forms.a.redirect", "the whole address"),
        ("[forms.a]\nallowed_origins = ['example.com']", "forms.a.allowed_origins", "an origin such as"),
        ("[forms.a]\nallowed_origins = ['*']", "forms.a.allowed_origins", "an origin such as"),
        ("[forms.a]\nallowed_redirects = ['//x.com']", "forms.a.allowed_redirects", "an origin such as"),
        ("[forms.a]\nallowed_origins = 'https://x.com'", "forms.a.allowed_origins", "a list"),
        ("[hooks.a]\nsecrets = ['x']", "hooks.a.source", "missing"),
        ("[hooks.a]\nsource = 'json'", "hooks.a", "give `secrets`, or `open = true`"),
        ("[hooks.a]\nsource = 'json'\nsecrets = []", "hooks.a", "give `secrets`, or `open = true`"),
        ("[hooks.a]\nsource = 'json'\nopen = true\nsecrets = ['x']", "hooks.a", "and not both"),
        ("[hooks.a]\nsource = 'json'\nsecrets = 'x'", "hooks.a.secrets", "a list"),
        ("[hooks.a]\nsource = 'json'\nsecrets = [1]", "hooks.a.secrets", "texts in quotes"),
        ("[hooks.a]\nsource = 'json'\nsecrets = [' ']", "hooks.a.secrets", "a secret is empty"),
        (
            "[hooks.a]\nsource = 'json'\nsecrets = ['env:NO']",
            "hooks.a.secrets",
            "neither the environment nor .env sets NO",
        ),
        ("[hooks.a]\nsource = 'json'\nsecrets = ['env:BLANK']", "hooks.a.secrets", "sets BLANK"),
        ("[hooks.a]\nsource = 'json'\nsecrets = ['file:none']", "hooks.a.secrets", "none: No such file"),
        ("[hooks.a]\nsource = 'json'\nsecrets = ['x']\nheader = 'X Token'", "hooks.a.header", "a header's name"),
        ("[hooks.a]\nsource = 'json'\nopen = 'perhaps'", "hooks.a.open", "true or false"),
        (f"{A}verify = 'beerer'", "hooks.a.verify", "'token', 'bearer', 'header', 'basic', 'url'"),
        (f"{A}verify = 5", "hooks.a.verify", "'standard-webhooks'"),
        (f"{A}verify = []", "hooks.a.verify", "'standard-webhooks'"),
        (f"{A}verify = {{}}", "hooks.a.verify.hmac", "missing"),
        (f"{A}verify = {{ hmac = 'md5', header = 'X' }}", "hooks.a.verify.hmac", "'sha1', 'sha256' or 'sha512'"),
        (f"{A}verify = {{ hmac = 'sha1' }}", "hooks.a.verify.header", "missing"),
        (f"{SIGNED}, header2 = 'X' }}", "hooks.a.verify.header2", "no such key"),
        (f"{SIGNED}, encoding = 'utf-8' }}", "hooks.a.verify.encoding", "'hex' or 'base64'"),
        (f"{SIGNED}, tolerance = 300 }}", "hooks.a.verify.tolerance", "a time such as"),
        (f"{SIGNED}, timestamp = 'X Time', signed = '{{timestamp}}{{body}}' }}", "hooks.a.verify.timestamp", "header"),
        (f"{SIGNED}, pair = ['t'] }}", "hooks.a.verify.pair.1", "missing"),
        (f"{SIGNED}, signed = '{{timestamp}}.{{body}}' }}", "hooks.a.verify", "`timestamp`, its header, or `pair`"),
        (f"{SIGNED}, timestamp = 'X-Time' }}", "hooks.a.verify", "`timestamp`, its header, or `pair`"),
        (f"{SIGNED}, signed = '{{timestamp}}' }}", "hooks.a.verify", "`signed` needs {body}"),
        (f"{SIGNED}, signed = '{{time stamp}}{{body}}' }}", "hooks.a.verify", "`signed` needs {body}"),
        ("[hooks.a]\nsource = 'json'\nopen = true\nverify = 'url'", "hooks.a", "`verify` needs `secrets`"),
        (f"{A}verify = 'standard-webhooks'", "hooks.a.secrets", "whsec_"),
        ("[hooks.a]\nsource = 'formbricks'\nsecrets = ['no key']", "hooks.a.secrets", "whsec_"),
        (f"{A}fetch = 'env:X'", "hooks.a.fetch", "a table of keys"),
        (f"{A}fetch = {{}}", "hooks.a.fetch.token", "missing"),
        (f"{A}fetch = {{ token = 'env:NO' }}", "hooks.a.fetch.token", "sets NO"),
        (f"{A}fetch = {{ token = 'x', base_url = 'graph' }}", "hooks.a.fetch.base_url", "an address such as"),
        (f"{A}fetch = {{ token = 'x' }}", "hooks.a.fetch", "json sends whole people"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_key_and_what_is_expected(
    file: Path, text: str, key: str, expected: str
) -> None:
    said = refusal(file, text, BLANK="  ")
    assert [line for line in said.splitlines() if line.startswith(f"{file}: {key}") and expected in line], said


def test_one_mistake_has_one_line(file: Path) -> None:
    for text in ("region = 'UK'\n[forms.a]\n[forms.b]", "[forms.'A b']", "[forms.a.mapping]\nemail = 5"):
        assert len(refusal(file, text).splitlines()) == 1


def test_every_mistake_has_a_line(file: Path) -> None:
    said = refusal(file, "sight = 1\n[forms.a]\ncolour = 1\n[hooks.b]\nsource = 'json'")
    assert {line.split(": ")[1] for line in said.splitlines()} == {"sight", "forms.a.colour", "hooks.b"}


def test_a_name_stands_for_a_form_or_a_hook_and_not_both(file: Path) -> None:
    assert "'zapier' names a form and a hook" in refusal(file, f"[forms.zapier]\n{ZAPIER}")


def test_a_file_that_is_not_toml_is_named_with_the_place(file: Path) -> None:
    assert refusal(file, "[forms.contact\n").startswith(f"{file}: not TOML: ")
    assert "line 1" in refusal(file, "[forms.contact\n")
    assert "not TOML" in refusal(file, ZAPIER + ZAPIER)


def test_a_missing_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no\.toml: no such file; copy deploy/demo/relay\.toml"):
        load_relay_config(tmp_path / "no.toml", {})


@pytest.mark.parametrize("content", [None, b"site = '\xff'"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "relay.toml"
    file.mkdir() if content is None else file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"relay\.toml: cannot be read"):
        load_relay_config(file, {})


def test_a_secret_comes_from_the_environment_a_file_or_stands_there(file: Path) -> None:
    (file.parent / "old").write_text("of the file\n")
    text = f'[hooks.a]\nsource = "json"\nsecrets = ["env:NEW", "file:old", "file:{file.parent}/old", "plain:word"]'
    hook = load(file, text, NEW="of the environment").hooks["a"]
    assert [secret.get_secret_value() for secret in hook.secrets] == [
        "of the environment",
        "of the file",
        "of the file",
        "plain:word",
    ]
    assert names_of_secrets(file) == {"NEW"}


def test_an_empty_file_is_no_secret(file: Path) -> None:
    (file.parent / "old").write_text("\n")
    assert "is empty" in refusal(file, '[hooks.a]\nsource = "json"\nsecrets = ["file:old"]')


def test_secrets_are_never_in_a_repr(file: Path) -> None:
    config = load(file, '[hooks.a]\nsource = "json"\nsecrets = ["pa55word"]')
    assert "pa55word" not in f"{config!r} {config} {config.model_dump()}"


def test_a_wrong_secret_is_not_repeated(file: Path) -> None:
    assert "pa55word" not in refusal(file, '[hooks.a]\nsource = "json"\nsecrets = "pa55word"')
    assert "pa55word" not in refusal(file, '[hooks.a]\nsource = "json"\nsecrets = [["pa55word"]]')


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://www.example.com", "https://www.example.com"),
        ("https://WWW.Example.com/contact?a=b#c", "https://www.example.com"),
        ("https://www.example.com:443/", "https://www.example.com"),
        ("http://www.example.com:80", "http://www.example.com"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://user:word@www.example.com", "https://www.example.com"),
        ("https://www.müller.de", "https://www.xn--mller-kva.de"),
        ("http://[::1]:8000/x", "http://[::1]:8000"),
    ],
)
def test_an_origin_is_spelt_as_browsers_spell_it(address: str, origin: str) -> None:
    assert origin_of(address) == origin


@pytest.mark.parametrize(
    "address",
    [
        "",
        "example.com",
        "ftp://example.com",
        "https://",
        "https://a..b",
        "https://[",
        "https://a:b",
        "javascript:alert(1)",
    ],
)
def test_what_is_no_web_address_has_no_origin(address: str) -> None:
    with pytest.raises(ValueError, match="expected an origin"):
        origin_of(address)


def test_origins_may_be_given_as_any_address_there(file: Path) -> None:
    form = load(file, '[forms.a]\nallowed_origins = ["https://Example.com/contact"]').forms["a"]
    assert form.allowed_origins == ("https://example.com",)


@pytest.mark.parametrize(
    ("where", "text", "expected"),
    [
        ("workspaces.x.api_key", "[workspaces.x]\napi_key = 'env:KEY'", "expected a key"),
        ("workspaces.x.company_id", "[workspaces.x]\napi_key = 'k'\ncompany_id = 'Ä 1'", "expected an id such as"),
        ("hooks.a.fetch.token", f"{A}fetch = {{ token = 'env:KEY' }}", "expected a key"),
    ],
)
@pytest.mark.parametrize("key", ["schlüssel", "two words", "a line\n"])
def test_a_key_that_fits_in_no_header_is_refused_and_not_shown(
    file: Path, key: str, where: str, text: str, expected: str
) -> None:
    said = refusal(file, text, KEY=key)

    assert said.startswith(f"{file}: {where}: {expected}")
    assert key not in said


def test_an_unknown_endpoint_is_read_as_json_and_known_to_be_unknown() -> None:
    endpoint = unknown_endpoint("hook", "x" * 100)
    assert (endpoint.name, endpoint.source, endpoint.known) == ("x" * 64, "json", False)

"""What an operator sets, where it comes from, and what is said of it when it is wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.config import settings as module
from app.config.environment import environment
from app.config.settings import Settings, load_settings
from app.errors import ConfigurationError

KEY = "key-of-the-agency"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to start in, and an environment without settings."""
    for name in list(os.environ):
        if name.lower().removesuffix("_file") in Settings.model_fields:
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "RUN_SECRETS", str(tmp_path / "run-secrets"))
    return tmp_path


def refusal(**given: object) -> str:
    with pytest.raises(ConfigurationError) as refused:
        load_settings(**given)
    return str(refused.value)


def key_of(settings: Settings) -> str | None:
    key = settings.agencyhandy_api_key
    return key.get_secret_value() if key else None


def test_nothing_has_to_be_set() -> None:
    settings = load_settings()
    assert settings.uses_sandbox
    assert settings.address == "http://127.0.0.1:8000"
    assert settings.relay_toml == Path("relay.toml")


def test_a_setting_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "8123")
    monkeypatch.setenv("agencyhandy_api_key", KEY)
    assert load_settings().port == 8123
    assert key_of(load_settings()) == KEY


def test_a_setting_comes_from_dotenv(folder: Path) -> None:
    (folder / ".env").write_text(f"AGENCYHANDY_API_KEY={KEY}\n# PORT=1\nPORT=8124\n")
    assert load_settings().port == 8124
    assert key_of(load_settings()) == KEY


def test_an_empty_value_is_the_same_as_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text("AGENCYHANDY_API_KEY=\nPORT=\nLOG_FORMAT=json\n")
    monkeypatch.setenv("LOG_FORMAT", "")
    settings = load_settings()
    assert settings.uses_sandbox
    assert settings.port == 8000
    assert settings.log_format == "json"


@pytest.mark.parametrize("where", ["the environment", ".env"])
def test_a_setting_comes_from_the_file_that_its_name_with_file_names(
    folder: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    (folder / "key").write_text(f"{KEY}\n")
    if where == ".env":
        (folder / ".env").write_text(f"AGENCYHANDY_API_KEY_FILE={folder}/key\n")
    else:
        monkeypatch.setenv("AGENCYHANDY_API_KEY_FILE", f"{folder}/key")
    assert key_of(load_settings()) == KEY


def test_a_setting_comes_from_run_secrets(folder: Path) -> None:
    (folder / "run-secrets").mkdir()
    (folder / "run-secrets/agencyhandy_api_key").write_text(f"{KEY}\n")
    assert key_of(load_settings()) == KEY


def test_a_secret_in_run_secrets_that_cannot_be_read_stops_the_start(folder: Path) -> None:
    (folder / "run-secrets").mkdir()
    (folder / "run-secrets/agencyhandy_api_key").write_bytes(b"\xff")
    assert "agencyhandy_api_key" in refusal()


def test_the_nearer_source_wins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "run-secrets").mkdir()
    (folder / "run-secrets/agencyhandy_api_key").write_text("of-run-secrets")
    found = [load_settings()]
    (folder / ".env").write_text("AGENCYHANDY_API_KEY=of-dotenv\n")
    found.append(load_settings())
    (folder / "key").write_text("of-the-named-file")
    monkeypatch.setenv("AGENCYHANDY_API_KEY_FILE", str(folder / "key"))
    found.append(load_settings())
    monkeypatch.setenv("AGENCYHANDY_API_KEY", "of-the-environment")
    found += [load_settings(), load_settings(agencyhandy_api_key="handed-over")]
    assert [key_of(settings) for settings in found] == [
        "of-run-secrets",
        "of-dotenv",
        "of-the-named-file",
        "of-the-environment",
        "handed-over",
    ]


@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file"), (b"", "is empty"), (b"\n", "is empty"), (b"\xff", "utf-8")]
)
def test_a_file_that_gives_no_secret_stops_the_start(
    folder: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, why: str
) -> None:
    if content is not None:
        (folder / "key").write_bytes(content)
    monkeypatch.setenv("AGENCYHANDY_API_KEY_FILE", str(folder / "key"))
    said = refusal()
    assert said.startswith(
        f"AGENCYHANDY_API_KEY_FILE: {folder / 'key'}" if why == "is empty" else "AGENCYHANDY_API_KEY_FILE: cannot read"
    )
    assert str(folder / "key") in said
    assert why in said


def test_a_dotenv_that_cannot_be_read_stops_the_start(folder: Path) -> None:
    (folder / ".env").write_bytes(b"PORT=\xff\xfe\n")
    assert refusal().startswith(".env")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PORT", "eight", "a whole number"),
        ("PORT", "70000", "less than or equal to 65535"),
        ("DELIVERY_BATCH", "0", "greater than or equal to 1"),
        ("GIVE_UP_HOURS", "-1", "greater than 0"),
        ("LOG_FORMAT", "xml", "'auto', 'console' or 'json'"),
        ("AGENCYHANDY_API_KEY", "two words", "a key as it is shown to you"),
        ("AGENCYHANDY_API_KEY", "clé", "a key as it is shown to you"),
        ("AGENCYHANDY_BASE_URL", "api.agencyhandy.com", "an address such as https://leads.example.com"),
        ("PUBLIC_URL", "leads.example.com", "an address such as https://leads.example.com"),
        ("PUBLIC_URL", "https://", "an address such as https://leads.example.com"),
        ("PUBLIC_URL", "https://leads..example.com", "an address such as https://leads.example.com"),
        ("PUBLIC_URL", "https://leads.example.com:port", "an address such as https://leads.example.com"),
        ("PUBLIC_URL", "https://leads.example.com?a=b", "an address such as https://leads.example.com"),
        ("DATABASE_URL", "sqlite:///relay.db", "sqlite+aiosqlite:///path/to/relay.db"),
        ("DATABASE_URL", "sqlite+aiosqlite:///", "sqlite+aiosqlite:///path/to/relay.db"),
        ("DATABASE_URL", "sqlite+aiosqlite:///:memory:", "sqlite+aiosqlite:///path/to/relay.db"),
        ("DATABASE_URL", "mysql://u:pa55@db/relay", "sqlite+aiosqlite:///path/to/relay.db"),
        ("DATABASE_URL", "postgresql://u:pa55@db", "postgresql+asyncpg://USER:PASSWORD@HOST/NAME"),
        ("TRUSTED_PROXIES", "10.0.0.1, proxy", "addresses and networks such as 10.0.0.5, 172.16.0.0/12"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "has host bits set"),
        ("EMAIL_TAKEN_PATTERN", "(", "a regular expression"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_expected(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(name, value)
    said = refusal()
    assert said.startswith(f"environment or .env: {name}: ")
    assert expected in said


def test_a_wrong_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENCYHANDY_API_KEY", "secret words")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:pa55@db/relay")
    said = refusal()
    assert "secret words" not in said
    assert "pa55" not in said


def test_every_wrong_value_has_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "eight")
    monkeypatch.setenv("LOG_FORMAT", "xml")
    assert [line.split(": ")[1] for line in refusal().splitlines()] == ["PORT", "LOG_FORMAT"]


@pytest.mark.parametrize("value", ["", "*", "127.0.0.1", "10.0.0.5, 172.16.0.0/12,::1"])
def test_proxies_are_addresses_and_networks(value: str) -> None:
    assert load_settings(trusted_proxies=value).trusted_proxies == value


def test_secrets_are_never_in_a_repr() -> None:
    settings = load_settings(agencyhandy_api_key=KEY, database_url="sqlite+aiosqlite:///pa55.db")
    assert KEY not in f"{settings!r} {settings} {settings.model_dump()}"
    assert "pa55" not in f"{settings!r} {settings} {settings.model_dump()}"


def test_another_address_of_agencyhandy_needs_a_key() -> None:
    assert "set both, or neither" in refusal(agencyhandy_base_url="https://api.example.com")
    assert load_settings(agencyhandy_base_url="https://api.agencyhandy.com/").uses_sandbox


def test_real_enquiries_never_go_to_the_sandbox() -> None:
    for reached_by_others in ({"public_url": "https://leads.example.com"}, {"host": "0.0.0.0"}):
        assert "real enquiries would go to the sandbox" in refusal(**reached_by_others)
        assert load_settings(**reached_by_others, sandbox=True).uses_sandbox
    assert load_settings(public_url="http://localhost:9000").uses_sandbox
    assert not load_settings(public_url="https://leads.example.com", agencyhandy_api_key=KEY).uses_sandbox


def test_an_address_loses_the_slash_at_its_end() -> None:
    settings = load_settings(public_url="https://leads.example.com/", agencyhandy_api_key=KEY)
    assert settings.address == "https://leads.example.com"


def test_the_file_of_forms_and_hooks_is_the_one_named_else_the_one_there_else_the_demos(folder: Path) -> None:
    (folder / "deploy/demo").mkdir(parents=True)
    (folder / "deploy/demo/relay.toml").touch()
    assert load_settings().relay_toml == Path("deploy/demo/relay.toml")
    (folder / "relay.toml").touch()
    assert load_settings().relay_toml == Path("relay.toml")
    assert load_settings(relay_config="other.toml").relay_toml == Path("other.toml")


def test_names_for_secrets_come_from_the_environment_over_dotenv(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text("HOOK_A=dotenv\nHOOK_B=dotenv\nHOOK_C=dotenv\nHOOK_D=\n")
    monkeypatch.setenv("HOOK_A", "environment")
    monkeypatch.setenv("HOOK_B", "")
    found = environment()
    assert [found.get(f"HOOK_{letter}") for letter in "ABCD"] == ["environment", "dotenv", "dotenv", None]


def test_of_several_processes_each_needs_the_key() -> None:
    for role in ("intake", "delivery"):
        assert "by ROLE it is one of several" in refusal(role=role)
        assert load_settings(role=role, agencyhandy_api_key=KEY).workspace == "default"
        assert load_settings(role=role, sandbox=True).workspace == "sandbox"

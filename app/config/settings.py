"""What an operator sets for one process: `Settings`, from the environment and `.env`.

A secret can come from a file: `NAME_FILE=/path` or `/run/secrets/name`. Nothing is read at import.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveFloat, PositiveInt, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from app.config.addresses import LOOPBACK, base_address, is_loopback
from app.config.environment import DOTENV, environment, read_secret_file, words
from app.config.rates import rates
from app.config.values import BaseAddress, Id, IsKey
from app.errors import ConfigurationError

AGENCYHANDY = "https://api.agencyhandy.com"
SQLITE = "sqlite+aiosqlite:///"
POSTGRESQL = "postgresql+asyncpg://"
RUN_SECRETS = "/run/secrets"
RELAY_TOML = Path("relay.toml")
DEMO_TOML = Path("deploy/demo/relay.toml")

EXPECTED = {
    "missing": "expected, and missing",
    "extra_forbidden": "no such key; docs/configuration.md lists those there are",
    "model_type": "expected a table of keys",
    "dict_type": "expected a table of keys",
    "tuple_type": 'expected a list, such as ["one", "another"]',
    "too_short": "expected at least one",
    "string_type": "expected a text in quotes",
    "string_too_short": "expected a text that is not empty",
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
}
"""What pydantic calls a problem → what an operator should write instead. Others say it well enough themselves."""


class Settings(BaseSettings):
    """One process's settings. Each field's description is its line in `.env.example` and docs/configuration.md."""

    model_config = SettingsConfigDict(
        env_file=DOTENV, extra="ignore", env_ignore_empty=True, frozen=True, hide_input_in_errors=True
    )

    agencyhandy_api_key: Annotated[SecretStr, IsKey] | None = Field(
        None, description="AgencyHandy's API key (Workspace Config → API Key). Without it leads go to the sandbox."
    )
    agencyhandy_company_id: Id | None = Field(
        None, description="The company that gets the leads; needed only when the key has several."
    )
    agencyhandy_base_url: BaseAddress = Field(AGENCYHANDY, description="Where AgencyHandy's API is.")
    sandbox: bool = Field(
        False, description="true: without a key, the sandbox takes leads even where other machines reach the relay."
    )
    database_url: SecretStr = Field(
        SecretStr(f"{SQLITE}data/relay.db"),
        description=f"The store: one SQLite file that only Lead Relay uses, or {POSTGRESQL}USER:PASSWORD@HOST/NAME.",
    )
    relay_config: Path | None = Field(
        None, description=f"The forms and hooks; unset: {RELAY_TOML} if it is there, else the demo's ({DEMO_TOML})."
    )
    public_url: str = Field(
        "",
        description="The address that visitors and providers see, with its scheme; unset: http://127.0.0.1 and PORT.",
    )
    role: Literal["all", "intake", "delivery"] = Field(
        "all", description="What this process does: take enquiries (intake), deliver them (delivery), or all."
    )
    host: str = Field("127.0.0.1", description="The address to listen on; the container listens on all.")
    port: int = Field(8000, ge=0, le=65535, description="The port to listen on.")
    trusted_proxies: str = Field(
        "127.0.0.1", description="Proxies whose X-Forwarded-* headers count: addresses and networks, comma-separated."
    )
    max_body_bytes: PositiveInt = Field(2_097_152, description="The largest body that is taken, in bytes, files apart.")
    attachments_dir: Path | None = Field(
        None, description="The folder of visitors' files, for all processes the same; unset: beside the SQLite file."
    )
    repeat_window_minutes: PositiveFloat = Field(
        10, description="For how long the same content at the same endpoint is taken for a repeat."
    )
    quarantine_rows: PositiveInt = Field(
        1000,
        description="How many unreadable, unsigned or misaddressed requests are kept of each; the oldest go first.",
    )
    quarantine_mib: PositiveInt = Field(100, description="How many MiB of such requests are kept of each.")
    unknown_hook_status: Annotated[Literal[200, 404], BeforeValidator(int)] = Field(
        200, description="What a hook that nobody configured answers; at 404 some providers switch a hook off for good."
    )
    rate_limit_address: str = Field(
        "60/minute;1000/hour", description="How often one address may send a form: NUMBER/TIME, several with ; between."
    )
    rate_limit_form: str = Field(
        "10000/minute", description="How often a form may be sent by everybody together, as above."
    )
    rate_limit_token: str = Field("600/minute", description="How often one token of the API may ask, as above.")
    rate_limit_store: SecretStr | None = Field(
        None, description="A Redis in which several relays count together, as redis://HOST/0; unset: each for itself."
    )
    metrics_token: SecretStr | None = Field(
        None, description="The bearer token that /metrics asks for; unset: it answers this machine only."
    )
    api_token: SecretStr | None = Field(None, description="A bearer token of /api that may do everything.")
    desk_password: SecretStr | None = Field(
        None, min_length=10, description="The desk's password for the name admin; operator add makes other operators."
    )
    delivery_batch: int = Field(
        50, ge=1, le=500, description="How many leads one request to AgencyHandy carries at most."
    )
    delivery_requests_per_second: PositiveFloat = Field(
        10, description="How many requests a second AgencyHandy gets at most."
    )
    delivery_timeout_seconds: PositiveFloat = Field(
        30, description="How long to wait for AgencyHandy's answer before its outcome counts as unknown."
    )
    delivery_probe_seconds: PositiveFloat = Field(
        60, description="How often the way to AgencyHandy is tried while it refuses the key, or nothing gets through."
    )
    give_up_hours: PositiveFloat = Field(72, description="After how long of failing a lead is held for a person.")
    email_taken_pattern: str = Field(
        "", description="A further regular expression that recognises AgencyHandy's answer to a taken e-mail address."
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="How logs are written: console, json, or auto (console on a terminal)."
    )

    @field_validator("public_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        return base_address(value) if value else value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_proxies(cls, value: str) -> str:
        for proxy in filter(None, map(str.strip, value.split(","))):
            try:
                ipaddress.ip_network(proxy)
            except ValueError as error:
                if value != "*":
                    raise ValueError(
                        f"expected addresses and networks such as 10.0.0.5, 172.16.0.0/12: {error}"
                    ) from error
        return value

    @field_validator("rate_limit_address", "rate_limit_form", "rate_limit_token")
    @classmethod
    def _are_rates(cls, value: str) -> str:
        rates(value)
        return value

    @field_validator("rate_limit_store")
    @classmethod
    def _is_redis(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.match("rediss?://[^/]", value.get_secret_value()):
            raise ValueError("expected redis://HOST:PORT/0, or rediss:// for one that is encrypted")
        return value

    @field_validator("email_taken_pattern")
    @classmethod
    def _is_a_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"expected a regular expression: {error}") from error
        return value

    @field_validator("database_url")
    @classmethod
    def _is_a_store(cls, value: SecretStr) -> SecretStr:
        url = re.sub(r"^postgres(ql)?://", POSTGRESQL, value.get_secret_value())
        file = url.removeprefix(SQLITE)
        is_file = file not in {"", ":memory:", url} and not file.endswith("/")
        if not (is_file or re.match(rf"{re.escape(POSTGRESQL)}[^/]*/[^/?]+", url)):
            raise ValueError(f"expected {SQLITE}path/to/relay.db or {POSTGRESQL}USER:PASSWORD@HOST/NAME")
        return SecretStr(url)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What was handed over first, then the environment, NAME_FILE, `.env`, and last /run/secrets."""
        sources = (init_settings, env_settings, NamedFileSource(settings_cls), dotenv_settings)
        if Path(RUN_SECRETS).is_dir():
            return (*sources, SecretsSettingsSource(settings_cls, secrets_dir=RUN_SECRETS))
        return sources

    @property
    def uses_sandbox(self) -> bool:
        """Whether leads go to the built-in sandbox: no key, and no other address given."""
        return self.agencyhandy_api_key is None

    @property
    def workspace(self) -> str:
        """Whose leads are accepted and delivered. A trial's stay in the trial, also when a key is set later."""
        return "sandbox" if self.uses_sandbox else "default"

    @property
    def address(self) -> str:
        """Where the relay is reached from outside, without a slash at the end."""
        return self.public_url or f"http://127.0.0.1:{self.port}"

    @property
    def is_on_this_machine(self) -> bool:
        """Whether only this machine reaches it."""
        return is_loopback(self.address) and self.host in LOOPBACK

    @property
    def delivers_to_this_machine(self) -> bool:
        """Whether the destination is a sandbox of one's own."""
        return is_loopback(self.agencyhandy_base_url)

    @property
    def relay_toml(self) -> Path:
        """The file with the forms and hooks that applies."""
        if self.relay_config is not None:
            return self.relay_config
        return RELAY_TOML if RELAY_TOML.exists() or not DEMO_TOML.exists() else DEMO_TOML


class NamedFileSource(EnvSettingsSource):
    """Takes a setting from the file that `NAME_FILE` names, as container secrets are usually handed over."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        named = {name.lower(): value for name, value in environment().items()}
        path = named.get(f"{field_name}_file")
        return (read_secret_file(path, f"{field_name.upper()}_FILE") if path else None), field_name, False


def load_settings(**given: Any) -> Settings:
    """The settings of this process, or ConfigurationError with a line for each that is wrong."""
    try:
        settings = Settings(**given)
    except ValidationError as error:
        raise ConfigurationError(explain("environment or .env", error, str.upper)) from error
    except SettingsError as error:
        cause = error.__cause__
        raise cause if isinstance(cause, ConfigurationError) else ConfigurationError(f"{error}: {cause}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{DOTENV} or {RUN_SECRETS}: cannot be read: {words(error)}") from error
    if not settings.uses_sandbox:
        return settings
    if settings.agencyhandy_base_url != AGENCYHANDY:
        raise ConfigurationError("AGENCYHANDY_BASE_URL is set but AGENCYHANDY_API_KEY is not: set both, or neither.")
    if not (settings.is_on_this_machine and settings.role == "all") and not settings.sandbox:
        raise ConfigurationError(
            "AGENCYHANDY_API_KEY is not set, and by PUBLIC_URL or HOST others reach the relay, or by ROLE it is one of "
            "several: real enquiries would go to the sandbox. Set the key; or for a trial set SANDBOX=true, or leave "
            "PUBLIC_URL, HOST and ROLE out."
        )
    return settings


def explain(where: str, error: ValidationError, spell: Callable[[str], str] = str) -> str:
    """A line for each problem of pydantic's: the file, the key, what is expected. Never the value: it may be secret."""
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        path = (part for part in map(str, problem["loc"]) if not part.startswith("["))
        message = EXPECTED.get(problem["type"], problem["msg"].removeprefix("Value error, "))
        lines.append(": ".join(filter(None, (where, spell(".".join(path)), message))))
    return "\n".join(lines)

"""The forms and hooks of relay.toml, as models. Unknown keys are errors."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Discriminator,
    Field,
    PositiveFloat,
    PositiveInt,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from app.addresses import base_address, origin_of, split_address
from app.errors import ConfigurationError
from app.settings import explain
from app.values import (
    Duration,
    Header,
    LeadField,
    Model,
    Name,
    Region,
    Rules,
    Secret,
    Text,
    is_duration,
    is_region,
)

OWN_WORKSPACES = {"default", "sandbox"}
PLACEHOLDER = re.compile(r"\{[\w-]+\}")


class Defaults(Model):
    """What a lead gets where the submission says nothing."""

    model_config = ConfigDict(alias_generator=to_camel)

    status: Text | None = None
    source: Text | None = None
    position_in_board: Annotated[int, Field(ge=0, lt=10**9)] | None = None


class Endpoint(Model):
    """What forms and hooks share. `mapping` gives a lead's field one rule or several alternatives.

    `workspace` names whose leads they are, `email_template` makes the address of a lead that has only a phone, `keep`
    bounds how long contents are kept, `expect_every` how long it may be silent, `leads_to` who gets what is stuck.
    """

    name: str
    kind: Literal["form", "hook"]
    source: Text
    region: Region | None = None
    defaults: Defaults = Defaults()
    mapping: Mapping[LeadField, Rules] = {}
    workspace: Name | None = None
    email_template: Text | None = None
    keep: Duration | None = None
    expect_every: Duration | None = None
    leads_to: tuple[Secret, ...] = ()
    known: bool = Field(True, exclude=True)


class Form(Endpoint):
    """`POST /forms/{name}`, for browsers."""

    kind: Literal["form"] = "form"
    source: Text = "html"
    title: Text = "Contact"
    redirect: str | None = None
    allowed_redirects: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()

    @field_validator("redirect")
    @classmethod
    def _is_a_page(cls, value: str | None) -> str | None:
        if value is not None and split_address(value) is None:
            raise ValueError("expected the whole address of a page, such as https://www.example.com/thanks")
        return value

    @field_validator("allowed_origins", "allowed_redirects")
    @classmethod
    def _are_origins(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(origin_of(value) for value in values)


class Signature(Model):
    """An HMAC that a hook's requests carry: of what (`signed`), in which header, spelled how.

    The time is signed too where `signed` has {timestamp} in it; then the header `timestamp` holds it, or `pair` names
    it and the signature, as in `t=…,v1=…`.
    """

    hmac: Literal["sha1", "sha256", "sha512"]
    header: Header
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    signed: Text = "{body}"
    timestamp: Header = ""
    pair: tuple[Text, Text] | None = None
    tolerance: Duration = timedelta(minutes=5)

    @model_validator(mode="after")
    def _is_whole(self) -> Signature:
        if "{body}" not in self.signed or set("{}") & set(PLACEHOLDER.sub("", self.signed)):
            raise ValueError("`signed` needs {body}; {timestamp}, {method}, {url} and a {Header-Name} may be in it too")
        if ("{timestamp}" in self.signed) != bool(self.timestamp or self.pair) or (self.timestamp and self.pair):
            raise ValueError("{timestamp} in `signed` goes with either `timestamp`, its header, or `pair`")
        return self


class FetchConfig(Model):
    """How the people are fetched of whom a provider sends ids only: with `token`, from its API or at `base_url`."""

    token: Secret
    base_url: Annotated[str, AfterValidator(base_address)] | None = None


Scheme = Literal["token", "bearer", "header", "basic", "url", "standard-webhooks"]
Verification = Annotated[
    Annotated[Scheme, Tag("[name]")] | Annotated[Signature, Tag("[table]")],
    Discriminator(lambda given: "[table]" if isinstance(given, dict | Signature) else "[name]"),
]


class Hook(Endpoint):
    """`POST /hooks/{name}`, for servers. Any one of `secrets` proves the sender; `open` takes anybody's.

    `verify` says how, where not as the source does; `fetch` how people are had that came as ids.
    """

    kind: Literal["hook"] = "hook"
    secrets: tuple[Secret, ...] = ()
    header: Header = "X-Relay-Token"
    open: bool = False
    verify: Verification | None = None
    fetch: FetchConfig | None = None

    @model_validator(mode="after")
    def _is_protected(self) -> Hook:
        if self.open == bool(self.secrets):
            raise ValueError("give `secrets`, or `open = true` to take requests from anybody, and not both")
        if self.open and self.verify:
            raise ValueError("`verify` needs `secrets`, and not `open = true`")
        return self


class WorkspaceConfig(Model):
    """One more AgencyHandy company, with its own key and limits; what is left out is as the settings say."""

    api_key: Secret
    company_id: Text | None = None
    base_url: Annotated[str, AfterValidator(base_address)] | None = None
    batch: Annotated[int, Field(ge=1, le=500)] | None = None
    requests_per_second: PositiveFloat | None = None


class AlertsConfig(Model):
    """Who is told what is wrong (`to`), and who gets leads that do not reach AgencyHandy (`leads_to`): Apprise URLs.

    `after`: how long a lead may wait; `every`: how often the same is said again; `quarantine`: how many requests an
    hour may end up there; `disk_mib`: how little space may be left.
    """

    to: tuple[Secret, ...] = ()
    leads_to: tuple[Secret, ...] = ()
    after: Duration = timedelta(minutes=15)
    every: Duration = timedelta(hours=4)
    quarantine: PositiveInt = 50
    disk_mib: PositiveInt = 500


class RelayConfig(Model):
    """The whole of relay.toml. A name stands for one endpoint, be it a form or a hook."""

    region: Region | None = None
    site: Text = "Lead Relay"
    keep: Duration | None = None
    alerts: AlertsConfig = AlertsConfig()
    workspaces: Mapping[Name, WorkspaceConfig] = {}
    forms: Mapping[Name, Form] = {}
    hooks: Mapping[Name, Hook] = {}

    @model_validator(mode="before")
    @classmethod
    def _name_them(cls, data: Any) -> Any:
        """Hands each endpoint its name, and the file's region where it has none of its own."""
        if not isinstance(data, dict):
            return data
        named = dict(data)
        valid = {"region": is_region, "keep": is_duration}
        shared = {key: data[key] for key, is_valid in valid.items() if is_valid(data.get(key))}
        for kind in ("forms", "hooks"):
            tables = data.get(kind, {})
            if isinstance(tables, dict):
                named[kind] = {name: _with_name(table, f"{kind}.{name}", shared) for name, table in tables.items()}
        return named

    @model_validator(mode="after")
    def _names_fit(self) -> RelayConfig:
        if both := sorted(set(self.forms) & set(self.hooks)):
            raise ValueError(f"{both[0]!r} names a form and a hook: one of them needs another name")
        if taken := OWN_WORKSPACES & self.workspaces.keys():
            raise ValueError(f"workspaces.{min(taken)}: this name is the relay's own; choose another")
        for one in self.endpoints():
            if one.workspace and one.workspace not in self.workspaces:
                raise ValueError(f"{one.kind}s.{one.name}.workspace: there is no [workspaces.{one.workspace}]")
        return self

    @property
    def fetching(self) -> tuple[str, ...]:
        """The hooks that fetch people of whom they are told ids only."""
        return tuple(name for name, hook in self.hooks.items() if hook.fetch)

    def endpoints(self) -> Iterator[Form | Hook]:
        yield from self.forms.values()
        yield from self.hooks.values()


def load_relay_config(path: Path, environ: Mapping[str, str]) -> RelayConfig:
    """The endpoints of the file at `path`, or ConfigurationError with a line for each problem."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigurationError(f"{path}: no such file; copy deploy/demo/relay.toml and edit it") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: not TOML: {error}") from error
    try:
        return RelayConfig.model_validate(data, context={"environ": environ, "folder": path.parent})
    except ValidationError as error:
        raise ConfigurationError(explain(str(path), error)) from error


def unknown_endpoint(kind: Literal["form", "hook"], name: str) -> Endpoint:
    """What a request to a name that nobody configured is read with, on its way into quarantine."""
    return Endpoint.model_construct(name=name[:64], kind=kind, source="json", known=False)


def names_of_secrets(path: Path) -> set[str]:
    """Every NAME that the file at `path` means by `env:NAME`."""
    return set(re.findall(r"""["']env:([^"']+)["']""", path.read_text(encoding="utf-8")))


def _with_name(table: Any, path: str, shared: Mapping[str, str]) -> Any:
    if not isinstance(table, dict):
        return table
    if taken := sorted({"name", "kind", "known"} & set(table)):
        raise ValueError(f"{path}.{taken[0]}: no such key; docs/configuration.md lists those there are")
    return {"name": path.partition(".")[2], **shared, **table}

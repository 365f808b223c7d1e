"""The whole of relay.toml, as models. Unknown keys are errors."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PositiveFloat, PositiveInt, ValidationError, model_validator

from app.config.endpoints import Form, Hook
from app.config.settings import explain
from app.config.values import (
    BaseAddress,
    Color,
    Duration,
    Id,
    Key,
    Model,
    Name,
    Region,
    Secret,
    Text,
    WebAddress,
    is_color,
    is_duration,
    is_region,
    is_text,
    is_web_address,
)
from app.errors import ConfigurationError

OWN_WORKSPACES = {"default", "sandbox"}
SHARED = {"region": is_region, "keep": is_duration}
LOOKS = {"site": is_text, "color": is_color, "logo": is_web_address}
"""Keys of the whole file that its endpoints, or its forms, take over → what is one."""


class WorkspaceConfig(Model):
    """One more AgencyHandy company, with its own key and limits; what is left out is as the settings say."""

    api_key: Key
    company_id: Id | None = None
    base_url: BaseAddress | None = None
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
    color: Color | None = None
    logo: WebAddress | None = None
    keep: Duration | None = None
    alerts: AlertsConfig = AlertsConfig()
    workspaces: Mapping[Name, WorkspaceConfig] = {}
    forms: Mapping[Name, Form] = {}
    hooks: Mapping[Name, Hook] = {}

    @model_validator(mode="before")
    @classmethod
    def _name_them(cls, data: Any) -> Any:
        """Hands each endpoint its name, and what the file says for all where it says nothing of its own."""
        if not isinstance(data, dict):
            return data
        named = dict(data)
        for kind, valid in (("forms", SHARED | LOOKS), ("hooks", SHARED)):
            given = {key: data[key] for key, is_valid in valid.items() if is_valid(data.get(key))}
            tables = data.get(kind, {})
            if isinstance(tables, dict):
                named[kind] = {name: _with_name(table, f"{kind}.{name}", given) for name, table in tables.items()}
        return named

    @model_validator(mode="after")
    def _names_fit(self) -> RelayConfig:
        if both := sorted(set(self.forms) & set(self.hooks)):
            raise ValueError(f"{both[0]!r} names a form and a hook: one of them needs another name")
        if taken := OWN_WORKSPACES & self.workspaces.keys():
            raise ValueError(f"workspaces.{min(taken)}: this name is the relay's own; choose another")
        for one in self.endpoints():
            if one.workspace and one.workspace not in self.workspaces:
                raise ValueError(f"{one.table}.workspace: there is no [workspaces.{one.workspace}]")
        return self

    @property
    def fetching(self) -> tuple[str, ...]:
        """The hooks that fetch people of whom they are told ids only."""
        return tuple(name for name, hook in self.hooks.items() if hook.fetch)

    @property
    def names(self) -> list[str]:
        """What its endpoints are called."""
        return [*self.forms, *self.hooks]

    def called(self, name: str) -> Form | Hook | None:
        """The form or hook of that name, if there is one."""
        return self.forms.get(name) or self.hooks.get(name)

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


def names_of_secrets(path: Path) -> set[str]:
    """Every NAME that the file at `path` means by `env:NAME`."""
    return set(re.findall(r"""["']env:([^"']+)["']""", path.read_text(encoding="utf-8")))


def _with_name(table: Any, path: str, shared: Mapping[str, str]) -> Any:
    if not isinstance(table, dict):
        return table
    if taken := sorted({"name", "kind", "known"} & set(table)):
        raise ValueError(f"{path}.{taken[0]}: no such key; docs/configuration.md lists those there are")
    return {"name": path.partition(".")[2], **shared, **table}

"""Forms and hooks, the ways in, as models. Unknown keys are errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from app.config.addresses import origin_of
from app.config.values import (
    FILE_KINDS,
    BaseAddress,
    Color,
    Duration,
    FileType,
    Header,
    Key,
    LeadField,
    Model,
    Name,
    Region,
    Rules,
    Secret,
    Text,
    WebAddress,
)
from app.lead import FIELDS

FieldType = Literal[
    "text", "email", "tel", "textarea", "select", "radio", "checkbox", "date", "number", "url", "file", "hidden"
]
CHOICES = ("select", "radio")
Provider = Literal["altcha", "turnstile", "hcaptcha", "recaptcha", "recaptcha-v3"]
SCORED = "recaptcha-v3"
"""The one provider that gives a score."""
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

    @property
    def path(self) -> str:
        """Where it is posted to."""
        return f"/{self.kind}s/{self.name}"

    @property
    def table(self) -> str:
        """Its table in relay.toml."""
        return f"{self.kind}s.{self.name}"


class FormField(Model):
    """A field of a form's own page: the `name` it is sent by, its `label`, and what may be in it.

    `options` are what there is to choose from, `help` stands below the label; the rest is as in HTML.
    """

    name: Annotated[str, Field(min_length=1, max_length=200)]
    label: Text | None = None
    type: FieldType = "text"
    required: bool = False
    options: tuple[Text, ...] = ()
    help: str = ""
    value: str = ""
    placeholder: str = ""
    autocomplete: str = ""

    @model_validator(mode="after")
    def _has_its_options(self) -> FormField:
        if (self.type in CHOICES) != bool(self.options):
            raise ValueError(f"`options` go with the types {' and '.join(CHOICES)}, and with no other")
        return self


class FileLimits(Model):
    """What a form takes of files: each up to `max_mib`, up to `max_count` of them, of the `types` by their contents."""

    max_mib: Annotated[int, Field(ge=1, le=1024)] = 10
    max_count: Annotated[int, Field(ge=0, le=100)] = 5
    types: tuple[FileType, ...] = tuple(FILE_KINDS)

    @property
    def max_bytes(self) -> int:
        """Of one file."""
        return self.max_mib * 1024 * 1024

    def take(self, media_type: str) -> bool:
        """Whether files of this type are taken. `image/*` means no SVG, which can hold scripts."""
        wanted = {one for kind in self.types for one in FILE_KINDS.get(kind, (kind,))}
        return media_type in wanted or (f"{media_type.partition('/')[0]}/*" in wanted and media_type != "image/svg+xml")


class SpamConfig(Model):
    """What a form takes for spam: what all signs weigh together (`threshold`), the names of its own traps.

    Who sends it sooner than `fastest` after it was shown is suspicious.
    """

    threshold: Annotated[int, Field(ge=1, le=100)] = 10
    honeypots: tuple[Text, ...] = ()
    fastest: Duration = timedelta(seconds=2)


class CaptchaConfig(Model):
    """Who proves that a form was filled in by a browser with somebody in front of it: the relay itself, or a service.

    `site_key` and `secret` are what the service gave, `base_url` is where it is, if not at its own address. `action`
    and `min_score`, 0 to 1, are what recaptcha-v3 has to answer.
    """

    provider: Provider
    site_key: Text | None = None
    secret: Secret | None = None
    min_score: Annotated[float, Field(ge=0, le=1)] = 0.5
    action: Annotated[str, Field(pattern="^[A-Za-z0-9_/]+$")] = "submit"
    base_url: BaseAddress | None = None

    @model_validator(mode="after")
    def _has_its_keys(self) -> CaptchaConfig:
        own, keys = self.provider == "altcha", (self.site_key, self.secret)
        if own and (any(keys) or self.base_url):
            raise ValueError("altcha is the relay's own: it takes no `site_key`, `secret` or `base_url`")
        if not own and not all(keys):
            raise ValueError(f"{self.provider} needs both its `site_key` and its `secret`")
        if self.provider != SCORED and {"min_score", "action"} & self.model_fields_set:
            raise ValueError(f"`min_score` and `action` go with {SCORED}, and with no other")
        return self


def _by_name(value: object) -> object:
    return {"provider": value} if isinstance(value, str) else value


Captcha = Annotated[CaptchaConfig, BeforeValidator(_by_name)]


class Form(Endpoint):
    """`POST /forms/{name}`, for browsers. `fields` are those of its own page, which are checked when it is sent.

    `site` is the name, `color` and `logo` the look of the website that it belongs to, for visitors' pages; `files`
    bounds what may be attached.
    """

    kind: Literal["form"] = "form"
    source: Text = "html"
    title: Text = "Contact"
    intro: str = ""
    fields: tuple[FormField, ...] = ()
    files: FileLimits = FileLimits()
    site: Text = "Lead Relay"
    color: Color | None = None
    logo: WebAddress | None = None
    redirect: WebAddress | None = None
    allowed_redirects: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    captcha: Captcha | None = None
    spam: SpamConfig = SpamConfig()

    @field_validator("fields")
    @classmethod
    def _have_names_of_their_own(cls, values: tuple[FormField, ...]) -> tuple[FormField, ...]:
        names = [one.name for one in values]
        if taken := next((name for name in names if names.count(name) > 1), ""):
            raise ValueError(f"two fields are called {taken!r}")
        return values

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

    token: Key
    base_url: BaseAddress | None = None


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


def unknown_endpoint(kind: Literal["form", "hook"], name: str) -> Endpoint:
    """What a request to a name that nobody configured is read with, on its way into quarantine."""
    return Endpoint.model_construct(name=name[:64], kind=kind, source="json", known=False)


def trusted(endpoint: Endpoint) -> Endpoint:
    """The endpoint, as a request to it is read whose sender counts as proved."""
    return endpoint.model_copy(update={"open": True}) if isinstance(endpoint, Hook) else endpoint


API = "api"
"""What leads that programs send come in at where they name no form or hook, and how they are read."""


def for_programs(endpoint: Endpoint | None, region: Region | None) -> Endpoint:
    """The endpoint as programs post to it: a lead's fields by their own names, then as it maps them."""
    known = endpoint or Hook(name=API, source=API, open=True, region=region)
    own = {name: (name, *known.mapping.get(name, ())) for name in FIELDS}
    return trusted(known).model_copy(update={"source": API, "mapping": {**known.mapping, **own}})

"""The playground: a request, a mapping to try on it, and what becomes of both; nothing is stored or sent."""

from __future__ import annotations

import asyncio
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import zip_longest
from typing import Any, Final

from fastapi import APIRouter, Depends, Request
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import FormData
from starlette.responses import Response

from app.config.endpoints import Endpoint, Form
from app.config.relay_toml import RelayConfig
from app.config.settings import explain
from app.config.values import LeadField, Rules
from app.desk.desk import Desk
from app.desk.entry import Session
from app.desk.lead import LABELS, MOST_READ
from app.desk.posted import posted
from app.errors import ConfigurationError
from app.lead import FIELDS, Lead
from app.mapping import rules
from app.outbox import submissions
from app.outbox.erasure import EMPTY
from app.outbox.hands import endpoint_called
from app.outbox.records import Role, StoredSubmission
from app.outbox.rehearsal import rehearse
from app.outbox.tables import leads
from app.preview import LeadShown, Preview, as_typed, look
from app.sources.base import Inbound

LAST: Final = 200
PATIENCE: Final = 20
"""Seconds in which they are to be read."""
MOST_LEADS: Final = 20
MOST_PICKS, MOST_NAMED = 20, 3
JSON: Final = "application/json"
TARGETS: Final = (*FIELDS, "name")
RULES: Final[TypeAdapter[Mapping[str, tuple[str, ...]]]] = TypeAdapter(Mapping[LeadField, Rules])


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page's form says. `was` is the endpoint that `mapping` was filled in for."""

    endpoint: str = ""
    was: str = ""
    body: str = ""
    content_type: str = JSON
    mapping: str = ""
    submission: str = ""

    @classmethod
    def of(cls, form: FormData) -> Asked:
        """As it was posted. Browsers end lines in their own way; only a multipart body is written so."""
        said = {name: str(form.get(name, "")) for name in cls.__slots__}
        is_multipart = "multipart" in said["content_type"]
        return cls(**{name: one if is_multipart else one.replace("\r\n", "\n") for name, one in said.items()})


def router(desk: Desk) -> APIRouter:
    """The page, and the part of it that changes while somebody types."""
    routes, worker = APIRouter(prefix="/desk"), Depends(desk.entry.needs(Role.WORK))

    @routes.get("/playground", response_model=None)
    async def show(request: Request, submission: str = "", endpoint: str = "", who: Session = worker) -> Response:
        """An empty playground for an endpoint; with `submission`, with that request in it."""
        asked, stored = await _stored(desk, submission[:26], endpoint)
        picks = await _picks(desk, endpoint)
        async with desk.intake.trying:
            values = await tried(desk, asked, stored, "")
        return desk.page(request, "playground.html", who, **values, picks=picks)

    @routes.post("/playground", response_model=None)
    async def tries(request: Request, who: Session = worker) -> Response:
        """What the request becomes; `what` is `add` for another line, `stored` to look at earlier requests too."""
        form = await posted(request)
        asked = Asked.of(form)
        first, stored = await _stored(desk, asked.submission[:26])
        is_own = stored is not None and (asked.body, asked.content_type) == (first.body, first.content_type)
        asked = _with_mapping(desk.config, asked)
        what = str(form.get("what", ""))
        if what == "add":
            asked = _with_line(asked, str(form.get("field", "")), str(form.get("key", "")))
        async with desk.intake.trying:
            values = await tried(desk, asked, stored if is_own else None, what)
        if request.headers.get("hx-request"):
            return desk.page(request, "playground_tried.html", who, **values)
        return desk.page(request, "playground.html", who, **values, picks=await _picks(desk, ""))

    return routes


async def _picks(desk: Desk, endpoint: str) -> list[tuple[StoredSubmission, list[Lead]]]:
    """The newest requests that came in, to be tried, each with the first it became: also those that became no lead."""
    newest, books = partial(submissions.newest, endpoint=endpoint, before="", limit=MOST_PICKS), desk.outbox.books
    found = [one for one in await books.read(newest) if one.note != EMPTY["note"]]
    theirs = await books.ids(leads, leads.c.submission_id.in_([one.id for one in found]), limit=10 * MOST_PICKS)
    people = await books.of_ids(theirs)
    return [(one, [its.lead for its in people if its.submission_id == one.id][:MOST_NAMED]) for one in found]


async def _stored(desk: Desk, submission_id: str, endpoint: str = "") -> tuple[Asked, Inbound | None]:
    """What the form says at first, with a stored request or without, and that request."""
    found = await desk.outbox.books.submission(submission_id) if submission_id else None
    known = desk.config.names
    wanted = found.endpoint if found else endpoint
    name = wanted if wanted in known else next(iter(known), "")
    asked = _with_mapping(desk.config, Asked(name, ""))
    if found is None or not found.body or len(found.body) > MOST_READ:
        return asked, None
    body = found.body.decode("utf-8", "replace").replace("\r\n", "\n")
    content_type = str(found.headers.get("content-type", JSON))
    body = body if "multipart" not in content_type else body.replace("\n", "\r\n")
    asked = replace(asked, body=body, content_type=content_type, submission=submission_id)
    return asked, Inbound(found.body, found.headers)


def _with_mapping(config: RelayConfig, asked: Asked) -> Asked:
    """With the chosen endpoint's present mapping, where that of another stands there unchanged."""
    if asked.endpoint == asked.was:
        return asked
    is_same = asked.mapping.strip() == as_toml(config, asked.was, _present(config, asked.was)).strip()
    mapping = as_toml(config, asked.endpoint, _present(config, asked.endpoint)) if is_same else asked.mapping
    return replace(asked, mapping=mapping, was=asked.endpoint)


def _with_line(asked: Asked, field: str, key: str) -> Asked:
    """With one more line of the mapping, at its end."""
    if field not in TARGETS or not key:
        return asked
    return replace(asked, mapping=f"{asked.mapping.rstrip()}\n{field} = {quoted(key)}\n".lstrip())


def _present(config: RelayConfig, name: str) -> rules.Rules:
    endpoint = endpoint_called(config, name)
    return endpoint.mapping if endpoint else {}


def as_toml(config: RelayConfig, name: str, mapping: rules.Rules) -> str:
    """The lines of relay.toml that say it; "" for an empty mapping."""
    endpoint = endpoint_called(config, name) if name else None
    head = f"[{endpoint.table}.mapping]\n" if endpoint else ""
    lines = ""
    for field, alternatives in mapping.items():
        some = [quoted(one) for one in alternatives]
        lines += f"{field} = {some[0] if len(some) == 1 else '[' + ', '.join(some) + ']'}\n"
    return head + lines if lines else head


def quoted(text: str) -> str:
    """A string as TOML has it."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def rules_in(text: str, name: str) -> rules.Rules:
    """The mapping that lines of relay.toml say, below their header or without. Raises ConfigurationError."""
    try:
        data: Any = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also of a number that is too long, and of brackets in brackets
        raise ConfigurationError(f"mapping: not TOML: {error}") from error
    for kind in ("forms", "hooks"):
        if set(data) == {kind}:
            table = data[kind].get(name, {}) if isinstance(data[kind], dict) else {}
            if not isinstance(table, dict) or set(table) != {"mapping"}:
                raise ConfigurationError(f"{kind}: expected [{kind}.{name}.mapping] and nothing else")
            data = table["mapping"]
    try:
        found = RULES.validate_python(data)
    except ValidationError as error:
        raise ConfigurationError(explain("mapping", error)) from error
    rules.check(found, name)
    return found


async def tried(desk: Desk, asked: Asked, stored: Inbound | None, what: str) -> Mapping[str, Any]:
    """What the page shows. Reading is done beside everything else, as a body may be anything."""
    inbound = stored or Inbound(asked.body.encode("utf-8", "replace"), {"content-type": asked.content_type})
    values: dict[str, Any] = {"asked": asked, "endpoints": list(desk.config.endpoints()), "targets": TARGETS}
    values |= {
        "labels": {**LABELS, "state": "State", "reason": "Reason"},
        "wrong": "",
        "pairs": [],
        "keys": [],
        "lines": "",
        "rehearsed": None,
        "preview": None,
    }
    values["last"] = LAST
    name, now = asked.endpoint or None, desk.clock()
    try:
        if len(inbound.body) > MOST_READ:
            raise ConfigurationError(f"body: at most {MOST_READ:,} bytes are tried here")
        mapping = rules_in(asked.mapping, asked.endpoint)
        if not inbound.body:
            return values
        today, then = await asyncio.to_thread(
            lambda: (look(desk.config, name, inbound, now), look(desk.config, name, inbound, now, mapping))
        )
        values |= {
            "preview": then,
            "pairs": compared(today, then),
            "lines": as_toml(desk.config, asked.endpoint, mapping),
        }
        endpoint = endpoint_called(desk.config, asked.endpoint)
        if endpoint is not None:
            found = await asyncio.to_thread(as_typed, inbound, endpoint, now, 0)
            values["keys"] = list(dict.fromkeys(one.key for one in found))[:200]
            if what == "stored":
                config = with_rules(desk.config, endpoint, mapping)
                async with asyncio.timeout(PATIENCE):
                    values["rehearsed"] = await rehearse(desk.outbox.books, config, LAST, endpoint.name, lambda _: None)
    except TimeoutError:
        values["wrong"] = f"mapping: {LAST} requests were not read again within {PATIENCE} s"
    except ConfigurationError as error:
        values["wrong"] = str(error)
    return values


def with_rules(config: RelayConfig, endpoint: Endpoint, mapping: rules.Rules) -> RelayConfig:
    """relay.toml as it would be with another mapping of one endpoint."""
    changed = endpoint.model_copy(update={"mapping": mapping})
    kind = "forms" if isinstance(endpoint, Form) else "hooks"
    return config.model_copy(update={kind: {**getattr(config, kind), endpoint.name: changed}})


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the comparison: a field, what today's mapping makes of it, what the tried one does, and why."""

    field: str
    was: str
    becomes: str
    why: str

    @property
    def is_changed(self) -> bool:
        """Whether the two differ."""
        return self.was != self.becomes


def compared(today: Preview, then: Preview) -> list[tuple[LeadShown | None, list[Row]]]:
    """For each person the lead as tried, None where it is gone, and its rows."""
    pairs = list(zip_longest(today.leads, then.leads))[:MOST_LEADS]
    return [(new, _rows(old, new)) for old, new in pairs]


def _rows(old: LeadShown | None, new: LeadShown | None) -> list[Row]:
    was, becomes = _flat(old), _flat(new)
    why = {one.field: _why(one.origin, one.why) for one in new.fields} if new else {}
    rows = [Row(name, was.get(name, ""), becomes.get(name, ""), why.get(name, "")) for name in {**becomes, **was}]
    return [one for one in rows if one.was or one.becomes]


def _why(origin: str, why: str) -> str:
    return "a default" if origin == "default" else f"{origin}: {why}" if why else origin


def _flat(lead: LeadShown | None) -> dict[str, str]:
    if lead is None:
        return {}
    own = {name: "" if value is None else str(value) for name, value in lead.lead.items()}
    extra = {f"extra: {key}": value for key, value in (*lead.extra.items(), *lead.utm.items())}
    return {"state": lead.state, "reason": lead.reason, **own, **extra}

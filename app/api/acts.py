"""What may be done to a lead: the acts of the desk and the command line, under the name of the token."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, model_validator
from pydantic.alias_generators import to_camel

from app.api.door import ADMIN, Caller, Door
from app.api.paging import Id
from app.api.problems import BODY, Conflict, Invalid, Wrong, may
from app.api.shapes import Standing
from app.errors import ActRefused, NotFound
from app.outbox import requests
from app.outbox.acts import ACTS
from app.outbox.remap import remap

PLAIN: Final = {
    **dict.fromkeys(("release", "resend", "spam", "discard"), "leads:write"),
    "erase": ADMIN,
}
"""Acts that say all by their names, and the scope that each takes."""
RESPONSES: Final = may(404, 409, *BODY)


class Edit(BaseModel):
    """The fields to change, by their names; what is not named stays as it is."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        json_schema_extra={"example": {"email": "ada@example.com"}, "minProperties": 1},
    )

    first_name: StrictStr = ""
    last_name: StrictStr = ""
    email: StrictStr = ""
    contact_no: StrictStr = ""
    message: StrictStr = ""
    source: StrictStr = ""
    status: StrictStr = ""
    position_in_board: Annotated[StrictInt, Field(ge=0, lt=10**9)] | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Edit:
        if not self.model_fields_set:
            raise ValueError("expected at least one field")
        return self

    def changes(self) -> dict[str, str]:
        """Field by AgencyHandy's name → value, of what is to change."""
        given = self.model_dump(by_alias=True, exclude_unset=True)
        return {name: "" if value is None else str(value) for name, value in given.items()}


class Remap(BaseModel):
    """As a request to which form or hook it is read again; without one, to its own."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"endpoint": "contact"}})

    endpoint: StrictStr | None = None


def router(door: Door) -> APIRouter:
    """An address for each act."""
    routes, writes = door.routes(), door.needs("leads:write")

    @routes.post("/leads/{lead_id}/edit", summary=ACTS["edit"].help, responses=RESPONSES)
    async def edit(lead_id: Id, edit: Edit, caller: Caller = writes) -> Standing:
        """Changes fields, and sends the lead."""
        return await done(door, caller, "edit", lead_id, edit.changes())

    @routes.post("/leads/{lead_id}/remap", summary=ACTS["remap"].help, responses=RESPONSES)
    async def again(lead_id: Id, caller: Caller = writes, asked: Annotated[Remap | None, Body()] = None) -> Standing:
        """Reads the lead's request again with today's mapping, and sends what it says."""
        config, named = door.intake.config, asked.endpoint if asked else None
        if named is not None and named not in {one.name for one in config.endpoints()}:
            words = f"no form or hook is called {named[:64]}"
            raise Invalid(f"endpoint: {words}.", Wrong(detail=words, pointer="#/endpoint"))
        changes = await remap(door.hands(caller), lead_id, config, named)
        return await outcome(door, lead_id, {one.id: one.refusal for one in changes if one.refusal})

    for act, scope in PLAIN.items():
        _add(routes, door, act, scope)
    return routes


def _add(routes: APIRouter, door: Door, act: str, scope: str) -> None:
    allowed = door.needs(scope)

    @routes.post(f"/leads/{{lead_id}}/{act}", summary=ACTS[act].help, responses=RESPONSES, name=act)
    async def do(lead_id: Id, caller: Caller = allowed) -> Standing:
        """How the lead stands then."""
        return await done(door, caller, act, lead_id)


async def done(door: Door, caller: Caller, act: str, lead_id: str, changes: dict[str, str] | None = None) -> Standing:
    """How a lead stands after an act. Raises NotFound, Conflict where it may not be done, Invalid for a wrong value."""
    try:
        refused = await door.hands(caller).do(act, [lead_id], changes, door.intake.config)
    except ActRefused as error:
        field, _, words = str(error).partition(": ")
        raise Invalid(f"{error}.", Wrong(detail=words or field, pointer=f"#/{field}")) from error
    return await outcome(door, lead_id, refused)


async def outcome(door: Door, lead_id: str, refused: dict[str, str]) -> Standing:
    """How the lead stands now. Raises NotFound, and Conflict where what was asked for was refused."""
    found = await door.intake.outbox.books.read(partial(requests.stand, lead_ids=[lead_id]))
    if not found:
        raise NotFound("There is no such lead.")
    if lead_id in refused:
        raise Conflict(f"Nothing was done: {refused[lead_id]}.")
    [(id_, state, reason)] = found
    return Standing(id=id_, state=state, reason=reason)

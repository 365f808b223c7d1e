"""What may be done to a lead: the acts of the desk and the command line, under the name of the token."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict, StrictStr, model_validator

from app.api.door import ADMIN, Caller, Door
from app.api.new_leads import ADA, Fields, called, stand
from app.api.paging import Id
from app.api.problems import BODY, Conflict, Invalid, Wrong, may
from app.api.shapes import Standing
from app.errors import ActRefused, NotFound
from app.outbox.acts import ACTS
from app.outbox.records import Role
from app.outbox.remap import remap

PLAIN: Final = {
    act: ADMIN if ACTS[act].needs is Role.ADMIN else "leads:write"
    for act in ("release", "resend", "spam", "discard", "erase")
}
"""Acts that say all by their names, and the scope that each takes."""
RESPONSES: Final = may(404, 409, *BODY)


class Edit(Fields):
    """The fields to change, by their names; what is not named stays as it is."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"email": ADA["email"]}, "minProperties": 1}
    )

    @model_validator(mode="after")
    def _changes_something(self) -> Edit:
        if not self.model_fields_set:
            raise ValueError("expected at least one field")
        return self


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
        given = edit.model_dump(by_alias=True, exclude_unset=True)
        changes = {name: "" if value is None else str(value) for name, value in given.items()}
        return await done(door, caller, "edit", lead_id, changes)

    @routes.post("/leads/{lead_id}/remap", summary=ACTS["remap"].help, responses=RESPONSES)
    async def again(lead_id: Id, caller: Caller = writes, asked: Annotated[Remap | None, Body()] = None) -> Standing:
        """Reads the lead's request again with today's mapping, and sends what it says."""
        named = called(door, asked.endpoint).name if asked and asked.endpoint is not None else None
        changes = await remap(door.hands(caller), lead_id, door.intake.config, named)
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
        raise Invalid(Wrong(detail=words or field, pointer=f"#/{field}")) from error
    return await outcome(door, lead_id, refused)


async def outcome(door: Door, lead_id: str, refused: dict[str, str]) -> Standing:
    """How the lead stands now. Raises NotFound, and Conflict where what was asked for was refused."""
    found = await stand(door, [lead_id])
    if not found:
        raise NotFound("There is no such lead.")
    if lead_id in refused:
        raise Conflict(f"Nothing was done: {refused[lead_id]}.")
    return found[0]

"""The control API under `/_sandbox`: see what the sandbox holds, and make things go wrong."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body
from fastapi.responses import JSONResponse

from app.sandbox.contract import METHODS, nest
from app.sandbox.faults import Fault
from app.sandbox.state import Held

router = APIRouter(prefix="/_sandbox")


@router.get("")
async def show(state: Held) -> dict[str, Any]:
    """How things stand: key, companies, client role, counts, faults."""
    return state.summary()


@router.post("/reset")
async def reset(state: Held) -> dict[str, Any]:
    """Everything as new, the journal too."""
    state.reset()
    return state.summary()


@router.put("/key")
async def change_key(key: Annotated[str, Body(embed=True, pattern=r"^[!-~]{1,200}$")], state: Held) -> dict[str, Any]:
    """A new key, which must fit in a header; the old one is refused at once."""
    state.key = key
    return state.summary()


@router.put("/role")
async def change_role(state: Held) -> dict[str, Any]:
    """A new outer id for the client role of every company; the old one is not found at once."""
    state.role_changes += 1
    return state.summary()


@router.put("/companies")
async def change_companies(
    count: Annotated[int, Body(embed=True, strict=True, ge=1, le=20)], state: Held
) -> dict[str, Any]:
    """So many companies; the first ones keep their ids, and members of those that go are kept."""
    state.company_count = count
    return state.summary()


@router.get("/members")
async def list_members(state: Held) -> dict[str, Any]:
    """Every lead that was created, the oldest first."""
    return {"count": len(state.members.all()), "members": state.members.all()}


@router.get("/requests")
async def list_requests(state: Held) -> dict[str, Any]:
    """The last 1000 requests of the contract and what each was answered, oldest first."""
    return {"requests": list(state.requests)}


@router.get("/faults")
async def list_faults(state: Held) -> list[Fault]:
    """The faults in force, with the `times` each has left; what struck often enough is gone."""
    return state.faults


@router.put("/faults")
async def replace_faults(faults: list[Fault], state: Held) -> list[Fault]:
    """These faults, and no others."""
    state.faults = faults
    return state.faults


@router.post("/faults")
async def add_fault(fault: Fault, state: Held) -> list[Fault]:
    """One more fault, behind the others."""
    state.faults.append(fault)
    return state.faults


@router.delete("/faults")
async def delete_faults(state: Held) -> list[Fault]:
    """Nothing goes wrong any more."""
    state.faults = []
    return state.faults


@router.api_route("/{path:path}", methods=METHODS)
async def not_here(path: str) -> JSONResponse:
    """A slip in a control call should not pass for a request to AgencyHandy."""
    return JSONResponse(nest(404, f"There is no control call /_sandbox/{path}: the sandbox's page lists them"), 404)

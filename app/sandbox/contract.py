"""AgencyHandy's three calls as its pages document them, and how the faults in force change their answers."""

from __future__ import annotations

import asyncio
from http.client import responses
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from pydantic import ValidationError
from starlette.types import Receive, Scope, Send

from app.sandbox.faults import Fault, LostFault, RefuseFault, StatusFault, TruncatedFault, strike
from app.sandbox.leads import LEADS, NewLead, glance
from app.sandbox.state import Exchange, Held, State

MAX_BODY_BYTES = 5 * 1024 * 1024
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
NO_LOGOS = {"logo": "", "extraSmallLogo": "", "largeLogo": ""}
GARBAGE = "<!doctype html><title>Please wait</title><h1>Checking your connection</h1>"

router = APIRouter()


class Dropped(Response):
    """The connection is lost before the answer: a head that promises a body, and then nothing.

    A server closes the connection (httpx: RemoteProtocolError); httpx.ASGITransport passes on the ConnectionResetError.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Promise one byte and break the promise. Only a server says which ASGI specification it follows."""
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
        if "spec_version" not in scope["asgi"]:
            raise ConnectionResetError("the sandbox dropped the connection, as its faults say")


def nest(status: int, message: Any = None) -> dict[str, Any]:
    """The body of an error as NestJS writes it."""
    phrase = responses.get(status, "Error")
    return {"statusCode": status, "message": message or phrase, "error": phrase}


@router.api_route("/{path:path}", methods=METHODS)
async def contract(request: Request, path: str, state: Held) -> Response:
    """Any request to AgencyHandy: taken down, struck by a fault or not, answered."""
    body = await request.body()
    leads, emails = glance(body)
    delay, fault = strike(state.faults, f"/{path}", emails)
    struck = fault.kind if fault else "delay" if delay else None
    exchange = Exchange(request.method, f"/{path}", leads, emails, struck)
    state.requests.append(exchange)
    await asyncio.sleep(delay)
    response = respond(state, request, body, fault)
    if not isinstance(response, Dropped):
        exchange.status = response.status_code
        state.statuses[exchange.status] += 1
    return response


def respond(state: State, request: Request, body: bytes, fault: Fault | None) -> Response:
    """The contract's answer, or what `fault` puts in its place.

    A status comes with its body: none where HTTP allows none, else its text, its JSON or a plausible error.
    """
    if not isinstance(fault, StatusFault | LostFault):
        return carry_out(state, request, body, fault)
    if fault.carried_out:
        carry_out(state, request, body, None)
    if isinstance(fault, LostFault):
        return Dropped() if fault.kind == "reset" else HTMLResponse(GARBAGE)
    headers = {"Retry-After": fault.retry_after} if fault.retry_after else None
    if fault.status in (204, 205, 304):
        return Response(None, fault.status, headers)
    if isinstance(fault.body, str):
        return PlainTextResponse(fault.body, fault.status, headers)
    return JSONResponse(nest(fault.status) if fault.body is None else fault.body, fault.status, headers)


def carry_out(state: State, request: Request, body: bytes, fault: Fault | None) -> Response:
    """The contract's answer; refusals in NestJS's shape."""
    path = "/" + request.path_params["path"]
    try:
        if request.headers.get("x-api-key") != state.key:
            raise HTTPException(401, "Invalid API key")
        match request.method, path:
            case "GET", "/accounts/companies":
                companies = [{"_id": id_, "name": name, **NO_LOGOS} for id_, name in state.companies.items()]
                return JSONResponse({"message": "Companies fetched successfully", "companies": companies})
            case "GET", "/roles":
                company = check_company(state, request)
                if request.query_params.get("type") != "company":
                    raise HTTPException(400, "The query string should be type=company")
                return JSONResponse({"roles": state.roles(company)})
            case "POST", "/members/bulk-lead":
                return create_leads(state, request, body, fault)
        raise HTTPException(404, f"Cannot {request.method} {path}")
    except HTTPException as refusal:
        return JSONResponse(nest(refusal.status_code, refusal.detail), refusal.status_code)


def create_leads(state: State, request: Request, body: bytes, fault: Fault | None) -> Response:
    """`POST /members/bulk-lead`: all leads of the array, or none. No await in here: it is one step for the others."""
    company = check_company(state, request)
    leads = read_leads(request, body)
    for lead in leads:
        if lead.role != state.role_id(company):
            raise HTTPException(400, f"Role not found: {lead.role}")
    created = state.members.create(company, to_create(leads, fault))
    if isinstance(fault, TruncatedFault):
        created = created[: fault.keep]
    answer = [{"_id": one.id, "name": one.name, "status": one.status, "role": one.role} for one in created]
    return JSONResponse({"message": "Lead created successfully", "createdMembers": answer}, 201)


def read_leads(request: Request, body: bytes) -> list[NewLead]:
    """Every lead of the array; one bad lead fails them all: `0.email: must be an email`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "Content-Type must be application/json")
    if len(body) > MAX_BODY_BYTES:
        raise HTTPException(413, "request entity too large")
    try:
        return LEADS.validate_json(body)
    except ValidationError as invalid:
        flaws = [(".".join(map(str, flaw["loc"])) or "body", flaw["msg"]) for flaw in invalid.errors()]
        complaints = [f"{place}: {words.removeprefix('Value error, ')}" for place, words in flaws]
        raise HTTPException(400, complaints) from invalid


def to_create(leads: list[NewLead], fault: Fault | None) -> list[NewLead]:
    """Those of `leads` that `fault` lets through."""
    match fault:
        case TruncatedFault(carried_out="kept"):
            return leads[: fault.keep]
        case RefuseFault(partial=True):
            return [lead for lead in leads if not fault.pattern.search(lead.email)]
        case RefuseFault():
            email = next(lead.email for lead in leads if fault.pattern.search(lead.email))
            raise HTTPException(fault.status, fault.message.replace("{email}", email))
    return leads


def check_company(state: State, request: Request) -> str:
    """The id of a company that the key opens."""
    company = request.headers.get("companyid", "")
    if company not in state.companies:
        raise HTTPException(403, "The companyid header is missing, or you have no access to this company")
    return company

"""AgencyHandy's API, as far as it is documented: companies, the client role, creating leads.

`GET /accounts/companies`, `GET /roles?type=company`, `POST /members/bulk-lead`; the key in `x-api-key`, the company in
`companyid`. What happens on the wire becomes an `Answer`, or a DestinationError where ids are asked for.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from app.delivery.contract import Answer, payload, read_members
from app.errors import AccessRefused, Ambiguous, Unreachable
from app.lead import Lead

MAX_ANSWER = 1024 * 1024
GZIP_OR_ZLIB = zlib.MAX_WBITS | 32

NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)
"""Errors before the request was out, so that it was certainly not carried out."""


class AgencyHandy:
    """The client of one API key."""

    def __init__(
        self, base_url: str, api_key: str, *, timeout: float = 30, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.base_url = base_url
        self.key_digest = hashlib.sha256(api_key.encode()).hexdigest()[:12]
        self._timeout = timeout
        self._http = httpx.AsyncClient(
            base_url=base_url,
            headers={"x-api-key": api_key, "user-agent": "lead-relay", "accept-encoding": "gzip"},
            timeout=httpx.Timeout(timeout, connect=min(5.0, timeout)),
            transport=transport,
        )

    async def close(self) -> None:
        """Closes its connections."""
        await self._http.aclose()

    async def company_id(self) -> str:
        """The key's only company; Ambiguous where it has none, or several, which are named."""
        answer = await self._get("/accounts/companies")
        usable = [one for one in _objects(answer, "companies") if re.fullmatch("[!-~]+", str(one.get("_id", "")))]
        companies = {str(one["_id"]): str(one.get("name", "")) for one in usable}
        if len(companies) == 1:
            return next(iter(companies))
        if not companies:
            raise AccessRefused("The AgencyHandy key has no company: check AGENCYHANDY_API_KEY.")
        listed = ", ".join(f"{name} ({id_})" for id_, name in companies.items())
        raise Ambiguous(f"The AgencyHandy key has several companies: set AGENCYHANDY_COMPANY_ID to one of {listed}.")

    async def client_role_id(self, company_id: str) -> str:
        """The OUTER `_id` of the entry whose `role.name` is `client`, wherever in the list it stands.

        Of several the company's own.
        """
        answer = await self._get("/roles", params={"type": "company"}, headers={"companyid": company_id})
        roles = ((entry, entry.get("role")) for entry in _objects(answer, "roles") if entry.get("_id"))
        found = [entry for entry, role in roles if isinstance(role, dict) and role.get("name") == "client"]
        if found:
            return str(max(found, key=lambda entry: entry.get("company") == company_id)["_id"])
        raise AccessRefused(f"AgencyHandy lists no role named client for the company {company_id}.")

    async def create_leads(self, leads: Sequence[Lead], company_id: str, role_id: str) -> Answer:
        """Creates the leads in one request. Never raises for what the network or AgencyHandy do."""
        body = json.dumps([payload(lead, role_id) for lead in leads], ensure_ascii=False).encode("utf-8")
        headers = {"companyid": company_id, "content-type": "application/json"}
        started = time.monotonic()
        try:
            response, text = await self._exchange("POST", "/members/bulk-lead", content=body, headers=headers)
        except (httpx.HTTPError, OSError) as error:
            words = f"{type(error).__name__}: {error}".rstrip(": ")
            return Answer(None, words, sent=not isinstance(error, NOT_SENT), duration_ms=since(started))
        return Answer(
            response.status_code,
            text,
            members=read_members(text) if response.is_success else None,
            retry_after=response.headers.get("retry-after", ""),
            duration_ms=since(started),
        )

    async def _get(self, path: str, **options: Any) -> Any:
        try:
            response, text = await self._exchange("GET", path, **options)
        except (httpx.HTTPError, OSError) as error:
            raise Unreachable(
                f"AgencyHandy cannot be reached at {self.base_url} ({type(error).__name__}): check that address, and "
                "whether this machine reaches the internet."
            ) from error
        if response.status_code == 429 or response.is_server_error:
            raise Unreachable(f"AgencyHandy answered {response.status_code} to GET {path}; trying again later.")
        if not response.is_success:
            raise AccessRefused(
                f"AgencyHandy answered {response.status_code} to GET {path}: check AGENCYHANDY_API_KEY, "
                f"AGENCYHANDY_COMPANY_ID and AGENCYHANDY_BASE_URL ({self.base_url})."
            )
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Unreachable(f"AgencyHandy's answer to GET {path} is not JSON.") from error

    async def _exchange(self, method: str, path: str, **options: Any) -> tuple[httpx.Response, str]:
        response, body = await exchange(self._http, self._timeout, method, path, **options)
        return response, body.decode("utf-8", "replace")


async def exchange(
    http: httpx.AsyncClient, seconds: float, method: str, path: str, **options: Any
) -> tuple[httpx.Response, bytes]:
    """One request within so many seconds as a whole, its answer read, and unpacked, up to a bound."""
    async with asyncio.timeout(seconds), http.stream(method, path, **options) as response:
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > MAX_ANSWER:
                break
        is_packed = response.headers.get("content-encoding", "").strip().lower() in {"gzip", "x-gzip", "deflate"}
        return response, unpacked(bytes(body)) if is_packed else bytes(body[:MAX_ANSWER])


def unpacked(body: bytes) -> bytes:
    """What was packed by gzip or zlib, up to a bound: a few hundred bytes can stand for gigabytes."""
    try:
        return zlib.decompressobj(GZIP_OR_ZLIB).decompress(body, MAX_ANSWER)
    except zlib.error:
        return body[:MAX_ANSWER]


def _objects(answer: Any, key: str) -> list[Mapping[str, Any]]:
    listed = answer.get(key) if isinstance(answer, dict) else None
    if not isinstance(listed, list):
        raise Unreachable(f"AgencyHandy's answer has no list of {key}; trying again later.")
    return [one for one in listed if isinstance(one, dict)]


def since(started: float) -> int:
    """Milliseconds from a moment of the monotonic clock."""
    return round((time.monotonic() - started) * 1000)

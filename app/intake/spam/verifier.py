"""Asks a captcha's service what an answer is worth. All of them speak the same siteverify API, near enough."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Set
from typing import Final

import httpx
from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError

from app.config.endpoints import SCORED, CaptchaConfig
from app.intake.spam.case import Checked
from app.intake.spam.vendors import VENDORS

SECONDS: Final = 3
"""For both tries together."""
USED: Final = frozenset(("timeout-or-duplicate", "invalid-or-already-seen-response", "already-seen-response"))
VISITORS: Final = USED | {
    *("missing-input-response", "invalid-input-response", "expired-input-response"),
    *("not-using-dummy-passcode", "browser-error"),
}
"""Errors that speak against the visitor's answer. Every other one is the service's, or about the form's keys."""
UNCLEAR: Final = Checked("unclear", "could not be checked")


class Told(BaseModel):
    """What a service answers."""

    model_config = ConfigDict(extra="ignore")

    success: StrictBool
    error_codes: list[str] = Field([], alias="error-codes")
    hostname: str | None = None
    action: str | None = None
    score: float | None = None


class Verifier:
    """A client of all services."""

    def __init__(self) -> None:
        self._http: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Lets go of its connections."""
        if self._http is not None:
            await self._http.aclose()

    async def ask(self, config: CaptchaConfig, answer: str, address: str, hosts: Set[str]) -> tuple[Checked, str]:
        """What an answer from `address` is worth, solved on one of `hosts` (none: on any), and why it is unclear."""
        secret = config.secret.get_secret_value() if config.secret else ""
        asked = {"secret": secret, "response": answer} | ({"remoteip": address} if address else {})
        url, _ = VENDORS[config.provider].addresses(config)
        try:
            async with asyncio.timeout(SECONDS):
                told, again = await self._told(url, asked)
        except (httpx.HTTPError, OSError, ValidationError) as error:
            return UNCLEAR, type(error).__name__
        codes = {*told.error_codes}
        if not told.success and (not VISITORS & codes or (again and USED & codes)):
            return UNCLEAR, "its first answer was lost" if again else ", ".join(told.error_codes)[:200]
        if told.success and config.provider == SCORED and told.score is None:
            return UNCLEAR, "it gives no score"
        return _judged(config, told, hosts), ""

    async def _told(self, url: str, asked: Mapping[str, str]) -> tuple[Told, bool]:
        """What the service says, and whether it had to be asked twice."""
        try:
            return await self._told_once(url, asked), False
        except (httpx.NetworkError, httpx.RemoteProtocolError, httpx.HTTPStatusError):
            return await self._told_once(url, asked), True

    async def _told_once(self, url: str, asked: Mapping[str, str]) -> Told:
        self._http = self._http or httpx.AsyncClient(timeout=SECONDS, headers={"user-agent": "lead-relay"})
        answer = await self._http.post(url, data=asked)
        if answer.status_code in {408, 429} or answer.is_server_error:
            answer.raise_for_status()
        return Told.model_validate_json(answer.content)


def _judged(config: CaptchaConfig, told: Told, hosts: Set[str]) -> Checked:
    if not told.success:
        is_used = USED & {*told.error_codes}
        return Checked("wrong", "too late, or used before" if is_used else "wrong answer")
    if hosts and told.hostname and told.hostname.lower() not in hosts:
        return Checked("wrong", f"solved on {told.hostname[:100]!a}")
    if config.provider == SCORED:
        if told.action and told.action != config.action:
            return Checked("wrong", f"made for {told.action[:100]!a}")
        if (told.score or 0) < config.min_score:
            return Checked("wrong", f"score {told.score}")
    return Checked("solved")

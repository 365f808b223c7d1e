"""The captcha of a form: what its page is told of it, and what became of it when the form was sent."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from app.endpoints import SCORED, CaptchaConfig, Form
from app.intake.spam.altcha import Altcha
from app.intake.spam.case import Checked
from app.intake.spam.memory import Memory
from app.intake.spam.vendors import OWN_FIELD, VENDORS, field_of
from app.intake.spam.verifier import UNCLEAR, Verifier
from app.logs import log
from app.reader import Reading
from app.sources.trees import dotted

MAX_LENGTH: Final = 8000
AWAY_SECONDS: Final = 60
"""For how long a form is guarded more closely after its captcha could not be checked."""
NO_ANSWER: Final = Checked("wrong", "no answer")
USED: Final = Checked("wrong", "used before")
Check = Callable[[], Awaitable[Checked]]


class Captchas:
    """Checks the captchas of all forms. `own_host` is the relay's own, where its forms' pages are."""

    def __init__(self, altcha: Altcha, verifier: Verifier, memory: Memory, own_host: str) -> None:
        self._altcha, self._verifier, self._memory, self._own_host = altcha, verifier, memory, own_host
        self._under_way: dict[str, asyncio.Task[tuple[Checked, str]]] = {}
        self._away_until: dict[str, float] = {}

    async def challenge(self, form: Form, now: datetime) -> dict[str, Any]:
        """A challenge of ALTCHA's for a form. Calculated beside the others, so that nobody waits for it."""
        return await asyncio.to_thread(self._altcha.challenge, form.name, now)

    def is_away(self, form_name: str) -> bool:
        """Whether the form's captcha could not be checked just now, so that its rate limits stand in for it."""
        return self._away_until.get(form_name, 0) > time.monotonic()

    async def check(self, form: Form, reading: Reading, address: str) -> Checked:
        """What became of the form's captcha, sent from `address`. Never raises: what cannot be told is unclear."""
        if (config := form.captcha) is None:
            return Checked()
        answer = next(answers(field_of(config), reading), "").strip()
        if not answer:
            return NO_ANSWER
        if len(answer) > MAX_LENGTH or not answer.isascii():
            return Checked("wrong", "not an answer")
        fingerprint = reading.submission.fingerprint
        if config.provider not in VENDORS:
            id_, words = self._altcha.check(answer, form.name)
            return Checked("wrong", words) if words else await self._once(form, id_, fingerprint, _solved)
        return await self._once(form, answer, fingerprint, lambda: self._ask(form, config, answer, address))

    async def _once(self, form: Form, answer: str, fingerprint: str, check: Check) -> Checked:
        """What the check says, made once for all who come with the same answer; it is good for one enquiry."""
        key = hashlib.sha256(f"{form.name} {answer}".encode()).hexdigest()
        if (held := await self._memory.recall(key)) is None:
            if (task := self._under_way.get(key)) is None:
                task = self._under_way[key] = asyncio.create_task(self._first(key, fingerprint, check))
                task.add_done_callback(lambda _: self._under_way.pop(key, None))
            checked, held = await asyncio.shield(task)
            if checked.state != "solved":
                return checked
        return Checked("solved") if held == fingerprint else USED

    async def _first(self, key: str, fingerprint: str, check: Check) -> tuple[Checked, str]:
        checked = await check()
        if checked.state != "solved":
            return checked, ""
        return checked, await self._memory.keep(key, fingerprint)

    async def _ask(self, form: Form, config: CaptchaConfig, answer: str, address: str) -> Checked:
        hosts = {self._own_host, *(urlsplit(origin).hostname or "" for origin in form.allowed_origins)}
        checked, why = await self._verifier.ask(config, answer, address, hosts if form.allowed_origins else set())
        if checked is UNCLEAR:
            self._away_until[form.name] = time.monotonic() + AWAY_SECONDS
            log.warning("captcha_not_checked", endpoint=form.name, provider=config.provider, why=why)
        return checked

    async def close(self) -> None:
        """Lets go of connections."""
        await self._verifier.close()


async def _solved() -> Checked:
    return Checked("solved")


def answers(field: str, reading: Reading) -> Iterator[str]:
    """What was sent as a captcha's answer, however deep it stands."""
    wanted = dotted(field)
    fields = (one for entry in reading.entries for one in entry.fields)
    return (one.value for one in fields if wanted in {one.key, one.key.rpartition(".")[2]})


def is_answer(key: str, form: Form) -> bool:
    """Whether a field is for the answer to the form's captcha, which its page asks for anew."""
    return form.captcha is not None and dotted(key).rpartition(".")[2] == dotted(field_of(form.captcha))


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page needs to have a form's captcha on it; see templates/captcha.html. Empty where a provider has none."""

    provider: str
    field: str
    script: str
    site_key: str = ""
    challenge: str = ""
    action: str = ""
    widget: str = ""
    is_by_hand: bool = False


def shown(form: Form, base: str = "", language: str = "") -> Shown | None:
    """The captcha of a form, for a page in a language; `base` stands before the relay's own addresses."""
    if (config := form.captcha) is None:
        return None
    if (vendor := VENDORS.get(config.provider)) is None:
        challenge = f"{base}/forms/{form.name}/challenge"
        return Shown(config.provider, OWN_FIELD, f"{base}/static/altcha.js", challenge=challenge)
    key, is_scored = config.site_key or "", config.provider == SCORED
    asked = {"render": key if is_scored else "", vendor.language: language if vendor.language else ""}
    query = urlencode({name: value for name, value in asked.items() if value})
    _, script = vendor.addresses(config)
    return Shown(
        config.provider,
        vendor.field,
        f"{script}?{query}" if query else script,
        key,
        action=config.action if is_scored else "",
        widget=vendor.widget,
        is_by_hand=vendor.is_by_hand,
    )


def offer(form: Form, public_url: str) -> dict[str, str] | None:
    """What `/forms/{name}/start` tells a page's script of the form's captcha; None where it has none."""
    if (found := shown(form, public_url)) is None:
        return None
    told = ("provider", "field", "script", "site_key", "challenge", "action")
    return {name: getattr(found, name) for name in told if getattr(found, name)}

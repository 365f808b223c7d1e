"""What became of a form's captcha when it was sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.requests import Request

from app.config.endpoints import CaptchaConfig, Form
from app.intake.guard import Limits, address_of
from app.intake.spam.altcha import Altcha
from app.intake.spam.case import Checked
from app.intake.spam.spent import Spent
from app.intake.spam.vendors import VENDORS, field_of
from app.intake.spam.verifier import UNCLEAR, Verifier
from app.logs import log
from app.reader import Reading
from app.sources.trees import dotted

MAX_LENGTH: Final = 8000
AWAY_SECONDS: Final = 60
"""For how long less of a form is taken after its captcha could not be checked."""
NO_ANSWER: Final = Checked("wrong", "no answer")
USED: Final = Checked("wrong", "used before")
SOLVED: Final = Checked("solved")
Check = Callable[[], Awaitable[Checked]]


class Captchas:
    """Checks the captchas of all forms. `own_host` is the relay's own, where its forms' pages are."""

    def __init__(self, altcha: Altcha, verifier: Verifier, limits: Limits, own_host: str) -> None:
        self._altcha, self._verifier, self._limits, self._own_host = altcha, verifier, limits, own_host
        self._spent = Spent(limits.counts)
        self._under_way: dict[str, asyncio.Task[Checked]] = {}

    async def challenge(self, form: Form, now: datetime) -> dict[str, Any]:
        """A challenge of ALTCHA's for a form. Calculated beside the others, so that nobody waits for it."""
        return await asyncio.to_thread(self._altcha.challenge, form.name, now)

    async def check(self, form: Form, reading: Reading, request: Request) -> Checked:
        """What became of the form's captcha. Never raises: what cannot be told is unclear."""
        if (config := form.captcha) is None:
            return Checked()
        answer = next(filter(None, answers(field_of(config), reading)), "")
        if not answer:
            return NO_ANSWER
        if len(answer) > MAX_LENGTH or not answer.isascii():
            return Checked("wrong", "not an answer")
        fingerprint = reading.submission.fingerprint
        if config.provider not in VENDORS:
            id_, words = self._altcha.check(answer, form.name)
            return Checked("wrong", words) if words else await self._once(form, id_, fingerprint, _solved)
        return await self._once(form, answer, fingerprint, lambda: self._ask(form, config, answer, request))

    async def _once(self, form: Form, answer: str, fingerprint: str, check: Check) -> Checked:
        """What the check says, made once for all who come with the same answer; it is good for one enquiry."""
        key = f"{form.name} {answer}"
        is_for = await self._spent.is_for(key, fingerprint)
        if is_for is not None:
            return SOLVED if is_for else USED
        if (task := self._under_way.get(key)) is None:
            task = self._under_way[key] = asyncio.create_task(self._first(key, fingerprint, check))
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        checked = await asyncio.shield(task)
        if checked.state == "wrong" and await self._spent.is_for(key, fingerprint):
            return SOLVED
        if checked.state != "solved":
            return checked
        return SOLVED if await self._spent.spend(key, fingerprint) else USED

    async def _first(self, key: str, fingerprint: str, check: Check) -> Checked:
        """What the check says; a right answer is spent for who asked first."""
        checked = await check()
        if checked.state != "solved":
            return checked
        return SOLVED if await self._spent.spend(key, fingerprint) else USED

    async def _ask(self, form: Form, config: CaptchaConfig, answer: str, request: Request) -> Checked:
        address = request.client.host if request.client and address_of(request) else ""
        hosts = {self._own_host, *(urlsplit(origin).hostname or "" for origin in form.allowed_origins)}
        checked, why = await self._verifier.ask(config, answer, address, hosts if form.allowed_origins else set())
        if checked is UNCLEAR:
            self._limits.tighten(form, AWAY_SECONDS)
            log.warning("captcha_not_checked", endpoint=form.name, provider=config.provider, why=why)
        return checked

    async def close(self) -> None:
        """Lets go of connections."""
        await self._verifier.close()


async def _solved() -> Checked:
    return SOLVED


def answers(field: str, reading: Reading) -> Iterator[str]:
    """What was sent as a captcha's answer, however deep it stands."""
    wanted = dotted(field)
    fields = (one for entry in reading.entries for one in entry.fields)
    return (one.value.strip() for one in fields if wanted in {one.key, one.key.rpartition(".")[2]})


def is_answer(key: str, form: Form) -> bool:
    """Whether a field is for the answer to the form's captcha, which its page asks for anew."""
    return form.captcha is not None and dotted(key).rpartition(".")[2] == dotted(field_of(form.captcha))

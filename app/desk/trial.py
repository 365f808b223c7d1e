"""A test enquiry: what is sent through a form or hook, and the way that it goes, which is that of every enquiry."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

from starlette.requests import Request

from app import proof
from app.config.endpoints import Endpoint, Form, FormField, Hook
from app.intake.accept import Intake
from app.intake.controls import filled_in
from app.intake.fields import asked, is_email, is_phone
from app.intake.spam.stamp import FIELD
from app.lead import Lead, LeadState, Reason, Receipt
from app.preview import look
from app.reader import Reading
from app.sources.base import Inbound

FIRST, LAST, PHONE = "Test", "Enquiry", "+44 20 7946 0958"
SHOWN_FOR: Final = timedelta(seconds=30)
"""For so long somebody seems to have filled in the form."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A test that is ready to be sent: the request, how it is read, and in words what it does not try."""

    inbound: Inbound
    endpoint: Endpoint
    untried: tuple[str, ...]


def trial_of(intake: Intake, endpoint: Form | Hook, mark: str, who: str) -> Trial:
    """A test through a form or hook. `mark` makes it another one than all before."""
    if isinstance(endpoint, Form):
        return _of_form(intake, endpoint, mark, who)
    return _of_hook(intake, endpoint, mark, who)


async def send(intake: Intake, trial: Trial, request: Request, *, is_held: bool) -> Receipt:
    """Reads, judges and stores it, as every enquiry; what would be sent to AgencyHandy is held, if so wished."""
    reading = await intake.read(trial.inbound, trial.endpoint)
    if isinstance(trial.endpoint, Form):
        reading = await intake.judge(trial.endpoint, reading, request)
    return await intake.store(_held(reading) if is_held else reading)


def typed(endpoint: Form | Hook, mark: str, who: str) -> dict[str, str]:
    """Field → what is filled in."""
    words = f"This is a test ({mark}) that {who} sent from the desk of Lead Relay. Nobody has to answer it."
    if isinstance(endpoint, Form):
        return dict(_filled_in(endpoint, mark, words))
    return {"name": f"{FIRST} {LAST}", "email": _address(mark), "phone": PHONE, "message": words}


def _of_form(intake: Intake, form: Form, mark: str, who: str) -> Trial:
    stamp = intake.judge.stamps.make(form.name, intake.clock() - SHOWN_FOR)
    body = urlencode({**typed(form, mark, who), FIELD: stamp}).encode()
    inbound = Inbound(body, {"content-type": "application/x-www-form-urlencoded"})
    untried = ["the website's own form, and whether its address may post here"]
    untried += ["the captcha, which only a browser solves"] if form.captcha else []
    untried += ["files"] if any(one.type == "file" for one in asked(form)) else []
    return Trial(inbound, form.model_copy(update={"captcha": None}), tuple(untried))


def _of_hook(intake: Intake, hook: Hook, mark: str, who: str) -> Trial:
    plain = Inbound(
        json.dumps(typed(hook, mark, who)).encode(),
        {"content-type": "application/json"},
        url=f"{intake.public_url}/hooks/{hook.name}",
    )
    signed = proof.proved(plain, hook, intake.clock())
    untried = [] if signed else ["how the provider proves itself, which cannot be made here"]
    inbound, endpoint = (signed, hook) if signed else (plain, _opened(hook))
    tried = look(intake.config.model_copy(update={"hooks": {hook.name: endpoint}}), hook.name, inbound, intake.clock())
    if not any(one.state == LeadState.PENDING.value for one in tried.leads):
        endpoint = _opened(hook).model_copy(update={"source": "json"})
        untried.append(f"the way that {hook.source} writes its requests: the test is plain JSON, read as such")
    return Trial(inbound, endpoint, tuple(untried))


def _opened(hook: Hook) -> Hook:
    return hook.model_copy(update={"open": True, "verify": None})


def _held(reading: Reading) -> Reading:
    kept = tuple(_kept(lead) for lead in reading.submission.leads)
    return replace(reading, submission=replace(reading.submission, leads=kept))


def _kept(lead: Lead) -> Lead:
    is_ready = lead.state is LeadState.PENDING
    return replace(lead, state=LeadState.HELD, reason=Reason.TEST.value) if is_ready else lead


def _address(mark: str) -> str:
    """An address of nobody, and of no other test."""
    return f"lead-relay-test-{mark.lower()}@example.com"


NAMES: Final[Mapping[str, str]] = {"given-name": FIRST, "family-name": LAST, "name": f"{FIRST} {LAST}"}
USUAL: Final[Mapping[str, str]] = {
    "checkbox": "yes",
    "date": "2030-01-31",
    "number": "1",
    "url": "https://example.com",
}


def _filled_in(form: Form, mark: str, words: str) -> Iterator[tuple[str, str]]:
    for field in asked(form):
        if field.type != "file":
            yield field.name, _value(field, mark, words)


def _value(field: FormField, mark: str, words: str) -> str:
    if is_email(field):
        return _address(mark)
    if is_phone(field):
        return PHONE
    if field.type == "textarea":
        return words
    given = field.options[0] if field.options else field.value or USUAL.get(field.type, "")
    return given or NAMES.get(field.autocomplete or filled_in(field), "Test")

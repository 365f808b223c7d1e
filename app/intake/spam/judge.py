"""The verdict on what a form was sent: the facts that layers need are gathered here, before they look."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from starlette.requests import Request

from app.config.endpoints import Form
from app.intake.spam.captcha import Captchas
from app.intake.spam.case import Case, Checked
from app.intake.spam.layers import weigh
from app.intake.spam.repeats import Repeats
from app.intake.spam.said import said
from app.intake.spam.stamp import FIELD, Stamps
from app.lead import Entry, Lead, LeadState
from app.reader import HONEYPOT, Reading

PROVIDER: Final = "provider"
"""The layers of a verdict that reading already gave: a trap's of a usual name, and the form service's own."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges readings. `is_allowed` tells whose leads are never spam; `on_spam` gets the layers that found it."""

    stamps: Stamps
    captchas: Captchas
    repeats: Repeats
    own_address: str
    is_allowed: Callable[[str], Awaitable[bool]]
    on_spam: Callable[[str, Iterable[str]], None]

    async def __call__(self, form: Form, reading: Reading, request: Request) -> Reading:
        """The reading with its leads as they are, with suspicions, or as spam. Never refuses anything."""
        leads = reading.submission.leads
        if len(leads) != len(reading.entries) or not leads:
            return reading
        pairs = zip(leads, reading.entries, strict=True)
        judged = tuple([await self._judged(form, lead, entry, reading, request) for lead, entry in pairs])
        return replace(reading, submission=replace(reading.submission, leads=judged))

    async def _judged(self, form: Form, lead: Lead, entry: Entry, reading: Reading, request: Request) -> Lead:
        if lead.state not in {LeadState.PENDING, LeadState.SPAM}:
            return lead
        verdict = weigh(await self._case(form, lead, entry, reading, request))
        lead = replace(lead, suspicions=verdict.words)
        is_by_reader = lead.state is LeadState.SPAM
        if not (verdict.is_spam or is_by_reader):
            return lead
        is_trapped = is_by_reader and lead.reason.startswith(HONEYPOT)
        if (is_trapped or not is_by_reader) and await self.is_allowed(lead.email):
            return replace(lead, state=LeadState.PENDING, reason="")
        found = {HONEYPOT if is_trapped else PROVIDER} if is_by_reader else set()
        self.on_spam(form.name, found | {name for name, _ in verdict.signs})
        reason = lead.reason if is_by_reader else "; ".join(verdict.words)
        return replace(lead, state=LeadState.SPAM, reason=reason)

    async def _case(self, form: Form, lead: Lead, entry: Entry, reading: Reading, request: Request) -> Case:
        """All that the layers are to know. What has to be asked elsewhere is asked here."""
        now = reading.submission.received_at
        case = Case(form, lead, said(lead), entry.fields, dict(request.headers), self.own_address)
        stamped = self.stamps.read(case.sent_as(FIELD), form.name, now)
        is_spam = lead.state is LeadState.SPAM
        checked = Checked() if is_spam else await self.captchas.check(form, reading, request)
        return replace(case, stamped=stamped, captcha=checked, senders=await self.repeats.others(case))

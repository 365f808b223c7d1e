"""The verdict on what a form was sent: the facts that layers need are gathered here, before they look."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace

from starlette.requests import Request

from app.endpoints import Form
from app.intake.spam.case import Case
from app.intake.spam.layers import Verdict, weigh
from app.intake.spam.stamp import FIELD, Stamps
from app.lead import Entry, Lead, LeadState
from app.reader import Reading


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges readings. `is_allowed` tells whose leads are never spam; `on_spam` gets the layers that found it."""

    stamps: Stamps
    own_origin: str
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
        if not verdict.is_spam and lead.state is not LeadState.SPAM:
            return replace(lead, suspicions=verdict.words)
        return self._as_spam(form, lead, verdict)

    def _as_spam(self, form: Form, lead: Lead, verdict: Verdict) -> Lead:
        self.on_spam(form.name, dict.fromkeys(name for name, _ in verdict.signs))
        reason = lead.reason or "; ".join(verdict.words)
        return replace(lead, state=LeadState.SPAM, reason=reason, suspicions=verdict.words)

    async def _case(self, form: Form, lead: Lead, entry: Entry, reading: Reading, request: Request) -> Case:
        """All that the layers are to know. What has to be asked elsewhere is asked here."""
        now = reading.submission.received_at
        case = Case(form, lead, entry.fields, dict(request.headers), now, self.own_origin)
        return replace(case, stamped=self.stamps.read(case.sent_as(FIELD), form.name, now))

"""Many leads, of every state, age and alphabet, put into a store in one go."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta

from app.lead import Entry, Field, Lead, LeadState, Origin, Submission
from app.outbox.outbox import Outbox
from app.outbox.records import Attempt

PEOPLE = (
    ("Ada", "Lovelace"), ("Grace", "Hopper"), ("José", "Núñez"), ("小明", "王"), ("عمر", "خالد"), ("Zoë", "Ångström"),
    ("Mia", "Müller-Lüdenscheidt"),
    ("Olena", "Шевченко"), ("Noa", "כהן"), ("Wolfeschlegelsteinhausenbergerdorff", "Sr."),
)  # fmt: skip
TEXTS = (
    "We need a website for an analytical engine.",
    "Wir suchen eine Agentur für unsere neue Website.",
    "Could you call me back? My budget is about 5,000.",
    "你好，我想要一个网站。",
    "أريد موقعًا جديدًا",
    "x",
)
STATES = (
    [LeadState.DELIVERED] * 80 + [LeadState.SPAM] * 8 + [LeadState.HELD] * 4 + [LeadState.DUPLICATE] * 4
    + [LeadState.DISCARDED] * 2 + [LeadState.PENDING] * 2
)  # fmt: skip
REASONS = {
    LeadState.HELD: 'refused: "email" is not valid',
    LeadState.SPAM: "honeypot: website; 5 links",
    LeadState.DUPLICATE: "AgencyHandy already has this e-mail address",
}
ENDPOINTS = (("contact", "html"), ("typeform", "typeform"), ("zapier", "zapier"))
AT_ONCE = 1000


async def fill(url: str, count: int, *, days: float = 30, seed: int = 1, now: datetime | None = None) -> None:
    """Puts so many leads into a store, the newest just now."""
    chance, end = random.Random(seed), now or datetime.now(UTC)
    outbox = Outbox(url, workspace="sandbox")
    await outbox.open()
    for start in range(0, count, AT_ONCE):
        some = [
            _submission(chance, number, end - timedelta(days=days) * ((count - 1 - number) / count))
            for number in range(start, min(start + AT_ONCE, count))
        ]
        receipts = await asyncio.gather(*map(outbox.add, some))
        sent = [
            Attempt(lead_id, one.received_at + timedelta(seconds=1), "created", 201, '{"message": "Lead created"}', 80)
            for one, receipt in zip(some, receipts, strict=True)
            for lead_id, state in receipt.leads
            if state is LeadState.DELIVERED
        ]
        await outbox.settle([], sent, end)
    await outbox.close()


def _submission(chance: random.Random, number: int, at: datetime) -> Submission:
    first, last = chance.choice(PEOPLE)
    endpoint, source = chance.choice(ENDPOINTS)
    state = chance.choice(STATES)
    email = f"person{number}@example.com"
    message = chance.choice(TEXTS)
    entry = Entry((Field("name", f"{first} {last}"), Field("email", email), Field("message", message)))
    lead = Lead(
        first,
        last,
        email,
        f"+44207946{number % 10000:04}",
        message,
        "website",
        extra=(Field("budget", "5,000"),),
        origins={
            "email": Origin("email", "'email' means e-mail"),
            "message": Origin("message", "'message' means message"),
        },
        state=state,
        reason=REASONS.get(state, ""),
    )
    body = "&".join(f"{one.key}={one.value}" for one in entry.fields).encode()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return Submission(endpoint, source, at, headers, body, fingerprint=f"crowd {number}", leads=(lead,))

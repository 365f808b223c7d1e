"""What the tests of acts by hand share: a store of either engine, and people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from app.config.relay_toml import RelayConfig
from app.lead import Field, Lead, LeadState, Submission
from app.outbox.hands import Hands
from app.outbox.outbox import Outbox
from app.outbox.records import QueuedLead, Settlement
from app.outbox.tables import audit

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CONFIG = RelayConfig(region="GB")
LEASE = timedelta(seconds=15)


@pytest.fixture
def url(store_url: str) -> str:
    """A new store's address, on either engine."""
    return store_url


@pytest.fixture
async def outbox(url: str) -> AsyncIterator[Outbox]:
    store = Outbox(url)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def hands(outbox: Outbox) -> Hands:
    return Hands(outbox, "cli:mary", lambda: NOW + timedelta(hours=1))


def person(number: int = 0, **more: object) -> Lead:
    given = Lead(first_name="Ada", last_name=f"No {number}", email=f"ada{number}@example.com", message="Hello")
    return replace(given, **more)  # type: ignore[arg-type]


def submission(number: int = 0, *leads: Lead, **more: object) -> Submission:
    given = Submission("contact", "html", NOW, {}, b"body", fingerprint=f"print-{number}")
    return replace(given, leads=leads or (person(number),), **more)  # type: ignore[arg-type]


async def add(outbox: Outbox, number: int = 0, *leads: Lead, **more: object) -> list[str]:
    """The ids of a new submission's leads."""
    receipt = await outbox.add(submission(number, *leads, **more))
    return [lead_id for lead_id, _ in receipt.leads]


async def claim(outbox: Outbox, now: datetime = NOW) -> list[QueuedLead]:
    return await outbox.claim("default", now, now + LEASE, 50)


async def settled(outbox: Outbox, number: int, state: LeadState, **more: object) -> str:
    """The id of a lead that was sent, and what became of it."""
    [lead_id] = await add(outbox, number)
    [lead] = await claim(outbox)
    given = Settlement(lead.id, lead.claim, state, "because")
    await outbox.settle([replace(given, **more)], (), NOW)  # type: ignore[arg-type]
    return lead_id


async def state_of(outbox: Outbox, lead_id: str) -> LeadState:
    found = await outbox.books.lead(lead_id)
    assert found is not None
    return found.lead.state


async def does(hands: Hands, what: str, lead_id: str, **changes: str) -> str:
    """Does an act to one lead; why it was refused, else ""."""
    refused = await hands.do(what, [lead_id], changes if what == "edit" else None, CONFIG)
    return refused.get(lead_id, "")


async def trail(outbox: Outbox) -> list[tuple[str, str, str | None, str]]:
    """Who, what, which lead, words; the oldest first."""
    rows = await outbox.books._all(select(audit).order_by(audit.c.id))
    return [(row.who, row.what, row.lead_id, row.words) for row in rows]


def said(name: str, value: str) -> Field:
    return Field(name, value)

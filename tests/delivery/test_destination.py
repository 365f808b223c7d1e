"""Company and client role: asked for at start and daily, remembered in between."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest

from app.delivery.agencyhandy import AgencyHandy
from app.delivery.destination import Destination
from app.delivery.policy import Policy
from app.errors import Ambiguous
from app.lead import Lead, LeadState, Submission
from app.outbox.outbox import Outbox
from app.outbox.records import BREAKER_AFTER, Settlement
from app.sandbox import DEMO_KEY
from tests.running import SandboxClient

START = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[Outbox]:
    store = Outbox(f"sqlite+aiosqlite:///{tmp_path}/relay.db")
    await store.open()
    yield store
    await store.close()


def to(address: str, outbox: Outbox, clock: Clock, key: str = DEMO_KEY, **more: Any) -> Destination:
    return Destination("default", AgencyHandy(address, key), outbox, Policy(lambda _, most: most), clock, **more)


@pytest.fixture
async def destination(sandbox: SandboxClient, outbox: Outbox, clock: Clock) -> AsyncIterator[Destination]:
    made = to(sandbox.address, outbox, clock)
    yield made
    await made.close()


def asked(sandbox: SandboxClient) -> int:
    """How often the role was asked for."""
    import httpx

    found = httpx.get(f"{sandbox.address}/_sandbox/requests").json()["requests"]
    return sum(one["path"].startswith("/roles") for one in found)


async def test_what_was_resolved_at_start_is_in_the_store(destination: Destination, outbox: Outbox) -> None:
    await destination.open()

    assert destination.state == "ready"
    assert await outbox.books.workspace("default") == destination.workspace


async def test_the_role_is_asked_for_again_after_a_day(
    destination: Destination, sandbox: SandboxClient, clock: Clock
) -> None:
    await destination.open()
    clock.now = START + timedelta(hours=23)
    assert await destination.may_send()
    assert asked(sandbox) == 1
    before = destination.workspace.role_id
    sandbox.put("/role")
    clock.now = START + timedelta(hours=24)
    assert await destination.may_send()

    assert asked(sandbox) == 2
    assert destination.workspace.role_id != before


async def test_a_role_that_cannot_be_asked_for_again_still_serves(
    destination: Destination, sandbox: SandboxClient, clock: Clock
) -> None:
    await destination.open()
    sandbox.fault(kind="status", status=503, path="/roles")
    clock.now = START + timedelta(days=2)

    assert await destination.may_send()
    assert await destination.may_send()
    assert asked(sandbox) == 2
    assert destination.state == "ready"


async def test_several_companies_stop_the_first_start_only(
    destination: Destination, sandbox: SandboxClient, outbox: Outbox
) -> None:
    sandbox.put("/companies", count=2)
    with pytest.raises(Ambiguous, match="AGENCYHANDY_COMPANY_ID"):
        await destination.open()
    sandbox.put("/companies", count=1)
    await destination.open()
    sandbox.put("/companies", count=2)

    await destination.open()
    assert await destination.may_send()


async def test_a_start_waits_only_a_moment_for_agencyhandy(destination: Destination, sandbox: SandboxClient) -> None:
    sandbox.fault(kind="delay", seconds=5, path="*", times=2)
    started = time.monotonic()
    await destination.open()

    assert time.monotonic() - started < 2
    assert destination.state == "unresolved"


@pytest.mark.parametrize(
    "fault", [{"kind": "garbage"}, {"kind": "status", "status": 200, "body": '{"message": "soon"}'}]
)
async def test_an_odd_answer_at_start_stops_nothing(
    destination: Destination, sandbox: SandboxClient, fault: dict[str, Any]
) -> None:
    sandbox.fault(**fault, path="*")
    await destination.open()

    assert destination.state == "unresolved"


async def test_a_chosen_company_is_not_looked_for(sandbox: SandboxClient, outbox: Outbox, clock: Clock) -> None:
    sandbox.put("/companies", count=2)
    import httpx

    chosen = httpx.get(f"{sandbox.address}/_sandbox").json()["companies"][1]["_id"]
    destination = to(sandbox.address, outbox, clock, company_id=chosen)
    await destination.open()
    await destination.close()

    assert destination.workspace.company_id == chosen


async def test_who_belongs_to_another_company_neither_sends_nor_changes_anything(
    sandbox: SandboxClient, outbox: Outbox, destination: Destination, clock: Clock
) -> None:
    """A rolling change of AGENCYHANDY_COMPANY_ID: the old process is still there for a while."""
    await destination.open()
    sandbox.put("/companies", count=2)
    import httpx

    other = httpx.get(f"{sandbox.address}/_sandbox").json()["companies"][1]["_id"]
    new = to(sandbox.address, outbox, clock, company_id=other)
    await new.open()

    assert not await destination.may_send()
    assert (await outbox.books.workspace("default")).company_id == other
    assert await new.may_send()
    await new.close()


async def test_ids_of_another_address_are_not_used(
    sandbox: SandboxClient, outbox: Outbox, destination: Destination, clock: Clock
) -> None:
    await destination.open()
    elsewhere = to("http://127.0.0.1:9", outbox, clock)
    await elsewhere.open()
    await elsewhere.close()

    assert elsewhere.state == "unresolved"


async def test_a_revoked_key_at_start_pauses_and_a_restart_with_a_good_one_resumes(
    destination: Destination, sandbox: SandboxClient
) -> None:
    sandbox.put("/key", key="another")
    await destination.open()
    assert destination.state == "paused"
    sandbox.put("/key", key=DEMO_KEY)

    await destination.open()
    assert await destination.may_send()


async def test_of_a_closed_way_one_process_makes_the_next_try(
    sandbox: SandboxClient, outbox: Outbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = [to(sandbox.address, outbox, clock) for _ in range(2)]
    for one in both:
        await one.open()
    await outbox.change_workspace(
        "default", lambda known: replace(known, failures=BREAKER_AFTER, not_before=clock() - timedelta(seconds=1))
    )

    for one in both:
        await one.look()
    monkeypatch.setattr(Destination, "look", AsyncMock())  # both have seen that the way may be tried

    assert [await one.may_send() for one in both] == [True, False]
    for one in both:
        await one.close()


async def test_what_waits_is_due_when_another_key_comes(
    sandbox: SandboxClient, outbox: Outbox, destination: Destination, clock: Clock
) -> None:
    await destination.open()
    lead = Lead(email="ada@example.com")
    await outbox.add(Submission("contact", "html", clock(), {}, b"", fingerprint="x", leads=(lead,)))
    [queued] = await outbox.claim("default", clock(), clock() + timedelta(seconds=9), 5)
    later = clock() + timedelta(hours=1)
    await outbox.settle([Settlement(queued.id, queued.claim, LeadState.PENDING, next_attempt_at=later)], (), clock())
    await destination.open()
    assert await outbox.claim("default", clock(), later, 5) == []

    new = to("http://127.0.0.1:9", outbox, clock)
    await new.open()
    await new.close()
    assert [one.id for one in await outbox.claim("default", clock(), later, 5)] == [queued.id]

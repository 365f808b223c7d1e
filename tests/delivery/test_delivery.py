"""From a post to AgencyHandy, over real HTTP at both ends: what goes wrong there, and that each lead arrives once."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.delivery import worker
from app.delivery.agencyhandy import AgencyHandy
from app.errors import AccessRefused, Ambiguous, Unreachable
from app.lead import Lead
from app.sandbox import DEMO_KEY
from tests.running import SandboxClient, eventually, free_port, stored

Start = Callable[..., httpx.Client]
BATCH = "[hooks.json]\nsource = 'json'\nopen = true\n"


def people(count: int) -> list[dict[str, str]]:
    return [{"first_name": "Person", "last_name": f"No {n}", "email": f"person{n}@example.com"} for n in range(count)]


def post(client: httpx.Client, body: Any) -> dict[str, Any]:
    answer = client.post("/hooks/json", json=body)
    assert answer.status_code == 200
    receipt: dict[str, Any] = answer.json()
    return receipt


def states(folder: Path) -> dict[str, str]:
    """E-mail → state and reason, read from the store itself."""
    return dict(stored(folder, "SELECT email, state || ': ' || reason FROM leads"))


def settled(folder: Path) -> bool:
    """Whether nothing waits any more."""
    return stored(folder, "SELECT count(*) FROM leads WHERE state IN ('pending', 'sending')") == [(0,)]


def test_a_lead_reaches_agencyhandy_with_the_client_role_and_every_field(relay: Start, sandbox: SandboxClient) -> None:
    toml = BATCH + "[hooks.json.defaults]\nstatus = 'Contacted'\nsource = 'referral'\npositionInBoard = 7\n"
    client = relay(toml)
    post(client, {"name": "Ada Lovelace", "email": "ada@example.com", "phone": "+44 20 7946 0958", "message": "Hi"})

    [member] = eventually(sandbox.members, "the lead arrives")
    assert {key: member[key] for key in ("firstName", "lastName", "email", "contactNo", "status", "source")} == {
        "firstName": "Ada",
        "lastName": "Lovelace",
        "email": "ada@example.com",
        "contactNo": "+442079460958",
        "status": "Contacted",
        "source": "referral",
    }
    assert member["positionInBoard"] == 7


def test_names_that_nobody_gave_are_filled_as_documented(relay: Start, sandbox: SandboxClient) -> None:
    client = relay(BATCH)
    post(client, [{"email": "ada.l@example.com"}, {"name": "Cher", "email": "cher@example.com"}])

    eventually(lambda: len(sandbox.members()) == 2, "both arrive")
    assert [(one["firstName"], one["lastName"]) for one in sandbox.members()] == [("ada.l", "-"), ("Cher", "-")]


def test_under_load_leads_go_out_in_arrays_of_at_most_fifty(relay: Start, sandbox: SandboxClient) -> None:
    client = relay(BATCH)
    post(client, people(120))

    eventually(lambda: len(sandbox.members()) == 120, "all arrive")
    assert [one["leads"] for one in sandbox.requests()] == [50, 50, 20]


def test_one_bad_lead_is_found_among_many_and_held_alone(relay: Start, sandbox: SandboxClient, tmp_path: Path) -> None:
    sandbox.fault(kind="refuse", pattern="person13@", status=422, message="We do not like this one")
    client = relay(BATCH)
    post(client, people(50))

    eventually(lambda: settled(tmp_path), "all are settled")
    found = states(tmp_path)
    assert found.pop("person13@example.com") == "held: refused: We do not like this one"
    assert set(found.values()) == {"delivered: "}
    assert sorted(sandbox.emails()) == sorted(found)


@pytest.mark.parametrize(("status", "called"), [(422, "sent apart"), (500, "busy")])
def test_what_is_answered_to_several_leads_is_not_kept_with_each_as_it_tells_of_the_others(
    relay: Start, sandbox: SandboxClient, tmp_path: Path, status: int, called: str
) -> None:
    """Else whoever is erased would still stand there by name and address."""
    sandbox.fault(kind="refuse", pattern="person2@", times=1, status=status, message="E11000: person2@example.com")
    post(relay(BATCH), [*people(3), {"name": "Mary Other", "email": "other@example.com"}])
    found = "SELECT email, last_name, answer, outcome FROM attempts JOIN leads ON leads.id = lead_id"
    eventually(lambda: called in str(stored(tmp_path, found)), "they were refused")

    tries = stored(tmp_path, found)
    whose = {name: email for email, last_name, *_ in tries for name in (email, last_name)}
    assert [one for one in tries for name in whose if name in one[2] and whose[name] != one[0]] == []


def test_an_email_that_agencyhandy_has_makes_a_duplicate(relay: Start, sandbox: SandboxClient, tmp_path: Path) -> None:
    client = relay(BATCH)
    post(client, people(1))
    eventually(lambda: settled(tmp_path), "the first is delivered")
    post(client, [*people(3), {"name": "Other", "email": "other@example.com"}])

    eventually(lambda: settled(tmp_path), "all are settled")
    assert sorted(sandbox.emails()) == [f"{who}@example.com" for who in ("other", "person0", "person1", "person2")]
    count = "SELECT state, count(*) FROM leads GROUP BY state ORDER BY state"
    assert stored(tmp_path, count) == [("delivered", 4), ("duplicate", 1)]


def test_one_person_twice_in_one_request_is_created_once(relay: Start, sandbox: SandboxClient, tmp_path: Path) -> None:
    client = relay(BATCH)
    post(client, [*people(2), *({**one, "message": "Once more"} for one in people(2))])

    eventually(lambda: settled(tmp_path), "all are settled")
    assert sorted(sandbox.emails()) == ["person0@example.com", "person1@example.com"]
    count = "SELECT state, count(*) FROM leads GROUP BY state ORDER BY state"
    assert stored(tmp_path, count) == [("delivered", 2), ("duplicate", 2)]


FAULTS: list[dict[str, Any]] = [
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503, "retry_after": "0"},
    {"kind": "status", "status": 429},
    {"kind": "status", "status": 502, "body": "<html>Bad gateway</html>"},
    {"kind": "garbage", "carried_out": False},
    {"kind": "garbage", "carried_out": True},
    {"kind": "reset", "carried_out": False},
    {"kind": "reset", "carried_out": True},
    {"kind": "truncated", "keep": 2, "carried_out": "all"},
    {"kind": "truncated", "keep": 2, "carried_out": "kept"},
]


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: "-".join(str(value) for value in fault.values())[:40])
def test_after_a_fault_every_lead_is_delivered_and_none_twice(
    fault: dict[str, Any], relay: Start, sandbox: SandboxClient, tmp_path: Path
) -> None:
    sandbox.fault(**fault, times=1)
    client = relay(BATCH)
    post(client, people(5))

    eventually(lambda: settled(tmp_path), "all are settled", 30)
    assert sorted(sandbox.emails()) == [f"person{n}@example.com" for n in range(5)]
    assert {state.partition(":")[0] for state in states(tmp_path).values()} == {"delivered"}


def test_an_answer_that_comes_too_late_is_an_unknown_outcome_and_the_lead_is_not_doubled(
    relay: Start, sandbox: SandboxClient, tmp_path: Path
) -> None:
    sandbox.fault(kind="delay", seconds=1.5, times=1)
    client = relay(BATCH, delivery_timeout_seconds=0.5)
    post(client, people(1))

    eventually(lambda: settled(tmp_path), "it is settled", 30)
    assert sandbox.emails() == ["person0@example.com"]
    assert states(tmp_path)["person0@example.com"].startswith("delivered")


@pytest.mark.slow
def test_a_request_that_outlasts_its_lease_keeps_its_leads(
    relay: Start, sandbox: SandboxClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though there is another worker, which takes back whatever has been left."""
    monkeypatch.setattr(worker, "LEASE", timedelta(seconds=3))
    monkeypatch.setattr(worker, "RENEW_EVERY", timedelta(seconds=0.3))
    sandbox.fault(kind="delay", seconds=4.5, times=1)
    relay(BATCH)
    post(relay(BATCH), people(3))

    eventually(lambda: settled(tmp_path), "all are settled")
    assert len(sandbox.requests()) == 1
    assert set(states(tmp_path).values()) == {"delivered: "}


def test_a_revoked_key_pauses_loses_nothing_and_a_good_one_resumes_by_itself(
    relay: Start, sandbox: SandboxClient, tmp_path: Path
) -> None:
    client = relay(BATCH, delivery_probe_seconds=1)
    sandbox.put("/key", key="another")
    post(client, people(3))

    eventually(lambda: client.get("/readyz").json()["destination"] == "paused", "the workspace pauses")
    assert client.get("/readyz").status_code == 200
    assert {state.partition(":")[0] for state in states(tmp_path).values()} == {"pending"}
    assert post(client, [{"email": "later@example.com"}])["leads"][0]["state"] == "pending"
    sandbox.put("/key", key=DEMO_KEY)
    eventually(lambda: len(sandbox.members()) == 4, "all arrive once the key is good")


@pytest.mark.slow
@pytest.mark.alone
def test_one_poison_lead_delays_nobody(relay: Start, sandbox: SandboxClient, tmp_path: Path) -> None:
    sandbox.fault(kind="refuse", pattern="person0@", status=500, message="Internal server error")
    client = relay(BATCH)
    post(client, people(5))
    eventually(lambda: len(sandbox.members()) == 4, "the good ones arrive", 30)
    started = time.monotonic()
    post(client, [{"email": "later@example.com"}])

    eventually(lambda: len(sandbox.members()) == 5, "a later one arrives")
    assert time.monotonic() - started < 1
    assert states(tmp_path)["person0@example.com"].startswith("pending")


def test_a_changed_role_is_resolved_again_without_a_pause(relay: Start, sandbox: SandboxClient) -> None:
    client = relay(BATCH)
    sandbox.put("/role")
    post(client, people(3))

    eventually(lambda: len(sandbox.members()) == 3, "all arrive")
    assert client.get("/readyz").json() == {
        "status": "ready",
        "store": "writable",
        "role": "known",
        "destination": "ready",
    }


@pytest.mark.slow
def test_while_agencyhandy_is_down_one_lead_at_a_time_tries_the_way(relay: Start, sandbox: SandboxClient) -> None:
    sandbox.fault(kind="status", status=503)
    client = relay(BATCH)
    post(client, people(100))

    eventually(lambda: len(sandbox.requests()) >= 7, "the breaker opens and probes", 30)
    assert {one["leads"] for one in sandbox.requests()[5:]} == {1}
    sandbox.heal()
    eventually(lambda: len(sandbox.members()) == 100, "all arrive once it is back", 30)


@pytest.mark.slow
def test_a_minutes_silence_does_not_follow_from_many_that_failed_side_by_side(
    relay: Start, sandbox: SandboxClient
) -> None:
    sandbox.fault(kind="status", status=503, retry_after="1", times=1)
    sandbox.fault(kind="delay", seconds=1.5)
    sandbox.fault(kind="status", status=503)
    client = relay(BATCH, delivery_requests_per_second=50)
    post(client, people(50))

    eventually(lambda: len(sandbox.requests()) >= 15, "all go alone, at once", 30)
    sandbox.heal()
    eventually(lambda: len(sandbox.members()) == 50, "all arrive once it is back", 20)


def test_no_more_requests_a_second_than_allowed(relay: Start, sandbox: SandboxClient) -> None:
    client = relay(BATCH, delivery_requests_per_second=5, delivery_batch=1)
    started = time.monotonic()
    post(client, people(6))

    eventually(lambda: len(sandbox.members()) == 6, "all arrive")
    assert time.monotonic() - started >= 1


def agencyhandy(sandbox: SandboxClient, key: str = DEMO_KEY, **more: Any) -> AgencyHandy:
    return AgencyHandy(sandbox.address, key, **more)


async def test_the_client_role_is_found_by_name_wherever_it_stands(sandbox: SandboxClient) -> None:
    client = agencyhandy(sandbox)
    company = await client.company_id()
    role = await client.client_role_id(company)
    answer = await client.create_leads([Lead(first_name="Ada", email="ada@example.com")], company, role)
    await client.close()

    assert answer.status == 201
    assert answer.members is not None
    assert re.fullmatch("[0-9a-f]{24}", answer.members[0].id)


async def test_several_companies_are_named_so_that_one_can_be_chosen(sandbox: SandboxClient) -> None:
    sandbox.put("/companies", count=2)
    client = agencyhandy(sandbox)

    with pytest.raises(Ambiguous, match=r"AGENCYHANDY_COMPANY_ID to one of .+ \([0-9a-f]{24}\), .+ \([0-9a-f]{24}\)"):
        await client.company_id()
    await client.close()


async def test_a_wrong_key_says_what_to_check(sandbox: SandboxClient) -> None:
    client = agencyhandy(sandbox, key="wrong")

    with pytest.raises(AccessRefused, match="AGENCYHANDY_API_KEY"):
        await client.company_id()
    await client.close()


async def test_nobody_there_is_certainly_not_sent() -> None:
    client = AgencyHandy(f"http://127.0.0.1:{free_port()}", "key")
    answer = await client.create_leads([Lead(email="ada@example.com")], "company", "role")
    with pytest.raises(Unreachable):
        await client.company_id()
    await client.close()

    assert (answer.status, answer.sent) == (None, False)


async def test_a_lost_connection_may_have_been_carried_out(sandbox: SandboxClient) -> None:
    sandbox.fault(kind="reset", carried_out=True)
    client = agencyhandy(sandbox)
    company = await client.company_id()
    answer = await client.create_leads(
        [Lead(first_name="A", email="a@example.com")], company, await client.client_role_id(company)
    )
    await client.close()

    assert (answer.status, answer.sent) == (None, True)
    assert sandbox.emails() == ["a@example.com"]

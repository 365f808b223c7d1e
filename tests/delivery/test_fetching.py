"""People of whom a provider sends ids only: fetched from its API, once, after it had its answer. Over real HTTP."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app import main
from app.alerts.conditions import troubles
from app.config.relay_toml import RelayConfig, load_relay_config
from app.config.settings import load_settings
from app.delivery.fetching import Fetcher
from app.delivery.policy import FEWEST_TRIES, Policy
from app.lead import LeadState
from app.main import create_app
from app.outbox import fetching
from app.outbox.books import Books
from app.outbox.facts import facts_of, stuck
from app.outbox.hands import Hands
from app.outbox.outbox import Outbox
from app.outbox.records import Balance, Facts, StoredLead, StoredSubmission
from app.outbox.remap import remap
from app.outbox.tables import leads, submissions
from app.reader import read
from app.sandbox import DEMO_KEY
from app.sources.base import Inbound
from tests.running import RelayProcess, SandboxClient, eventually, free_port, served, started

Start = Callable[..., httpx.Client]
SECRET = "app-secret"
TOKEN = "api-token"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
FIELDS = "id,created_time,field_data,ad_name,campaign_name,form_id,platform"


def person(id_: str, email: str | None = "", **more: str) -> dict[str, Any]:
    """What Meta's API says of a lead; without an e-mail where that is None."""
    known = {"full_name": "Ada Lovelace", **more} | (
        {} if email is None else {"email": email or f"ada{id_}@example.com"}
    )
    answers = [{"name": name, "values": [value]} for name, value in known.items()]
    return {"id": id_, "created_time": "2026-11-23T12:00:00+0000", "field_data": answers}


class Api:
    """A stand-in for Meta's API: whoever is in `people`, the `faults` first; `gate` holds its answers back."""

    def __init__(self) -> None:
        self.port = free_port()
        self.people: dict[str, Any] = {}
        self.faults: list[Response] = []
        self.token = TOKEN
        self.asked: list[tuple[float, str]] = []
        self.addresses: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        paths = ("/v23.0/{id}", "/crm/v3/objects/contacts/{id}")
        self.app = Starlette(routes=[Route(path, self.answer) for path in paths])

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/v23.0"

    def ids(self) -> list[str]:
        return [id_ for _, id_ in self.asked]

    async def answer(self, request: Request) -> Response:
        id_ = request.path_params["id"]
        self.asked.append((time.monotonic(), id_))
        self.addresses.append(f"{request.url.path}?{request.url.query}")
        await asyncio.to_thread(self.gate.wait, 15)
        if self.faults:
            return self.faults.pop(0)
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return Response('{"error": {"message": "Invalid OAuth access token"}}', 401)
        if id_ not in self.people:
            return Response('{"error": {"message": "Unknown object"}}', 404)
        return Response(json.dumps(self.people[id_], indent=2), media_type="text/javascript; charset=UTF-8")


@pytest.fixture
def api() -> Iterator[Api]:
    stand_in = Api()
    with served(stand_in.app, stand_in.port):
        yield stand_in


def toml(api: Api, *, fetch: bool = True, source: str = "meta") -> str:
    line = f'fetch = {{ token = "{TOKEN}", base_url = "{api.address}" }}' if fetch else ""
    return f'[hooks.ads]\nsource = "{source}"\nsecrets = ["{SECRET}"]\n{line}\n'


def notice(*ids: str) -> bytes:
    """What Meta sends: ids only."""
    changes = [{"field": "leadgen", "value": {"leadgen_id": id_, "page_id": "1"}} for id_ in ids]
    return json.dumps({"object": "page", "entry": [{"id": "1", "time": 1, "changes": changes}]}).encode()


def tell(client: httpx.Client, *ids: str, secret: str = SECRET) -> Any:
    """Sends it, signed; the answer."""
    body = notice(*ids)
    signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": signature, "Content-Type": "application/json"}
    return client.post("/hooks/ads", content=body, headers=headers).json()


def looked(url: str, work: Callable[[Books], Coroutine[Any, Any, Any]]) -> Any:
    """What is in the store, past the relay."""

    async def look() -> Any:
        books = Books(url)
        try:
            return await work(books)
        finally:
            await books.close()

    return asyncio.run(look())


def held(url: str) -> str:
    """Why the only lead is held."""
    [lead] = looked(url, lambda books: books.leads())
    return lead.lead.reason if lead.lead.state is LeadState.HELD else ""


def is_balanced(url: str) -> bool:
    balance: Balance = looked(url, lambda books: books.balance())
    return balance.differences() == {}


@pytest.mark.parametrize("source", ["meta", "auto"])
def test_a_person_is_fetched_after_the_provider_had_its_answer(
    relay: Start, sandbox: SandboxClient, api: Api, store_url: str, source: str
) -> None:
    api.people["77"] = person("77", phone_number="+442079460958")
    api.gate.clear()
    client = relay(toml(api, source=source), database_url=store_url)
    answer = tell(client, "77")

    assert [lead["state"] for lead in answer["leads"]] == ["held"]
    eventually(api.ids, "the API is asked")
    assert held(store_url) == "needs fetching: 77"
    api.gate.set()
    assert eventually(sandbox.emails, "the lead arrives") == ["ada77@example.com"]
    assert api.addresses == [f"/v23.0/77?fields={FIELDS}"]
    [lead] = looked(store_url, lambda books: books.leads())
    assert (lead.id, lead.lead.first_name, lead.lead.contact_no) == (answer["leads"][0]["id"], "Ada", "+442079460958")
    kept: StoredSubmission = looked(store_url, lambda books: books.submission(lead.submission_id))
    assert (kept.source, kept.event_id, kept.body) == ("meta", "77", json.dumps(api.people["77"], indent=2).encode())
    assert kept.headers == {"content-type": "application/json"}
    told: StoredSubmission = looked(store_url, lambda books: books.submission(answer["receipt"]))
    assert told.body == notice("77")
    assert is_balanced(store_url)


def test_a_contact_of_hubspots_is_fetched(relay: Start, sandbox: SandboxClient, api: Api) -> None:
    api.people["77"] = {"id": "77", "properties": {"email": "ada@example.com", "firstname": "Ada", "phone": None}}
    client = relay(toml(api, source="hubspot").replace("/v23.0", ""))
    event = {"eventId": 1, "subscriptionType": "contact.creation", "portalId": 1, "objectId": 77}
    answer = client.post("/hooks/ads", json=[event], headers={"X-Relay-Token": SECRET})

    assert [lead["state"] for lead in answer.json()["leads"]] == ["held"]
    assert eventually(sandbox.emails, "the lead arrives") == ["ada@example.com"]
    assert api.addresses[0].startswith("/crm/v3/objects/contacts/77?properties=firstname,lastname,email,phone")


def test_each_of_several_in_one_notification_is_fetched(
    relay: Start, sandbox: SandboxClient, api: Api, store_url: str
) -> None:
    ids = [str(number) for number in range(100, 112)]
    api.people = {id_: person(id_) for id_ in ids}
    answer = tell(relay(toml(api), database_url=store_url), *ids)

    assert len(answer["leads"]) == 12
    eventually(lambda: len(sandbox.emails()) == 12, "everybody arrives")
    assert sorted(api.ids()) == ids
    assert is_balanced(store_url)


def test_the_same_notification_again_is_a_repeat_before_and_after(
    relay: Start, sandbox: SandboxClient, api: Api, store_url: str
) -> None:
    api.people["77"] = person("77")
    api.gate.clear()
    client = relay(toml(api), database_url=store_url)
    first, second = tell(client, "77"), tell(client, "77")
    api.gate.set()
    eventually(lambda: held(store_url) == "" and sandbox.emails(), "the lead arrives")
    third = tell(client, "77")

    assert "repeat" not in first
    assert second == first | {"repeat": True}
    assert third["repeat"] is True
    assert (third["receipt"], [lead["id"] for lead in third["leads"]]) == (first["receipt"], [first["leads"][0]["id"]])
    assert api.ids() == ["77"]


def test_another_id_is_another_lead(relay: Start, sandbox: SandboxClient, api: Api) -> None:
    api.people = {id_: person(id_) for id_ in ("1", "2")}
    client = relay(toml(api))
    tell(client, "1")
    tell(client, "2")

    eventually(lambda: sorted(sandbox.emails()) == ["ada1@example.com", "ada2@example.com"], "both arrive")


@pytest.mark.slow
def test_while_the_api_is_down_it_is_tried_again(relay: Start, sandbox: SandboxClient, store_url: str) -> None:
    api = Api()
    api.people["77"] = person("77")
    tell(relay(toml(api), database_url=store_url), "77")
    eventually(lambda: len(tries(store_url)) > 1, "it was tried more than once")

    assert held(store_url) == "needs fetching: 77"
    assert {(outcome, status) for outcome, status, _ in tries(store_url)} == {("not fetched", None)}
    with served(api.app, api.port):
        assert eventually(sandbox.emails, "the lead arrives") == ["ada77@example.com"]


@pytest.mark.slow
@pytest.mark.parametrize("when", ["while it runs", "before it starts"])
def test_a_clock_that_is_set_back_leaves_nobody_unfetched(
    relay: Start, sandbox: SandboxClient, api: Api, tmp_path: Path, store_url: str, when: str
) -> None:
    api.people["77"] = person("77")
    api.faults = [Response("", 429, {"Retry-After": "3600"})]
    file = tmp_path / "ahead.toml"
    file.write_text(toml(api))
    now, ahead = main.now, timedelta(days=40)
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setattr(main, "now", lambda: now() + ahead)
        tell(started(stack, sandbox, tmp_path, file, database_url=store_url), "77")
        eventually(lambda: tries(store_url), "the API wants to be left alone for an hour of the fast clock")
        ahead = timedelta()
        if when == "before it starts":
            stack.close()
            relay(toml(api), database_url=store_url)

        assert eventually(sandbox.emails, "the lead arrives by the right clock") == ["ada77@example.com"]


def tries(url: str) -> list[tuple[str, int | None, str]]:
    async def look(books: Books) -> list[tuple[str, int | None, str]]:
        [lead] = await books.leads()
        return [(one.outcome, one.status, one.answer) for one in await books.attempts(lead.id)]

    found: list[tuple[str, int | None, str]] = looked(url, look)
    return found


@pytest.mark.slow
def test_a_token_that_is_refused_is_said_and_the_lead_goes_on_once_it_is_right(
    relay: Start, sandbox: SandboxClient, api: Api, store_url: str
) -> None:
    api.people["77"] = person("77")
    api.token = "another"
    tell(relay(toml(api), database_url=store_url), "77")
    eventually(lambda: held(store_url).startswith("needs fetching: 77 (401 "), "it is said")

    assert "Invalid OAuth access token" in held(store_url)
    api.token = TOKEN
    eventually(sandbox.emails, "the lead arrives", 30)


def test_who_is_not_there_is_held_with_what_was_said(relay: Start, api: Api, tmp_path: Path, store_url: str) -> None:
    tell(relay(toml(api), database_url=store_url), "77")

    eventually(lambda: held(store_url).startswith("needs fetching: 77 (404 "), "it is said")
    assert TOKEN not in str(tries(store_url))


@pytest.mark.slow
@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b"{}", notice("77"), b'{"id": "77"}', b"\xff" * 10])
def test_an_answer_with_nobody_in_it_is_no_answer(
    relay: Start, sandbox: SandboxClient, api: Api, tmp_path: Path, body: bytes
) -> None:
    store = f"sqlite+aiosqlite:///{tmp_path}/relay.db"
    api.people["77"] = person("77")
    api.faults.append(Response(body))
    tell(relay(toml(api)), "77")

    eventually(lambda: len(api.ids()) > 1, "it is tried again", 30)
    assert tries(store)[0][:2] == ("not fetched", 200)
    eventually(sandbox.emails, "the lead arrives")


@pytest.mark.slow
def test_a_provider_that_says_for_how_long_is_left_alone(
    relay: Start, sandbox: SandboxClient, api: Api, store_url: str
) -> None:
    api.people = {id_: person(id_) for id_ in ("77", "78")}
    api.faults.append(Response("slow down", 429, headers={"Retry-After": "3"}))
    client = relay(toml(api), database_url=store_url)
    tell(client, "77")
    eventually(api.ids, "the API is asked")
    eventually(lambda: tries(store_url), "the answer is noted")
    assert held(store_url) == "needs fetching: 77"
    eventually(lambda: len(sandbox.emails()) == 1, "the lead arrives")
    (first, _), (second, _) = api.asked[:2]

    assert second - first >= 2.9
    tell(client, "78")
    eventually(lambda: len(sandbox.emails()) == 2, "the next arrives")


def test_a_fetched_person_without_an_address_is_held_for_that(relay: Start, api: Api, store_url: str) -> None:
    api.people["77"] = person("77", None, phone_number="+442079460958")
    tell(relay(toml(api), database_url=store_url), "77")

    eventually(lambda: held(store_url) == "no e-mail: there is none", "it is held")
    [lead] = looked(store_url, lambda books: books.leads())
    assert lead.lead.contact_no == "+442079460958"


def test_without_a_token_the_lead_is_held_with_its_id(relay: Start, api: Api, store_url: str) -> None:
    answer = tell(relay(toml(api, fetch=False), database_url=store_url), "77")

    assert [lead["state"] for lead in answer["leads"]] == ["held"]
    assert held(store_url) == "needs fetching: 77"
    assert looked(store_url, facts).held == {"needs fetching: 77": 1}
    assert api.ids() == []


async def facts(books: Books, *, fetching: tuple[str, ...] = (), later: timedelta = timedelta()) -> Facts:
    now = datetime.now(UTC) + later
    about: dict[str, Any] = {"endpoints": ["ads"], "names": ["default"], "ignored": [], "fetching": fetching}
    return await books.read(partial(facts_of, now=now, since=0, before=now - timedelta(minutes=15), **about))


@pytest.mark.slow
def test_who_proves_nothing_makes_the_relay_ask_nobody(relay: Start, api: Api, store_url: str) -> None:
    client = relay(toml(api), database_url=store_url)
    tell(client, "77", secret="wrong")
    time.sleep(1.5)

    assert held(store_url) == "signature"
    assert api.ids() == []


@pytest.mark.slow
@pytest.mark.parametrize("id_", ["../me", "77/../78", "77?x=y", "a b", "é", "7" * 101])
def test_an_id_that_could_be_another_address_is_not_asked_for(relay: Start, api: Api, tmp_path: Path, id_: str) -> None:
    tell(relay(toml(api)), id_)
    time.sleep(1.2)

    assert held(f"sqlite+aiosqlite:///{tmp_path}/relay.db") == f"needs fetching: {id_}"
    assert api.addresses == []


@pytest.mark.slow
def test_two_replicas_fetch_everybody_once(sandbox: SandboxClient, api: Api, tmp_path: Path, store_url: str) -> None:
    ids = [str(number) for number in range(100, 130)]
    api.people = {id_: person(id_) for id_ in ids}
    file = tmp_path / "relay.toml"
    file.write_text(toml(api), encoding="utf-8")
    with ExitStack() as stack:
        clients = []
        for _ in range(2):
            settings = load_settings(
                agencyhandy_api_key=DEMO_KEY, agencyhandy_base_url=sandbox.address, database_url=store_url
            )
            address = stack.enter_context(served(create_app(settings, load_relay_config(file, {}))))
            clients.append(stack.enter_context(httpx.Client(base_url=address, timeout=10)))
        for number, id_ in enumerate(ids):
            tell(clients[number % 2], id_)
        eventually(lambda: len(sandbox.emails()) == len(ids), "everybody arrives", 30)

    assert sorted(api.ids()) == ids
    assert is_balanced(store_url)


@pytest.mark.slow
def test_a_kill_while_somebody_is_fetched_leaves_them_to_be_fetched_again(
    sandbox: SandboxClient, api: Api, tmp_path: Path, launch: Callable[[RelayProcess], RelayProcess]
) -> None:
    api.people["77"] = person("77")
    api.gate.clear()
    file = tmp_path / "relay.toml"
    file.write_text(toml(api), encoding="utf-8")
    process = launch(RelayProcess(tmp_path, sandbox.address, toml=file))
    with httpx.Client(base_url=process.address) as client:
        tell(client, "77")
    eventually(api.ids, "the API is asked")
    process.kill()
    api.gate.set()
    process.start()

    assert eventually(sandbox.emails, "the lead arrives", 40) == ["ada77@example.com"]
    assert api.ids() == ["77", "77"]
    eventually(lambda: process.states() == {"delivered"}, "it is settled")
    assert is_balanced(f"sqlite+aiosqlite:///{tmp_path}/relay.db")


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def config(api: Api, tmp_path: Path) -> RelayConfig:
    file = tmp_path / "relay.toml"
    file.write_text(toml(api), encoding="utf-8")
    return load_relay_config(file, {})


@pytest.fixture
async def outbox(store_url: str) -> AsyncIterator[Outbox]:
    store = Outbox(store_url)
    await store.open()
    yield store
    await store.close()


async def told(outbox: Outbox, config: RelayConfig, *ids: str) -> list[str]:
    """The ids of leads that were just told of."""
    body = notice(*ids)
    signature = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    inbound = Inbound(body, {"content-type": "application/json", "x-hub-signature-256": signature})
    receipt = await outbox.add(read(inbound, config.hooks["ads"], NOW).submission)
    return [lead_id for lead_id, _ in receipt.leads]


async def stored(outbox: Outbox, lead_id: str) -> StoredLead:
    lead = await outbox.books.lead(lead_id)
    assert lead is not None
    return lead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def fetcher(outbox: Outbox, config: RelayConfig, clock: Clock) -> AsyncIterator[Fetcher]:
    one = Fetcher(outbox, dict(config.hooks), Policy(lambda least, most: most), clock)
    yield one
    await one.close()


async def test_after_three_days_and_twenty_tries_it_is_given_up_until_a_person_wants_it_again(
    outbox: Outbox, config: RelayConfig, api: Api, fetcher: Fetcher, clock: Clock
) -> None:
    [lead_id] = await told(outbox, config, "77")
    for _ in range(FEWEST_TRIES):
        assert await fetcher.round()
        clock.now += timedelta(hours=4)
    assert not await fetcher.round()
    assert (await stored(outbox, lead_id)).lead.reason.startswith("needs fetching: 77 (404 ")
    assert (await stored(outbox, lead_id)).lead.to_fetch == ""
    assert len(api.ids()) == FEWEST_TRIES
    api.people["77"] = person("77")
    await remap(Hands(outbox, "cli:mary", clock), lead_id, config)
    assert await fetcher.round()
    assert (await stored(outbox, lead_id)).lead.state is LeadState.PENDING


async def fetched(outbox: Outbox, config: RelayConfig, api: Api, fetcher: Fetcher) -> StoredLead:
    """A lead of whom the API has just told."""
    api.people["77"] = person("77", phone_number="020 7946 0958")
    [lead_id] = await told(outbox, config, "77")
    assert await fetcher.round()
    return await stored(outbox, lead_id)


async def test_a_fetched_lead_is_mapped_again_from_what_the_api_said(
    outbox: Outbox, config: RelayConfig, api: Api, fetcher: Fetcher, clock: Clock
) -> None:
    lead = await fetched(outbox, config, api, fetcher)
    hands = Hands(outbox, "cli:mary", clock)
    await hands.do("spam", [lead.id])
    british = config.model_copy(update={"hooks": {"ads": config.hooks["ads"].model_copy(update={"region": "GB"})}})
    [change] = await remap(hands, lead.id, british)

    assert set(change.fields) >= {"contactNo"}
    again = await stored(outbox, lead.id)
    assert (again.lead.contact_no, again.lead.email) == ("+442079460958", "ada77@example.com")
    assert (await outbox.books.balance()).differences() == {}


async def test_erasing_a_fetched_lead_leaves_nothing_of_the_notification_either(
    outbox: Outbox, config: RelayConfig, api: Api, fetcher: Fetcher, clock: Clock
) -> None:
    lead = await fetched(outbox, config, api, fetcher)
    await Hands(outbox, "cli:mary", clock).do("erase", [lead.id])

    kept = [row async for row in outbox.books.each(submissions)]
    assert [(row.body, row.headers, row.event_id) for row in kept] == [(b"", {}, None)] * 2
    rows = [row async for row in outbox.books.each(leads)]
    assert "77" not in str([row._mapping["to_fetch"] for row in rows])
    assert (await outbox.books.balance()).differences() == {}


async def test_a_notification_stays_for_those_of_it_who_are_not_erased(
    outbox: Outbox, config: RelayConfig, api: Api, fetcher: Fetcher, clock: Clock
) -> None:
    api.people = {id_: person(id_) for id_ in ("1", "2")}
    ids = await told(outbox, config, "1", "2")
    assert await fetcher.round()
    from app.outbox.erasure import keep_house

    async def done(connection: Any) -> None:
        await connection.execute(text("UPDATE leads SET state = 'delivered' WHERE id = :id"), {"id": ids[0]})

    await outbox.write(done)
    assert await keep_house(outbox, {"": timedelta(days=1)}, NOW + timedelta(days=2)) == 1
    bodies = sorted(len(row.body) > 0 for row in [row async for row in outbox.books.each(submissions)])
    assert bodies in (
        [False, True, True],
        [False, True],
    )  # the notification's own row may go, having no lead of its own


@pytest.mark.parametrize("act", ["edit", "discard", "spam", "erase"])
async def test_who_was_dealt_with_meanwhile_stays_so(
    outbox: Outbox, config: RelayConfig, fetcher: Fetcher, clock: Clock, act: str
) -> None:
    [lead_id] = await told(outbox, config, "77")
    [one] = await outbox.books.read(partial(fetching.due, endpoints=["ads"], now=NOW, limit=5))
    assert one.lead_id == lead_id
    changes = {"email": "grace@example.com"} if act == "edit" else None
    assert await Hands(outbox, "cli:mary", clock).do(act, [lead_id], changes, config) == {}
    before = await stored(outbox, lead_id)
    submission = replace(read(Inbound(b"{}", {}), config.hooks["ads"], NOW).submission)
    keep = partial(fetching.found, one=one, submission=submission, submission_id=outbox.new_id(), now=NOW)

    assert await outbox.write(keep) is False
    assert await stored(outbox, lead_id) == before
    assert not await fetcher.round()


async def test_it_is_nobodys_business_until_it_was_refused_or_takes_too_long(
    outbox: Outbox, config: RelayConfig, api: Api, fetcher: Fetcher, clock: Clock
) -> None:
    await told(outbox, config, "77")

    async def seen(now: datetime, *hooks: str) -> tuple[dict[str, int], int]:
        about: dict[str, Any] = {"endpoints": ["ads"], "names": ["default"], "ignored": [], "fetching": hooks}
        before = now - timedelta(minutes=15)
        found = await outbox.books.read(partial(facts_of, now=now, since=0, before=before, **about))
        on_road = await outbox.books.read(partial(stuck, before=before, limit=5, fetching=hooks))
        assert bool(found.held) == any(name.startswith("held") for name in troubles(found, config))
        return dict(found.held), len(on_road)

    assert await seen(NOW, "ads") == ({}, 0)
    assert await seen(NOW) == ({"needs fetching: 77": 1}, 1)
    assert await seen(NOW + timedelta(minutes=16), "ads") == ({"needs fetching: 77": 1}, 1)
    api.faults.append(Response("", 503))
    assert await fetcher.round()
    assert await seen(NOW, "ads") == ({}, 0)
    clock.now += timedelta(minutes=1)
    api.token = "another"
    assert await fetcher.round()
    [reason] = (await seen(clock.now, "ads"))[0]
    assert reason.startswith("needs fetching: 77 (401")

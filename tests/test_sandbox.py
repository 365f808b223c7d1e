"""What the sandbox promises: AgencyHandy's contract, strictly, and every fault on demand. Spoken over real HTTP."""

from __future__ import annotations

import asyncio
import html
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.sandbox import DEMO_KEY, create_sandbox
from tests.running import ROOT, SandboxClient, eventually, free_port, served

LEADS = "/members/bulk-lead"
ROLES = "/roles?type=company"
COMPANIES = "/accounts/companies"
CALLS = [("GET", COMPANIES), ("GET", ROLES), ("POST", LEADS)]
HEX_ID = re.compile(r"[0-9a-f]{24}")


class Sandbox:
    """A running sandbox, and a client with the right key and company."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=5)
        self.company: str = self.summary()["companies"][0]["_id"]
        self.http.headers.update({"x-api-key": DEMO_KEY, "companyid": self.company})

    def summary(self) -> dict[str, Any]:
        summary: dict[str, Any] = self.control("GET", "")
        return summary

    def control(self, method: str, path: str, body: object = None) -> Any:
        answer = self.http.request(method, f"/_sandbox{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fault(self, kind: str, **details: object) -> None:
        self.control("POST", "/faults", {"kind": kind, **details})

    def lead(self, email: str = "ada@example.com", **changes: object) -> dict[str, object]:
        role = self.summary()["client_role"]
        lead = {"firstName": "Ada", "lastName": "Lovelace", "email": email, "role": role, "isConvertedClient": False}
        return lead | changes

    def leads(self, count: int) -> list[dict[str, object]]:
        lead = self.lead()
        return [lead | {"email": f"{number}@example.com"} for number in range(count)]

    def send(self, *leads: object, **headers: str) -> httpx.Response:
        return self.http.post(LEADS, json=list(leads), headers=headers)

    def statuses(self, count: int) -> list[int]:
        """What the same lead is answered, sent so many times."""
        return [self.send(self.lead()).status_code for _ in range(count)]

    def emails(self) -> list[str]:
        return [member["email"] for member in self.control("GET", "/members")["members"]]


@contextmanager
def fresh(app: FastAPI, prefix: str = "") -> Iterator[Sandbox]:
    with served(app) as address:
        sandbox = Sandbox(address + prefix)
        yield sandbox
        sandbox.http.close()


@pytest.fixture(scope="module")
def running(_sandbox: SandboxClient) -> Iterator[Sandbox]:
    _sandbox.reset()
    sandbox = Sandbox(_sandbox.address)
    yield sandbox
    sandbox.http.close()


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.control("POST", "/reset")
    return running


def refusal(answer: httpx.Response, status: int, words: str) -> None:
    """`answer` is an error in NestJS's shape that says `words`."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"statusCode", "message", "error"}
    assert body["statusCode"] == status
    assert words in str(body["message"])


# The contract: companies and roles


def test_it_lists_the_companies_of_a_key(sandbox: Sandbox) -> None:
    answer = sandbox.http.get(COMPANIES, headers={"companyid": "any"})
    assert answer.status_code == 200
    [company] = answer.json()["companies"]
    assert set(company) == {"_id", "name", "logo", "extraSmallLogo", "largeLogo"}
    assert HEX_ID.fullmatch(company["_id"])
    assert answer.json()["message"]


def test_client_is_not_the_first_of_several_roles_and_every_id_differs(sandbox: Sandbox) -> None:
    roles = sandbox.http.get(ROLES).json()["roles"]
    assert "client" in [role["role"]["name"] for role in roles][1:]
    for role in roles:
        assert set(role) == {"_id", "role", "company", "createdAt", "updatedAt", "__v", "type"}
        assert set(role["role"]) == {"_id", "responsibility", "name"}
        assert (role["type"], role["company"]) == ("company", sandbox.company)
    ids = [role["_id"] for role in roles] + [role["role"]["_id"] for role in roles]
    assert len(set(ids)) == len(ids)
    assert all(map(HEX_ID.fullmatch, ids))


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "words"),
    [
        *((*call, {"x-api-key": key}, 401, "API key") for key in ("", "wrong") for call in CALLS),
        *((*call, {"companyid": company}, 403, "company") for company in ("", "65" + "0" * 22) for call in CALLS[1:]),
        ("GET", f"{COMPANIES}?x-api-key={DEMO_KEY}", {"x-api-key": ""}, 401, "API key"),
        ("GET", "/roles", {}, 400, "type=company"),
        ("GET", "/roles?type=user", {}, 400, "type=company"),
        ("GET", LEADS, {}, 404, f"Cannot GET {LEADS}"),
        ("POST", "/roles", {}, 404, "Cannot POST /roles"),
        ("POST", "/members/bulk-client", {}, 404, "Cannot POST /members/bulk-client"),
        ("DELETE", "/members", {}, 404, "Cannot DELETE /members"),
    ],
)
def test_it_refuses_what_has_no_access_or_is_not_documented(
    sandbox: Sandbox, method: str, path: str, headers: dict[str, str], status: int, words: str
) -> None:
    refusal(sandbox.http.request(method, path, headers=headers), status, words)


# The contract: creating leads


def test_it_creates_leads_and_answers_them_in_their_order(sandbox: Sandbox) -> None:
    options = {"status": "Contacted", "contactNo": "+4670", "source": "website", "positionInBoard": 2.5}
    first, second = sandbox.lead(), sandbox.lead("b@example.com", firstName="Bea", **options)
    answer = sandbox.send(first, second)
    assert (answer.status_code, answer.json()["message"]) == (201, "Lead created successfully")
    created = answer.json()["createdMembers"]
    ids = [member.pop("_id") for member in created]
    assert all(map(HEX_ID.fullmatch, ids))
    assert len(set(ids)) == 2
    assert created == [
        {"name": "Ada Lovelace", "status": "New", "role": first["role"]},
        {"name": "Bea Lovelace", "status": "Contacted", "role": first["role"]},
    ]
    assert options.items() <= sandbox.control("GET", "/members")["members"][1].items()


TEXTS = ("firstName", "lastName", "email", "role", "status", "contactNo", "source")
BAD_EMAILS = (
    *("ada", "ada@", "@example.com", "ada@example", "ada@@example.com", "a da@example.com", " ada@example.com"),
    *("ada@example.com\n", "ada@exa_mple.com", "ada@-example.com", "ada@example..com", ".ada@example.com"),
    *("ada.@example.com", "a..da@example.com", "Ada <ada@example.com>", "a@b.com,c@d.com", "ada@example.c"),
    *(f"{'a' * 65}@example.com", f"a@{'b.' * 130}com"),
)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        *((field, value, "") for field in TEXTS for value in ("", "  ", None, 7)),
        *(("email", email, "must be an email") for email in BAD_EMAILS),
        ("isConvertedClient", True, "must be false"),
        *(("isConvertedClient", value, "valid boolean") for value in ("false", 0, None)),
        *(("positionInBoard", value, "valid number") for value in (True, "1", None)),
        *((field, "Ada", "not permitted") for field in ("message", "first_name")),
    ],
)
def test_it_refuses_a_wrong_value_and_an_unknown_key(sandbox: Sandbox, field: str, value: object, words: str) -> None:
    answer = sandbox.send(sandbox.lead() | {field: value})
    refusal(answer, 400, f"0.{field}: ")
    refusal(answer, 400, words)


@pytest.mark.parametrize("field", ["firstName", "lastName", "email", "role", "isConvertedClient"])
def test_it_refuses_a_lead_without_a_required_field(sandbox: Sandbox, field: str) -> None:
    lead = sandbox.lead()
    del lead[field]
    refusal(sandbox.send(lead), 400, f"0.{field}: Field required")


@pytest.mark.parametrize("email", ["a+b.c@sub.example.co.uk", "o'neill@example.com", "åsa@exämple.se", "a@b.xn--p1ai"])
def test_it_takes_unusual_emails(sandbox: Sandbox, email: str) -> None:
    assert sandbox.send(sandbox.lead(email)).status_code == 201


def test_it_refuses_a_role_that_is_not_the_outer_id_of_client(sandbox: Sandbox) -> None:
    for role in sandbox.http.get(ROLES).json()["roles"]:
        wrong = {role["role"]["_id"], role["_id"]} - {sandbox.summary()["client_role"]}
        for role_id in wrong:
            refusal(sandbox.send(sandbox.lead(role=role_id)), 400, f"Role not found: {role_id}")


def test_one_bad_lead_or_an_email_that_is_taken_in_whatever_case_fails_the_whole_array(sandbox: Sandbox) -> None:
    sandbox.send(sandbox.lead("taken@example.com"))
    good, bad = sandbox.lead("good@example.com"), sandbox.lead("bad@example.com")
    refusal(sandbox.send(good, bad | {"firstName": ""}), 400, "1.firstName")
    refusal(sandbox.send(good, bad | {"role": "x"}), 400, "Role not found: x")
    for email in ("Taken@Example.COM", "GOOD@example.com"):
        refusal(sandbox.send(good, bad | {"email": email}), 409, f"User with email {email} already exists")
    assert sandbox.emails() == ["taken@example.com"]


def test_it_names_every_flaw_of_every_lead(sandbox: Sandbox) -> None:
    answer = sandbox.send(sandbox.lead(firstName=""), sandbox.lead("b", lastName=1))
    refusal(answer, 400, "0.firstName: should not be empty")
    assert len(answer.json()["message"]) == 3


@pytest.mark.parametrize("body", [b"{}", b'"x"', b"null", b"[]", b"[1]", b"", b"[", b"[]]", b"\xff", b"[" * 100_000])
def test_it_takes_only_a_json_array_of_one_or_more_objects(sandbox: Sandbox, body: bytes) -> None:
    refusal(sandbox.http.post(LEADS, content=body, headers={"content-type": "application/json"}), 400, "")


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_it_takes_only_the_documented_content_type(sandbox: Sandbox, kind: str) -> None:
    refusal(sandbox.send(sandbox.lead(), **{"content-type": kind}), 415, "application/json")
    assert sandbox.send(sandbox.lead(), **{"content-type": "application/json; charset=utf-8"}).status_code == 201


def test_it_takes_500_leads_and_no_more(sandbox: Sandbox) -> None:
    refusal(sandbox.send(*sandbox.leads(501)), 400, "at most 500")
    assert sandbox.send(*sandbox.leads(500)).status_code == 201
    assert len(sandbox.emails()) == 500


def test_it_refuses_a_body_over_5_mib(sandbox: Sandbox) -> None:
    body = b" " * (5 * 1024 * 1024 + 1)
    refusal(sandbox.http.post(LEADS, content=body, headers={"content-type": "application/json"}), 413, "too large")


def test_the_same_email_sent_by_many_at_once_is_created_once(sandbox: Sandbox) -> None:
    lead = sandbox.lead()
    with ThreadPoolExecutor(16) as pool:
        statuses = list(pool.map(lambda _: sandbox.send(lead).status_code, range(64)))
    assert sorted(statuses) == [201] + [409] * 63
    assert sandbox.emails() == ["ada@example.com"]


# Steering it


def test_it_lists_members_in_order_of_creation(sandbox: Sandbox) -> None:
    sandbox.send(*sandbox.leads(3))
    listed = sandbox.control("GET", "/members")
    assert listed["count"] == 3
    assert sandbox.emails() == ["0@example.com", "1@example.com", "2@example.com"]
    expected = {"_id", "firstName", "lastName", "email", "contactNo", "status", "source", "positionInBoard"}
    assert set(listed["members"][0]) == expected | {"createdAt", "role", "company"}


def test_it_takes_down_every_request_of_the_contract_and_no_other(sandbox: Sandbox) -> None:
    sandbox.http.get(ROLES)
    sandbox.send(sandbox.lead(), sandbox.lead(role="wrong"))
    sandbox.fault("reset")
    with pytest.raises(httpx.RemoteProtocolError):
        sandbox.send(sandbox.lead())
    sandbox.http.get("/")
    refusal(sandbox.http.post("/_sandbox/members"), 404, "/_sandbox/members")
    seen = sandbox.control("GET", "/requests")["requests"]
    assert [[r["method"], r["path"], r["status"], r["leads"], r["emails"], r["fault"]] for r in seen] == [
        ["GET", "/roles", 200, 0, [], None],
        ["POST", LEADS, 400, 2, ["ada@example.com", "ada@example.com"], None],
        ["POST", LEADS, None, 1, ["ada@example.com"], "reset"],
    ]
    assert sandbox.summary()["answers"] == {"200": 1, "400": 1}


def test_it_keeps_the_last_1000_requests_and_counts_all_answers(sandbox: Sandbox) -> None:
    for _ in range(1001):
        sandbox.http.get(COMPANIES)
    assert len(sandbox.control("GET", "/requests")["requests"]) == 1000
    assert sandbox.summary()["answers"] == {"200": 1001}


def test_a_new_key_kills_the_old_one_at_once(sandbox: Sandbox) -> None:
    sandbox.control("PUT", "/key", {"key": "another"})
    refusal(sandbox.send(sandbox.lead()), 401, "API key")
    assert sandbox.send(sandbox.lead(), **{"x-api-key": "another"}).status_code == 201


def test_a_new_role_makes_the_old_one_unknown(sandbox: Sandbox) -> None:
    old = sandbox.lead()
    new_role = sandbox.control("PUT", "/role", {})["client_role"]
    refusal(sandbox.send(old), 400, f"Role not found: {old['role']}")
    roles = sandbox.http.get(ROLES).json()["roles"]
    assert [role["_id"] for role in roles if role["role"]["name"] == "client"] == [new_role]
    assert sandbox.send(old | {"role": new_role}).status_code == 201


def test_companies_have_roles_and_emails_of_their_own(sandbox: Sandbox) -> None:
    first, second = sandbox.control("PUT", "/companies", {"count": 2})["companies"]
    assert first["_id"] == sandbox.company
    assert len(sandbox.http.get("/accounts/companies").json()["companies"]) == 2
    lead = sandbox.lead()
    assert sandbox.send(lead).status_code == 201
    refusal(sandbox.send(lead, companyid=second["_id"]), 400, "Role not found")
    assert sandbox.send(lead | {"role": second["client_role"]}, companyid=second["_id"]).status_code == 201
    assert [m["company"] for m in sandbox.control("GET", "/members")["members"]] == [first["_id"], second["_id"]]


def test_reset_makes_everything_as_new(sandbox: Sandbox) -> None:
    before = sandbox.summary()
    sandbox.send(sandbox.lead())
    sandbox.fault("garbage")
    sandbox.control("PUT", "/role")
    sandbox.control("PUT", "/companies", {"count": 3})
    sandbox.control("PUT", "/key", {"key": "another"})
    assert sandbox.summary() != before
    assert sandbox.control("POST", "/reset") == before
    assert sandbox.summary() == before


@pytest.mark.parametrize(
    ("path", "body"),
    [("/key", {"key": ""}), ("/key", {"key": "a\r\nb"}), ("/key", {}), ("/companies", {"count": 0}), ("/companies", 2)],
)
def test_it_refuses_bad_orders(sandbox: Sandbox, path: str, body: object) -> None:
    assert sandbox.http.put(f"/_sandbox{path}", json=body).status_code == 422


# Faults


def test_faults_are_listed_added_replaced_and_removed(sandbox: Sandbox) -> None:
    delay = {"kind": "delay", "seconds": 0.5, "times": 2, "path": "*"}
    assert sandbox.control("PUT", "/faults", [delay]) == [delay]
    sandbox.fault("garbage")
    assert [fault["kind"] for fault in sandbox.control("GET", "/faults")] == ["delay", "garbage"]
    listed = sandbox.control("GET", "/faults")
    assert sandbox.control("PUT", "/faults", listed) == listed == sandbox.summary()["faults"]
    assert sandbox.control("DELETE", "/faults") == [] == sandbox.control("GET", "/faults")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"status": 500}, "kind"),
        ({"kind": "earthquake"}, "earthquake"),
        ({"kind": "status"}, "status"),
        ({"kind": "status", "status": 99}, "200"),
        ({"kind": "status", "status": 503, "retry_after": "1\r\nx: y"}, "retry_after"),
        ({"kind": "delay", "seconds": -1}, "seconds"),
        ({"kind": "delay", "seconds": 1, "times": 0}, "times"),
        ({"kind": "reset", "path": "/members"}, "path"),
        ({"kind": "reset", "carried_out": "no"}, "carried_out"),
        ({"kind": "truncated", "keep": 1, "path": "/roles"}, "path"),
        ({"kind": "truncated", "keep": 1, "carried_out": True}, "kept"),
        ({"kind": "refuse", "pattern": "("}, "regular expression"),
        ({"kind": "garbage", "colour": "red"}, "colour"),
    ],
)
def test_it_says_what_is_wrong_with_a_fault(sandbox: Sandbox, fault: dict[str, object], words: str) -> None:
    for method, body in (("POST", fault), ("PUT", [fault])):
        answer = sandbox.http.request(method, "/_sandbox/faults", json=body)
        assert answer.status_code == 422
        assert words in answer.text
    assert sandbox.control("GET", "/faults") == []


def test_a_fault_strikes_as_often_as_it_should_and_then_is_gone(sandbox: Sandbox) -> None:
    sandbox.fault("status", status=503, times=2)
    assert sandbox.statuses(1) == [503]
    assert sandbox.control("GET", "/faults")[0]["times"] == 1
    assert sandbox.statuses(2) == [503, 201]
    assert sandbox.control("GET", "/faults") == []


def test_a_fault_without_times_strikes_until_it_is_removed(sandbox: Sandbox) -> None:
    sandbox.fault("status", status=500)
    assert sandbox.statuses(2) == [500, 500]
    sandbox.control("DELETE", "/faults")
    assert sandbox.statuses(1) == [201]


def test_a_fault_strikes_its_path_only(sandbox: Sandbox) -> None:
    calls = ["/accounts/companies", "/roles?type=company", "/elsewhere"]
    sandbox.fault("status", status=500)
    assert [sandbox.http.get(path).status_code for path in calls] == [200, 200, 404]
    sandbox.control("PUT", "/faults", [{"kind": "status", "status": 500, "path": "/roles"}])
    assert [sandbox.http.get(path).status_code for path in calls] == [200, 500, 404]
    sandbox.control("PUT", "/faults", [{"kind": "status", "status": 500, "path": "*"}])
    assert [sandbox.http.get(path).status_code for path in calls] == [500] * 3
    assert sandbox.http.get("/").status_code == 200


def test_the_first_fault_that_fits_strikes_and_the_others_wait(sandbox: Sandbox) -> None:
    for status in (500, 502, 504):
        sandbox.fault("status", status=status, times=1)
    assert sandbox.statuses(4) == [500, 502, 504, 201]


def test_a_status_comes_with_a_plausible_error_or_what_it_was_given_word_for_word(sandbox: Sandbox) -> None:
    date = "Wed, 21 Oct 2026 07:28:00 GMT"
    sandbox.fault("status", status=503, times=1)
    sandbox.fault("status", status=429, times=1, body={"message": "Slow down"}, retry_after="2")
    sandbox.fault("status", status=500, times=1, body="<h1>Oh no</h1>", retry_after=date)
    sandbox.fault("status", status=204, times=1)
    plain, slow, broken, empty = (sandbox.send(sandbox.lead()) for _ in range(4))
    refusal(plain, 503, "Service Unavailable")
    assert (slow.status_code, slow.json(), slow.headers["retry-after"]) == (429, {"message": "Slow down"}, "2")
    assert (broken.status_code, broken.text, broken.headers["retry-after"]) == (500, "<h1>Oh no</h1>", date)
    assert (empty.status_code, empty.content) == (204, b"")
    assert sandbox.emails() == []


@pytest.mark.parametrize("carried_out", [False, True])
@pytest.mark.parametrize("fault", [{"kind": "status", "status": 504}, {"kind": "garbage"}, {"kind": "reset"}])
def test_a_fault_can_hide_that_the_leads_were_created(
    sandbox: Sandbox, fault: dict[str, Any], carried_out: bool
) -> None:
    sandbox.fault(**fault, carried_out=carried_out, times=1)
    if fault["kind"] == "reset":
        with pytest.raises(httpx.RemoteProtocolError):
            sandbox.send(sandbox.lead())
    elif fault["kind"] == "garbage":
        assert sandbox.send(sandbox.lead()).text.startswith("<!doctype html>")
    else:
        assert sandbox.statuses(1) == [504]
    assert sandbox.emails() == (["ada@example.com"] if carried_out else [])
    assert sandbox.statuses(1) == [409 if carried_out else 201]


def test_a_delay_goes_on_as_normal_and_to_the_next_fault(sandbox: Sandbox) -> None:
    sandbox.fault("delay", seconds=0.2, times=1)
    sandbox.fault("status", status=502, times=1)
    start = time.perf_counter()
    assert sandbox.statuses(1) == [502]
    assert time.perf_counter() - start > 0.2
    assert sandbox.statuses(1) == [201]


def test_a_delayed_request_is_carried_out_although_its_client_gave_up_and_delays_no_other(sandbox: Sandbox) -> None:
    sandbox.fault("delay", seconds=1, times=1)
    slow, quick = sandbox.leads(2)
    with pytest.raises(httpx.ReadTimeout):
        sandbox.http.post(LEADS, json=[slow], timeout=0.1)
    assert sandbox.send(quick).status_code == 201
    assert sandbox.emails() == [quick["email"]]
    eventually(lambda: sandbox.emails() == [quick["email"], slow["email"]], "the slow one is created too")


@pytest.mark.parametrize(("carried_out", "exist"), [("all", 3), ("kept", 1)])
def test_a_truncated_answer_leaves_out_leads_that_were_or_were_not_created(
    sandbox: Sandbox, carried_out: str, exist: int
) -> None:
    sandbox.fault("truncated", keep=1, carried_out=carried_out)
    leads = [lead | {"firstName": f"N{number}"} for number, lead in enumerate(sandbox.leads(3))]
    answer = sandbox.send(*leads)
    assert answer.status_code == 201
    assert [member["name"] for member in answer.json()["createdMembers"]] == ["N0 Lovelace"]
    assert sandbox.emails() == [f"{number}@example.com" for number in range(exist)]


def test_refuse_fails_an_array_with_a_lead_that_matches_and_is_used_up_by_no_other(sandbox: Sandbox) -> None:
    sandbox.fault("refuse", pattern=r"@bad\.com$", status=422, message="Domain of {email} is blocked", times=1)
    bad, good = sandbox.lead("a@bad.com"), sandbox.lead("b@ok.com")
    assert sandbox.send(sandbox.lead("c@ok.com")).status_code == 201
    refusal(sandbox.send(bad, good), 422, "Domain of a@bad.com is blocked")
    assert sandbox.emails() == ["c@ok.com"]
    assert sandbox.send(bad, good).status_code == 201


def test_partial_refuse_leaves_only_the_leads_that_match_out(sandbox: Sandbox) -> None:
    sandbox.fault("refuse", pattern="^1@", partial=True)
    answer = sandbox.send(*sandbox.leads(3))
    assert answer.status_code == 201
    assert len(answer.json()["createdMembers"]) == 2
    assert sandbox.emails() == ["0@example.com", "2@example.com"]


# In the process, and under a prefix


def test_it_answers_in_the_same_process_and_a_reset_raises_there() -> None:
    async def scenario() -> None:
        transport = httpx.ASGITransport(create_sandbox())
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as http:
            assert (await http.get("/accounts/companies", headers={"x-api-key": DEMO_KEY})).status_code == 200
            await http.post("/_sandbox/faults", json={"kind": "reset"})
            with pytest.raises(ConnectionResetError):
                await http.post(LEADS, json=[])

    asyncio.run(asyncio.wait_for(scenario(), 5))


@pytest.mark.parametrize("mounted", [True, False])
def test_it_works_under_a_prefix(mounted: bool) -> None:
    """Mounted, or behind a proxy that takes its prefix off."""
    app = FastAPI() if mounted else create_sandbox()
    if mounted:
        app.mount("/sandbox", create_sandbox())
    else:
        app.root_path = "/sandbox"
    with fresh(app, "/sandbox" if mounted else "") as sandbox:
        sandbox.fault("status", status=503, times=1)
        assert sandbox.statuses(2) == [503, 201]
        assert [r["path"] for r in sandbox.control("GET", "/requests")["requests"]] == [LEADS, LEADS]
        base = sandbox.url.removesuffix("/sandbox") + "/sandbox"
        assert f"{base}/_sandbox/faults" in sandbox.http.get("/").text


# The page


def test_the_page_says_what_it_is_and_how_to_steer_it(sandbox: Sandbox) -> None:
    page = sandbox.http.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "This is the sandbox, a stand-in for AgencyHandy" in page.text
    assert "No members yet" in page.text
    assert "<script" not in page.text
    for call in ("members", "requests", "faults", "key", "role", "companies", "reset"):
        assert f"{sandbox.url}/_sandbox/{call}" in page.text
    assert sandbox.http.head("/").status_code == 200


def test_every_curl_line_of_the_page_works(sandbox: Sandbox) -> None:
    shown = re.findall(r"<code>(curl .+?)</code>", sandbox.http.get("/").text, re.DOTALL)
    lines = re.split(r"\n(?=curl)", "\n".join(map(html.unescape, shown)))
    assert len(lines) > 10
    for line in lines:
        words = iter(shlex.split(line)[1:])
        method, body, url, headers = "", None, "", {}
        for word in words:
            if word == "-X":
                method = next(words)
            elif word == "--json":
                method, body = method or "POST", next(words)
                headers["content-type"] = "application/json"
            elif word == "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value
            else:
                url = word
        assert httpx.request(method or "GET", url, content=body, headers=headers).is_success, line


def test_the_page_shows_the_newest_200_members_first_and_the_faults(sandbox: Sandbox) -> None:
    sandbox.send(*sandbox.leads(201))
    sandbox.fault("garbage", times=7)
    page = sandbox.http.get("/").text
    shown = re.findall(r"<td>(\d+)@example.com</td>", page)
    assert shown == [str(number) for number in range(200, 0, -1)]
    assert "! garbage" in page
    assert "7 more times" in page


def test_the_page_shows_what_was_sent_as_text_and_lets_nothing_run(sandbox: Sandbox) -> None:
    attack = """</td><script>alert(1)</script><img src=x onerror='alert("2")'>"""
    sandbox.send(sandbox.lead(firstName=attack, source=attack, status=attack, contactNo=attack))
    sandbox.fault("refuse", pattern="</code><script>", message=attack)
    page = sandbox.http.get("/")
    assert "<script" not in page.text
    assert "<img" not in page.text
    assert "&lt;script&gt;" in page.text
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


# The journal


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "journal.jsonl"


def test_what_was_created_is_there_after_a_restart_with_the_same_ids(journal: Path) -> None:
    with fresh(create_sandbox(journal)) as before:
        assert before.send(*before.leads(3)).status_code == 201
        members, identity = before.control("GET", "/members"), before.summary()
    with fresh(create_sandbox(journal)) as after:
        assert after.control("GET", "/members") == members
        assert all(after.summary()[key] == identity[key] for key in ("key", "companies", "client_role"))
        refusal(after.send(after.leads(1)[0]), 409, "already exists")


def test_a_torn_last_line_is_ignored_and_does_not_spoil_the_next(journal: Path) -> None:
    for expected in (["0@example.com"], ["0@example.com", "1@example.com"], ["0@example.com", "1@example.com"]):
        with fresh(create_sandbox(journal)) as sandbox:
            sandbox.send(sandbox.leads(2)[len(expected) - 1])
            assert sandbox.emails() == expected
        with journal.open("ab") as file:
            file.write(b'{"_id": "65')


def test_a_spoilt_line_in_the_middle_stops_the_start_and_is_named(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    journal.write_text("not json\n")
    with pytest.raises(ValueError, match=r"journal\.jsonl, line 1"):
        create_sandbox(journal)


def test_a_reset_empties_the_journal(journal: Path) -> None:
    with fresh(create_sandbox(journal)) as sandbox:
        sandbox.send(sandbox.lead())
        assert journal.read_bytes().count(b"\n") == 1
        sandbox.control("POST", "/reset")
        assert journal.read_bytes() == b""


def test_nothing_is_created_when_the_journal_cannot_be_written(journal: Path) -> None:
    app = create_sandbox(journal)
    journal.unlink()
    journal.symlink_to("/dev/full")
    with fresh(app) as sandbox:
        assert sandbox.send(sandbox.lead(), connection="close").status_code == 500
        assert sandbox.emails() == []


@contextmanager
def own_process(journal: Path) -> Iterator[tuple[subprocess.Popen[bytes], Sandbox]]:
    """A sandbox in a process of its own, so that it can be killed."""
    port = free_port()
    code = (
        "import pathlib, sys, uvicorn; from app.sandbox import create_sandbox; "
        "uvicorn.run(create_sandbox(pathlib.Path(sys.argv[1])), port=int(sys.argv[2]), log_level='critical')"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(journal), str(port)], cwd=ROOT)
    try:
        sandbox = eventually(lambda: answering(f"http://127.0.0.1:{port}"), "it answers")
        yield process, sandbox
        sandbox.http.close()
    finally:
        process.kill()
        process.wait()


def answering(url: str) -> Sandbox | None:
    try:
        return Sandbox(url)
    except httpx.ConnectError:
        return None


def test_a_sigkill_under_load_loses_no_answered_lead(journal: Path) -> None:
    answered: set[str] = set()
    with own_process(journal) as (process, sandbox):
        lead = sandbox.lead()

        def send_until_killed(sender: int) -> None:
            for turn in range(100_000):
                emails = [f"{sender}-{turn}-{number}@example.com" for number in range(10)]
                try:
                    answer = sandbox.send(*(lead | {"email": email} for email in emails))
                except httpx.TransportError:
                    return
                assert answer.status_code == 201
                answered.update(emails)

        with ThreadPoolExecutor(4) as pool:
            senders = [pool.submit(send_until_killed, sender) for sender in range(4)]
            time.sleep(0.4)
            process.send_signal(signal.SIGKILL)
            for sender in senders:
                sender.result()
    with own_process(journal) as (_, sandbox):
        held = sandbox.emails()
    assert answered
    assert answered <= set(held)
    assert len(held) == len(set(held))

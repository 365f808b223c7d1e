"""The schemes that `verify` of relay.toml names: each takes the secret in one way, and in no other."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from standardwebhooks import Webhook

from app.config.endpoints import Scheme
from app.errors import SignatureRefused, SourceError
from app.lead import LeadState
from app.sources.base import Credentials, Inbound
from app.sources.signatures import SCHEMES, check_time
from tests.sources.requests import NOW, as_json, hook, reading

BODY = b'{"email": "ada@example.com", "name": "Ad\xc3\xa0"}'
SECRET = "whsec_" + base64.b64encode(b"a key of thirty-two bytes, nearly").decode()
WAYS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "bearer": ({"authorization": "Bearer word"}, {}),
    "header": ({"x-relay-token": "word"}, {}),
    "basic": ({"authorization": "Basic " + base64.b64encode(b"zapier:word").decode()}, {}),
    "url": ({}, {"token": "word"}),
}


def problem(inbound: Inbound, source: str, *secrets: str, **more: Any) -> SourceError | None:
    """What is wrong with who sent it."""
    found = reading(inbound, hook(source, *secrets, **more))
    held = [lead.state for lead in found.submission.leads] == [LeadState.HELD]
    assert held == (found.problem is not None)
    return found.problem


def test_relay_toml_knows_every_scheme() -> None:
    assert set(get_args(Scheme)) == set(SCHEMES)


@pytest.mark.parametrize("source", ["json", "auto", "typeform"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("scheme", [*WAYS, "token"])
def test_a_secret_counts_only_where_the_hook_says(source: str, scheme: str, way: str) -> None:
    headers, query = WAYS[way]
    found = reading(Inbound(BODY, headers, query), hook(source, "word", verify=scheme))

    assert isinstance(found.problem, SignatureRefused) == (way != scheme != "token")


def test_who_sends_no_token_is_told_where_it_belongs() -> None:
    said = str(problem(Inbound(BODY), "json", "word", verify="header", header="X-Key"))

    assert said == "there is no token: send it as X-Key"


def digest(name: str, message: bytes) -> bytes:
    return hmac.digest(b"word", message, name)


MOMENT = str(int(NOW.timestamp()))
SIGNED: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"hmac": "sha256", "header": "X-Sig"}, {"x-sig": digest("sha256", BODY).hex()}),
    ({"hmac": "sha1", "header": "x-sig", "prefix": "sha1="}, {"x-sig": "sha1=" + digest("sha1", BODY).hex().upper()}),
    (
        {"hmac": "sha512", "header": "X-Sig", "encoding": "base64"},
        {"x-sig": base64.b64encode(digest("sha512", BODY)).decode()},
    ),
    (
        {"hmac": "sha256", "header": "X-Sig", "signed": "{timestamp}.{body}", "timestamp": "X-Time"},
        {"x-sig": digest("sha256", f"{MOMENT}.".encode() + BODY).hex(), "x-time": MOMENT},
    ),
    (
        {"hmac": "sha256", "header": "X-Sig", "signed": "{timestamp}.{body}", "pair": ["t", "v1"]},
        {"x-sig": f"t={MOMENT},v0=aa,v1={digest('sha256', f'{MOMENT}.'.encode() + BODY).hex()}"},
    ),
    (
        {"hmac": "sha256", "header": "X-Sig", "signed": "{method} {url} {X-Id} {body}"},
        {"x-sig": digest("sha256", b"POST https://relay.example.com/a?b=c 7 " + BODY).hex(), "x-id": "7"},
    ),
]


@pytest.mark.parametrize("source", ["json", "auto", "typeform"])
@pytest.mark.parametrize(("verify", "headers"), SIGNED)
def test_a_signature_is_checked_as_the_hook_says(source: str, verify: Any, headers: Mapping[str, str]) -> None:
    def sent(body: bytes = BODY, **more: str) -> Inbound:
        return Inbound(body, {**headers, **more}, url="https://relay.example.com/a?b=c")

    assert not isinstance(reading(sent(), hook(source, "word", verify=verify)).problem, SignatureRefused)
    assert not isinstance(reading(sent(), hook(source, "old", "word", verify=verify)).problem, SignatureRefused)
    for wrong in (sent(BODY + b" "), Inbound(BODY), Inbound(BODY, query={"token": "word"})):
        assert isinstance(reading(wrong, hook(source, "word", verify=verify)).problem, SignatureRefused)


def test_a_signature_is_good_for_as_long_as_the_hook_says() -> None:
    moment = str(int((NOW - timedelta(minutes=8)).timestamp()))
    headers = {"x-sig": digest("sha256", f"{moment}.".encode() + BODY).hex(), "x-time": moment}
    verify = {"hmac": "sha256", "header": "X-Sig", "signed": "{timestamp}.{body}", "timestamp": "X-Time"}

    assert "stale" in str(problem(Inbound(BODY, headers), "json", "word", verify=verify))
    assert problem(Inbound(BODY, headers), "json", "word", verify={**verify, "tolerance": "10m"}) is None


@pytest.mark.parametrize(
    "moment", ["", "9" * 15, "9" * 16, "999999999999", "-1", "0", "1e9", "１７００００００００", "1700000000.5", " "]
)
def test_a_time_that_cannot_be_is_refused(moment: str) -> None:
    with pytest.raises(SignatureRefused):
        check_time(moment, NOW, timedelta(minutes=5))


@pytest.mark.parametrize("unit", [1, 1000])
@pytest.mark.parametrize(("seconds", "good"), [(-301, False), (-300, True), (300, True), (301, False)])
def test_a_time_may_be_five_minutes_off(unit: int, seconds: int, good: bool) -> None:
    moment = str((int(NOW.timestamp()) + seconds) * unit)
    if good:
        check_time(moment, NOW, timedelta(minutes=5))
        return
    with pytest.raises(SignatureRefused, match="stale"):
        check_time(moment, NOW, timedelta(minutes=5))


def standard(now: datetime = NOW, *, body: bytes = BODY, secret: str = SECRET, **more: Any) -> Inbound:
    """As the library of Standard Webhooks signs."""
    signature = Webhook(secret).sign("msg_1", now, body.decode())
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
        "content-type": "application/json",
    }
    return Inbound(body, headers | {name.replace("_", "-"): value for name, value in more.items()})


class TestStandardWebhooks:
    @staticmethod
    def problem(inbound: Inbound, *secrets: str) -> SourceError | None:
        return problem(inbound, "json", *(secrets or (SECRET,)), verify="standard-webhooks")

    def test_the_libraries_signature_is_good(self) -> None:
        assert self.problem(standard()) is None
        assert self.problem(standard(), "whsec_b2xk", SECRET) is None
        assert self.problem(standard(), SECRET.removeprefix("whsec_").rstrip("=")) is None

    def test_the_libraries_own_check_agrees(self) -> None:
        now = datetime.now(UTC)
        sent = standard(now)
        assert Webhook(SECRET).verify(sent.body, dict(sent.headers)) == {"email": "ada@example.com", "name": "Adà"}
        assert (
            reading(sent, hook("json", SECRET, verify="standard-webhooks")).problem is not None
        )  # stale: NOW is fixed

    def test_the_standards_own_example_is_good(self) -> None:
        """https://docs.svix.com/receiving/verifying-payloads/how-manual"""
        sent = Inbound(
            b'{"test": 2432232314}',
            {
                "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
                "webhook-timestamp": "1614265330",
                "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            },
        )
        secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        SCHEMES["standard-webhooks"](
            sent, Credentials((secret,)), datetime.fromtimestamp(1614265330, UTC) + timedelta(seconds=299)
        )

    def test_one_of_several_signatures_is_enough(self) -> None:
        good = standard().headers["webhook-signature"]
        for several in (f"v1,AAAA {good}", f"{good} v1a,AAAA", f"v2,x v1 , v1, {good}"):
            assert self.problem(standard(webhook_signature=several)) is None

    @pytest.mark.parametrize(
        "more",
        [
            {"webhook_id": "msg_2"},
            {"webhook_timestamp": str(int(NOW.timestamp()) + 1)},
            {"webhook_timestamp": "nan"},
            {"webhook_timestamp": ""},
            {"webhook_signature": ""},
            {"webhook_signature": "v1"},
            {"webhook_signature": "v1,é"},
            {"webhook_signature": " , "},
            {"webhook_signature": standard().headers["webhook-signature"].replace("v1,", "v1a,")},
            {"webhook_signature": standard().headers["webhook-signature"].removeprefix("v1,")},
        ],
    )
    def test_anything_else_is_refused(self, more: dict[str, Any]) -> None:
        assert isinstance(self.problem(standard(**more)), SignatureRefused)

    @pytest.mark.parametrize("seconds", [-301, 301])
    def test_what_is_stale_is_refused(self, seconds: int) -> None:
        assert "stale" in str(self.problem(standard(NOW + timedelta(seconds=seconds))))

    def test_a_body_that_is_no_utf_8_is_refused_or_read_and_nothing_falls_over(self) -> None:
        found = reading(Inbound(b"\xff", standard().headers), hook("json", SECRET, verify="standard-webhooks"))
        assert isinstance(found.problem, SignatureRefused)

    @pytest.mark.parametrize("secret", ["whsec_", "whsec_a", "no base 64!", "schlüssel", "whsec_ab=c"])
    def test_a_secret_that_is_none_refuses_everything(self, secret: str) -> None:
        assert isinstance(self.problem(standard(), secret), SignatureRefused)
        assert self.problem(standard(), secret, SECRET) is None

    def test_the_secret_itself_is_no_proof(self) -> None:
        assert isinstance(self.problem(as_json({"email": "a@example.com"}, x_relay_token=SECRET)), SignatureRefused)


def test_hashlib_has_every_algorithm_that_a_hook_may_name() -> None:
    assert {"sha1", "sha256", "sha512"} <= hashlib.algorithms_guaranteed


def test_a_signature_over_fields_that_cannot_be_read_is_refused() -> None:
    """In form mode WPForms signs what its fields are."""
    body = b"&".join(b"a%d=b" % number for number in range(100_000))
    headers = {"content-type": "application/x-www-form-urlencoded", "x-wpforms-webhook-signature": "t=1,v=aa"}
    found = reading(Inbound(body, headers), hook("wpforms", "word"))

    assert isinstance(found.problem, SignatureRefused)
    assert "is of a form" in str(found.problem)

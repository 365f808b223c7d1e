"""Who may send to a hook."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import replace

import pytest

from app.errors import SignatureRefused
from app.lead import LeadState, Reason
from app.sources import signatures
from app.sources.base import Credentials, Inbound
from tests.sources.requests import NOW, as_json, hook, reading

BODY = b'{"form_response": {"answers": [ ]}}'
TWO = Credentials(("first", "second"))


def signed(body: bytes, secret: str) -> Inbound:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return Inbound(body, {"x-signature": "sha256=" + base64.b64encode(digest).decode()})


def basic(pair: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


class TestHmac:
    verify = staticmethod(signatures.Hmac("X-Signature", encoding="base64", prefix="sha256=").verify)

    @pytest.mark.parametrize("secret", ["first", "second"])
    def test_any_of_the_live_secrets_signs(self, secret: str) -> None:
        self.verify(signed(BODY, secret), TWO, NOW)

    def test_a_secret_may_have_any_letters(self) -> None:
        self.verify(signed(BODY, "schlüssel"), Credentials(("schlüssel",)), NOW)

    @pytest.mark.parametrize(
        "inbound",
        [
            signed(BODY, "third"),
            replace(signed(BODY, "first"), body=BODY.replace(b" ", b"")),
            Inbound(BODY, {"x-signature": signed(BODY, "first").headers["x-signature"].removeprefix("sha256=")}),
            Inbound(BODY, {"x-signature": signed(BODY, "first").headers["x-signature"][:-1]}),
            Inbound(BODY, {"x-signature": ""}),
            Inbound(BODY, {"x-signature": "sha256=\ud800é"}),
        ],
        ids=["another secret", "re-serialised body", "no prefix", "cut off", "empty", "not ASCII"],
    )
    def test_anything_else_is_refused(self, inbound: Inbound) -> None:
        with pytest.raises(SignatureRefused, match="does not match"):
            self.verify(inbound, TWO, NOW)

    def test_an_unsigned_request_is_refused_and_told_what_is_missing(self) -> None:
        with pytest.raises(SignatureRefused, match="no X-Signature header"):
            self.verify(Inbound(BODY), TWO, NOW)

    def test_without_secrets_nothing_is_good(self) -> None:
        with pytest.raises(SignatureRefused):
            self.verify(signed(BODY, ""), Credentials(()), NOW)


class TestToken:
    @pytest.mark.parametrize(
        ("headers", "query"),
        [
            ({"authorization": "Bearer second"}, {}),
            ({"authorization": "bearer  second "}, {}),
            ({"x-relay-token": "second"}, {}),
            (basic("zapier:second"), {}),
            (basic(":second"), {}),
            ({}, {"token": "second"}),
            ({"authorization": "Bearer something else", "x-relay-token": "second"}, {}),
        ],
    )
    def test_a_secret_is_taken_wherever_it_stands(self, headers: Mapping[str, str], query: Mapping[str, str]) -> None:
        signatures.token(Inbound(BODY, headers, query), TWO, NOW)

    def test_a_header_of_ones_own_choice_carries_it(self) -> None:
        credentials = Credentials(("first",), "X-Api-Key")

        signatures.token(Inbound(BODY, {"x-api-key": "first"}), credentials, NOW)
        with pytest.raises(SignatureRefused):
            signatures.token(Inbound(BODY, {"x-relay-token": "first"}), credentials, NOW)

    def test_a_user_in_the_secret_has_to_be_the_one_in_basic(self) -> None:
        credentials = Credentials(("zapier:pass:word",))

        signatures.token(Inbound(BODY, basic("zapier:pass:word")), credentials, NOW)
        with pytest.raises(SignatureRefused):
            signatures.token(Inbound(BODY, basic("make:pass:word")), credentials, NOW)

    @pytest.mark.parametrize(
        ("headers", "query"),
        [
            ({"authorization": "Bearer third"}, {}),
            ({"authorization": "Bearer second,"}, {}),
            ({"x-relay-token": "Second"}, {}),
            (basic("second:third"), {}),
            ({}, {"token": "third"}),
        ],
    )
    def test_another_token_is_refused(self, headers: Mapping[str, str], query: Mapping[str, str]) -> None:
        with pytest.raises(SignatureRefused, match="none of the secrets"):
            signatures.token(Inbound(BODY, headers, query), TWO, NOW)

    @pytest.mark.parametrize(
        "headers", [{}, {"authorization": "second"}, {"authorization": "Basic ///"}, {"authorization": "Basic /w=="}]
    )
    def test_no_token_is_refused_and_told_where_it_may_stand(self, headers: Mapping[str, str]) -> None:
        with pytest.raises(SignatureRefused, match="there is no token: send it as"):
            signatures.token(Inbound(BODY, headers), TWO, NOW)


@pytest.mark.parametrize("given", ["first", "second", "third", "a much longer token than that"])
def test_every_secret_is_compared_in_constant_time(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[int, int]] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    try:
        signatures.token(Inbound(BODY, {"x-relay-token": given}), TWO, NOW)
    except SignatureRefused:
        assert given not in TWO.secrets

    assert compared == [(32, 32)] * 2


def test_what_is_not_proved_is_kept_and_held() -> None:
    found = reading(as_json({"email": "ada@example.com"}), hook("json", "secret"))

    assert isinstance(found.problem, SignatureRefused)
    assert found.submission.quarantine.startswith(Reason.SIGNATURE)
    (lead,) = found.submission.leads
    assert (lead.state, lead.reason, lead.email) == (LeadState.HELD, Reason.SIGNATURE, "ada@example.com")

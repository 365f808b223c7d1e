"""Captchas: what becomes of an enquiry whose answer is right, wrong, missing, used before, or cannot be checked."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import altcha
import httpx
import pytest
from pydantic import ValidationError

from app.config.endpoints import CaptchaConfig, Form
from app.config.relay_toml import load_relay_config
from app.errors import ConfigurationError, StoreUnavailable
from app.intake.counting import Counts, Memory
from app.intake.language import languages
from app.intake.spam import shown, vendors
from app.intake.spam.altcha import COST, GOOD_FOR, MOST, Altcha
from app.intake.spam.spent import SECONDS, Spent
from app.mapping.infer import is_control
from app.outbox.outbox import Outbox
from tests.intake.captcha_services import SECRET, Services
from tests.redis_server import RedisServer
from tests.running import SandboxClient, free_port, served, started, stored

Start = Callable[..., httpx.Client]
BROWSER = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
SCRIPT = {"Accept": "application/json"}
SITE = "https://www.example.com"
REMOTE = list(vendors.VENDORS)
OWN = """
[forms.altcha]
captcha = "altcha"
[forms.other]
captcha = "altcha"
[forms.theirs]
captcha = "altcha"
allowed_origins = ["https://www.example.com"]
[forms.plain]
"""
_test = count()


def form_with(address: str, provider: str, *, name: str = "", **more: Any) -> str:
    """A form with a service's captcha, called like it."""
    table = {"provider": provider, "site_key": "key", "secret": SECRET, "base_url": address, **more}
    keys = ", ".join(f"{key} = {json.dumps(one)}" for key, one in table.items())
    return f"[forms.{name or provider}]\ncaptcha = {{ {keys} }}\n"


def solution_of(told: dict[str, Any]) -> str:
    """The right answer to a challenge, calculated as a browser would."""
    challenge = altcha.Challenge.from_dict(told)
    solution = altcha.solve_challenge(challenge)
    assert solution is not None
    return altcha.Payload(challenge, solution).to_base64()


class Guarded:
    """A relay with forms that have captchas, and the people that one test sends there."""

    def __init__(self, http: httpx.Client, folder: Path) -> None:
        self.http, self._folder, self._number = http, folder, next(_test)

    def enquiry(self, who: str = "ada") -> dict[str, str]:
        """What somebody sends."""
        return {"name": f"{who} Lovelace", "email": f"{who}@{self._number}.example.com", "message": "Hello"}

    def post(
        self, form: str, values: Mapping[str, str], who: str = "ada", headers: Mapping[str, str] = SCRIPT
    ) -> httpx.Response:
        """Sends it, with further fields."""
        return self.http.post(f"/forms/{form}", data={**self.enquiry(who), **values}, headers=headers)

    def answer(self, form: str, answer: str, who: str = "ada") -> httpx.Response:
        """Sends it with an answer to the form's captcha."""
        return self.post(form, {vendors.VENDORS[form].field if form in REMOTE else "altcha": answer}, who)

    def found(self, who: str = "ada") -> list[tuple[str, str]]:
        """Whether each lead of somebody is spam, and why."""
        mine = "SELECT state, reason FROM leads WHERE email = ?"
        found = stored(self._folder, mine, self.enquiry(who)["email"])
        return [("spam" if state == "spam" else "good", reason) for state, reason in found]

    def details(self, who: str = "ada") -> str:
        """All that is kept beside somebody's lead."""
        [[details]] = stored(self._folder, "SELECT details FROM leads WHERE email = ?", self.enquiry(who)["email"])
        return str(details)

    def solved(self, form: str = "altcha") -> str:
        """The right answer to a new challenge."""
        return solution_of(self.http.get(f"/forms/{form}/challenge").json())


@pytest.fixture(scope="module")
def services() -> Services:
    return Services()


@pytest.fixture(scope="module")
def service(services: Services) -> Iterator[str]:
    """The address of a stand-in for every captcha service."""
    with served(services.app) as address:
        yield address


@pytest.fixture(scope="module")
def _relay(
    service: str, _sandbox: SandboxClient, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[httpx.Client, Path]]:
    """One relay with every captcha there is, which stays up."""
    folder = tmp_path_factory.mktemp("captchas")
    forms = [
        OWN,
        *(form_with(service, provider) for provider in REMOTE),
        form_with(service, "turnstile", name="there") + f'allowed_origins = ["{SITE}"]\n',
        form_with(service, "recaptcha-v3", name="lenient", min_score=0.3),
        form_with(f"http://127.0.0.1:{free_port()}", "turnstile", name="nobody"),
    ]
    (folder / "relay.toml").write_text("\n".join(forms), encoding="utf-8")
    with ExitStack() as stack:
        yield started(stack, _sandbox, folder, folder / "relay.toml"), folder


@pytest.fixture
def guarded(_relay: tuple[httpx.Client, Path]) -> Guarded:
    return Guarded(*_relay)


class TestAltcha:
    def test_who_solves_it_gets_through(self, guarded: Guarded) -> None:
        assert guarded.answer("altcha", guarded.solved()).status_code == 200
        assert guarded.found() == [("good", "")]
        assert "captcha" not in guarded.details()

    def test_a_json_body_can_carry_it_as_well(self, guarded: Guarded) -> None:
        guarded.http.post("/forms/altcha", json=guarded.enquiry() | {"altcha": guarded.solved()})
        assert guarded.found() == [("good", "")]

    def test_the_challenge_is_what_the_official_widget_solves(self, guarded: Guarded) -> None:
        answer = guarded.http.get("/forms/altcha/challenge", headers={"Origin": SITE})
        told = answer.json()

        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert set(told) == {"parameters", "signature"}
        parameters = told["parameters"]
        assert (parameters["algorithm"], parameters["cost"], parameters["keyLength"]) == ("PBKDF2/SHA-256", COST, 32)
        assert {len(parameters[name]) for name in ("nonce", "salt", "keyPrefix")} == {32}
        assert parameters["data"] == {"form": "altcha"}
        assert 0 < parameters["expiresAt"] - time.time() <= 20 * 60

    def test_a_missing_answer_is_spam_and_told_exactly_as_good(self, guarded: Guarded) -> None:
        good = guarded.post("altcha", {"altcha": guarded.solved()}, "grace", BROWSER)
        bad = guarded.post("altcha", {}, "ada", BROWSER)

        assert (bad.status_code, bad.headers["location"]) == (good.status_code, good.headers["location"])
        assert (bad.text, [*bad.headers]) == (good.text, [*good.headers])
        assert guarded.found("ada") == [("spam", "captcha: no answer")]

    @pytest.mark.parametrize(
        ("spoil", "words"),
        [
            (lambda told: told["solution"].update(derivedKey="00" * 32), "wrong answer"),
            (lambda told: told["solution"].update(derivedKey=None), "wrong answer"),
            (lambda told: told["challenge"]["parameters"].update(cost=1), "not of this relay"),
            (lambda told: told["challenge"]["parameters"].update(expiresAt=9e9), "not of this relay"),
            (lambda told: told["challenge"].update(signature="0" * 64), "not of this relay"),
            (lambda told: told["challenge"].pop("signature"), "not of this relay"),
            (lambda told: told["challenge"].update(parameters=[]), "not an answer"),
            (lambda told: told.pop("solution"), "not an answer"),
        ],
    )
    def test_a_forged_answer_is_spam(self, guarded: Guarded, spoil: Callable[[Any], Any], words: str) -> None:
        told = json.loads(base64.b64decode(guarded.solved()))
        spoil(told)
        guarded.answer("altcha", base64.b64encode(json.dumps(told).encode()).decode())

        assert guarded.found() == [("spam", f"captcha: {words}")]

    @pytest.mark.parametrize(
        "answer", ["x", "null", "bnVsbA==", "W10=", "%%%", "ä", "A" * 20_000, base64.b64encode(b"[" * 2000).decode()]
    )
    def test_what_is_no_answer_is_spam(self, guarded: Guarded, answer: str) -> None:
        guarded.answer("altcha", answer)
        assert guarded.found() == [("spam", "captcha: not an answer")]

    def test_an_answer_for_another_form_is_spam(self, guarded: Guarded) -> None:
        guarded.answer("altcha", guarded.solved("other"))
        assert guarded.found() == [("spam", "captcha: for another form")]

    def test_an_answer_that_comes_after_twenty_minutes_is_too_late(self) -> None:
        made = Altcha(lambda: b"key")
        for minutes, words in ((19, ""), (21, "too late")):
            told = made.challenge("contact", datetime.now(UTC) - timedelta(minutes=minutes))
            assert made.check(solution_of(told), "contact")[1] == words

    def test_replicas_on_one_store_take_each_others_challenges(self, relay: Start, tmp_path: Path) -> None:
        one, other = Guarded(relay(OWN), tmp_path), Guarded(relay(OWN), tmp_path)
        other.answer("altcha", one.solved())
        assert other.found() == [("good", "")]

    def test_solving_it_takes_so_many_tries_at_most(self) -> None:
        made = Altcha(lambda: b"key")
        for _ in range(3):
            solution = altcha.solve_challenge(altcha.Challenge.from_dict(made.challenge("contact", datetime.now(UTC))))
            assert solution is not None
            assert solution.counter <= MOST

    @pytest.mark.parametrize("form", ["plain", "turnstile", "nothing"])
    def test_a_form_without_it_has_no_challenge(self, guarded: Guarded, form: str) -> None:
        answer = guarded.http.get(f"/forms/{form}/challenge")
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")

    def test_one_address_gets_so_many_challenges_a_minute(self, relay: Start) -> None:
        client = relay(OWN)
        visitor = {"X-Forwarded-For": "203.0.113.5"}
        answers = [client.get("/forms/altcha/challenge", headers=visitor) for _ in range(121)]
        assert [one.status_code for one in answers] == [200] * 120 + [429]
        assert 50 <= int(answers[-1].headers["retry-after"]) <= 60
        assert answers[-1].headers["access-control-allow-origin"] == "*"

    @pytest.mark.parametrize(("origin", "is_allowed"), [(SITE, True), ("https://elsewhere.example", False)])
    def test_only_pages_that_may_post_can_read_the_challenge(
        self, guarded: Guarded, origin: str, *, is_allowed: bool
    ) -> None:
        answer = guarded.http.get("/forms/theirs/challenge", headers={"Origin": origin})
        assert answer.headers.get("access-control-allow-origin") == (origin if is_allowed else None)

    def test_a_mistake_is_mended_without_using_the_answer_up(self, guarded: Guarded) -> None:
        answer = guarded.solved()
        assert guarded.post("altcha", {"email": "ada@", "altcha": answer}).status_code == 422
        assert guarded.answer("altcha", answer).status_code == 200
        assert guarded.found() == [("good", "")]

    def test_an_answer_is_no_part_of_a_lead(self, guarded: Guarded) -> None:
        for form in ("plain", "turnstile"):
            guarded.post(form, {"altcha": "what was sent", "cf-turnstile-response": f"good-beside-{form}"}, form)
            assert guarded.found(form) == [("good", "")]
            assert "what was sent" not in guarded.details(form)
            assert "good-" not in guarded.details(form)


@pytest.fixture(params=["altcha", "turnstile"])
def once(request: pytest.FixtureRequest, guarded: Guarded) -> tuple[str, str]:
    """A form, and an answer that is good there once: the relay's own and a service's, which takes a moment."""
    answer = guarded.solved() if request.param == "altcha" else f"late-{guarded.enquiry()['email']}"
    return request.param, answer


class TestOneAnswerIsForOneEnquiry:
    def test_the_same_enquiry_again_is_a_repeat_and_no_spam(self, guarded: Guarded, once: tuple[str, str]) -> None:
        first, again = guarded.answer(*once), guarded.answer(*once)
        assert again.json()["receipt"] == first.json()["receipt"]
        assert guarded.found() == [("good", "")]

    def test_another_enquiry_with_it_is_spam(self, guarded: Guarded, once: tuple[str, str]) -> None:
        guarded.answer(*once)
        guarded.answer(*once, "grace")
        assert guarded.found() == [("good", "")]
        assert guarded.found("grace") == [("spam", "captcha: used before")]

    def test_the_same_one_passes_also_where_the_first_could_not_be_stored(
        self, guarded: Guarded, once: tuple[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def is_full(*_: Any) -> None:
            raise StoreUnavailable("The disk is full.")

        with monkeypatch.context() as broken:
            broken.setattr(Outbox, "add", is_full)
            assert guarded.answer(*once).status_code == 503
        assert guarded.answer(*once).status_code == 200
        assert guarded.found() == [("good", "")]

    def test_several_at_once_with_the_same_enquiry_are_one_lead_and_no_spam(
        self, guarded: Guarded, once: tuple[str, str], services: Services
    ) -> None:
        with ThreadPoolExecutor(4) as pool:
            receipts = {one.json()["receipt"] for one in pool.map(lambda _: guarded.answer(*once), range(4))}
        assert len(receipts) == 1
        assert guarded.found() == [("good", "")]
        assert len(services.asked(once[1])) == (once[0] == "turnstile")

    def test_of_two_different_ones_at_once_one_gets_through(self, guarded: Guarded, once: tuple[str, str]) -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda who: guarded.answer(*once, who), ("ada", "grace")))
        assert sorted(guarded.found("ada") + guarded.found("grace")) == [
            ("good", ""),
            ("spam", "captcha: used before"),
        ]

    def test_an_idempotency_key_makes_it_the_same_enquiry(self, guarded: Guarded, once: tuple[str, str]) -> None:
        field = "altcha" if once[0] == "altcha" else vendors.VENDORS[once[0]].field
        keyed = SCRIPT | {"Idempotency-Key": once[1][-40:]}
        for budget in ("5,000", "more"):
            guarded.post(once[0], {"budget": budget, field: once[1]}, headers=keyed)
        assert guarded.found() == [("good", "")]


class TestServices:
    @pytest.mark.parametrize("provider", REMOTE)
    def test_a_right_answer_gets_through(self, guarded: Guarded, services: Services, provider: str) -> None:
        guarded.answer(provider, f"good-{provider}")
        assert guarded.found() == [("good", "")]
        assert services.asked(f"good-{provider}") == [{"secret": SECRET, "response": f"good-{provider}"}]

    @pytest.mark.parametrize("provider", REMOTE)
    @pytest.mark.parametrize(
        ("answer", "words"), [("", "no answer"), ("wrong", "wrong answer"), ("expired", "too late, or used before")]
    )
    def test_a_wrong_or_missing_one_is_spam(self, guarded: Guarded, provider: str, answer: str, words: str) -> None:
        assert guarded.answer(provider, answer).status_code == 200
        assert guarded.found() == [("spam", f"captcha: {words}")]

    @pytest.mark.parametrize("answer", ["down", "garbage", "bad-secret"])
    def test_what_could_not_be_checked_gets_through_and_says_so(self, guarded: Guarded, answer: str) -> None:
        assert guarded.answer("turnstile", answer).status_code == 200
        assert guarded.found() == [("good", "")]
        assert "captcha: could not be checked" in guarded.details()

    def test_where_nobody_answers_at_all_neither_is_anybody_turned_away(self, guarded: Guarded) -> None:
        guarded.post("nobody", {"cf-turnstile-response": "good-1"})
        assert guarded.found() == [("good", "")]
        assert "captcha: could not be checked" in guarded.details()

    def test_a_slow_service_holds_nobody_for_long(self, guarded: Guarded) -> None:
        began = time.monotonic()
        assert guarded.answer("hcaptcha", "slow").status_code == 200
        assert 2.5 < time.monotonic() - began < 5.5
        assert guarded.found() == [("good", "")]
        assert "captcha: could not be checked" in guarded.details()

    def test_an_answer_that_a_lost_reply_used_up_is_no_spam(self, guarded: Guarded, services: Services) -> None:
        guarded.answer("turnstile", "burnt")
        assert guarded.found() == [("good", "")]
        assert len(services.asked("burnt")) == 2

    def test_what_cannot_be_an_answer_is_not_asked_about(self, guarded: Guarded, services: Services) -> None:
        guarded.answer("turnstile", "x" * 9000)
        assert guarded.found() == [("spam", "captcha: not an answer")]
        assert services.asked("x" * 9000) == []

    @pytest.mark.parametrize(
        ("host", "reason"),
        [
            ("www.example.com", ""),
            ("WWW.EXAMPLE.COM", ""),
            ("127.0.0.1", ""),
            ("evil.example", "captcha: solved on 'evil.example'"),
        ],
    )
    def test_where_origins_are_named_it_has_to_be_solved_there(self, guarded: Guarded, host: str, reason: str) -> None:
        guarded.post("there", {"cf-turnstile-response": f"on-{host}"}, headers=SCRIPT | {"Origin": SITE})
        assert [found for _, found in guarded.found()] == [reason]

    def test_where_none_are_named_it_may_be_solved_anywhere(self, guarded: Guarded) -> None:
        guarded.answer("turnstile", "on-anywhere.example")
        assert guarded.found() == [("good", "")]

    @pytest.mark.parametrize(
        ("form", "answer", "reason"),
        [
            ("recaptcha-v3", "score-0.5", ""),
            ("recaptcha-v3", "score-0.4", "captcha: score 0.4"),
            ("lenient", "score-0.41", ""),
            ("recaptcha-v3", "for-submit", ""),
            ("recaptcha-v3", "for-login", "captcha: made for 'login'"),
            ("recaptcha-v3", "plain-1", ""),
        ],
    )
    def test_a_score_has_to_be_high_enough_and_for_this_action(
        self, guarded: Guarded, form: str, answer: str, reason: str
    ) -> None:
        guarded.post(form, {"g-recaptcha-response": answer})
        assert [found for _, found in guarded.found()] == [reason]
        assert ("could not be checked" in guarded.details()) is (answer == "plain-1")


class TestConfiguration:
    @pytest.mark.parametrize(
        ("given", "complaint"),
        [
            ('"recapcha"', "altcha"),
            ('{ provider = "altcha", secret = "x" }', "altcha is the relay's own"),
            ('{ provider = "altcha", site_key = "x" }', "altcha is the relay's own"),
            ('"turnstile"', "turnstile needs both its `site_key` and its `secret`"),
            ('{ provider = "hcaptcha", site_key = "x" }', "hcaptcha needs both"),
            ('{ provider = "recaptcha", secret = "x" }', "recaptcha needs both"),
            ('{ provider = "turnstile", site_key = "x", secret = "y", min_score = 0.5 }', "go with recaptcha-v3"),
            ('{ provider = "recaptcha-v3", site_key = "x", secret = "y", min_score = 5 }', "less than or equal to 1"),
            ('{ provider = "recaptcha-v3", site_key = "x", secret = "y", action = "a b" }', "captcha.action"),
            ('{ provider = "turnstile", site_key = "x", secret = "env:NOT_SET" }', "neither the environment nor .env"),
            ('{ provider = "turnstile", site_key = "x", secret = "y", base_url = "z" }', "expected an address"),
            ('{ provider = "altcha", sitekey = "x" }', "no such key"),
            ("true", "expected"),
            ('{ secret = "x" }', "expected, and missing"),
        ],
    )
    def test_what_is_wrong_with_it_is_said(self, tmp_path: Path, given: str, complaint: str) -> None:
        file = tmp_path / "relay.toml"
        file.write_text(f"[forms.contact]\ncaptcha = {given}")
        with pytest.raises(ConfigurationError) as raised:
            load_relay_config(file, {})
        assert "forms.contact.captcha" in str(raised.value)
        assert complaint in str(raised.value)

    def test_altcha_is_asked_for_by_its_name_alone(self) -> None:
        form = Form.model_validate({"name": "contact", "captcha": "altcha"})
        assert form.captcha == CaptchaConfig(provider="altcha")

    def test_a_secret_shows_nowhere(self) -> None:
        config = CaptchaConfig.model_validate({"provider": "turnstile", "site_key": "x", "secret": "hush"})
        assert "hush" not in repr(config)
        with pytest.raises(ValidationError) as raised:
            CaptchaConfig.model_validate({"provider": "altcha", "secret": "hush"})
        assert "hush" not in str(raised.value)


class TestWhatAPageIsTold:
    def test_altcha(self) -> None:
        form = Form.model_validate({"name": "contact", "captcha": "altcha"})
        assert shown.offer(form) == {
            "provider": "altcha",
            "field": "altcha",
            "script": "/static/altcha.js",
            "challenge": "/forms/contact/challenge",
        }

    @pytest.mark.parametrize("provider", REMOTE)
    def test_a_service_tells_its_site_key_and_its_script_and_never_its_secret(self, provider: str) -> None:
        given = {"provider": provider, "site_key": "pub&lic", "secret": "hush"}
        told = shown.offer(Form.model_validate({"name": "contact", "captcha": given}))
        assert told is not None
        assert (told["provider"], told["site_key"]) == (provider, "pub&lic")
        assert told["script"].startswith("https://")
        assert "hush" not in str(told)
        assert ("render=pub%26lic" in told["script"]) is (provider == "recaptcha-v3")

    def test_no_captcha(self) -> None:
        assert shown.offer(Form(name="contact")) is None

    @pytest.mark.parametrize("field", ["altcha", *(vendor.field for vendor in vendors.VENDORS.values())])
    def test_an_answer_is_a_control_and_nothing_that_a_visitor_wrote(self, field: str) -> None:
        assert is_control(field)
        assert is_control(f"form.{field}")


class TestPages:
    @pytest.mark.parametrize("provider", ["altcha", *REMOTE])
    def test_a_forms_page_lets_in_what_its_captcha_needs_and_another_does_not(
        self, guarded: Guarded, service: str, provider: str
    ) -> None:
        rules = policy(guarded.http.get(f"/forms/{provider}"))
        assert "'self'" in rules["script-src"]
        assert (service in rules["script-src"]) is (provider in REMOTE)
        for name, sources in vendors.VENDORS[provider].policy.items() if provider in REMOTE else ():
            assert set(sources) <= set(rules[name])
        others = policy(guarded.http.get("/forms/plain"))
        assert not {"script-src", "connect-src", "frame-src"} & set(others)
        assert others["default-src"] == ["'none'"]

    def test_no_page_lets_scripts_in_that_stand_in_it(self, guarded: Guarded) -> None:
        for provider in ("altcha", *REMOTE):
            answer = guarded.http.get(f"/forms/{provider}")
            assert not {"'unsafe-inline'", "'unsafe-eval'"} & set(policy(answer)["script-src"])
            assert SECRET not in answer.text

    @pytest.mark.parametrize("tag", languages())
    def test_the_page_says_in_every_language_that_the_check_needs_javascript(self, guarded: Guarded, tag: str) -> None:
        _, _, after = guarded.http.get("/forms/hcaptcha", headers={"Accept-Language": tag}).text.partition("<noscript>")
        told = after.partition("</noscript>")[0]
        assert "JavaScript" in told
        assert ("The check against robots" in told) is (tag == "en")

    def test_the_page_that_shows_a_mistake_asks_anew(self, guarded: Guarded) -> None:
        answer = guarded.post("altcha", {"email": "ada@", "altcha": "used", "_stamp": "kept"}, headers=BROWSER)
        assert answer.status_code == 422
        assert answer.text.count('name="altcha"') == 1
        assert "used" not in answer.text.partition("<form")[2]
        assert 'name="_stamp" value="kept"' in answer.text


def policy(answer: httpx.Response) -> dict[str, list[str]]:
    """A page's content policy: directive → sources."""
    rules = (rule.split() for rule in answer.headers["content-security-policy"].split(";"))
    return {name: sources for name, *sources in rules}


class TestWhatIsSpent:
    async def test_an_answer_is_for_the_enquiry_that_came_first(self) -> None:
        spent = Spent(Counts())
        assert await spent.is_for("answer", "ada") is None
        assert await spent.spend("answer", "ada") is True
        assert await spent.spend("answer", "grace") is False
        assert await spent.spend("answer", "ada") is True
        assert [await spent.is_for("answer", who) for who in ("ada", "grace")] == [True, False]

    async def test_it_is_remembered_for_longer_than_any_answer_is_taken(self) -> None:
        clock = [0.0]
        spent = Spent(Counts(memory=Memory(lambda: clock[0])))
        await spent.spend("answer", "ada")
        clock[0] = GOOD_FOR.total_seconds() + 1
        assert await spent.is_for("answer", "grace") is False
        clock[0] = SECONDS + 1
        assert await spent.is_for("answer", "grace") is None

    async def test_of_two_at_once_one_has_it(self) -> None:
        spent = Spent(Counts())
        assert sorted(await asyncio.gather(*(spent.spend("answer", who) for who in ("ada", "grace")))) == [False, True]
        assert await asyncio.gather(*(spent.spend("other", "ada") for _ in range(3))) == [True] * 3


@pytest.mark.parametrize("kind", ["altcha", "turnstile"])
def test_replicas_with_one_redis_know_what_was_used_at_the_other(
    relay: Start, service: str, tmp_path: Path, redis: RedisServer, kind: str
) -> None:
    toml = OWN + form_with(service, "turnstile")
    one, other = (Guarded(relay(toml, rate_limit_store=redis.url), tmp_path) for _ in range(2))
    other.enquiry = one.enquiry  # type: ignore[method-assign]
    answer = one.solved() if kind == "altcha" else "good-at-one"
    receipts = [replica.answer(kind, answer).json()["receipt"] for replica in (one, other)]
    other.answer(kind, answer, "grace")

    assert receipts[0] == receipts[1]
    assert one.found() == [("good", "")]
    assert one.found("grace") == [("spam", "captcha: used before")]
    assert not any(answer in name or "ada" in name for name in redis.names())


def test_while_a_captcha_cannot_be_checked_one_address_may_send_less_of_that_form(relay: Start, service: str) -> None:
    client = relay(form_with(service, "turnstile") + form_with(service, "hcaptcha"), rate_limit_address="18/hour")

    def send(form: str, answer: str, address: str) -> int:
        values = {"email": f"{answer}@example.com", vendors.VENDORS[form].field: answer}
        return client.post(f"/forms/{form}", data=values, headers=SCRIPT | {"X-Forwarded-For": address}).status_code

    assert [send("turnstile", f"good-before{n}", "203.0.113.5") for n in range(5)] == [200] * 5
    assert send("turnstile", "down", "203.0.113.6") == 200
    assert [send("turnstile", f"good-after{n}", "203.0.113.5") for n in range(4)] == [200, 200, 200, 429]
    assert send("turnstile", "good-elsewhere", "203.0.113.7") == 200
    assert [send("hcaptcha", f"good-other{n}", "203.0.113.5") for n in range(4)] == [200] * 4


def test_a_service_is_told_the_visitors_address(relay: Start, service: str, services: Services) -> None:
    client = relay(form_with(service, "turnstile"))
    for answer, headers in (("good-near", {}), ("good-far", {"X-Forwarded-For": "203.0.113.5"})):
        values = {"email": "ada@example.com", "cf-turnstile-response": answer}
        client.post("/forms/turnstile", data=values, headers=SCRIPT | headers)
    assert [services.asked(answer)[0].get("remoteip") for answer in ("good-near", "good-far")] == [None, "203.0.113.5"]

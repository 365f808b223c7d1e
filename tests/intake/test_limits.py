"""How often a form may be sent: by one address, by all, by strangers; in one relay, and in several with Redis."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from app.config.settings import load_settings
from app.errors import ConfigurationError
from app.intake import counting
from app.intake.counting import Counts, Memory
from tests.redis_server import RedisServer
from tests.running import DEMO_TOML, SandboxClient, eventually, started, stored

Start = Callable[..., httpx.Client]
SCRIPT = {"Accept": "application/json"}


def send(client: httpx.Client, number: int, address: str = "203.0.113.5", form: str = "contact") -> httpx.Response:
    """Posts a form as a proxy of this machine does for a visitor at that address."""
    data = {"name": "Ada", "email": f"ada{number}@example.com", "message": f"Hello, number {number}"}
    return client.post(f"/forms/{form}", data=data, headers=SCRIPT | {"X-Forwarded-For": address})


def statuses(client: httpx.Client, count: int, address: str = "203.0.113.5") -> list[int]:
    return [send(client, number, address).status_code for number in range(count)]


def test_one_address_may_send_so_much_and_is_told_when_there_is_room_again(relay: Start, tmp_path: Path) -> None:
    client = relay(rate_limit_address="3/4 seconds")

    assert statuses(client, 3) == [200] * 3
    refused = send(client, 3)
    assert refused.status_code == 429
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["access-control-allow-origin"] == "*"
    assert 1 <= int(refused.headers["retry-after"]) <= 4
    assert send(client, 4, "203.0.113.6").status_code == 200
    time.sleep(int(refused.headers["retry-after"]))
    assert send(client, 3).status_code == 200
    assert len(stored(tmp_path, "SELECT id FROM leads")) == 5


def test_the_time_to_wait_is_the_true_one(relay: Start) -> None:
    client = relay(rate_limit_address="2/minute;3/hour")

    assert statuses(client, 2) == [200, 200]
    assert 55 <= int(send(client, 2).headers["retry-after"]) <= 60


def test_a_browser_that_is_refused_gets_a_page(relay: Start) -> None:
    client = relay(rate_limit_address="1/hour")
    browser = {"Accept": "text/html", "X-Forwarded-For": "203.0.113.5"}
    answers = [client.post("/forms/contact", data={"email": "ada@example.com"}, headers=browser) for _ in range(2)]

    assert [one.status_code for one in answers] == [303, 429]
    assert answers[1].headers["content-type"].startswith("text/html")
    assert "Nothing was sent" in answers[1].text


def test_of_an_ipv6_address_the_network_counts(relay: Start) -> None:
    client = relay(rate_limit_address="2/hour")
    addresses = ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:2::abc", "2001:db8:1:3::1")

    assert [send(client, n, one).status_code for n, one in enumerate(addresses)] == [200, 200, 429, 200]


def test_an_ipv4_address_is_the_same_written_as_ipv6(relay: Start) -> None:
    client = relay(rate_limit_address="1/hour")

    assert [send(client, 0).status_code, send(client, 1, "::ffff:203.0.113.5").status_code] == [200, 429]


def test_all_together_may_send_a_form_so_often_and_others_all_the_same(relay: Start) -> None:
    client = relay("[forms.contact]\n[forms.other]\n", rate_limit_form="3/hour")
    answers = [send(client, number, f"203.0.113.{number}") for number in range(5)]

    assert [one.status_code for one in answers] == [200, 200, 200, 429, 429]
    assert int(answers[3].headers["retry-after"]) > 3000
    assert send(client, 9, form="other").status_code == 200


def test_a_proxy_that_does_not_say_for_whom_it_asks_is_no_visitor(relay: Start) -> None:
    client = relay(rate_limit_address="1/hour")
    answers = [client.post("/forms/contact", json={"email": f"ada{n}@example.com"}) for n in range(3)]

    assert [one.status_code for one in answers] == [200] * 3


def test_an_address_that_is_none_is_not_counted(relay: Start) -> None:
    client = relay(rate_limit_address="1/hour")

    assert [send(client, n, "unknown").status_code for n in range(3)] == [200] * 3


def test_by_default_an_office_behind_one_address_is_not_refused(relay: Start) -> None:
    assert statuses(relay(), 50) == [200] * 50


@pytest.mark.parametrize("value", ["many", "0/minute", "5", "-1/hour", "5/fortnight", ";"])
def test_what_is_no_rate_is_told_at_the_start(value: str) -> None:
    with pytest.raises(ConfigurationError, match="RATE_LIMIT_FORM: expected a rate such as 60/minute"):
        load_settings(rate_limit_form=value)


@pytest.mark.parametrize("value", ["memcached://x", "redis://", "http://redis/0"])
def test_what_is_no_redis_is_told_at_the_start(value: str) -> None:
    with pytest.raises(ConfigurationError, match="RATE_LIMIT_STORE: expected redis://"):
        load_settings(rate_limit_store=value)


class TestMemory:
    async def test_of_too_many_keys_the_idle_ones_are_forgotten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(counting, "MOST_KEYS", 100)
        memory = Memory(lambda: 1000.0)
        for number in range(500):
            assert await memory.acquire_entry(f"{number}", 1, 60)
            assert not await memory.acquire_entry(f"{number}", 1, 60)

        assert await memory.acquire_entry("0", 1, 60)
        assert not await memory.acquire_entry("499", 1, 60)

    async def test_a_clock_that_is_set_back_shuts_nobody_out(self) -> None:
        now = 1000.0
        memory = Memory(lambda: now)
        assert await memory.acquire_entry("ada", 1, 60)
        now = 500.0

        assert await memory.acquire_entry("ada", 1, 60)
        assert not await memory.acquire_entry("ada", 1, 60)

    async def test_the_window_moves(self) -> None:
        now = [0.0]
        counts = Counts(memory=Memory(lambda: now[0]))

        async def taken(at: float) -> bool:
            now[0] = at
            return await counts.take("ada", 2, 60) == 0

        assert [await taken(at) for at in (0, 30, 59, 60, 61, 90)] == [True, True, False, True, False, True]


class TestRedis:
    def test_two_relays_count_together_and_its_death_refuses_nobody(
        self, redis: RedisServer, sandbox: SandboxClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        settings = {"rate_limit_address": "4/hour", "rate_limit_store": redis.url}
        with ExitStack() as stack:
            one, two = (started(stack, sandbox, tmp_path, DEMO_TOML, **settings) for _ in range(2))
            answers = [send(client, n) for n, client in enumerate((one, two, one, two, one, two))]

            assert [answer.status_code for answer in answers] == [200] * 4 + [429] * 2
            assert int(answers[4].headers["retry-after"]) > 3500
            names = redis.names()
            assert any("203.0.113.5" in name for name in names)
            assert not any("example.com" in name for name in names), "nobody's e-mail address is in it"

            redis.kill()
            start = time.monotonic()
            for n, client in enumerate((one, two, one, two), 10):
                assert send(client, n).status_code == 200
            assert time.monotonic() - start < 5, "nobody waits for it"
            assert caplog.text.count("rate_limit_store_away") == 2, "each relay says it once"
            assert redis.url not in caplog.text
            eventually(lambda: len(sandbox.emails()) == 8, "all are delivered")

    def test_a_relay_starts_without_it_and_uses_it_once_it_is_there(
        self, redis: RedisServer, relay: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(counting, "AGAIN_AFTER", 0.2)
        redis.kill()
        client = relay(rate_limit_address="2/hour", rate_limit_store=redis.url)
        assert statuses(client, 3) == [200, 200, 429], "meanwhile it counts for itself"

        redis.start()
        time.sleep(0.3)
        assert statuses(client, 3) == [200, 200, 429]
        assert "rate_limit_store_back" in caplog.text

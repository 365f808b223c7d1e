"""The relay goes away behind its proxy, or hangs: nobody is thanked for nothing, and everybody is told to try again."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.proxies import fronts
from tests.proxies.conftest import PROXIES, Stand
from tests.running import eventually

pytestmark = pytest.mark.slow

VISITORS = 12
POSTS = 240


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_while_the_relay_restarts_whoever_is_thanked_is_delivered_once_and_others_are_told_to_come_back(
    stand: Stand, end: str
) -> None:
    thanked: list[str] = []
    refused: list[httpx.Response] = []
    is_time = threading.Event()

    def visit(first: int) -> None:
        client = stand.client(f"127.0.1.{first + 1}", 40)
        for number in range(first, POSTS, VISITORS):
            email = f"restart.{end}{number}@example.com"
            answer = client.post("/forms/contact", data={"email": email})
            while answer.status_code != 303:
                refused.append(answer)
                time.sleep(0.1)
                answer = client.post("/forms/contact", data={"email": email})
            thanked.append(email)
            if len(thanked) > POSTS // 4:
                is_time.set()

    with ThreadPoolExecutor(VISITORS) as pool:
        visits = [pool.submit(visit, first) for first in range(VISITORS)]
        is_time.wait(20)
        getattr(stand.relay, end)()
        time.sleep(0.5)
        stand.relay.start()
        for one in visits:
            one.result(60)

    assert len(thanked) == POSTS
    for answer in refused:
        assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    eventually(lambda: set(thanked) <= set(stand.sandbox.emails()), "everybody thanked is delivered", 30)
    assert all(stand.sandbox.emails().count(email) == 1 for email in thanked)


def test_a_connection_that_idled_is_not_closed_under_a_post(stand: Stand) -> None:
    """The relay closes an idle one after 5 s. Many at once, around that moment."""
    clients = [stand.client(f"127.0.2.{number + 1}") for number in range(16)]
    with ThreadPoolExecutor(16) as pool:

        def post(number: int, what: str) -> int:
            return clients[number].post("/forms/contact", data={"email": f"{what}{number}@example.com"}).status_code

        assert set(pool.map(lambda number: post(number, "before"), range(16))) == {303}
        time.sleep(4.9)

        def staggered(number: int) -> int:
            time.sleep(number * 0.015)
            return post(number, "after")

        assert set(pool.map(staggered, range(16))) == {303}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("nginx", ("proxy_read_timeout 60s", "proxy_read_timeout 1s")),
        ("caddy", ("response_header_timeout 60s", "response_header_timeout 1s")),
    ],
    ids=["nginx", "caddy"],
)
def test_whoever_is_sent_away_from_a_relay_that_hangs_may_send_again_and_is_one_lead(
    stand_of: Callable[..., Stand], name: str, change: tuple[str, str]
) -> None:
    front = PROXIES[name]
    stand = stand_of(name, lambda *at: front(*at, change))
    client = stand.client()
    os.kill(stand.relay.pid, signal.SIGSTOP)
    try:
        answer = client.post("/forms/contact", data={"email": "hanging@example.com"})
    finally:
        os.kill(stand.relay.pid, signal.SIGCONT)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert "send it again" in answer.text

    again = {"email": "hanging@example.com"}
    eventually(lambda: client.post("/forms/contact", data=again).status_code == 303, "it is taken")
    eventually(lambda: "hanging@example.com" in stand.sandbox.emails(), "it is delivered")
    assert (stand.kept("hanging@example.com"), stand.sandbox.emails()) == (1, ["hanging@example.com"])


@pytest.mark.parametrize(
    ("name", "change"), [("nginx", ()), ("caddy", (("lb_try_duration 15s", "lb_try_duration 1s"),))], ids=PROXIES
)
def test_a_relay_that_is_away_puts_nothing_personal_into_the_proxys_logs(
    stand_of: Callable[..., Stand], name: str, change: tuple[tuple[str, str], ...]
) -> None:
    front = PROXIES[name]
    stand = stand_of(name, lambda *at: front(*at, *change))
    stand.relay.stop()
    answer = stand.client("127.0.0.77").post(
        "/hooks/json?token=a-secret-of-the-hook", json={"email": "gone@example.com"}
    )
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")

    logs = "".join(file.read_text() for file in stand.folder.glob("*.log"))
    for secret in ("a-secret-of-the-hook", "127.0.0.77", "gone@example.com"):
        assert secret not in logs


def test_both_proxies_files_name_the_same_limit() -> None:
    assert "client_max_body_size 110m;" in (fronts.DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    assert "max_size 110MB" in (fronts.DEPLOY / "Caddyfile").read_text(encoding="utf-8")

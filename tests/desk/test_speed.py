"""Each page of the desk beside 100,000 leads, as bench/desk.py measures it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.config.relay_toml import load_relay_config
from app.config.settings import load_settings
from app.main import create_app
from bench.desk import PAGES, took
from tests.desk.conftest import PASSWORD
from tests.desk.crowd import hundred_thousand
from tests.running import DEMO_TOML, served

AT_MOST = 200


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    hundred_thousand(tmp_path)
    given = {"database_url": f"sqlite+aiosqlite:///{tmp_path}/relay.db", "desk_password": PASSWORD}
    settings = load_settings(**given, role="intake", sandbox=True)
    with (
        served(create_app(settings, load_relay_config(DEMO_TOML, {}))) as address,
        httpx.Client(base_url=address, timeout=30) as one,
    ):
        yield one


@pytest.mark.slow
@pytest.mark.alone
def test_no_page_takes_longer_than_a_fifth_of_a_second(client: httpx.Client) -> None:
    """95 of 100 times, with whatever else this machine does just now: what was too slow has a second try."""
    slow = {name: ms for name, ms in took(client, times=10).items() if ms > AT_MOST}
    again = took(client, tuple(page for page in PAGES if page.name in slow), times=20) if slow else {}
    assert {name: ms for name, ms in again.items() if ms > AT_MOST} == {}

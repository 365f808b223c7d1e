"""How long the desk's pages take beside many leads.

    python -m bench.desk [--leads 100000] [--store postgresql+asyncpg://…/EMPTY]

Without `--store` the leads are in an SQLite file in a temporary folder. `--keep FILE` fills that file, or measures it
as it is where it is there already.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from app.config.relay_toml import load_relay_config
from app.config.settings import SQLITE, load_settings
from app.desk.clock import COOKIE
from app.main import create_app
from tests.desk.conftest import PASSWORD, log_in
from tests.desk.crowd import fill
from tests.running import DEMO_TOML, served

TIMES = 20
ZONE = "Europe/Berlin"
FROM = (datetime.now(UTC) - timedelta(days=20)).date().isoformat()
TO = (datetime.now(UTC) - timedelta(days=19)).date().isoformat()


@dataclass(frozen=True, slots=True)
class Asked:
    """A page, by its address, or what is posted to it as somebody types or filters."""

    name: str
    path: str
    said: Mapping[str, str] = field(default_factory=dict)


PAGES = (
    Asked("overview", "/desk"),
    Asked("overview, 7 days", "/desk?span=7d"),
    Asked("overview, 30 days", "/desk?span=30d"),
    Asked("leads", "/desk/leads"),
    Asked("leads, a few letters", "/desk/leads", {"words": "lov"}),
    Asked("leads, one letter", "/desk/leads", {"words": "a"}),
    Asked("leads, two words", "/desk/leads", {"words": "grace website"}),
    Asked("leads, an address", "/desk/leads", {"words": "person4711@example.com"}),
    Asked("leads, a phone", "/desk/leads", {"words": "+44 207946 4711"}),
    Asked("leads, nobody", "/desk/leads", {"words": "zzzz"}),
    Asked("leads, a state", "/desk/leads", {"state": "held"}),
    Asked("leads, a state and a word", "/desk/leads", {"state": "held", "words": "ada"}),
    Asked("leads, an endpoint", "/desk/leads", {"endpoint": "typeform"}),
    Asked("leads, a source", "/desk/leads", {"source": "newsletter"}),
    Asked("leads, nobody's source", "/desk/leads", {"source": "radio"}),
    Asked("leads, one day", "/desk/leads", {"since": FROM, "until": TO}),
    Asked("leads, before all", "/desk/leads", {"until": "2020-01-01"}),
    Asked("leads, all filters", "/desk/leads", {"state": "held", "endpoint": "zapier", "since": FROM, "words": "ada"}),
    Asked("leads, the next page", "/desk/leads", {"before": "MIDDLE"}),
    Asked("lead", "/desk/leads/MIDDLE"),
    Asked("held", "/desk/held"),
    Asked("spam", "/desk/spam"),
    Asked("spam, a reason", "/desk/spam?why=honeypot"),
    Asked("wrote again", "/desk/duplicate"),
    Asked("endpoints", "/desk/endpoints"),
    Asked("an endpoint", "/desk/endpoints/forms/contact"),
    Asked("playground", "/desk/playground"),
    Asked("destination", "/desk/destination"),
    Asked("audit", "/desk/audit"),
)


def took(client: httpx.Client, pages: tuple[Asked, ...] = PAGES, times: int = TIMES) -> dict[str, float]:
    """Page → milliseconds that 95 of 100 requests take no longer than, for somebody whose browser told its zone."""
    token = log_in(client)
    client.cookies.set(COOKIE, ZONE, domain="127.0.0.1", path="/desk")
    middle = _middle(client, token)
    found = {}
    for page in pages:
        path, said = page.path.replace("MIDDLE", middle), {**page.said}
        said |= {"before": middle} if "before" in said else {}
        spent = [_once(client, path, said and {**said, "_csrf": token}) for _ in range(times)]
        found[page.name] = statistics.quantiles(spent, n=20, method="inclusive")[-1]
    return found


def _once(client: httpx.Client, path: str, said: Mapping[str, str]) -> float:
    started = time.perf_counter()
    answer = client.post(path, data=said, headers={"HX-Request": "true"}) if said else client.get(path)
    answer.raise_for_status()
    return (time.perf_counter() - started) * 1000


def _middle(client: httpx.Client, token: str) -> str:
    """The id of a lead that is not among the newest: the last of the tenth page."""
    before = ""
    for _ in range(10):
        text = client.post("/desk/leads", data={"before": before, "_csrf": token}).text
        before = re.findall(r"/desk/leads/([0-9A-Z]{26})", text)[-1]
    return before


def measure(url: str, count: int, *, is_full: bool) -> None:
    """Fills the store, unless it is, and prints what the pages take."""
    started = time.perf_counter()
    if not is_full:
        asyncio.run(fill(url, count))
        print(f"{count:,} leads made in {time.perf_counter() - started:.0f} s")
    settings: dict[str, Any] = {"database_url": url, "desk_password": PASSWORD, "role": "intake", "sandbox": True}
    with (
        served(create_app(load_settings(**settings), load_relay_config(DEMO_TOML, {}))) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        for name, milliseconds in took(client).items():
            print(f"{milliseconds:8.1f} ms  {name}")


def main() -> None:
    """Reads the arguments."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--leads", type=int, default=100_000)
    arguments.add_argument("--store", metavar="URL", help="an empty database, to be filled")
    arguments.add_argument("--keep", type=Path, metavar="FILE", help="an SQLite file to fill, or to measure again")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = given.keep or Path(folder) / "relay.db"
        is_full = file.exists() and not given.store
        measure(given.store or f"{SQLITE}{file.absolute()}", given.leads, is_full=is_full)


if __name__ == "__main__":
    main()

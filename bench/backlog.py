"""A backlog of 100,000 leads drains with flat memory: posts them while AgencyHandy is away, then lets it come back.

    python bench/backlog.py [--leads 100000] [--store DATABASE_URL]

The relay and the sandbox are processes of their own. Prints how fast it accepted and drained, and what the relay's
resident memory was before and, at most, while draining. Ends with 1 where it grew by 30 MiB or more.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from app.sandbox import DEMO_KEY
from tests.running import ROOT, environment, eventually, free_port

ARRAY = 500
LIMIT_MIB = 30
TOML = "[hooks.bulk]\nsource = 'json'\nopen = true\n"


def resident(process: subprocess.Popen[bytes]) -> float:
    """MiB of memory that a process has."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def started(arguments: list[str], folder: Path, **settings: str) -> subprocess.Popen[bytes]:
    """One of the relay's commands as a process; its log is in the folder."""
    with (folder / f"{arguments[0]}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "app", *arguments],
            cwd=ROOT,
            env=environment(folder, **settings),
            stdout=log,
            stderr=log,
        )


def is_up(address: str) -> bool:
    """Whether somebody answers there."""
    try:
        return httpx.get(address, timeout=1).status_code == 200
    except httpx.HTTPError:
        return False


async def post(address: str, leads: int) -> None:
    """So many enquiries, in arrays, over a few connections."""
    gate = asyncio.Semaphore(4)
    async with httpx.AsyncClient(timeout=60) as client:

        async def send(first: int) -> None:
            people = [
                {"name": f"Person No{n}", "email": f"p{n}@example.com", "message": "Hello, I would like to know more."}
                for n in range(first, min(first + ARRAY, leads))
            ]
            async with gate:
                (await client.post(f"{address}/hooks/bulk", json=people)).raise_for_status()

        await asyncio.gather(*(send(first) for first in range(0, leads, ARRAY)))


def drain(sandbox: str, relay: subprocess.Popen[bytes], leads: int) -> float:
    """Waits until all are with AgencyHandy; the most MiB that the relay had meanwhile."""
    most, deadline = resident(relay), time.monotonic() + 1800
    while time.monotonic() < deadline:
        held = httpx.get(f"{sandbox}/_sandbox", timeout=60).json()["members"]
        most = max(most, resident(relay))
        if held == leads:
            return most
        time.sleep(0.5)
    raise SystemExit(f"only {held} of {leads} arrived")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--leads", type=int, default=100_000)
    arguments.add_argument("--store", default="")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, ports = Path(name), (free_port(), free_port())
        (folder / "relay.toml").write_text(TOML, encoding="utf-8")
        sandbox, relay = (f"http://127.0.0.1:{port}" for port in ports)
        settings = {
            "AGENCYHANDY_BASE_URL": sandbox,
            "AGENCYHANDY_API_KEY": DEMO_KEY,
            "PORT": str(ports[1]),
            "RELAY_CONFIG": str(folder / "relay.toml"),
            "DELIVERY_REQUESTS_PER_SECOND": "1000",
            **({"DATABASE_URL": given.store} if given.store else {}),
        }
        processes = [started(["sandbox", "--port", str(ports[0])], folder)]
        try:
            eventually(lambda: is_up(f"{sandbox}/_sandbox"), "the sandbox answers", 30)
            away = {"kind": "status", "status": 503}
            httpx.post(f"{sandbox}/_sandbox/faults", json=away).raise_for_status()
            processes.append(started(["serve"], folder, **settings))
            eventually(lambda: is_up(f"{relay}/healthz"), "the relay answers", 30)
            begun = time.monotonic()
            asyncio.run(post(relay, given.leads))
            took = time.monotonic() - begun
            print(f"accepted {given.leads} leads in {took:.1f} s ({given.leads / took:.0f}/s), AgencyHandy being away")
            time.sleep(3)
            before = resident(processes[1])
            httpx.delete(f"{sandbox}/_sandbox/faults").raise_for_status()
            begun = time.monotonic()
            most = drain(sandbox, processes[1], given.leads)
            took = time.monotonic() - begun
        finally:
            for process in reversed(processes):
                process.send_signal(signal.SIGTERM)
                process.wait(60)
    print(f"drained in {took:.1f} s ({given.leads / took:.0f}/s)")
    print(f"resident memory: {before:.0f} MiB before, {most:.0f} MiB at most: grew by {most - before:.1f} MiB")
    sys.exit(most - before >= LIMIT_MIB)


if __name__ == "__main__":
    main()

"""A backlog of 100,000 leads drains with flat memory: posts them while AgencyHandy is away, then lets it come back.

    python -m bench.backlog [--leads 100000] [--store DATABASE_URL]

Prints how fast it accepted and drained, and what the relay's resident memory was before and, at most, while draining.
Ends with 1 where it grew by 30 MiB or more.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path

from app.drill.processes import Process
from bench.stage import arrived, post, stage

LIMIT_MIB = 30


def resident(process: Process) -> float:
    """MiB of memory that a process has."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


async def measure(leads: int, store: str) -> float:
    """By how many MiB the relay grew while it drained."""
    async with stage(store) as (ground, _):
        relay = ground.relays[0]
        await ground.control("POST", "/faults", {"kind": "status", "status": 503})
        begun = time.monotonic()
        await post(ground, leads)
        took = time.monotonic() - begun
        print(f"accepted {leads} leads in {took:.1f} s ({leads / took:.0f}/s) while AgencyHandy was away")
        await asyncio.sleep(3)
        before, seen = resident(relay), [0.0]
        await ground.control("DELETE", "/faults")
        begun = time.monotonic()
        await arrived(ground, leads, lambda: seen.append(resident(relay)))
        took = time.monotonic() - begun
    print(f"drained in {took:.1f} s ({leads / took:.0f}/s)")
    print(f"resident memory: {before:.0f} MiB before, {max(seen):.0f} MiB at most")
    return max(seen) - before


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--leads", type=int, default=100_000)
    arguments.add_argument("--store", default="", help="a DATABASE_URL; otherwise a temporary SQLite file")
    given = arguments.parse_args()
    grew = asyncio.run(measure(given.leads, given.store))
    print(f"grew by {grew:.1f} MiB")
    sys.exit(grew >= LIMIT_MIB)


if __name__ == "__main__":
    main()

"""One lead in 10,000 that AgencyHandy refuses delays no other by more than one further request.

    python -m bench.poison [--leads 10000] [--unnamed]

Counts in the relay's books in how many requests each lead was. With `--unnamed` AgencyHandy does not say which lead it
refuses. Ends with 1 where another lead was in more than two.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import Counter

from sqlalchemy import func, select

from app.outbox.books import Books
from app.outbox.tables import attempts, leads
from bench.stage import arrived, post, stage


async def measure(count: int, *, named: bool) -> dict[str, Counter[int]]:
    """Of the poison and of all others: in how many requests → how many leads."""
    async with stage() as (ground, store):
        fault = {"kind": "refuse", "pattern": f"^p{count // 2}@", "status": 422}
        await ground.control("POST", "/faults", fault if named else {**fault, "message": "Something is wrong"})
        await post(ground, count)
        await arrived(ground, count - 1, lambda: None)
        await asyncio.sleep(2)
        books = Books(store)
        tries = select(leads.c.state, func.count()).join(attempts, attempts.c.lead_id == leads.c.id)
        found = await books._all(tries.group_by(leads.c.id, leads.c.state))
        await books.close()
    counted: dict[str, Counter[int]] = {"held": Counter(), "delivered": Counter()}
    for state, number in found:
        counted[state][number] += 1
    return counted


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--leads", type=int, default=10_000)
    arguments.add_argument("--unnamed", action="store_true")
    given = arguments.parse_args()
    counted = asyncio.run(measure(given.leads, named=not given.unnamed))
    print(f"the refused lead was in {', '.join(map(str, counted['held']))} requests")
    for requests, leads_ in sorted(counted["delivered"].items()):
        print(f"delivered in {requests} request{'s' if requests > 1 else ''}: {leads_} leads")
    sys.exit(max(counted["delivered"]) > 2)


if __name__ == "__main__":
    main()

"""A storm of posts of every kind on a relay of its own: what was each answered, and where is it now?

    python -m bench.storm [--posts 10000] [--per-second 200] [--seed 1]

Leads of invented people, samples of real forms, repeats, forged and malformed ones, huge, slow and torn bodies, filled
honeypots, unknown names. The exit code is 1 where anybody genuine is lost or doubled, or anybody else got through.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from bench.storm.raging import storm


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--posts", type=int, default=10_000)
    arguments.add_argument("--per-second", type=float, default=200)
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    found = asyncio.run(storm(given.posts, given.per_second, given.seed))
    for kind, statuses in found.statuses.items():
        print(f"{kind:12} {found.sent[kind]:6}  answered {statuses}")
    print(f"{sum(found.sent.values())} posts in {found.seconds} s")
    print(f"answers to genuine ones: p50 {found.p50_ms} ms, p99 {found.p99_ms} ms; CPU {found.cpu_ms} ms a post")
    print(f"{found.genuine} people genuine: lost {len(found.lost)}, doubled {len(found.doubled)}")
    print(f"let through {len(found.let_through)}, trapped and no spam {len(found.not_spam)}")
    print(
        f"unwanted answers {len(found.unwanted)}, not settled {found.unsettled}, books that disagree {found.unbalanced}"
    )
    for problem in [*found.unwanted, *found.lost, *found.doubled, *found.let_through, *found.not_spam, *found.faults][
        :20
    ]:
        print(f"  {problem}")
    sys.exit(not found.is_well)


if __name__ == "__main__":
    main()

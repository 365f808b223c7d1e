"""A drill on PostgreSQL: two relays on one store, each killed in turn, and the server crashed and started midway.

    python -m bench.replicas [--leads 20000] [--kills 50] [--seed 1]

Starts a PostgreSQL of its own from Debian's programs, and `lead-relay drill` on it. Ends as the drill does.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys

from tests.postgresql import PostgreSQL
from tests.running import ROOT


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--leads", default="20000")
    arguments.add_argument("--kills", default="50")
    arguments.add_argument("--seed", default="1")
    given = arguments.parse_args()
    server = PostgreSQL()
    server.start()
    try:
        store = server.create_database()
        signal.signal(signal.SIGUSR1, lambda *_: server.restart(signal.SIGQUIT))
        drill = [sys.executable, "-m", "app", "drill", "--json", "--store", store, "--replicas", "2"]
        drill += ["--leads", given.leads, "--kills", given.kills, "--seed", given.seed]
        ended = subprocess.run([*drill, "--midway", f"kill -USR1 {os.getpid()}"], cwd=ROOT, check=False)
    finally:
        server.remove()
    sys.exit(ended.returncode)


if __name__ == "__main__":
    main()

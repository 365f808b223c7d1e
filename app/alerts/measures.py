"""Facts → the figures of /metrics. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from app.endpoints import RelayConfig
from app.metrics import MEASURES, Measured
from app.outbox.records import Facts, Workspace

WAYS = ("ready", "unresolved", "failing", "paused")


def measures(facts: Facts, troubles: Collection[str], config: RelayConfig, workspaces: Collection[str]) -> Measured:
    """Every figure by its labels."""
    found: dict[str, Counter[tuple[str, ...]]] = {name: Counter() for name in MEASURES}
    for (_, endpoint, what), count in facts.balance.counts.items():
        if what in {"accepted", "dropped"}:
            found[what][endpoint,] += count
        else:
            found["leads"][endpoint, what] += count
    found["books_difference"].update({(one.name,): 0 for one in config.endpoints()})
    for (_, endpoint), count in facts.balance.differences().items():
        found["books_difference"][endpoint,] += abs(count)
    for name in {*workspaces, *facts.waiting}:
        age = facts.at - facts.waiting.get(name, facts.at)
        found["oldest_waiting_seconds"][name,] = int(age.total_seconds())
        state = _state(facts.workspaces.get(name, Workspace(name)))
        found["workspace_state"].update({(name, way): int(way == state) for way in WAYS})
    found["alerts_open"].update((key.partition(" ")[0],) for key in troubles)
    return found


def _state(workspace: Workspace) -> str:
    if workspace.paused:
        return "paused"
    if not workspace.role_id:
        return "unresolved"
    return "failing" if workspace.is_troubled else "ready"

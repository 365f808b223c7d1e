"""Facts → the figures of /metrics. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from app.alerts.conditions import Trouble, known
from app.endpoints import RelayConfig
from app.metrics import Measured
from app.outbox.records import Facts, Workspace

WAYS = ("ready", "unresolved", "failing", "paused")


def measures(facts: Facts, troubles: Iterable[Trouble], config: RelayConfig, workspaces: Collection[str]) -> Measured:
    """Every figure by its labels. Endpoints that relay.toml does not name count as `others`."""
    found: dict[str, Counter[tuple[str, ...]]] = {name: Counter() for name in ("accepted", "dropped", "leads")}
    for (_, endpoint, what), count in facts.balance.counts.items():
        place = known(endpoint, config)
        if what in {"accepted", "dropped"}:
            found[what][place,] += count
        else:
            found["leads"][place, what] += count
    difference: Counter[tuple[str, ...]] = Counter({(one.name,): 0 for one in config.endpoints()})
    for (_, endpoint), count in facts.balance.differences().items():
        difference[known(endpoint, config),] += abs(count)
    return {
        **found,
        "books_difference": difference,
        "oldest_waiting_seconds": {
            (name,): (facts.at - facts.waiting.get(name, facts.at)).total_seconds()
            for name in {*workspaces, *facts.waiting}
        },
        "workspace_state": {
            (name, way): float(way == _way(facts.workspaces.get(name, Workspace(name))))
            for name in workspaces
            for way in WAYS
        },
        "alerts_open": Counter((trouble.name,) for trouble in troubles),
        "store_bytes": {(): facts.store_bytes},
    }


def _way(workspace: Workspace) -> str:
    if workspace.paused:
        return "paused"
    if not workspace.role_id:
        return "unresolved"
    return "failing" if workspace.is_troubled else "ready"

"""Facts → the figures of /metrics. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from app.config.relay_toml import RelayConfig
from app.outbox.records import Facts

MEASURES: Mapping[str, tuple[type[CounterMetricFamily | GaugeMetricFamily], str, tuple[str, ...]]] = {
    "leads": (GaugeMetricFamily, "Leads by endpoint and state.", ("endpoint", "state")),
    "accepted": (CounterMetricFamily, "Leads that were stored, by the ledger.", ("endpoint",)),
    "dropped": (CounterMetricFamily, "Leads of the quarantine that had to make room.", ("endpoint",)),
    "books_difference": (GaugeMetricFamily, "Leads accepted but not accounted for; 0 is right.", ("endpoint",)),
    "oldest_waiting_seconds": (GaugeMetricFamily, "Age of the oldest lead that waits.", ("workspace",)),
    "alerts_open": (GaugeMetricFamily, "What is wrong now, by its name; docs/alerts.md has them.", ("name",)),
}
"""Name → kind, meaning and labels. `lead_relay_` stands before each name."""


def measures(
    facts: Facts, troubles: Collection[str], config: RelayConfig, workspaces: Collection[str]
) -> Iterator[Metric]:
    """Every figure by its labels."""
    found: dict[str, Counter[tuple[str, ...]]] = {name: Counter() for name in MEASURES}
    for (_, endpoint, what), count in facts.balance.counts.items():
        if what in {"accepted", "dropped"}:
            found[what][endpoint,] += count
        else:
            found["leads"][endpoint, what] += count
    found["books_difference"].update({(name,): 0 for name in config.names})
    for (_, endpoint), count in facts.balance.differences().items():
        found["books_difference"][endpoint,] += abs(count)
    for name in {*workspaces, *facts.waiting}:
        age = facts.at - facts.waiting.get(name, facts.at)
        found["oldest_waiting_seconds"][name,] = int(age.total_seconds())
    found["alerts_open"].update((key.partition(" ")[0],) for key in troubles)
    for name, (family, meaning, labels) in MEASURES.items():
        metric = family(f"lead_relay_{name}", meaning, labels=labels)
        for values, figure in found[name].items():
            metric.add_metric(values, figure)
        yield metric

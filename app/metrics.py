"""Figures for Prometheus: counters that this process counts, and the last look at the store. Nothing personal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

MEASURES: Mapping[str, tuple[type[CounterMetricFamily | GaugeMetricFamily], str, tuple[str, ...]]] = {
    "leads": (GaugeMetricFamily, "Leads by endpoint and state.", ("endpoint", "state")),
    "accepted": (CounterMetricFamily, "Leads that were stored, by the ledger.", ("endpoint",)),
    "dropped": (CounterMetricFamily, "Leads of the quarantine that had to make room.", ("endpoint",)),
    "books_difference": (GaugeMetricFamily, "Leads accepted but not accounted for; 0 is right.", ("endpoint",)),
    "oldest_waiting_seconds": (GaugeMetricFamily, "Age of the oldest lead that waits.", ("workspace",)),
    "workspace_state": (GaugeMetricFamily, "1 for how the way to AgencyHandy stands.", ("workspace", "state")),
    "alerts_open": (GaugeMetricFamily, "What is wrong now, by its name; docs/alerts.md has them.", ("name",)),
}
"""What a look at the store measures → its kind, meaning and labels. `lead_relay_` stands before each name."""

Measured = Mapping[str, Mapping[tuple[str, ...], float]]
"""Name → label values → figure."""


class Metrics(Collector):
    """One app's figures; nothing is shared between apps."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._measured: Measured = {}
        self._attempts = Counter(
            "lead_relay_attempts",
            "Leads sent to AgencyHandy, by what its answer was taken for.",
            ("workspace", "outcome"),
            registry=self._registry,
        )
        self._passed_on = Counter(
            "lead_relay_passed_on", "Leads that people were sent by the second road.", registry=self._registry
        )
        self._registry.register(self)

    def attempted(self, workspace: str, outcome: str, leads: int) -> None:
        """A request to AgencyHandy carried so many leads."""
        self._attempts.labels(workspace, outcome).inc(leads)

    def passed_on(self, leads: int) -> None:
        """People were sent so many leads."""
        self._passed_on.inc(leads)

    def show(self, measured: Measured) -> None:
        """Replaces what the last look at the store found."""
        self._measured = measured

    def collect(self) -> Iterator[Metric]:
        for name, (family, meaning, labels) in MEASURES.items():
            metric = family(f"lead_relay_{name}", meaning, labels=labels)
            for values, figure in self._measured.get(name, {}).items():
                metric.add_metric(values, figure)
            yield metric

    def text(self) -> bytes:
        """Everything, in Prometheus' own form."""
        return generate_latest(self._registry)

"""Figures for Prometheus: what this process counts, and what it finds in the store. Nothing personal."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector


class Metrics(Collector):
    """One app's figures; nothing is shared between apps."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        tried = "Leads sent to AgencyHandy, by what its answer was taken for."
        self._attempts = Counter("lead_relay_attempts", tried, ("workspace", "outcome"), registry=registry)
        self.passed_on = Counter("lead_relay_passed_on", "Leads sent to people by the second road.", registry=registry)
        judged = "Leads judged spam at forms, by each layer that spoke for it."
        self._spam = Counter("lead_relay_spam", judged, ("endpoint", "layer"), registry=registry)
        self._found: Iterable[Metric] = ()
        registry.register(self)

    def attempted(self, workspace: str, outcome: str, leads: int) -> None:
        """A request to AgencyHandy carried so many leads."""
        self._attempts.labels(workspace, outcome).inc(leads)

    def found_spam(self, endpoint: str, layers: Iterable[str]) -> None:
        """A lead was judged spam, for what these layers found."""
        for layer in layers:
            self._spam.labels(endpoint, layer).inc()

    def collect(self) -> Iterable[Metric]:
        return self._found

    def text(self, found: Iterable[Metric]) -> bytes:
        """Everything in Prometheus' own form, with what was found in the store just now."""
        self._found = found
        return generate_latest(self._registry)

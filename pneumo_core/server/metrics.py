"""What the server counts, as Prometheus reads it: no name of a person, token or file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

if TYPE_CHECKING:
    from collections.abc import Callable

_SECONDS = (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60)


class Metrics:
    """Counters of one server. `waiting` and `held` give reads that wait, and bytes of bodies."""

    def __init__(self, *, waiting: Callable[[], float], held: Callable[[], float]) -> None:
        self._registry = registry = CollectorRegistry()
        self.reads = Counter(
            "pneumo_reads", "Films read by the API.", ["status", "decision"], registry=registry
        )
        self.refusals = Counter("pneumo_refusals", "Requests refused.", ["code"], registry=registry)
        self.seconds = Histogram(
            "pneumo_read_seconds",
            "From the end of the request's body to the answer, waiting included.",
            buckets=_SECONDS,
            registry=registry,
        )
        for name, words, value in (
            ("pneumo_queue", "Reads of the API that wait or are at work.", waiting),
            ("pneumo_body_bytes", "Bytes of request bodies held.", held),
            ("pneumo_memory_bytes", "Resident memory of the process.", _resident),
        ):
            Gauge(name, words, registry=registry).set_function(value)

    def text(self) -> bytes:
        """All of them in Prometheus' text format."""
        return generate_latest(self._registry)


def _resident() -> float:
    import psutil

    return float(psutil.Process().memory_info().rss)

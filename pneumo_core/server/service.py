"""What the API works with: the reader in service, its queue, tokens, log, and the counters that
Prometheus reads, which name no person, token or file.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from pneumo_core.errors import PneumoError, ReadingLogError
from pneumo_core.formatting import count
from pneumo_core.server.protection import ByteBudget, RateLimit, Refusal
from pneumo_core.server.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pneumo_core.config import Settings
    from pneumo_core.readings.log import ReadingLog
    from pneumo_core.server.answers import Answer, Wanted

_SECONDS = (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60)


class Service:
    """One a process. `settings` stay as they were when it was made."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.tokens = Tokens(settings)
        self.rate = RateLimit(settings.server.requests_per_minute)
        self.bodies = ByteBudget(settings.server.body_bytes)
        self.metrics = Metrics(waiting=lambda: self._waiting, held=lambda: self.bodies.held)
        self._waiting = 0
        self._limiter: anyio.CapacityLimiter | None = None
        self._log: ReadingLog | None = None
        self._log_lock = threading.Lock()

    async def read(self, content: Callable[[], bytes], name: str, wanted: Wanted) -> Answer:
        """Read a film when its turn has come. Raises Refusal where too many wait, PneumoError.

        content: gives the bytes of its file, or raises UnreadableImage.
        """
        if self._limiter is None:  # it belongs to the event loop
            self._limiter = anyio.CapacityLimiter(self.settings.server.reads_at_once)
        start = time.perf_counter()
        with self._in_line():
            found = await anyio.to_thread.run_sync(
                partial(self._read, content, name, wanted),
                limiter=self._limiter,
            )
        self.metrics.seconds.observe(time.perf_counter() - start)
        reading = found.reading
        decision = reading.decision.value if reading.decision else "none"
        self.metrics.reads.labels(reading.status, decision).inc()
        return found

    def _read(self, content: Callable[[], bytes], name: str, wanted: Wanted) -> Answer:
        from pneumo_core.inference.shared import shared_reader
        from pneumo_core.server.answers import Keeper, answer

        log = self._opened_log()
        keeper = None if log is None else Keeper(log, self.settings)
        return answer(content, name, shared_reader(), wanted, keeper)

    @contextmanager
    def _in_line(self) -> Iterator[None]:
        most = self.settings.server.reads_at_once + self.settings.server.reads_waiting
        if self._waiting >= most:
            words = f"{count(self._waiting, 'films')} wait already. Try again in a moment."
            raise Refusal(503, words, {"Retry-After": "2"})
        self._waiting += 1  # in the event loop's thread alone
        try:
            yield
        finally:
            self._waiting -= 1

    def _opened_log(self) -> ReadingLog | None:
        """The log of readings; None where it is off or fails: the answer is given all the same."""
        from pneumo_core.readings.log import ReadingLog

        with self._log_lock:
            if self._log is None:
                try:
                    self._log = ReadingLog.open(self.settings)
                except ReadingLogError:
                    return None
            return self._log

    def why_not_ready(self) -> str:
        """What keeps this server from reading films; "" where nothing does."""
        from pneumo_core.inference.shared import verified_reader

        try:
            verified_reader()
        except PneumoError as error:
            return str(error)
        return ""

    def close(self) -> None:
        """Close the log."""
        if self._log is not None:
            self._log.close()


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

"""What the API works with: the reader in service, the queue before it, tokens, log, counters."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from pneumo_core.errors import PneumoError, ReadingLogError
from pneumo_core.formatting import count
from pneumo_core.server.metrics import Metrics
from pneumo_core.server.problems import Refusal
from pneumo_core.server.protection import ByteBudget, RateLimit
from pneumo_core.server.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pneumo_core.config import Settings
    from pneumo_core.readings.log import ReadingLog
    from pneumo_core.server.answers import Answer, Wanted


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

"""Decoding apart: files that may be hostile are decoded by processes with a deadline.

A decoder of foreign bytes may take gigabytes, hang, or end its process. A few worker processes
(`decode_worker`, with limited memory) take that risk instead of the program: what takes too long
is ended, and costs its own file alone.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import asdict
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from pneumo_core.config import ROOT
from pneumo_core.container import cores
from pneumo_core.errors import ForeignImage, UnreadableImage
from pneumo_core.imaging.film import Film, SourceFacts
from pneumo_core.imaging.formats import AGAIN, too_costly

if TYPE_CHECKING:
    from collections.abc import Callable

    from pneumo_core.config import Limits

Answer = tuple[dict[str, Any], bytearray]

SECONDS = 6.0  # that decoding one film may take: an original of 20 million pixels takes one
_START_SECONDS = 60.0
_MAX_WORKERS = 4


class DecoderPool:
    """At most `size` worker processes, each started when it is needed first.

    Safe to share between threads; a file waits until a worker is free. `seconds`: the deadline.
    """

    def __init__(self, size: int, seconds: float = SECONDS) -> None:
        self._free = threading.BoundedSemaphore(size)
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._seconds = seconds

    def decode(self, data: bytes, limits: Limits) -> Film:
        """The film in `data`, as `decode.decode_here` makes it. Raises UnreadableImage."""
        with self._free:
            worker = self._take()
            answer = worker.ask({"limits": asdict(limits)}, data, self._seconds)
            if answer is not None:
                with self._lock:
                    self._idle.append(worker)
                return _film(*answer)
            worker.end()
        if worker.expired:
            raise too_costly(f"Decoding this file took more than {self._seconds:.0f} seconds")
        raise UnreadableImage("This file made its decoder fail: it is damaged.", AGAIN)

    def close(self) -> None:
        """End the workers that are idle; others are started where films come after that."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.end()

    def _take(self) -> _Worker:
        with self._lock:
            while self._idle:
                worker = self._idle.pop()
                if worker.is_alive():
                    return worker
                worker.end()
        return _Worker()


class _Worker:
    """One worker process. `expired`: it was ended because its time was over."""

    def __init__(self) -> None:
        # One thread each: a pool of threads takes address space, and cores from the network.
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        self.expired = False
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pneumo_core.imaging.decode_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env={**os.environ, **threads, "MALLOC_ARENA_MAX": "2"},
            start_new_session=True,  # so that its own children end with it
        )
        if self._within(_START_SECONDS, self._receive) is None:
            self.end()
            what = "The process that decodes this kind of file did not start."
            raise UnreadableImage(what, "Export the film as JPEG or PNG, or try again.")
        self.expired = False

    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def ask(self, document: dict[str, Any], data: bytes, seconds: float) -> Answer | None:
        """Its answer; None where it ended, or was ended after `seconds`, before it answered."""

        def exchange() -> Answer | None:
            assert self._process.stdin is not None  # noqa: S101 - it was opened as a pipe
            send(self._process.stdin, document, data)
            return self._receive()

        return self._within(seconds, exchange)

    def end(self) -> None:
        """Kill it and what it started."""
        self._kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def _receive(self) -> Answer | None:
        assert self._process.stdout is not None  # noqa: S101 - it was opened as a pipe
        return receive(self._process.stdout)

    def _within(self, seconds: float, work: Callable[[], Answer | None]) -> Answer | None:
        """What `work` returns; None where the pipe broke, as it does when the time is over."""
        over = threading.Event()
        watch = threading.Thread(target=self._expire, args=(seconds, over), daemon=True)
        watch.start()
        try:
            return work()
        except (OSError, ValueError):
            return None
        finally:
            over.set()
            watch.join()

    def _expire(self, seconds: float, over: threading.Event) -> None:
        """Kill it after `seconds` of work, unless the work is `over` before.

        On a busy machine it gets a third as much again: a film is not to be refused for the load.
        """
        began = self._seconds_worked()
        if over.wait(seconds):
            return
        worked = self._seconds_worked() - began
        if over.wait(min(max(seconds - worked, 0.0), seconds / 3)):
            return
        self.expired = True
        self._kill()

    def _seconds_worked(self) -> float:
        """CPU time of it and of what it started."""
        import psutil

        total = 0.0
        with suppress(psutil.Error):
            process = psutil.Process(self._process.pid)
            for one in (process, *process.children(recursive=True)):
                total += sum(one.cpu_times()[:2])
        return total

    def _kill(self) -> None:
        with suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()


def _film(document: dict[str, Any], data: bytearray) -> Film:
    if "reason" in document:
        kind = ForeignImage if document["foreign"] else UnreadableImage
        raise kind(document["reason"], document["remedy"])
    facts = {**document["facts"], "notes": tuple(document["facts"]["notes"])}
    pixels = np.frombuffer(data, np.uint8).reshape(document["shape"])
    return Film(pixels, SourceFacts(**facts))


def send(pipe: IO[bytes], document: dict[str, Any], data: bytes | memoryview = b"") -> None:
    """Write a document and the bytes that belong to it: a length, JSON that states the number of
    bytes, and these.
    """
    text = json.dumps({**document, "n_bytes": len(data)}).encode()
    pipe.write(len(text).to_bytes(8, "little") + text)
    pipe.write(data)
    pipe.flush()


def receive(pipe: IO[bytes]) -> Answer | None:
    """Read a document and its bytes; None at the end of the pipe."""
    size = int.from_bytes(pipe.read(8), "little")
    text = pipe.read(size) if 0 < size < 2**20 else b""
    if not text or len(text) < size:
        return None
    document = json.loads(text)
    data = bytearray(document["n_bytes"])
    view = memoryview(data)
    while view and (n := pipe.readinto(view)):  # type: ignore[attr-defined]
        view = view[n:]
    return None if view else (document, data)


@lru_cache(maxsize=1)
def decoders() -> DecoderPool:
    """The workers of this process: those of a folder, of every session and of every request."""
    pool = DecoderPool(max(2, min(_MAX_WORKERS, cores())))
    atexit.register(pool.close)
    return pool


if hasattr(os, "register_at_fork"):  # the pipes of a parent are not a child's to use
    os.register_at_fork(after_in_child=decoders.cache_clear)

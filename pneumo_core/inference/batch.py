"""Many films: listed, prepared by processes, read by threads; bounded in memory, robust in the end.

    sources → decode, check, copy (processes) → lungs, network, decision (threads) → readings

A film that waits takes some 100 KB, and only so many wait. A decoder that dies takes its process
along and costs its own film only.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pneumo_core.config import load_settings
from pneumo_core.container import cores
from pneumo_core.inference.prepare import Prepared, Refused, prepare_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pneumo_core.config import Limits
    from pneumo_core.inference.predict import Reader, Reading
    from pneumo_core.inference.prepare import Form
    from pneumo_core.inference.sources import Source

    Finish = Callable[[Source, Reading], "T"]

T = TypeVar("T")

ALONE = 8  # so few films are read one after another: starting processes would take longer
_WAITING = 4  # prepared films for each thread and process
_DIED = "This file ended the process that decoded it. Try another copy of it."


@dataclass(frozen=True)
class Crew:
    """Who works on a folder: processes that prepare films, threads that read them."""

    processes: int
    threads: int

    @property
    def waiting(self) -> int:
        """Films between list and result at any time, at most."""
        return _WAITING * (self.processes + self.threads)


def crew_for(reader: Reader) -> Crew:
    """A thread for each stream of the network; a process for two cores, which is ample for JPEG."""
    return Crew(max(1, min(8, cores() // 2)), reader.streams + 1)


def read_many(  # noqa: PLR0913 - one argument a choice
    reader: Reader,
    sources: Iterable[Source],
    finish: Finish[T],
    *,
    crew: Crew | None = None,
    ordered: bool = True,
    display: bool = False,
) -> Iterator[T]:
    """What `finish` makes of each source and its reading, called by several threads.

    ordered: in the order of the sources, else as they are done. display: readings have pixels.
    The first `ALONE` films and no more are read without processes. Every source has its result.
    """
    left = iter(sources)
    first = list(islice(left, ALONE + 1))
    form, limits = reader.form(display=display), load_settings().limits
    if len(first) <= ALONE:
        for source in first:
            yield finish(source, reader.read_prepared(prepare_source(source, form, limits)))
        return
    crew = crew or crew_for(reader)

    def read(source: Source, prepared: Future[Prepared | Refused]) -> T:
        return finish(source, reader.read_prepared(prepared.result()))

    with ExitStack() as stack:
        decoders = stack.enter_context(Decoders(crew.processes, form, limits))
        threads = stack.enter_context(ThreadPoolExecutor(crew.threads))
        yield from _bounded(
            (_chained(decoders, threads, read, source) for source in _again(first, left)),
            crew.waiting,
            ordered=ordered,
        )


def _again(first: list[T], left: Iterator[T]) -> Iterator[T]:
    yield from first
    yield from left


def _bounded(results: Iterator[Future[T]], most: int, *, ordered: bool) -> Iterator[T]:
    """The results of futures, of which at most `most` are under way."""
    under_way: deque[Future[T]] = deque()
    try:
        for future in results:
            under_way.append(future)
            if len(under_way) < most:
                continue
            if ordered:
                yield under_way.popleft().result()
                continue
            wait(under_way, return_when=FIRST_COMPLETED)
            done = [one for one in under_way if one.done()]
            under_way = deque(one for one in under_way if not one.done() or one not in done)
            for one in done:
                yield one.result()
        while under_way:
            yield under_way.popleft().result()
    finally:  # the reader of the results may leave early
        for future in under_way:
            future.cancel()


def _chained(
    decoders: Decoders,
    threads: Executor,
    read: Callable[[Source, Future[Prepared | Refused]], T],
    source: Source,
) -> Future[T]:
    """A future of `read`, which a thread begins once the film is prepared."""
    result: Future[T] = Future()
    prepared = decoders.prepare(source)

    def work() -> None:
        try:
            result.set_result(read(source, prepared))
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
            result.set_exception(error)

    def begin(_: Future[Any]) -> None:
        try:
            threads.submit(work)
        except RuntimeError as error:  # the threads were sent home: nobody waits any more
            result.set_exception(error)

    prepared.add_done_callback(begin)
    return result


class Decoders:
    """Processes that prepare films. One that dies is replaced, and its film is told.

    They are started anew ("spawn"), not forked: OpenVINO's threads do not survive a fork.
    """

    def __init__(self, processes: int, form: Form, limits: Limits) -> None:
        self._processes, self._form, self._limits = processes, form, limits
        self._lock = threading.Lock()
        self._pool = self._started(processes)
        self._suspects: ProcessPoolExecutor | None = None
        self._alone = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._alone.shutdown(cancel_futures=True)
        for pool in filter(None, (self._pool, self._suspects)):
            pool.shutdown(cancel_futures=True)

    def prepare(self, source: Source) -> Future[Prepared | Refused]:
        """A future of the prepared film, which raises nothing."""
        result: Future[Prepared | Refused] = Future()
        if source.fault:
            result.set_result(Refused(source.fault))
            return result
        pool, future = self._submit(source)

        def done(found: Future[Prepared | Refused]) -> None:
            try:
                result.set_result(found.result())
            except BrokenProcessPool:  # this film or another one: each is tried by itself
                self._replace(pool)
                self._alone.submit(self._by_itself, source, result)
            except BaseException as error:  # noqa: BLE001 - cancelled, or not to be pickled
                result.set_result(Refused(f"Not read: {type(error).__name__}."))

        future.add_done_callback(done)
        return result

    def _submit(self, source: Source) -> tuple[Executor, Future[Prepared | Refused]]:
        for _ in range(2):
            with self._lock:
                pool = self._pool
            try:
                return pool, pool.submit(prepare_source, source, self._form, self._limits)
            except BrokenProcessPool:
                self._replace(pool)
        return self._pool, self._pool.submit(prepare_source, source, self._form, self._limits)

    def _replace(self, broken: Executor) -> None:
        """A new pool, once, for all films of the broken one."""
        with self._lock:
            if self._pool is broken:
                self._pool = self._started(self._processes)
                broken.shutdown(wait=False)

    def _by_itself(self, source: Source, result: Future[Prepared | Refused]) -> None:
        """One film after another in a process of their own: the one that ends it is the culprit."""
        self._suspects = self._suspects or self._started(1)
        try:
            future = self._suspects.submit(prepare_source, source, self._form, self._limits)
            result.set_result(future.result())
        except BrokenProcessPool:
            self._suspects = None
            result.set_result(Refused(_DIED))

    def _started(self, processes: int) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(processes, mp_context=context, initializer=_one_thread)


def _one_thread() -> None:
    """A process has one core's worth of work; to stop it is its parent's business."""
    import signal

    import cv2

    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that is killed cannot send its processes home: each ends by itself."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(0)

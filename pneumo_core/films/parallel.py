"""Many films at once: work spread over threads, results in order, few in memory."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Item = TypeVar("Item")
Result = TypeVar("Result")

# Results waiting at once: what the work costs in memory, and how much of it an interruption
# still has to wait for.
CHUNK = 256


def in_order(
    work: Callable[[Item], Result], items: Sequence[Item], *, workers: int | None = None
) -> Iterator[Result]:
    """Yield work(item) for every item, in order, done by `workers` threads (one a core).

    Threads suffice: decoding, resizing and hashing run outside the interpreter's lock. An error
    in `work` is raised where its result would have been.
    """
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        for start in range(0, len(items), CHUNK):
            yield from pool.map(work, items[start : start + CHUNK])

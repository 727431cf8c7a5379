"""Memory of this process, of its devices and of the machine, and who ran out of it."""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path
from typing import Any

NEAR_THE_LIMIT = 0.05  # share of all memory that is left when there is as good as none
_CGROUP = Path("/sys/fs/cgroup")


def memory_limit() -> int:
    """Bytes that the processes of this machine may use: its memory, or what its container has."""
    import psutil

    total = int(psutil.virtual_memory().total)
    with contextlib.suppress(OSError, ValueError):  # "max": no limit
        return min(total, int((_CGROUP / "memory.max").read_text()))
    return total


def memory_left() -> int:
    """Bytes that may still be taken without swapping."""
    import psutil

    left = int(psutil.virtual_memory().available)
    with contextlib.suppress(OSError, ValueError):
        limit = int((_CGROUP / "memory.max").read_text())
        stat = (_CGROUP / "memory.stat").read_text()
        # Cached files count as used and are given back when memory is wanted.
        cached = sum(int(n) for n in re.findall(r"^(?:in)?active_file (\d+)", stat, re.MULTILINE))
        used = int((_CGROUP / "memory.current").read_text()) - cached
        return max(0, min(left, limit - used))
    return left


def memory_now() -> dict[str, int]:
    """Bytes: "process" (this one), "left" (on the machine), "limit", "ended" (processes that the
    machine has ended for want of memory), and on a GPU "device" (in use) and "device_limit".
    """
    import psutil

    facts = {
        "process": int(psutil.Process().memory_info().rss),
        "left": memory_left(),
        "limit": memory_limit(),
        "ended": ended_for_memory(),
    }
    # Whatever a backend of another version answers, memory is told of where it is known.
    with contextlib.suppress(Exception):
        facts |= device_memory()
    return facts


def ended_for_memory() -> int:
    """How many processes the kernel has ended here because memory ran out; 0 where it is silent."""
    for path in (_CGROUP / "memory.events", Path("/proc/vmstat")):
        with contextlib.suppress(OSError):
            found = re.search(r"^oom_kill (\d+)", path.read_text(), re.MULTILINE)
            if found:
                return int(found[1])
    return 0


def ran_out(last_word: dict[str, Any], ended: int) -> bool:
    """Whether a process that died in silence most likely died of want of memory.

    last_word: its last `memory_now`; ended: `ended_for_memory` of now.
    """
    if not last_word:
        return False
    near = float(last_word["left"]) < NEAR_THE_LIMIT * float(last_word["limit"])
    return near or ended > int(last_word["ended"])


def device_memory() -> dict[str, int]:
    """Bytes of the first GPU, from the backend that is loaded: "device" in use and, where it says
    so, "device_limit"; {} on a CPU.
    """
    if tensorflow := sys.modules.get("tensorflow"):
        if not tensorflow.config.list_physical_devices("GPU"):
            return {}
        return {"device": int(tensorflow.config.experimental.get_memory_info("GPU:0")["current"])}
    if jax := sys.modules.get("jax"):
        found = jax.local_devices()[0].memory_stats() or {}
        pairs = (("device", "bytes_in_use"), ("device_limit", "bytes_limit"))
        return {ours: int(found[theirs]) for ours, theirs in pairs if theirs in found}
    return {}

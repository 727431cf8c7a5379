"""Cores and memory that this process may use: the machine's, or its container's where that is less.

Linux limits a container or a service by control groups, version 1 or 2: a file for each limit, in
the group of the process or in one around it. The smallest counts. `os.cpu_count()` and the memory
of the machine know nothing of them.
"""

from __future__ import annotations

import math
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CGROUP = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")
_VMSTAT = Path("/proc/vmstat")


def cores() -> int:
    """CPU cores that this process may use: its affinity, or its CPU quota rounded up."""
    return min(_affinity(), cpu_quota() or _affinity())


def cpu_quota() -> int | None:
    """The cores that the CPU quota allows, rounded up; None where there is none."""
    found = []
    for folder in _groups("", "cpu"):
        quota, period = _quota(folder)
        if quota > 0 and period > 0:
            found.append(math.ceil(quota / period))
    return max(1, min(found)) if found else None


def limit_threads() -> None:
    """Let the libraries of this process start no more threads than its CPU quota has cores.

    Before TensorFlow and NumPy are loaded: they count the cores of the machine and would be slowed
    down by each other. Without a quota, and where a person has set a number, nothing changes.
    """
    quota = cpu_quota()
    if quota is not None and quota < _affinity():
        for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS"):
            os.environ.setdefault(name, str(quota))


def openvino_threads() -> dict[str, int]:
    """OpenVINO's property for PNEUMO_THREADS threads, else for as many as the CPU quota has cores.

    {} without either: it knows the cores best.
    """
    chosen = os.environ.get("PNEUMO_THREADS", "").strip()
    if chosen.isdecimal() and int(chosen):
        return {"INFERENCE_NUM_THREADS": int(chosen)}
    quota = cpu_quota()
    few = quota is not None and quota < _affinity()
    return {"INFERENCE_NUM_THREADS": cores()} if few else {}


def memory_limit() -> int:
    """Bytes that the processes of this machine, or of this container, may use."""
    import psutil

    limits = [limit for limit, _, _ in _memory_groups()]
    return min([int(psutil.virtual_memory().total), *limits])


def memory_left() -> int:
    """Bytes that may still be taken without swapping."""
    import psutil

    rooms = [max(0, limit - used + cached) for limit, used, cached in _memory_groups()]
    return min([int(psutil.virtual_memory().available), *rooms])


def ended_for_memory() -> int:
    """How many processes the kernel has killed because memory ran out; 0 where unknown."""
    names = ("memory.events", "memory.oom_control")  # of version 2 and 1
    places = [folder / name for folder in _groups("", "memory") for name in names]
    for path in (*places, _VMSTAT):
        with suppress(OSError):
            found = re.search(r"^oom_kill (\d+)", path.read_text(), re.MULTILINE)
            if found:
                return int(found[1])
    return 0


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _groups(*controllers: str) -> Iterator[Path]:
    """The folders of the groups of this process for these controllers, its own first.

    "" stands for version 2, which has one hierarchy for all. Inside a container its own group is
    often shown as the root of the hierarchy, whatever its name outside.
    """
    paths = _own_paths()
    for controller in controllers:
        # "cpu,cpuacct" is one hierarchy; a link leads to it by either name.
        roots = [CGROUP / controller]
        if controller == "":
            roots.append(CGROUP / "unified")
        for root in roots:
            own = Path(paths.get(controller, "/").lstrip("/"))
            for part in (own, *own.parents):
                if ".." not in part.parts and (root / part).is_dir():
                    yield root / part


def _own_paths() -> dict[str, str]:
    """The group of this process by controller, as /proc/self/cgroup has it; "" for version 2."""
    found = {}
    with suppress(OSError):
        for line in OWN_GROUPS.read_text().splitlines():
            _, _, rest = line.partition(":")
            controllers, _, path = rest.partition(":")
            for controller in controllers.split(","):
                found[controller] = path
    return found


def _quota(folder: Path) -> tuple[int, int]:
    """Microseconds of CPU time, and of the period that they are for; (0, 0) without a quota."""
    with suppress(OSError, ValueError):  # version 2; "max": none
        quota, period = (folder / "cpu.max").read_text().split()
        return int(quota), int(period)
    with suppress(OSError, ValueError):  # version 1; -1: none
        quota, period = (
            (folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period")
        )
        return int(quota), int(period)
    return 0, 0


def _memory_groups() -> Iterator[tuple[int, int, int]]:
    """Bytes allowed, used, and used by cached files, of each group with a limit.

    Cached files count as used and are freed when memory is needed.
    """
    for folder in _groups("", "memory"):
        for limit_file, used_file, prefix in (
            ("memory.max", "memory.current", ""),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
        ):
            with suppress(OSError, ValueError):  # "max", or a group without these files
                limit, used = (int((folder / name).read_text()) for name in (limit_file, used_file))
                stat = (folder / "memory.stat").read_text()
                cached = re.findall(rf"^{prefix}(?:in)?active_file (\d+)", stat, re.MULTILINE)
                yield limit, used, sum(map(int, cached))

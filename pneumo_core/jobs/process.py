"""Processes that outlive the one that started them: start, check whether alive, end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumo_core.config import ROOT, as_environment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pneumo_core.config import Settings

PNEUMO = (sys.executable, "-m", "pneumo_core")  # and a command's name with its arguments
# Popen objects of this process's children: polled, or they stay behind as zombies.
_children: set[subprocess.Popen[bytes]] = set()


def start(
    command: Sequence[str],
    *,
    settings: Settings,
    log: Path,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Start `command` with these settings in a session of its own, its output appended to `log`.

    Returns its "pid" and when it was "created" (see `process_created`), which together are unique.
    environment: variables to set beside this process's own and the settings.
    Raises OSError where it cannot be started.
    """
    _collect()
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            env={**os.environ, **as_environment(settings), **_for_python(), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            **own_session(),
        )
    _children.add(child)
    return {"pid": child.pid, "created": process_created(child.pid)}


def _for_python() -> dict[str, str]:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}


def _collect() -> None:
    """Collect children of this process that have ended."""
    for child in list(_children):
        if child.poll() is not None:
            _children.discard(child)


def own_session() -> dict[str, Any]:
    """Options of subprocess.Popen for a process that survives the end of this terminal."""
    if sys.platform == "win32":
        # Neither Ctrl+C here nor closing this console's window reaches it.
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        return {"creationflags": flags}
    return {"start_new_session": True}


def process_created(pid: int) -> float | None:
    """When a process started, in seconds of a monotonic clock; None where there is no such process.

    Together with the pid it identifies a process: pids are reused.
    """
    import psutil

    try:
        # On Linux psutil adds the wall clock, which jumps when a laptop wakes up. Field 22 of
        # proc_pid_stat(5) counts from the boot; the name before it may hold spaces.
        after_name = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2]
        return int(after_name.split()[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError, AttributeError):
        with suppress(psutil.Error):
            return float(psutil.Process(pid).create_time())
    return None


def process_alive(pid: Any, created: Any) -> bool:
    """Whether the process `pid` that started at `created` (of `process_created`) is running.

    False for a zombie, for another process with the same pid, and for an invalid pid.
    """
    import psutil

    _collect()
    if not isinstance(pid, int) or not isinstance(created, int | float):
        return False
    try:
        if psutil.Process(pid).status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}:
            return False
    except (psutil.Error, ValueError):
        return False
    began = process_created(pid)
    return began is not None and abs(began - created) < 0.5


def end_process_group(pid: int, created: float, *, patience: float) -> None:
    """Ask a process and all its descendants to end; kill them after `patience` seconds.

    The process must lead a group of its own. Returns when they are gone.
    """
    if not process_alive(pid, created):
        return
    family = _family(pid)
    _signal(pid, family, signal.SIGTERM)
    if not _gone(family, patience):
        _signal(pid, family, getattr(signal, "SIGKILL", signal.SIGTERM))
        _gone(family, patience)
    _collect()


def _family(pid: int) -> list[tuple[int, float | None]]:
    """A process and all its descendants, each with its start time."""
    import psutil

    with suppress(psutil.Error):
        children = psutil.Process(pid).children(recursive=True)
        return [(one, process_created(one)) for one in (pid, *(child.pid for child in children))]
    return []


def _gone(family: list[tuple[int, float | None]], patience: float) -> bool:
    """Whether all end within `patience` seconds."""
    limit = time.monotonic() + patience
    while any(process_alive(pid, created) for pid, created in family):
        if time.monotonic() > limit:
            return False
        time.sleep(0.05)
    return True


def _signal(pid: int, family: list[tuple[int, float | None]], number: int) -> None:
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, number)
        return
    for one, created in family:  # Windows knows no process groups, and this ends them at once
        if process_alive(one, created):
            with suppress(OSError):
                os.kill(one, number)

"""TensorBoard over all runs, by TensorBoard's own manager; it answers on this machine alone."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumo_core.errors import TrainingError

if TYPE_CHECKING:
    from pneumo_core.config import Settings

_TIME_TO_START = timedelta(minutes=2)  # it loads TensorFlow, which takes long on a busy machine
_SECONDS_TO_END = 5.0
_SECONDS_UNSEEN = 1800.0  # after the screen was last shown
_SECONDS_BETWEEN_LOOKS = 60.0
_seen = 0.0  # by the clock that never goes back
_watching = threading.Lock()


def find_board(settings: Settings) -> str | None:
    """The address of the TensorBoard of these runs, if one is running."""
    found = _running(settings)
    return f"http://localhost:{found.port}" if found else None


def start_board(settings: Settings) -> str:
    """Start TensorBoard on a free port, or find it running; its address once it answers.

    Raises TrainingError, with the reason, where it does not start.
    """
    if found := find_board(settings):
        return found
    try:
        from tensorboard import manager
    except ImportError as error:
        raise TrainingError(
            "Expected TensorBoard to be installed; it is not. Install it with: "
            "pip install -r requirements.txt"
        ) from error
    settings.runs_dir.mkdir(parents=True, exist_ok=True)
    # The folder of a virtual environment need not be on the PATH.
    if binary := shutil.which("tensorboard", path=str(Path(sys.executable).parent)):
        os.environ.setdefault("TENSORBOARD_BINARY", binary)
    where = ["--host", "localhost", "--port", "0", "--reload_interval", "5"]
    made = manager.start(["--logdir", _logdir(settings), *where], timeout=_TIME_TO_START)
    if isinstance(made, manager.StartLaunched | manager.StartReused):
        return f"http://localhost:{made.info.port}"
    raise TrainingError(
        f"Expected TensorBoard to start; it did not: {_reason(made)}. Try it in a terminal: "
        "tensorboard --logdir runs"
    )


def keep_board(settings: Settings) -> None:
    """Note that somebody looks: a TensorBoard ends half an hour after the last such note."""
    global _seen  # noqa: PLW0603 - one clock a server
    _seen = time.monotonic()
    if _watching.acquire(blocking=False):
        threading.Thread(target=_end_unseen, args=(settings,), daemon=True).start()


def _end_unseen(settings: Settings) -> None:
    try:
        while find_board(settings):
            if time.monotonic() - _seen > _SECONDS_UNSEEN:
                stop_board(settings)
                return
            time.sleep(_SECONDS_BETWEEN_LOOKS)
    finally:
        _watching.release()


def stop_board(settings: Settings) -> None:
    """End it; nothing is lost."""
    import psutil

    if found := _running(settings):
        with suppress(psutil.Error):
            process = psutil.Process(found.pid)
            process.terminate()
            process.wait(_SECONDS_TO_END)


def _running(settings: Settings) -> Any:
    """The manager's record of the TensorBoard of these runs; those of dead processes are removed.

    The manager keeps the record of a process that was killed and would hand it out again.
    """
    try:
        from tensorboard import manager
    except ImportError:
        return None
    for found in manager.get_all():
        if found.logdir == _logdir(settings):
            if _alive(found.pid):
                return found
            record = Path(manager._get_info_dir()) / f"pid-{found.pid}.info"  # noqa: SLF001
            record.unlink(missing_ok=True)
    return None


def _alive(pid: int) -> bool:
    import psutil

    with suppress(psutil.Error):
        process = psutil.Process(pid)
        alive = process.status() != psutil.STATUS_ZOMBIE
        return alive and any("tensorboard" in part for part in process.cmdline())
    return False


def _logdir(settings: Settings) -> str:
    return str(settings.runs_dir.absolute())


def _reason(made: Any) -> str:
    """Why the manager's start failed, in a line."""
    if error := getattr(made, "os_error", None):
        return str(error)
    if output := (getattr(made, "stderr", None) or "").strip():
        return str(output).splitlines()[-1]
    return "it did not answer within two minutes"

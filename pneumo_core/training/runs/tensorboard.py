"""TensorBoard over all runs: a process of its own that answers on this machine alone."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pneumo_core.errors import TrainingError
from pneumo_core.jobs.process import end_process_group, own_session, process_alive, process_created
from pneumo_core.storage import write_json

if TYPE_CHECKING:
    from pathlib import Path

    from pneumo_core.config import Settings

COMMAND = (sys.executable, "-m", "tensorboard.main")
_SECONDS_TO_ANSWER = 30.0
_children: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True)
class Board:
    """A TensorBoard at work."""

    pid: int
    created: float
    port: int

    @property
    def address(self) -> str:
        """Where a browser on this machine finds it."""
        return f"http://localhost:{self.port}"

    def answers(self) -> bool:
        """Whether it may be visited by now."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False


def find_board(settings: Settings) -> Board | None:
    """The TensorBoard of these runs, if one is at work."""
    try:
        board = Board(**json.loads(_notes(settings).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    for child in list(_children):
        if child.poll() is not None:
            _children.remove(child)
    return board if process_alive(board.pid, board.created) else None


def start_board(settings: Settings) -> Board:
    """Start TensorBoard on a free port, or find it at work. Raises TrainingError if it cannot."""
    found = find_board(settings)
    if found is not None:
        return found
    if find_spec("tensorboard") is None:
        raise TrainingError(
            "Expected TensorBoard to be installed; it is not. Install it with: "
            "pip install -r requirements.txt"
        )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    settings.runs_dir.mkdir(parents=True, exist_ok=True)
    where = ("--host", "localhost", "--port", str(port))
    logs = ("--logdir", str(settings.runs_dir.absolute()), "--reload_interval", "5")
    child = subprocess.Popen(
        [*COMMAND, *logs, *where],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **own_session(),
        env={**os.environ, **_quiet()},
    )
    _children.append(child)
    board = Board(child.pid, process_created(child.pid) or 0.0, port)
    write_json(_notes(settings), {"pid": board.pid, "created": board.created, "port": port})
    return board


def wait_for_board(board: Board) -> None:
    """Return when it answers. Raises TrainingError where it has ended, or takes too long."""
    limit = time.monotonic() + _SECONDS_TO_ANSWER
    while not board.answers():
        if not process_alive(board.pid, board.created) or time.monotonic() > limit:
            raise TrainingError(
                "Expected TensorBoard to answer; it did not. Try its command in a terminal: "
                "tensorboard --logdir runs"
            )
        time.sleep(0.1)


def stop_board(settings: Settings) -> None:
    """End it; nothing is lost."""
    board = find_board(settings)
    if board is not None:
        end_process_group(board.pid, board.created, patience=5.0)
    _notes(settings).unlink(missing_ok=True)
    find_board(settings)


def _quiet() -> dict[str, Any]:
    return {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "PYTHONWARNINGS": "ignore"}


def _notes(settings: Settings) -> Path:
    return settings.runs_dir / ".tensorboard.json"

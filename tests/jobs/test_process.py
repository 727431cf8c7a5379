"""Processes by their pid and their beginning, and what keeps one apart from its starter."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from pneumo_core.jobs import process
from pneumo_core.jobs.process import own_session, process_alive, process_created


@pytest.mark.parametrize(
    ("pid", "created"), [(None, None), ("1", 1.0), (2**22 + 1, 1.0), (-1, 1.0)]
)
def test_what_is_no_process_is_not_alive(pid: Any, created: Any) -> None:
    assert not process_alive(pid, created)


def test_a_process_is_told_by_pid_and_beginning() -> None:
    created = process_created(os.getpid())
    assert created is not None
    assert process_alive(os.getpid(), created)
    assert not process_alive(os.getpid(), created - 5)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no sessions on Windows")
def test_a_session_of_its_own() -> None:
    code = "import os; print(os.getsid(0))"
    child = subprocess.run(
        [sys.executable, "-c", code], **own_session(), capture_output=True, text=True, check=True
    )
    assert int(child.stdout) != os.getsid(0)


def test_on_windows_no_console_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process.sys, "platform", "win32")
    monkeypatch.setattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0x200, raising=False)
    monkeypatch.setattr(subprocess, "CREATE_NO_WINDOW", 0x8000000, raising=False)
    assert own_session() == {"creationflags": 0x8000200}

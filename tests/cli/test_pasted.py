"""Commands to paste: quoted, with the variables that they need, for the shell of the system."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pneumo_core.cli import console as module
from pneumo_core.cli.console import pasted


@pytest.fixture(autouse=True)
def _python(monkeypatch):
    monkeypatch.setattr(module, "_python", lambda: "python")


def test_words_are_quoted_and_set_variables_go_before_them():
    environment = {"PNEUMO_RUNS": "/my runs", "PNEUMO_MODELS": " ", "HOME": "/root"}
    told = pasted(
        *("runs", "show", "it's"),
        carrying=("PNEUMO_RUNS", "PNEUMO_MODELS", "KERAS_BACKEND"),
        environment=environment,
        windows=False,
    )
    assert told == "PNEUMO_RUNS='/my runs' python -m pneumo_core runs show 'it'\"'\"'s'"
    assert shlex.split(told)[0] == "PNEUMO_RUNS=/my runs"


def test_on_windows_it_is_a_line_of_its_own_shell():
    told = pasted(
        *("train", r"C:\my films"),
        carrying=("PNEUMO_RUNS",),
        environment={"PNEUMO_RUNS": r"D:\runs"},
        windows=True,
    )
    assert told == 'set "PNEUMO_RUNS=D:\\runs" && python -m pneumo_core train "C:\\my films"'


def test_nothing_is_added_where_nothing_was_set():
    told = pasted("models", "list", carrying=("PNEUMO_MODELS",), environment={}, windows=False)
    assert told == "python -m pneumo_core models list"


def test_the_interpreter_is_one_that_the_shell_finds(monkeypatch):
    monkeypatch.undo()
    own = Path(sys.executable)
    monkeypatch.setattr(shutil, "which", lambda _: str(own.parent / "python"))
    assert module._python() == "python"
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.chdir(own.parent.parent)
    inside = module._python()
    assert inside == str(Path(own.parent.name, own.name))
    assert (
        subprocess.run([f"./{inside}", "--version"], check=True, capture_output=True).returncode
        == 0
    )
    monkeypatch.setattr(shutil, "which", lambda _: "/elsewhere/python")
    monkeypatch.chdir("/")
    assert Path("/", module._python()) == own

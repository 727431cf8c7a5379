"""Commands that are printed for a person to paste: they do the same as the ones they came from."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# What the environment may say of a training, beside where its runs are. Set before the command
# alone (NAME=value python …), a variable is gone when the printed one is pasted.
TRAINING = (
    *("PNEUMO_MODELS", "PNEUMO_CACHE", "PNEUMO_RUNS_AT_ONCE"),
    *("PNEUMO_MAX_BYTES", "PNEUMO_MAX_PIXELS", "PNEUMO_MAX_SIDE", "KERAS_BACKEND", "TF_CONFIG"),
)


def pasted(
    *words: object,
    carrying: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    windows: bool = os.name == "nt",
) -> str:
    """`python -m pneumo_core words…` as one line for the shell in which this command was typed.

    Each word is quoted where it must be. The variables named in `carrying` go before it as they
    are in `environment` (this process's own unless given), those that are not set are left out.
    """
    known = os.environ if environment is None else environment
    given = [(name, known[name]) for name in carrying if known.get(name, "").strip()]
    command = [_python(), "-m", "pneumo_core", *map(str, words)]
    if windows:  # the quotes also keep the space before && out of the value
        settings = "".join(f'set "{name}={value}" && ' for name, value in given)
        return settings + subprocess.list2cmdline(command)
    settings = "".join(f"{name}={shlex.quote(value)} " for name, value in given)
    return settings + shlex.join(command)


def _python() -> str:
    """The interpreter that runs this: "python" where that word finds it, else where it lies."""
    own, found = Path(sys.executable), shutil.which("python")
    if found is not None and Path(found).parent == own.parent:
        return "python"
    inside = own.is_relative_to(Path.cwd())
    return str(own.relative_to(Path.cwd()) if inside else own)

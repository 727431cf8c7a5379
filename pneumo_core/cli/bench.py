"""`bench`: how long a reading takes on this machine."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated

import typer

from pneumo_core.config import ROOT
from pneumo_core.errors import PneumoError


def bench(
    *,
    model: Annotated[str | None, typer.Option(help="Bundle to read with.")] = None,
) -> None:
    """Time the start, one film, and the same network by Keras, side by side."""
    if not (ROOT / "bench" / "reading.py").is_file():
        raise PneumoError("Expected the folder bench/ beside pneumo_core/; it is not there.")
    chosen = [] if model is None else ["--model", model]
    command = [sys.executable, "-m", "bench.reading", *chosen]
    if subprocess.run(command, check=False, cwd=ROOT).returncode:
        raise typer.Exit(1)

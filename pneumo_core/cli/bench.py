"""`bench`: how long a reading takes on this machine, or how fast it trains."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from pneumo_core.config import ROOT
from pneumo_core.errors import PneumoError


def bench(
    data: Annotated[
        Path | None, typer.Argument(help="With --training: labelled films; else synthetic ones.")
    ] = None,
    *,
    model: Annotated[str | None, typer.Option(help="Bundle to read with.")] = None,
    training: Annotated[bool, typer.Option("--training", help="Time training instead.")] = False,
) -> None:
    """Time the start, one film, and the same network by Keras, side by side.

    With --training: the films on their way to the network and a whole epoch, beside the usual way.
    """
    if not (ROOT / "bench" / "reading.py").is_file():
        raise PneumoError("Expected the folder bench/ beside pneumo_core/; it is not there.")
    if training and model is not None:
        raise typer.BadParameter("--model is for reading; training starts from random numbers.")
    if data is not None and not training:
        raise typer.BadParameter("a folder of films goes with --training.")
    if data is not None and not data.is_dir():
        raise typer.BadParameter(f"there is no folder {data}.")
    if training:
        chosen = ["bench.training", *([] if data is None else [str(data.absolute())])]
    else:
        chosen = ["bench.reading", *([] if model is None else ["--model", model])]
    if subprocess.run([sys.executable, "-m", *chosen], check=False, cwd=ROOT).returncode:
        raise typer.Exit(1)

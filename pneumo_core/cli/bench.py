"""`bench`: the time of a prediction, or of training, on this machine."""

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
        Path | None,
        typer.Argument(help="With --training: labelled films; synthetic ones by default."),
    ] = None,
    *,
    model: Annotated[str | None, typer.Option(help="Model to predict with.")] = None,
    training: Annotated[bool, typer.Option("--training", help="Time training instead.")] = False,
) -> None:
    """Time the start and one film, by OpenVINO and by Keras.

    With --training: the input pipeline and a whole epoch, beside a plain Keras training.
    """
    if not (ROOT / "bench" / "reading.py").is_file():
        raise PneumoError("Expected the folder bench/ beside pneumo_core/; it is not there.")
    if training and model is not None:
        raise typer.BadParameter("--model is for reading; training starts from random weights.")
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

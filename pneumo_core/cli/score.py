"""`score` and `bench`: an archive of films → Parquet, taken up again; how fast this machine is."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pneumo_core.cli.console import progress, tell
from pneumo_core.cli.exports import scored_row
from pneumo_core.config import ROOT
from pneumo_core.errors import PneumoError
from pneumo_core.formatting import count, duration

if TYPE_CHECKING:
    from pneumo_core.bundle import Bundle
    from pneumo_core.inference.score import Block, Destination, Written


class Engine(StrEnum):
    """Where the work is done."""

    LOCAL = "local"
    RAY = "ray"


class Partition(StrEnum):
    """What the folders of the destination stand for."""

    DAY = "day"
    SOURCE = "source"
    NONE = "none"


def score(  # noqa: PLR0913 - one argument an option
    source: Annotated[
        str,
        typer.Argument(
            help="A folder of films, a CSV or Parquet file with a column path, or a URL (s3://, "
            "gs://)."
        ),
    ],
    dest: Annotated[str, typer.Argument(help="Folder or URL for the Parquet files.")],
    *,
    engine: Annotated[
        Engine, typer.Option(help="local: all cores of this machine; ray: a cluster.")
    ] = Engine.LOCAL,
    address: Annotated[
        str | None, typer.Option(help="With --engine ray: of the cluster; this machine by default.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="With --engine ray: networks that run at a time.")
    ] = None,
    partition: Annotated[
        Partition,
        typer.Option(help="Folders of the destination: a day, or a folder of the source each."),
    ] = Partition.DAY,
    block: Annotated[int, typer.Option(min=1, help="Films a file of the destination.")] = 500,
    model: Annotated[str | None, typer.Option(help="Bundle to read with.")] = None,
) -> None:
    """Score an archive: the rows of `predict` as Parquet, a file for some hundred films.

    Started again it does only what is not done, whatever ended it. Ends with 1 if a file could not
    be read: it has its row, and the rest is read.
    """
    if engine is Engine.LOCAL and (address or workers):
        raise typer.BadParameter("--address and --workers go with --engine ray. Leave them out.")
    from pneumo_core.bundle import load_bundle
    from pneumo_core.inference.score import Destination, blocks_of
    from pneumo_core.inference.sources import archive_of

    bundle = load_bundle(model)
    films = archive_of(source)
    destination = Destination(dest)
    destination.begin(bundle, source)
    done = destination.done()
    blocks = blocks_of(films, partition=partition.value, size=block, done=done)
    work = _work(engine, blocks, destination, bundle, address=address, workers=workers)
    scored, failures, rejected = _followed(work)
    destination.end(len(done) + scored, failures)
    if done:
        tell(f"{count(len(done), 'files')} had an answer already; {scored:,} were read.")
    if failures or rejected:
        tell(f"Of {count(scored, 'files')} {failures:,} could not be read, {rejected:,} rejected.")
    if not done and not scored:
        tell("Error: expected at least one film; the source holds no file.")
    if failures or not (done or scored):
        raise typer.Exit(1)


def _work(  # noqa: PLR0913 - one argument a choice
    engine: Engine,
    blocks: Iterator[Block],
    destination: Destination,
    bundle: Bundle,
    *,
    address: str | None,
    workers: int | None,
) -> Iterator[Written]:
    from pneumo_core.inference.score import score_here

    if engine is Engine.LOCAL:
        return score_here(blocks, destination, bundle, scored_row)
    from pneumo_core.bundle.framing import framing_of
    from pneumo_core.inference.prepare import Form
    from pneumo_core.inference.score_ray import ray_module, score_on_ray

    ray_module()
    form = Form(framing_of(bundle).side, display=False)
    return score_on_ray(
        blocks,
        destination.place,
        bundle,
        scored_row,
        form=form,
        address=address,
        workers=workers,
    )


def _followed(work: Iterator[Written]) -> tuple[int, int, int]:
    """Films scored, not read and rejected; how far it is goes to the person."""
    films = failures = rejected = 0
    began = time.monotonic()
    with progress() as report:
        for written in work:
            films += written.films
            failures += written.failures
            rejected += written.rejected
            spent = time.monotonic() - began
            pace = f"{count(films, 'files')} in {duration(spent)}, {films / spent:.1f} a second"
            report("score", films, films, pace)
    return films, failures, rejected


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

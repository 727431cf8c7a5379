"""`train`: a data set → a run → a bundle."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pneumo_core.cli.console import (
    TRAINING,
    emit,
    pasted,
    progress,
    start_keras,
    tell,
)
from pneumo_core.cli.data import folder_of_films
from pneumo_core.cli.models import caution
from pneumo_core.formatting import figure

if TYPE_CHECKING:
    from pneumo_core.bundle import Bundle
    from pneumo_core.config import Settings
    from pneumo_core.progress import Progress
    from pneumo_core.training.runs.run import Run
    from pneumo_core.training.sources import FilmSource


def train(  # noqa: PLR0913 - one argument an option
    data: Annotated[
        list[Path],
        typer.Argument(
            help="Folder of labelled films, or a ZIP of it; several for several sources.",
            parser=folder_of_films,
        ),
    ],
    *,
    labels: Annotated[
        list[Path] | None,
        typer.Option(help="Table of labels; of several DATA one each, in their order or inside."),
    ] = None,
    mapping: Annotated[
        list[Path] | None,
        typer.Option("--map", help="Columns and classes of the table, as pneumo-dataset.toml."),
    ] = None,
    runs: Annotated[Path | None, typer.Option(help="Folder of runs.")] = None,
    preset: Annotated[str, typer.Option(help="quick, standard or full.")] = "standard",
    backbone: Annotated[
        str | None,
        typer.Option(
            help="resnet50 if not said; resnet50v2, densenet121, densenet169, mobilenetv2, "
            "efficientnetv2b0; or cnn, small and from scratch."
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(help="imagenet, none, a weights file, or a model to start from, by its name."),
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="three-class or binary; if not said, what the films allow.")
    ] = None,
    size: Annotated[int | None, typer.Option(help="Side of the network's input in pixels.")] = None,
    frame: Annotated[
        str | None, typer.Option(help="What it sees: the whole film, or a frame set by its lungs.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the films.")] = None,
    batch: Annotated[int | None, typer.Option(help="Batch size.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    thaw: Annotated[
        float | None,
        typer.Option(
            help="Share of the steps over which layers unfreeze from the top; 0: at once."
        ),
    ] = None,
    folds: Annotated[
        int | None, typer.Option(help="1 holds a fifth out; K is cross-validated.")
    ] = None,
    measured_folds: Annotated[
        int | None, typer.Option(help="Of the K folds, how many are trained and measured.")
    ] = None,
    hold_out: Annotated[
        str | None, typer.Option(help="patients, at random; or numbers, by range of film numbers.")
    ] = None,
    leave_source_out: Annotated[
        bool | None,
        typer.Option(
            "--leave-source-out",
            help="Of several sources, also train without each and measure on it.",
        ),
    ] = None,
    robustness: Annotated[
        bool | None,
        typer.Option(help="Run the robustness suite at the end; quick leaves it out."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, float32 or mixed_bfloat16.")] = None,
    other: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Any other setting of the recipe, as a run's config.json names it; repeatable.",
        ),
    ] = None,
    resume: Annotated[str | None, typer.Option(help="Id of an interrupted run.")] = None,
    bundle: Annotated[str | None, typer.Option(help="Name of the bundle to write.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--replace", help="Overwrite a bundle of that name.")
    ] = False,
    put_in_service: Annotated[
        bool, typer.Option("--activate", help="Predict with it from now on.")
    ] = False,
) -> None:
    """Train a model: holds patients out, calibrates on them and writes a bundle with its card."""
    from dataclasses import replace

    from pneumo_core.bundle import activate
    from pneumo_core.config import load_settings
    from pneumo_core.training.plan.settings import parse_choices
    from pneumo_core.training.recipe import make_recipe
    from pneumo_core.training.runs.history import MEASURED_AGAIN
    from pneumo_core.training.runs.queue import create_named_run, queue_lock
    from pneumo_core.training.runs.run import find_run
    from pneumo_core.training.sources import FilmSource

    settings = load_settings()
    if runs is not None:
        settings = replace(settings, runs_dir=runs)
    for folder in data:
        if not folder.is_dir():
            raise typer.BadParameter(f"there is no folder {folder}.")
    sources = [
        FilmSource(folder, table, toml)
        for folder, table, toml in zip(
            data,
            _for_each(data, labels, "--labels"),
            _for_each(data, mapping, "--map"),
            strict=True,
        )
    ]
    if os.environ.get("TF_CONFIG") and _assisted(sources, settings):
        return
    if resume is not None:
        run = find_run(settings.runs_dir, resume)
        _same_sources(run, sources)
        _go_on(run, settings)
    else:
        others = parse_choices(other or [])
        named = {
            "backbone": backbone,
            "weights": weights,
            "task": task or (None if "task" in others else _task_of(sources)),
            "size": size,
            "frame": frame,
            "epochs": epochs,
            "batch": batch,
            "learning_rate": learning_rate,
            "thaw": thaw,
            "folds": folds,
            "measured_folds": measured_folds,
            "hold_out": hold_out,
            "leave_source_out": leave_source_out,
            "robustness": robustness,
            "seed": seed,
            "precision": precision,
        }
        recipe = make_recipe(preset, **_laid_over(named, others))
        with queue_lock(settings.runs_dir):
            run = create_named_run(
                recipe,
                data=data[0],
                sources=sources,
                settings=settings,
                bundle=bundle,
                replace=overwrite,
            )
    again = _again(run, data, runs, put_in_service=put_in_service)
    tell(f"Run {run.id}. If it is interrupted: {again}")
    try:
        with progress() as report:
            made = train_queued(run, settings, report)
    except KeyboardInterrupt:
        status = run.status()
        kept = "The finished epochs are kept" if status.epoch or status.fold else "No epoch is done"
        tell(f"Stopped. {kept}; continue with: {again}")
        raise typer.Exit(130) from None
    if put_in_service:
        activate(made.name, settings.models_dir)
    tell(MEASURED_AGAIN)
    emit(_figures_of(made))
    caution(made.name, made.card, in_service=put_in_service)


def train_queued(run: Run, settings: Settings, report: Progress) -> Bundle:
    """Train `run` in this process once the queue reaches it."""
    from pneumo_core.errors import DataSetError
    from pneumo_core.training.runs.queue import run_queued
    from pneumo_core.training.runs.status import folder_missing

    def work(report: Progress) -> Bundle:
        data = Path(run.config()["data"])
        if not data.is_dir():  # checked before Keras, which takes long to load
            raise DataSetError(folder_missing(data))
        start_keras()  # not while the run waits: it takes a gigabyte
        from pneumo_core.training.train import train

        return train(run, settings=settings, report=report)

    return run_queued(run, work, settings=settings, report=report)


def _laid_over(named: dict[str, Any], others: dict[str, Any]) -> dict[str, Any]:
    """The settings of options of their own with those of `--set`; one given twice is refused."""
    for name in others:
        if named.get(name) not in {None, False}:
            option = f"--{name.replace('_', '-')}"
            raise typer.BadParameter(f"{name} is given twice: by {option} and by --set.")
    return {**named, **others}


def _for_each(data: list[Path], given: list[Path] | None, option: str) -> list[Path | None]:
    """The file of each folder: that inside it or, where there is one for each, in their order."""
    files = given or []
    for file in files:
        if not file.exists():
            raise typer.BadParameter(f"{option}: there is no {file}.")
    if len(files) == len(data):
        return list(files)
    found: dict[Path, Path] = {}
    for file in files:
        homes = [folder for folder in data if file.resolve().is_relative_to(folder.resolve())]
        if not homes or homes[0] in found:
            raise typer.BadParameter(
                f"{option}: expected one for each DATA, in their order, or one inside its DATA; "
                f"{file} is neither."
            )
        found[homes[0]] = file
    return [found.get(folder) for folder in data]


def _task_of(sources: list[FilmSource]) -> str | None:
    """What the films allow, said where it is not the usual task; None for the usual one."""
    from pneumo_core.training.dataset import material_of, task_of

    task = task_of(material_of(sources))
    if task == "three-class":
        return None
    tell(f"Task: {task} (normal, pneumonia). Not every film is labelled bacterial or viral.")
    return task


def _again(run: Run, data: list[Path], runs: Path | None, *, put_in_service: bool) -> str:
    """The command that goes on with `run`, as it was started."""
    where = () if runs is None else ("--runs", runs)
    activated = ("--activate",) if put_in_service else ()
    carried = TRAINING if runs is not None else ("PNEUMO_RUNS", *TRAINING)
    return pasted("train", *data, *where, "--resume", run.id, *activated, carrying=carried)


def _figures_of(made: Bundle) -> str:
    figures = made.card.document["figures"]
    return (
        f"Model {made.name}: validation AUC {figure('auc', figures['auc'])}, "
        f"sensitivity {figure('sensitivity', figures['sensitivity'])}, "
        f"specificity {figure('specificity', figures['specificity'])}"
    )


def _assisted(sources: list[FilmSource], settings: Settings) -> bool:
    """Work for the chief where TF_CONFIG makes this machine a worker; whether it does."""
    start_keras()
    from pneumo_core.training.distributed import join_devices

    if join_devices().chief:
        return False
    from pneumo_core.training.train import assist

    with progress() as report:
        assist(sources, settings=settings, report=report)
    emit("This machine's part is done. The chief writes the run and the model.")
    return True


def _go_on(run: Run, settings: Settings) -> None:
    """Clear an earlier stop or cancel, or the run would end at once.

    Raises TrainingError where nothing is left to do: the run is done and its bundle is there.
    """
    from pneumo_core.bundle import bundle_names
    from pneumo_core.errors import TrainingError
    from pneumo_core.training.runs.status import LIVE, PHASES

    status = run.status()
    measured = status.phase != PHASES["robustness"]  # the suite may be left where it broke off
    if (
        status.state == "done"
        and measured
        and status.delivered in bundle_names(settings.models_dir)
    ):
        raise TrainingError(
            f"Expected a run with something left to train; run {run.id} is finished, its model is "
            f"{status.delivered}. To train longer, start a new run with more epochs."
        )
    if status.state not in LIVE:
        run.clear_requests()


def _same_sources(run: Run, sources: list[FilmSource]) -> None:
    """Raise TrainingError unless the run was started on these folders."""
    from pneumo_core.errors import TrainingError
    from pneumo_core.training.sources import sources_of

    begun = [source.folder for source in sources_of(run.config())]
    given = [source.folder for source in sources]
    if [folder.resolve() for folder in begun] != [folder.resolve() for folder in given]:
        was, got = (", ".join(map(str, folders)) for folders in (begun, given))
        raise TrainingError(
            f"Expected the folder that run {run.id} was started on, {was}; got {got}. "
            "Name that folder, or start a new run."
        )

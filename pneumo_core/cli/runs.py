"""`runs`, `machine`, `lesson`: what trains here, on what, and three short experiments."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pneumo_core.cli.console import emit, emit_json, pasted, progress, start_keras, tell
from pneumo_core.storage import read_json

if TYPE_CHECKING:
    from pneumo_core.training.runs.run import Run

app = typer.Typer(help="The training runs: list, show, stop, cancel, resume, delete, compare.")

RunId = Annotated[str, typer.Argument(metavar="ID", help="Id of the run.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]


@app.callback(invoke_without_command=True)
def runs(
    context: typer.Context,
    *,
    folder: Annotated[Path | None, typer.Option("--runs", help="Folder of the runs.")] = None,
) -> None:
    """List the runs where no other command is given."""
    if folder is not None:  # for the processes that this one starts as well
        os.environ["PNEUMO_RUNS"] = str(folder.absolute())
    if context.invoked_subcommand is None:
        list_all()


@app.command("list")
def list_all(*, json: AsJson = False) -> None:
    """A line a run, the latest first."""
    from pneumo_core.config import load_settings
    from pneumo_core.training.runs.history import in_words, run_rows

    rows = run_rows(load_settings().runs_dir)
    if json:
        emit_json(rows)
        return
    for row in rows:
        auc = in_words(row.get("auc") or row.get("val_auc"))
        estimate = " after the last epoch, an estimate" * (not row.get("auc") and auc != "–")
        emit(f"{row['run']}\t{row['state']}\t{row['data']}\tvalidation AUC {auc}{estimate}")
    if not rows:
        tell("There is no run yet. Start one with: python -m pneumo_core train DATA")


@app.command()
def show(run_id: RunId, *, json: AsJson = False) -> None:
    """How a run summary, what it was asked for and what it has reached."""
    from pneumo_core.training.runs.history import in_words, row_of

    run = _find(run_id)
    row, summary = row_of(run), run.summary()
    if json:
        emit_json({**row, "config": run.config(), "status": _status_of(run)})
        return
    emit(f"{run.id}: {summary.state.words}. {summary.message} {summary.remedy}".rstrip())
    for name, value in row.items():
        if name not in {"run", "state"} and in_words(value) != "–":
            emit(f"  {name}: {in_words(value)}")


@app.command()
def stop(run_id: RunId) -> None:
    """End a run after the step it is at; its best epoch so far becomes the model."""
    run = _find(run_id)
    run.stop()
    emit(f"{run.id} is {run.status().state}.")


@app.command()
def cancel(run_id: RunId) -> None:
    """End a run at once, without a model. It can be resumed."""
    run = _find(run_id)
    run.cancel()
    emit(f"{run.id} is {run.status().state}.")


@app.command()
def resume(run_id: RunId) -> None:
    """Let a run go on in the background, after its last finished epoch."""
    from pneumo_core.config import load_settings
    from pneumo_core.training.runs.queue import resume_run

    run = _find(run_id)
    resume_run(run, settings=load_settings())
    see = pasted("runs", "show", run.id, carrying=("PNEUMO_RUNS",))
    emit(f"{run.id} is {run.status().state}. See: {see}")


@app.command()
def delete(run_id: RunId, *, yes: Annotated[bool, typer.Option("--yes")] = False) -> None:
    """Remove a run's folder: its curves and what it could resume from. Its model stays."""
    from pneumo_core.training.runs.queue import delete_run

    run = _find(run_id)
    if not yes:
        typer.confirm(f"Delete {run.id} for good?", abort=True, err=True)
    delete_run(run)
    emit(f"{run.id} is deleted.")


@app.command()
def compare(
    run_ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Two runs or more.")],
    *,
    json: AsJson = False,
) -> None:
    """What runs differ in: their settings, their films, their figures."""
    from pneumo_core.training.runs.history import differences, in_words, row_of, settings_of

    if len(set(run_ids)) < 2:
        raise typer.BadParameter("expected two runs or more.")
    chosen = [_find(run_id) for run_id in dict.fromkeys(run_ids)]
    table = differences({run.id: {**settings_of(run), **row_of(run)} for run in chosen})
    if json:
        emit_json(table)
        return
    emit("\t".join(["", *(run.id for run in chosen)]))
    for name, row in table.items():
        if name != "run":
            emit("\t".join([name, *(in_words(row[run.id]) for run in chosen)]))


@app.command(hidden=True)
def carry(run_id: RunId) -> None:
    """Train a prepared run in this process; `training.runs.queue` starts this."""
    from pneumo_core.cli.train import train_queued
    from pneumo_core.config import load_settings

    run = _find(run_id)
    tell(f"Run {run.id}, process started.")
    with progress() as report:
        made = train_queued(run, load_settings(), report)
    emit(f"Model {made.name} is written.")


def _status_of(run: Run) -> dict[str, Any]:
    """What status.json says, with the state that the run has in fact."""
    return {**read_json(run.folder / "status.json"), "state": run.status().state}


def _find(run_id: str) -> Run:
    from pneumo_core.config import load_settings
    from pneumo_core.training.runs.run import find_run

    return find_run(load_settings().runs_dir, run_id)


machine_app = typer.Typer(help="What this machine offers a training.")


@machine_app.callback(invoke_without_command=True)
def machine(
    context: typer.Context,
    *,
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Cores, memory, GPUs, precision."""
    if context.invoked_subcommand is not None:
        return
    from pneumo_core.config import load_settings
    from pneumo_core.training.hardware import find_and_cache_machine

    start_keras()
    found = find_and_cache_machine(load_settings())
    if json:
        emit_json(asdict(found))
        return
    emit(found.sentence())
    xla = "with XLA" if found.xla else "without XLA"
    emit(f"Keras on {found.backend}, {found.policy} {xla}")


@machine_app.command()
def preview(
    data: Annotated[list[Path], typer.Argument(help="Folder of labelled films, or several.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder for the examples and the summary.")],
    preset: Annotated[str, typer.Option(help="quick, standard or full.")] = "standard",
    other: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting of the recipe; repeatable."),
    ] = None,
) -> None:
    """Write sixteen augmented examples as a training sees them, and say how its network is built.

    Nothing is trained.
    """
    from pneumo_core.config import load_settings
    from pneumo_core.training.plan.settings import parse_choices, write_preview
    from pneumo_core.training.recipe import make_recipe
    from pneumo_core.training.sources import FilmSource

    settings = load_settings()
    recipe = make_recipe(preset, **parse_choices(other or []))
    start_keras()
    with progress() as report:
        from pneumo_core.training.dataset import look_at

        corpus = look_at([FilmSource(one) for one in data], recipe, settings, report)
        made = write_preview(recipe, corpus, out, report)
    for part in made.parts:
        shape = " x ".join(map(str, part.output))
        emit(f"{part.name}\t{part.layers} layers\t{part.parameters:,} parameters\t{shape}")
    emit(
        f"{made.parameters:,} parameters, {made.trainable:,} trained; "
        f"{made.multiply_adds / 1e9:.2f} billion multiply-adds a film"
    )


@machine_app.command()
def pace(
    *,
    backbone: Annotated[str, typer.Option(help="Name of the network.")] = "resnet50",
    weights: Annotated[str, typer.Option(help="imagenet or none.")] = "imagenet",
    size: Annotated[int, typer.Option(help="Side of the network's input in pixels.")] = 224,
    batch: Annotated[int, typer.Option(help="Batch size.")] = 32,
    precision: Annotated[str, typer.Option(help="auto, float32 or mixed_bfloat16.")] = "auto",
) -> None:
    """Train a few steps on noise and say how fast that was; estimates use it from then on."""
    from pneumo_core.config import load_settings
    from pneumo_core.formatting import file_size
    from pneumo_core.training.recipe import make_recipe
    from pneumo_core.training.runs.estimate import measure_pace

    recipe = make_recipe(
        backbone=backbone,
        weights=None if backbone == "cnn" else weights,
        size=size,
        batch=batch,
        precision=precision,
    )
    start_keras()
    with progress() as report:
        found = measure_pace(recipe, load_settings(), report=report)
    emit(
        f"{backbone} at {size} px: {1 / found.train:.1f} films a second in training, "
        f"{1 / found.validation:.1f} in validation, {file_size(found.memory)} of memory"
    )


def lesson(
    name: Annotated[str, typer.Argument(help="transfer, leak or borders.")],
    data: Annotated[
        Path | None,
        typer.Argument(help="Folder of labelled films; synthetic films if not said.", exists=True),
    ] = None,
    *,
    weights: Annotated[
        str | None,
        typer.Option(help="Of transfer: a weights file or a model to start from."),
    ] = None,
    json: AsJson = False,
) -> None:
    """A guided experiment of a few minutes that ends with figures and a paragraph."""
    from pneumo_core.config import load_settings
    from pneumo_core.training.lessons.lesson import find_lesson, teach

    found = find_lesson(name)
    settings = load_settings()
    if not json:
        emit(found.title)
        emit(" ".join(filter(None, [found.story, found.on_synthetic if data is None else ""])))
    start_keras()
    with progress() as report:
        outcome = teach(name, data, settings, report, weights=weights)
    if json:
        emit_json(asdict(outcome))
        return
    for one in outcome.dots:
        emit(f"{one.name}\t{one.series}\tAUC {one}\t{one.films:,} films")
    for line in (outcome.trained, outcome.words, *outcome.notes):
        emit(line)

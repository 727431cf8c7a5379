"""`machine`: what this machine offers a training, and how fast it trains."""

from __future__ import annotations

from typing import Annotated

import typer

from pneumo_core.cli.console import emit, emit_json, progress

app = typer.Typer(help="What this machine offers a training.")


@app.callback(invoke_without_command=True)
def machine(
    context: typer.Context,
    *,
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Cores, memory, GPUs, precision."""
    if context.invoked_subcommand is not None:
        return
    from pneumo_core.cli.train import start_keras
    from pneumo_core.config import load_settings
    from pneumo_core.training.hardware import as_document, look_at_hardware

    start_keras()
    found = look_at_hardware(load_settings())
    if json:
        emit_json(as_document(found))
        return
    emit(found.sentence())
    xla = "with XLA" if found.xla else "without XLA"
    emit(f"Keras on {found.backend}, {found.policy} {xla}")


@app.command()
def pace(
    *,
    backbone: Annotated[str, typer.Option(help="Name of the network.")] = "resnet50",
    weights: Annotated[str, typer.Option(help="imagenet or none.")] = "imagenet",
    size: Annotated[int, typer.Option(help="Side of the network's input in pixels.")] = 224,
    batch: Annotated[int, typer.Option(help="Films a step.")] = 32,
    precision: Annotated[str, typer.Option(help="auto, float32 or mixed_bfloat16.")] = "auto",
) -> None:
    """Train a few steps on noise and say how fast that was; estimates use it from then on."""
    from pneumo_core.cli.train import start_keras
    from pneumo_core.config import load_settings
    from pneumo_core.training.hardware import gigabytes
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
        f"{1 / found.validation:.1f} in validation, {gigabytes(found.memory)} of memory"
    )

"""`train-lungs`: films and lung masks → the lung finder in models/lungs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pneumo_core.cli.console import emit, progress, start_keras

if TYPE_CHECKING:
    from pneumo_core.bundle.lung_finder import LungFinder


def train_lungs(  # noqa: PLR0913 - one argument an option
    images: Annotated[Path, typer.Argument(help="Folder of labelled films.")],
    masks: Annotated[
        Path, typer.Argument(help="Folder of lung masks: a PNG for each film, named as the film.")
    ],
    *,
    adults: Annotated[
        Path | None, typer.Option(help="Folder of frontal chest films without masks, of adults.")
    ] = None,
    bundle: Annotated[
        str, typer.Option(help="Name of the bundle to write; only `lungs` is used for reading.")
    ] = "lungs",
    steps: Annotated[int, typer.Option(min=1, help="Batches to train on.")] = 2400,
    continue_steps: Annotated[
        int,
        typer.Option(
            min=0,
            help="Batches for which a fold's network is trained on: with its patients to be "
            "measured, with all masks as the final network; 0: the final network starts anew.",
        ),
    ] = 0,
    batch: Annotated[int, typer.Option(min=1, help="Batch size.")] = 16,
    folds: Annotated[int, typer.Option(min=2, help="Folds of patients.")] = 3,
    measured_folds: Annotated[
        int | None,
        typer.Option(
            min=0, help="How many of the folds are held out and measured; all if not said."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 7,
    overwrite: Annotated[
        bool, typer.Option("--replace", help="Overwrite a finder of that name.")
    ] = False,
) -> None:
    """Train the lung finder: measured on held-out patients, then trained on all masks."""
    from pneumo_core.config import load_settings
    from pneumo_core.training.lungs.export import check_finder_name
    from pneumo_core.training.lungs.train import mask_files

    settings = load_settings()
    for folder in (images, *([adults] if adults else [])):
        if not folder.is_dir():
            raise typer.BadParameter(f"there is no folder {folder}.")
    mask_files(masks)  # what is missing is said before Keras, which takes long to load
    check_finder_name(bundle, settings.models_dir, replace=overwrite)
    measured = folds if measured_folds is None else measured_folds
    if measured > folds:
        raise typer.BadParameter(f"expected at most {folds} measured folds, got {measured}.")
    start_keras()
    from pneumo_core.training.lungs.fit import FinderRecipe
    from pneumo_core.training.lungs.train import HoldOut
    from pneumo_core.training.lungs.train import train_lungs as train

    with progress() as report:
        made = train(
            images,
            masks,
            adults=adults,
            name=bundle,
            recipe=FinderRecipe(
                steps=steps, continued_steps=continue_steps, batch=batch, seed=seed
            ),
            hold_out=HoldOut(folds, measured),
            settings=settings,
            replace=overwrite,
            report=report,
        )
    emit(_words(made))


def _words(made: LungFinder) -> str:
    figures = made.card["figures"]
    if not figures:
        return f"Lung finder {made.path.name}: written, no patients were held out."
    dice, edges = figures["dice"], figures["edges_within_4_percent"]
    return (
        f"Lung finder {made.path.name}: Dice {dice['value']:.3f} "
        f"[{dice['low']:.3f}-{dice['high']:.3f}] on held-out patients, "
        f"{100 * edges['value']:.1f} % of the box edges within 4 % of the film"
    )

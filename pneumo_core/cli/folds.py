"""`folds`: the split by patient that training uses, shown and written down."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pneumo_core.cli.console import emit, progress, tell
from pneumo_core.cli.writing import OutputFile, words_for
from pneumo_core.formatting import amount, were

if TYPE_CHECKING:
    import pandas as pd


def folds(
    folder: Annotated[Path, typer.Argument(metavar="DATA", help="Folder of labelled films.")],
    *,
    number: Annotated[
        int | None,
        typer.Option("--folds", min=2, metavar="K", help="How many; as `train` where not said."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="S", help="Same seed, same folds; as `train`.")
    ] = None,
    out: Annotated[Path | None, OutputFile("Manifest with the films' hashes, JSON.")] = None,
) -> None:
    """Share the films out by patient, as training does: train and val together, test left out."""
    from pneumo_core.dataset.folds import (
        grouped_folds,
        learning_films,
        straddling_groups,
        write_manifest,
    )
    from pneumo_core.dataset.index import index_folder
    from pneumo_core.training.dataset import HOLDOUT_FOLDS
    from pneumo_core.training.recipe import Recipe

    seed = Recipe.seed if seed is None else seed
    with progress() as report:
        found = index_folder(folder, progress=lambda done, n: report("films", done, n, ""))
    films = learning_films(found)
    fold = grouped_folds(films, folds=number or HOLDOUT_FOLDS, seed=seed)
    emit(_table(films.assign(fold=fold)))
    torn = straddling_groups(films, fold)
    straddling = f"{amount(len(torn), 'patients')} {were(len(torn))} put into two folds."
    emit(straddling if torn else "No patient is in two folds.")
    if out is not None:
        with words_for(out):
            write_manifest(films, fold, out, seed=seed)
        emit(f"The manifest is {out}; seed {seed}.")
    unreadable = found[~found["readable"]]
    for row in unreadable.itertuples():
        tell(f"Not read: {row.film}: {row.problem}")
    if len(unreadable):
        raise typer.Exit(1)


def _table(films: pd.DataFrame) -> str:
    """A line a fold: films, patients, subtypes."""
    lines = []
    for number, part in films.groupby("fold"):
        subtypes = part["subtype"].value_counts()
        counts = ", ".join(f"{subtypes[name]:,} {name}" for name in sorted(subtypes.index))
        patients = amount(part["group"].nunique(), "patients")
        films_of = f"{amount(len(part), 'films')} of {patients}"
        lines.append(f"fold {number}: {films_of}: {counts}")
    return "\n".join(lines)

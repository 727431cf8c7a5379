"""The films a run learns from: a folder → index, pixels, class labels and folds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.dataset.cohorts import number_blocks
from pneumo_core.dataset.folds import grouped_folds, learning_films, read_manifest, write_manifest
from pneumo_core.dataset.index import index_folder
from pneumo_core.dataset.pixel_cache import pixel_cache
from pneumo_core.errors import DataSetError
from pneumo_core.synthetic.demo_data import are_drawn

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from pneumo_core.config import Settings
    from pneumo_core.learning.recipe import Recipe
    from pneumo_core.learning.runs import Run

Report = Callable[[str, int, int, str], None]  # phase, done, total, words
HOLDOUT_FOLDS = 5


@dataclass(frozen=True)
class Corpus:
    """The films a run may learn from: every readable film outside the test split.

    index: that of `films.index`, with "drawn" (bool): whether Pneumo drew the film itself.
    """

    index: pd.DataFrame
    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    fold: NDArray[np.int64]

    @property
    def groups(self) -> NDArray[Any]:
        """Patient key of each film."""
        return self.index["group"].to_numpy()


def gather(data: Path, recipe: Recipe, run: Run, settings: Settings, report: Report) -> Corpus:
    """Index, decode and fold the films below `data`. Raises DataSetError."""
    run.update(phase="reading the films")
    found = index_folder(data, progress=lambda done, total: report("index", done, total, ""))
    usable = learning_films(found)
    unread = int((~found["readable"]).sum())
    kept = len(found) - len(usable) - unread
    run.update(unreadable=found["film"][~found["readable"]].tolist())
    report("index", 1, 1, _told(len(usable), kept, unread))
    labels = class_labels(usable, recipe)
    pixels = pixel_cache(
        usable,
        data,
        size=recipe.size,
        cache_dir=settings.cache_dir,
        progress=lambda done, total: report("decode", done, total, ""),
    )
    fold = _folds(usable, recipe, run.folder / "folds.json")
    return Corpus(usable.assign(drawn=are_drawn(usable, data)), pixels, labels, fold)


def _folds(usable: pd.DataFrame, recipe: Recipe, manifest: Path) -> NDArray[np.int64]:
    """The run's folds: those it began with, where it goes on."""
    if manifest.exists():
        return read_manifest(manifest).fold_of(usable)
    folds = recipe.folds if recipe.folds > 1 else HOLDOUT_FOLDS
    if recipe.hold_out == "numbers":
        fold = number_blocks(usable, blocks=folds)
    else:
        fold = grouped_folds(usable, folds=folds, seed=recipe.seed)
    write_manifest(usable, fold, manifest, seed=recipe.seed)
    return fold


def class_labels(index: pd.DataFrame, recipe: Recipe) -> NDArray[np.int64]:
    """Class of each film as an index into `recipe.classes`. Raises DataSetError."""
    column = "subtype" if recipe.task == "three-class" else "label"
    names = list(recipe.classes)
    strange = ~index[column].isin(names)
    if strange.any():
        raise DataSetError(
            f"Expected every film to be one of {', '.join(names)}; {int(strange.sum())} films are "
            f"not, the first {index['film'][strange].iloc[0]}. Train with --task binary."
        )
    labels = np.array([names.index(value) for value in index[column]], dtype=np.int64)
    missing = [name for i, name in enumerate(names) if not (labels == i).any()]
    if missing:
        raise DataSetError(
            f"Expected films of every class; there is no {' and no '.join(missing)} film."
        )
    return labels


def _told(learnt: int, kept: int, unread: int) -> str:
    """What becomes of the films found."""
    words = [f"{learnt:,} films to learn from"]
    if kept:
        words.append(f"{kept:,} of the test split kept apart")
    if unread:
        words.append(f"{unread:,} that cannot be read left out")
    return ", ".join(words)

"""The same films, disturbed: what a model owes to framing, exposure, storage and marks."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core import metrics
from pneumo_core.dataset.index import index_folder
from pneumo_core.dataset.pixel_cache import pixel_cache
from pneumo_core.errors import DataSetError
from pneumo_core.evaluation.leakage import select_films
from pneumo_core.inference.runtime import BATCH, Runtime
from pneumo_core.metrics.robustness import CLEAN, lungless_words, table_from, worst_words
from pneumo_core.perturbations import ABOUT, DISTURBANCES, disturb
from pneumo_core.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import pandas as pd

    from pneumo_core.bundle import Bundle
    from pneumo_core.config import Settings

    Films = tuple[npt.NDArray[np.uint8], pd.DataFrame]


def stress(  # noqa: PLR0913 - four of the six are options
    bundle: Bundle,
    source: Path | Films,
    *,
    settings: Settings,
    names: Sequence[str] | None = None,
    limit: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Read films as they are and under every disturbance; figures at the bundle's locked points.

    source: a folder of labelled films, or (pixels uint8 (N,S,S) of the bundle's size, table with
    `film` and `label` a row). Of these, films the model did not train on are measured, all only
    where there are none: see `review.held_out`, and `words` in the result.
    names: of films.disturb.DISTURBANCES, all by default; limit: films a class, drawn at random
    but always the same ones. Returns, ready for JSON,
      model, films, normal, pneumonia, held_out (bool), points {screening, balanced, ruling_in}
      words       which films these are
      worst       the disturbance that costs most; where the films are few, that alone
      lungless    one sentence: the AUC without lungs, "" if not measured, or on few films
      rows        as `metrics.shift.table_from` gives them, the films as they are first
      unread      [{"film", "problem"}] of the folder
    Raises DataSetError where no film can be read, ValueError for an unknown name.
    """
    chosen = list(DISTURBANCES) if names is None else list(names)
    unknown = [name for name in chosen if name not in DISTURBANCES]
    if unknown:
        raise ValueError(
            f"Expected names of disturbances, got {unknown[0]!r}. There are: "
            f"{', '.join(DISTURBANCES)}."
        )
    table, unread = _films_of(source, progress)
    selection = select_films(bundle, table, limit=limit)
    table = table.iloc[selection.rows].reset_index(drop=True)
    if isinstance(source, Path):
        pixels = pixel_cache(
            table,
            source,
            size=bundle.size,
            cache_dir=settings.cache_dir,
            progress=progress,
        )
    else:
        pixels = source[0][selection.rows]
    p = _probabilities(bundle, pixels, chosen, progress)
    sick = (table["label"] == "pneumonia").to_numpy()
    points = asdict(bundle.points)
    figures = table_from(sick, p.pop(CLEAN), p, points, about=ABOUT)
    return {
        "model": bundle.name,
        "films": len(table),
        "normal": int((~sick).sum()),
        "pneumonia": int(sick.sum()),
        "held_out": selection.held_out,
        "points": points,
        "words": selection.words,
        "worst": worst_words(figures),
        "lungless": lungless_words(figures),
        "rows": figures,
        "unread": unread,
    }


def _probabilities(
    bundle: Bundle, pixels: npt.NDArray[np.uint8], names: Sequence[str], progress: Progress
) -> dict[str, npt.NDArray[np.float64]]:
    """P(pneumonia) of every film, float (N,), as it is and under each of `names`."""
    runtime, found = Runtime(bundle), {}
    total = len(pixels) * (1 + len(names))
    for turn, name in enumerate((CLEAN, *names)):
        progress("stress", turn * len(pixels), total, name)
        parts = []
        for start in range(0, len(pixels), BATCH):
            films = np.asarray(pixels[start : start + BATCH])
            if name != CLEAN:
                films = disturb(films, name, first=start)
            chances = metrics.probabilities(runtime.run(films)[0], bundle.temperature)
            parts.append(1.0 - chances[:, 0])
            progress("stress", turn * len(pixels) + start + len(films), total, "")
        found[name] = np.concatenate(parts)
    return found


def _films_of(
    source: Path | Films, progress: Progress
) -> tuple[pd.DataFrame, list[dict[str, str]]]:
    """The readable films, and of a folder those that are not, each with its problem."""
    if not isinstance(source, Path):
        return source[1], []
    found = index_folder(source, progress=progress)
    readable = found[found["readable"]].reset_index(drop=True)
    if readable.empty:
        raise DataSetError(f"Expected readable films in the data; none of {len(found)} is.")
    broken = found[~found["readable"]]
    pairs = zip(broken["film"], broken["problem"], strict=True)
    return readable, [{"film": film, "problem": problem} for film, problem in pairs]

"""Robustness: a model on the same images cropped, stretched, recompressed, blurred or marked."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.dataset.film_facts import readable_films
from pneumo_core.dataset.index import index_folder
from pneumo_core.dataset.pixel_cache import pixel_cache
from pneumo_core.evaluation.leakage import select_films
from pneumo_core.inference.runtime import BATCH, Runtime
from pneumo_core.metrics.robustness import CLEAN, lungless_words, robustness_rows, worst_words
from pneumo_core.perturbations import ABOUT, PERTURBATIONS, perturb
from pneumo_core.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import pandas as pd

    from pneumo_core.bundle import Bundle
    from pneumo_core.config import Settings
    from pneumo_core.dataset.labels import Labels
    from pneumo_core.metrics.robustness import RobustnessRow

    Films = tuple[npt.NDArray[np.uint8], pd.DataFrame]


@dataclass(frozen=True)
class Robustness:
    """A model on the same images, as they are and perturbed, at its locked points.

    films, normal, pneumonia: how many images; held_out: whether the model was not trained on them;
    words: which images these are; worst: the perturbation that costs most, or that the sample is
    small; lungless: the AUC without lungs, "" if not measured or on a small sample; rows: the
    clean images first; unread: (film, problem).
    """

    model: str
    films: int
    normal: int
    pneumonia: int
    held_out: bool
    points: dict[str, float]
    words: str
    worst: str
    lungless: str
    rows: list[RobustnessRow]
    unread: list[tuple[str, str]]

    def to_dict(self) -> dict[str, Any]:
        """For JSON, and without "unread" for a card's "stress"."""
        return {
            **self.__dict__,
            "rows": [row.to_dict() for row in self.rows],
            "unread": [{"film": film, "problem": problem} for film, problem in self.unread],
        }


def measure_robustness(  # noqa: PLR0913 - most are options
    bundle: Bundle,
    source: Path | Films,
    *,
    settings: Settings,
    names: Sequence[str] | None = None,
    limit: int | None = None,
    labels: Labels | None = None,
    progress: Progress = silent,
) -> Robustness:
    """Read images as they are and under every perturbation; figures at the bundle's locked points.

    source: a folder of labelled films, or (square copies uint8 (N,S,S) of the size that the
    bundle's framing asks for, table with
    `film` and `label` a row). Of these, images that the model was not trained on are measured, all
    of them only where there are none: see `leakage.select_films`.
    names: of `perturbations.PERTURBATIONS`, all by default; limit: images a class, a random sample
    with a fixed seed; labels: as for `index_folder`. Raises DataSetError where no film can be read,
    ValueError for an unknown name.
    """
    chosen = list(PERTURBATIONS) if names is None else list(names)
    unknown = [name for name in chosen if name not in PERTURBATIONS]
    if unknown:
        raise ValueError(
            f"Expected names of perturbations, got {unknown[0]!r}. There are: "
            f"{', '.join(PERTURBATIONS)}."
        )
    table, unread = _films_of(source, labels, progress)
    selection = select_films(bundle, table, limit=limit)
    table = table.iloc[selection.rows].reset_index(drop=True)
    runtime = Runtime(bundle)
    if isinstance(source, Path):
        pixels = pixel_cache(
            table,
            source,
            size=runtime.framing.side,
            cache_dir=settings.cache_dir,
            progress=progress,
        )
    else:
        pixels = source[0][selection.rows]
    p = _probabilities(runtime, bundle, pixels, chosen, progress)
    positive = (table["label"] == "pneumonia").to_numpy()
    points = asdict(bundle.points)
    rows = robustness_rows(positive, p.pop(CLEAN), p, points, about=ABOUT)
    return Robustness(
        model=bundle.name,
        films=len(table),
        normal=int((~positive).sum()),
        pneumonia=int(positive.sum()),
        held_out=selection.held_out,
        points=points,
        words=selection.words,
        worst=worst_words(rows),
        lungless=lungless_words(rows),
        rows=rows,
        unread=unread,
    )


def _probabilities(
    runtime: Runtime,
    bundle: Bundle,
    pixels: npt.NDArray[np.uint8],
    names: Sequence[str],
    progress: Progress,
) -> dict[str, npt.NDArray[np.float64]]:
    """P(pneumonia) of every film, float (N,), as it is and under each of `names`."""
    found = {}
    painted = any(PERTURBATIONS[name].paint is not None for name in names)
    lungs = runtime.framing.masks(np.asarray(pixels)) if painted else None
    total = len(pixels) * (1 + len(names))
    for number, name in enumerate((CLEAN, *names)):
        progress("stress", number * len(pixels), total, name)
        parts = []
        for start in range(0, len(pixels), BATCH):
            part = slice(start, start + BATCH)
            films, windows = np.asarray(pixels[part]), None
            if name != CLEAN:
                if PERTURBATIONS[name].paint is not None:  # seen through the film's own window
                    windows = runtime.framing.windows(films)
                films = perturb(
                    films, name, first=start, lungs=None if lungs is None else lungs[part]
                )
            chances = bundle.probabilities(runtime.logits(films, windows))
            parts.append(1.0 - chances[:, 0])
            progress("stress", number * len(pixels) + start + len(films), total, "")
        found[name] = np.concatenate(parts)
    return found


def _films_of(
    source: Path | Films, labels: Labels | None, progress: Progress
) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """The readable films, and of a folder those that are not, each with its problem."""
    if not isinstance(source, Path):
        return source[1], []
    return readable_films(index_folder(source, labels=labels, progress=progress), "the data")

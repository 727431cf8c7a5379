"""A fold's held-out films in several views: for calibration, and for the robustness suite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core import metrics
from pneumo_core.dataset.cohorts import (
    aspect_quarters,
    framing_quarters,
    framing_scores,
    number_blocks,
    size_quarters,
)
from pneumo_core.errors import DataSetError
from pneumo_core.metrics.robustness import lungless_words, robustness_rows, worst_words
from pneumo_core.perturbations import ABOUT, PERTURBATIONS, perturb
from pneumo_core.training.calibrate import Calibration, pneumonia_probability, rates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    Cut = tuple[str, NDArray[np.int64], tuple[str, ...]]


CLEAN = "as it is"
# The operating points are fitted on these views of every held-out film: what another room, another
# scanner or another archive does to a film without changing what it shows.
POINT_VIEWS = (
    CLEAN,
    "centre crop 90 %",
    "centre crop 80 %",
    "aspect 0.75, cropped",
    "aspect 1.33, cropped",
    "black margin",
    "blur 1 px",
    "JPEG quality 50",
)
# The others make the robustness suite; its table has all of them.
VIEWS = (*POINT_VIEWS, *(name for name in PERTURBATIONS if name not in POINT_VIEWS))
SUITE_VIEWS = VIEWS[len(POINT_VIEWS) :]
_BATCH = 64  # films between two checks for a stop request


def view_logits(  # noqa: PLR0913 - options, by keyword
    answer: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    pixels: NDArray[np.uint8],
    rows: NDArray[np.int64],
    views: Sequence[str],
    *,
    classes: int,
    progress: Callable[[int, int], None],
    stopped: Callable[[], bool] = lambda: False,
) -> NDArray[np.float32]:
    """Logits float32 (len(views), len(rows), C) of the films `rows` of `pixels` in each view.

    `answer` gives logits (N, C) for films uint8 (N, S, S). Where `stopped` says so in between,
    only the views that were read whole are returned.
    """
    logits = np.empty((len(views), len(rows), classes), dtype=np.float32)
    for number, name in enumerate(views if len(rows) else ()):
        for start in range(0, len(rows), _BATCH):
            if stopped():
                return logits[:number]
            part = rows[start : start + _BATCH]
            films = np.asarray(pixels[part])
            # Seeds follow the film's row, whichever films are seen beside it.
            seen = films if name == CLEAN else _seen(films, name, part)
            logits[number, start : start + len(part)] = answer(seen)
        progress(number + 1, len(views))
    return logits


def _seen(films: NDArray[np.uint8], name: str, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    return np.stack(
        [
            perturb(film[None], name, first=int(row))[0]
            for film, row in zip(films, rows, strict=True)
        ]
    )


def stress_sample(labels: NDArray[np.int64], *, films: int, seed: int) -> NDArray[np.bool_]:
    """Which of the held-out films, labels (N,), get all perturbations: bool (N,).

    Half of them normal and half not, as far as there are so many; all where `films` is 0.
    """
    if not films:
        return np.ones(len(labels), bool)
    chosen, rng = np.zeros(len(labels), bool), np.random.default_rng(seed)
    for positive in (False, True):
        mine = np.flatnonzero((labels > 0) == positive)
        chosen[rng.permutation(mine)[: films // 2]] = True
    return chosen


Rows = list[dict[str, Any]]
BLOCKS = 5
QUARTERS: tuple[str, ...] = (
    "border tells the class most plainly",
    "border tells the class",
    "border tells little",
    "border misleads most",
)


def stress_table(
    name: str, where: str, logits: NDArray[Any], labels: NDArray[np.int64], fitted: Calibration
) -> dict[str, Any]:
    """The stress table at the locked points, in the form of `evaluation.robustness`.

    logits (V, N, C) in all `VIEWS`; films with a logit that is not finite are left out. `name` is
    the model's, `where` says how these films were held out.
    """
    finite = np.isfinite(logits).all(axis=(0, 2))
    positive = labels[finite] > 0
    p = [pneumonia_probability(view[finite], fitted.temperature) for view in logits]
    points = {
        "screening": fitted.screening,
        "balanced": fitted.balanced,
        "ruling_in": fitted.ruling_in,
    }
    changed = dict(zip(VIEWS[1:], p[1:], strict=True))
    rows = robustness_rows(positive, p[0], changed, points, about=ABOUT) if len(positive) else []
    return {
        "model": name,
        "films": len(positive),
        "normal": int((~positive).sum()),
        "pneumonia": int(positive.sum()),
        "held_out": True,
        "points": points,
        "words": f"{len(positive):,} films that the networks were not trained on: {where}.",
        "worst": worst_words(rows),
        "lungless": lungless_words(rows),
        "rows": [row.to_dict() for row in rows],
    }


def cohort_rows(
    index: pd.DataFrame, pixels: NDArray[np.uint8], p: NDArray[Any], threshold: float
) -> Rows:
    """Figures of cohorts among the held-out films: [{"cohort", "part", "films", "auc", rates}].

    By source where there are several, by how well the border alone predicts the class, in
    quarters, by ranges of the numbers in the file names, and by shape and size of the original,
    where these differ. A set with too few patients for border and numbers has none of these.
    """
    positive = (index["label"] == "pneumonia").to_numpy()
    index = index.reset_index(drop=True)
    return [
        {"cohort": cohort, "part": part, **_figures(positive[of == n], p[of == n], threshold)}
        for cohort, of, parts in _cuts(index, pixels)
        for n, part in enumerate(parts)
        if (of == n).any()
    ]


def _cuts(index: pd.DataFrame, pixels: NDArray[np.uint8]) -> Iterator[Cut]:
    """Every way of cutting the films that this data set allows."""
    if "source" in index and len(set(index["source"])) > 1:
        names = tuple(dict.fromkeys(index["source"]))
        yield "source", np.array([names.index(one) for one in index["source"]]), names
    try:
        quarter = framing_quarters(index, framing_scores(index, pixels))
        block = number_blocks(index, blocks=BLOCKS)
    except DataSetError:
        pass
    else:
        yield "framing", quarter, QUARTERS
        yield "numbers", block, tuple(f"range {n + 1} of {BLOCKS}" for n in range(BLOCKS))
    if (shape := aspect_quarters(index)) is not None:
        yield "shape", shape, ("narrowest", "second quarter", "third quarter", "widest")
    if (size := size_quarters(index)) is not None:
        yield "size", size, ("smallest", "second quarter", "third quarter", "largest")


def _figures(positive: NDArray[np.bool_], p: NDArray[Any], threshold: float) -> dict[str, Any]:
    at = rates(positive, p, threshold)
    auc = None
    if positive.any() and not positive.all():
        auc = metrics.auc_delong(positive, p).to_dict()
    return {
        "films": len(p),
        "auc": auc,
        "sensitivity": at.sensitivity.to_dict(),
        "specificity": at.specificity.to_dict(),
    }

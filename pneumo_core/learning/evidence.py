"""What a card says of films disturbed and of cohorts: tables from held-out predictions."""

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
from pneumo_core.learning.calibrate import Calibration, pneumonia_probability, rates
from pneumo_core.learning.views import VIEWS
from pneumo_core.metrics.robustness import lungless_words, table_from, worst_words
from pneumo_core.perturbations import ABOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray

    # What is cut, the part of each film (N,), and what the parts are called.
    Cut = tuple[str, NDArray[np.int64], tuple[str, ...]]

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
    """The stress table at the locked points, in the form of `review.stress.stress`.

    logits (V, N, C) in all views of `learning.views`; films with an answer that is not a number
    are left out. `name` is the model's, `where` says how these films were held out.
    """
    finite = np.isfinite(logits).all(axis=(0, 2))
    sick = labels[finite] > 0
    p = [pneumonia_probability(view[finite], fitted.temperature) for view in logits]
    points = {
        "screening": fitted.screening,
        "balanced": fitted.balanced,
        "ruling_in": fitted.ruling_in,
    }
    changed = dict(zip(VIEWS[1:], p[1:], strict=True))
    rows = table_from(sick, p[0], changed, points, about=ABOUT) if len(sick) else []
    return {
        "model": name,
        "films": len(sick),
        "normal": int((~sick).sum()),
        "pneumonia": int(sick.sum()),
        "held_out": True,
        "points": points,
        "words": f"{len(sick):,} films that the networks had not seen: {where}.",
        "worst": worst_words(rows),
        "lungless": lungless_words(rows),
        "rows": rows,
    }


def cohort_rows(
    index: pd.DataFrame, pixels: NDArray[np.uint8], p: NDArray[Any], threshold: float
) -> Rows:
    """Figures of cohorts among the held-out films: [{"cohort", "part", "films", "auc", rates}].

    By how well the border alone tells the class, in quarters, by ranges of the numbers in the
    file names, and by shape and size of the original, where these differ. A set with too few
    patients for the first two has none of these.
    """
    sick = (index["label"] == "pneumonia").to_numpy()
    index = index.reset_index(drop=True)
    return [
        {"cohort": cohort, "part": part, **_figures(sick[of == n], p[of == n], threshold)}
        for cohort, of, parts in _cuts(index, pixels)
        for n, part in enumerate(parts)
        if (of == n).any()
    ]


def _cuts(index: pd.DataFrame, pixels: NDArray[np.uint8]) -> Iterator[Cut]:
    """Every way of cutting the films that this data set allows."""
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


def _figures(sick: NDArray[np.bool_], p: NDArray[Any], threshold: float) -> dict[str, Any]:
    at = rates(sick, p, threshold)
    auc = None
    if sick.any() and not sick.all():
        auc = dict(zip(("value", "low", "high"), metrics.auc_delong(sick, p), strict=True))
    return {
        "films": len(p),
        "auc": auc,
        "sensitivity": at["sensitivity"],
        "specificity": at["specificity"],
    }

"""A head fitted to two sources, and operating points chosen on both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.bundle import OperatingPoints
from pneumo_core.evaluation.evaluate import shipped_predictions
from pneumo_core.training.sources import share_within_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bench.sources import Seen, Source


PENALTY = 300.0  # of the ridge, towards the old head; 100 to 1000 differ by less than 0.006 in AUC
BLANK = 60.0  # weight of the views without lungs, half normal and half pneumonia


@dataclass(frozen=True)
class Head:
    """What is taken from the log odds of normal: `direction` (K,) times the features, `offset`."""

    direction: NDArray[np.float64]
    offset: float

    def change(self, seen: Seen) -> NDArray[np.float64]:
        """What is added to the log odds of pneumonia, float64 (M,)."""
        return np.asarray(seen.features @ self.direction + self.offset)


def fit_head(parts: Sequence[tuple[Source, Seen]], *, without: int | None) -> Head:
    """Refit the head on views of both sources but those of the fold `without`."""
    from scipy.optimize import minimize

    features, odds, positive, weight = _material(parts, without=without)
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-3
    scaled, sign = (features - mean) / spread, 2 * positive - 1

    def loss(step: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = sign * (odds + scaled @ step[1:] + step[0])
        pull = -sign * weight / (1 + np.exp(margin))
        value = weight @ np.logaddexp(0, -margin) + PENALTY / 2 * step[1:] @ step[1:]
        return float(value), np.r_[pull.sum(), scaled.T @ pull + PENALTY * step[1:]]

    start = np.zeros(features.shape[1] + 1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300}).x
    direction = found[1:] / spread
    return Head(direction, float(found[0] - mean @ direction))


def _material(
    parts: Sequence[tuple[Source, Seen]], *, without: int | None
) -> tuple[NDArray[np.float64], ...]:
    """Features, log odds, class 0 or 1 and weight of all views: each source and class weighs 100.

    A view without lungs counts as half normal, half pneumonia.
    """
    columns: list[tuple[Any, ...]] = []
    for source, seen in parts:
        used = source.table["fold"].to_numpy()[seen.rows] != without
        columns += [
            (
                seen.features[i],
                seen.odds[i],
                source.positive[seen.rows[i]],
                source.name,
                seen.blank[i],
            )
            for i in np.flatnonzero(used)
        ]
    features, odds, positive, names, blank = (np.array(one) for one in zip(*columns, strict=True))
    weight = np.zeros(len(odds))
    whole = ~blank
    labels = positive[whole].astype(np.int64)
    weight[whole] = 200 * share_within_source(labels, names[whole], classes=2)
    twice = np.flatnonzero(blank)
    weight[twice] = BLANK / 2 / max(len(twice), 1)
    positive = positive.astype(np.float64)
    positive[twice] = 0.0
    order = np.r_[np.arange(len(odds)), twice]
    positive = np.r_[positive, np.ones(len(twice))]
    return features[order].astype(np.float64), odds[order], positive, weight[order]


def held_out(source: Source, seen: Seen, heads: Sequence[Head]) -> NDArray[np.float64]:
    """Logits float64 (M, C), each film with the head of its fold, which it was not fitted on."""
    logits, fold = seen.logits.astype(np.float64), source.table["fold"].to_numpy()[seen.rows]
    for number, head in enumerate(heads):
        mine = fold == number
        logits[mine, 0] -= head.change(seen)[mine]
    return logits


def composed(
    parent: Any, source: Source, seen: Seen, whole: Seen, logits: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Logits of training films as a network that had not seen them might give them.

    The out-of-fold logits of the parent's card (`predictions.csv`), up to a constant, moved by what
    the new frame and head change in the answer of its final network: `logits` against `whole`.
    """
    known = shipped_predictions(parent).set_index("film")
    rows = known.loc[source.table["film"].to_numpy()[seen.rows]]
    chances = rows[["p_normal", "p_bacterial", "p_viral"]].to_numpy().clip(5e-7, 1)
    return np.asarray(parent.temperature * np.log(chances) + logits - whole.logits)


def choose_points(
    sources: Sequence[tuple[NDArray[np.float64], NDArray[np.bool_]]],
) -> OperatingPoints:
    """Points on P(pneumonia) for (probabilities, positive) of each source, all weighing the same.

    Screening: the highest with a sensitivity of 96 % on average over the sources; ruling in: the
    lowest with a specificity of 96.5 %. Balanced: the highest that keeps 85 % of the pneumonias of
    every source and 97 % of those of the first.
    """
    found = np.unique(np.concatenate([p for p, _ in sources]))
    grid = (found[1:] + found[:-1]) / 2  # between films: rounding moves none to the other side
    sensitivity = np.array([[(p[y] >= at).mean() for at in grid] for p, y in sources])
    specificity = np.array([[(p[~y] < at).mean() for at in grid] for p, y in sources])
    screening = grid[sensitivity.mean(axis=0) >= 0.96].max()
    ruling_in = grid[specificity.mean(axis=0) >= 0.965].min()
    balanced = grid[(sensitivity.min(axis=0) >= 0.85) & (sensitivity[0] >= 0.97)].max()
    low, high = sorted((float(screening), float(ruling_in)))
    return OperatingPoints(low, float(np.clip(balanced, low, high)), high)


def three_answers(p: NDArray[np.float64], at: OperatingPoints) -> dict[str, float]:
    """Shares of films below the screening point, between the points, and from the ruling-in one."""
    cleared, called = float((p < at.screening).mean()), float((p >= at.ruling_in).mean())
    return {"cleared": cleared, "referred": 1 - cleared - called, "called": called}

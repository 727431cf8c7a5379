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

    from bench.sources import Seen


PENALTY = 300.0  # of the ridge, towards the old head; 100 to 1000 differ by less than 0.006 in AUC
BLANK = 60.0  # weight of the views without lungs, half normal and half pneumonia


@dataclass(frozen=True)
class Head:
    """What is taken from the log odds of normal: `direction` (K,) times the features, `offset`."""

    direction: NDArray[np.float64]
    offset: float

    def into(self, network: Any) -> None:
        """Write it into the last layer of the Keras model `network`."""
        layer = network.get_layer("logits")
        kernel, bias = layer.get_weights()
        kernel[:, 0] -= self.direction
        bias[0] -= self.offset
        layer.set_weights([kernel, bias])


def fit_head(parts: Sequence[Seen]) -> Head:
    """Refit the head on views of both sources."""
    from scipy.optimize import minimize

    features, odds, positive, weight = _material(parts)
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


def _material(parts: Sequence[Seen]) -> tuple[NDArray[np.float64], ...]:
    """Features, log odds, class 0 or 1 and weight of all views: each source and class weighs 100.

    A view without lungs counts as half normal, half pneumonia.
    """
    features = np.concatenate([seen.features for seen in parts]).astype(np.float64)
    odds = np.concatenate([seen.odds for seen in parts])
    blank = np.concatenate([seen.view.blank for seen in parts])
    positive = np.concatenate([seen.view.source.positive[seen.view.rows] for seen in parts])
    names = np.concatenate([np.full(len(seen.odds), seen.view.source.name) for seen in parts])
    weight, whole = np.zeros(len(odds)), ~blank
    labels = positive[whole].astype(np.int64)
    weight[whole] = 200 * share_within_source(labels, names[whole], classes=2)
    twice = np.flatnonzero(blank)
    weight[twice] = BLANK / 2 / max(len(twice), 1)
    target = np.where(blank, 0.0, positive)
    order = np.r_[np.arange(len(odds)), twice]
    target = np.r_[target, np.ones(len(twice))]
    return features[order], odds[order], target, weight[order]


def unseen(parent: Any, films: NDArray[Any], whole: NDArray[np.float32]) -> NDArray[np.float64]:
    """What the logits of the parent's final network, `whole` (N, C), gained from knowing the films.

    To be added to the logits of a network that comes from it: the out-of-fold logits of the
    parent's card (`predictions.csv`), up to a constant, against those of its final network.
    """
    known = shipped_predictions(parent).set_index("film").loc[films]
    chances = known[["p_normal", "p_bacterial", "p_viral"]].to_numpy().clip(5e-7, 1)
    return np.asarray(parent.temperature * np.log(chances) - whole)


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

"""Reduces the data set's framing shortcut before training: the framing that predicts the class.

Augmentation that treats both classes alike varies their framing but keeps the difference. Normal
training films show more of the trunk from top to bottom; pneumonia films are wider for their height
(median width over height 1.2 against 1.4 at full size). So some normal films are cropped in
height and some pneumonia films in width, which brings the two together. In some films of every
class the lungs are painted over: their target is uniform. A film whose border predicts its class
weighs less than one whose border misleads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

# The plan of a film, by column.
KEPT_WIDTH, KEPT_HEIGHT, BLANK = range(3)
LEFT_ALONE = (1.0, 1.0, 0.0)
WEIGHTS = (0.2, 6.0)  # limits of a film's weight


@dataclass(frozen=True)
class Counterweight:
    """Chances per film, and how far a film is cropped."""

    framing: float = 0.5
    normal_height: tuple[float, float] = (0.68, 1.0)  # shares of the film kept
    pneumonia_width: tuple[float, float] = (0.75, 1.0)
    blank_lungs: float = 0.1

    def plan(
        self, targets: NDArray[np.float32], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The plan of each film, float32 (B, 3), and new targets (B, C); changes no argument.

        Columns: share of the width kept, share of the height kept, 1 where the lungs are painted
        over. The target of such a film is uniform.
        """
        n, targets = len(targets), targets.copy()
        plan = np.tile(np.array(LEFT_ALONE, "float32"), (n, 1))
        framed, normal = rng.random(n) < self.framing, targets[:, 0] > 0.5
        height, width = rng.uniform(*self.normal_height, n), rng.uniform(*self.pneumonia_width, n)
        plan[framed & normal, KEPT_HEIGHT] = height[framed & normal]
        plan[framed & ~normal, KEPT_WIDTH] = width[framed & ~normal]
        blank = rng.random(n) < self.blank_lungs
        plan[blank, BLANK] = 1.0
        targets[blank] = 1 / targets.shape[1]
        return plan, targets


NO_COUNTERWEIGHT = Counterweight(framing=0.0, blank_lungs=0.0)


def framing_weights(
    index: pd.DataFrame,
    pixels: NDArray[np.uint8],
    rows: NDArray[np.int64],
    *,
    strength: float,
) -> NDArray[np.float64]:
    """The weight of each film, float64 (N,): mean 1 over the training films `rows`, else 1.

    The weight is (P(class) / P(class | border)) ** strength, clipped: inverse-propensity weighting
    (Rosenbaum and Rubin 1983) with the border's own logistic regression, out of fold, as the
    propensity. At strength 1 the border alone would not predict the class. Where a class has
    too few patients to fit it, all weights are equal. `pixels` uint8 (N, S, S), row i of `index`,
    may be larger than memory.
    """
    from pneumo_core.dataset.cohorts import framing_scores
    from pneumo_core.errors import DataSetError

    weights = np.ones(len(index))
    if not strength:
        return weights
    training = index.iloc[rows]
    try:
        score = framing_scores(training, _thumbnails(pixels, rows))
    except DataSetError:
        return weights
    positive = (training["label"] == "pneumonia").to_numpy()
    propensity = np.where(positive, score, 1 - score)
    share = np.where(positive, positive.mean(), 1 - positive.mean())
    found = np.clip(share / np.maximum(propensity, 1e-6), *WEIGHTS) ** strength
    weights[rows] = found / found.mean()
    return weights


def _thumbnails(pixels: NDArray[np.uint8], rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Films `rows` reduced to 16×16, as `framing_scores` does with larger ones."""
    import cv2

    small = np.empty((len(rows), 16, 16), np.uint8)
    for place, row in enumerate(rows):
        small[place] = cv2.resize(pixels[row], (16, 16), interpolation=cv2.INTER_AREA)
    return small

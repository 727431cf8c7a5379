"""What the Brier score is made of: miscalibration, separation, and what no model can help."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.metrics.calibration import bin_places
from pneumo_core.metrics.checks import labels_and_scores

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True)
class BrierParts:
    """brier = reliability - resolution + uncertainty + within.

    reliability: how far probabilities lie from observed shares, bin by bin (0 is best);
    resolution: how far the bins' shares lie from the overall share (more is better);
    uncertainty: share · (1 - share) of the films, the same for every model;
    within: what the bins hide, 0 where all probabilities of a bin are equal.
    """

    brier: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float

    def as_dict(self) -> dict[str, float]:
        """The five by name."""
        return asdict(self)


def brier_parts(y: npt.ArrayLike, p: npt.ArrayLike, *, bins: int = 15) -> BrierParts:
    """The Brier score and its parts over bins of equal width.

    y: 0 or 1 (N,), one class alone is fine; p: P(pneumonia), 0 … 1, (N,). Raises ValueError.

    Murphy, A. H. (1973). A new vector partition of the probability score. J Appl Meteorol 12,
    595-600. Stephenson, D. B., Coelho, C. A. S., Jolliffe, I. T. (2008). Two extra components in
    the Brier score decomposition. Weather and Forecasting 23, 752-757 (`within`).
    """
    positive, p_positive = labels_and_scores(y, p, probability=True)
    _, place = bin_places(p_positive, bins)
    n = np.bincount(place, minlength=bins)
    filled = n > 0
    share = np.bincount(place, weights=positive, minlength=bins)[filled] / n[filled]
    mean_p = np.bincount(place, weights=p_positive, minlength=bins)[filled] / n[filled]
    weight, overall = n[filled] / n.sum(), float(positive.mean())
    brier = float(np.mean((p_positive - positive) ** 2))
    reliability = float(weight @ (mean_p - share) ** 2)
    resolution = float(weight @ (share - overall) ** 2)
    uncertainty = overall * (1 - overall)
    within = brier - (reliability - resolution + uncertainty)
    return BrierParts(brier, reliability, resolution, uncertainty, within)

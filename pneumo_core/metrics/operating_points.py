"""Operating points by what a person asks for: rates, the cost of a miss, or a coverage promise."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pneumo_core.metrics.confusion import balanced_threshold
from pneumo_core.metrics.validation import labels_and_scores

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from pneumo_core.metrics.validation import Bools, Floats


@dataclass(frozen=True)
class Aims:
    """What the operating points should achieve; all shares 0..1.

    sensitivity: at the screening point, at least; specificity: at the ruling-in point, at least;
    miss_cost: how many false alarms weigh as much as one missed pneumonia, for the balanced point;
    prevalence: of pneumonia where the model works, for the balanced point, the films' own if None;
    coverage: the promise of conformal prediction, in place of both rates, None without.
    """

    sensitivity: float = 0.95
    specificity: float = 0.95
    miss_cost: float | None = None
    prevalence: float | None = None
    coverage: float | None = None

    def __post_init__(self) -> None:
        for name in ("sensitivity", "specificity", "coverage"):
            value = getattr(self, name)
            if value is not None and not 0.5 <= value <= 0.999:
                raise ValueError(f"Expected a {name} of 0.5 to 0.999, got {value}.")
        if self.prevalence is not None and not 0 < self.prevalence < 1:
            raise ValueError(
                f"Expected a prevalence above 0 and below 1, got {self.prevalence}: 0.2 is 20 %."
            )
        if self.miss_cost is not None and not 0.01 <= self.miss_cost <= 1000:
            raise ValueError(f"Expected a cost of a miss of 0.01 to 1000, got {self.miss_cost}.")

    def to_dict(self) -> dict[str, float]:
        """For a card and JSON; without what was not asked for."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        if self.coverage is not None:
            del named["sensitivity"], named["specificity"]
        return {name: value for name, value in named.items() if value is not None}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Aims:
        """The reverse of `to_dict`; unknown keys are ignored."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: float(value) for name, value in found.items() if name in known})

    @property
    def words(self) -> str:
        """In words: "sensitivity of at least 95 % at the screening point, …"."""
        if self.coverage is not None:
            error = 100 * (1 - self.coverage)
            missed = f"at most {error:.3g} % of pneumonias cleared"
            alarms = f"at most {error:.3g} % of normal films called pneumonia"
            found = [f"{missed} and {alarms} (conformal prediction)"]
        else:
            found = [
                f"sensitivity of at least {100 * self.sensitivity:.3g} % at the screening point",
                f"specificity of at least {100 * self.specificity:.3g} % at the ruling-in point",
            ]
        if self.miss_cost is not None:
            found.append(f"a missed pneumonia weighs as much as {self.miss_cost:g} false alarms")
        if self.prevalence is not None:
            found.append(f"prevalence {100 * self.prevalence:.3g} %")
        return ", ".join(found)


def choose_points(
    y: npt.ArrayLike, p: npt.ArrayLike, groups: npt.ArrayLike, aims: Aims
) -> tuple[float, float, float]:
    """Screening, balanced and ruling-in thresholds on P(pneumonia), which do not fall.

    y: 0 or 1 (N,), both present; p: calibrated P(pneumonia) (N,); groups: patients (N,). Where the
    model achieves both aims at one threshold, the two ends change places: the gap between them is
    referred all the same. Raises ValueError, also where the promise needs more patients.
    """
    positive, scores = labels_and_scores(y, p, both_classes=True, probability=True)
    if aims.coverage is None:
        low = _between(scores, _quantile(scores[positive], 1 - aims.sensitivity))
        high = _between(scores, _quantile(scores[~positive], aims.specificity), side="right")
    else:
        low, high = _conformal(positive, scores, np.asarray(groups), aims.coverage)
    low, high = sorted((low, high))
    middle = _least_cost(positive, scores, aims)
    return low, min(max(middle, low), high), high


def _quantile(scores: Floats, share: float) -> float:
    """The score below which a new film falls with probability `share`, on average over such fits.

    By Weibull's position, share · (n + 1), between scores in log odds; within the scores.
    """
    inside = np.clip(scores, 1e-12, 1 - 1e-12)
    odds = float(np.quantile(np.log(inside / (1 - inside)), share, method="weibull"))
    found = float(1 / (1 + np.exp(-odds)))
    nearest = float(scores[np.abs(scores - found).argmin()])
    return nearest if np.isclose(found, nearest, rtol=1e-9, atol=0) else found


def _between(scores: Floats, threshold: float, *, side: Literal["left", "right"] = "left") -> float:
    """The middle of the gap between scores that holds `threshold`: rounding moves no film.

    It may be a score, which then stays above, or below with side "right"; the gaps at both ends
    reach to 0 and 1.
    """
    known = np.unique(scores)
    place = int(known.searchsorted(threshold, side=side))
    below = known[place - 1] if place else 0.0
    above = known[place] if place < known.size else 1.0
    middle = float(below + (above - below) / 2)
    return middle if middle > below else float(above)


def _least_cost(positive: Bools, scores: Floats, aims: Aims) -> float:
    """Youden's threshold, or the one of the least expected cost where cost or prevalence is known.

    Of thresholds that cost the same the lowest, which misses least.
    """
    if aims.miss_cost is None and aims.prevalence is None:
        return float(balanced_threshold(positive, scores))
    share = float(positive.mean()) if aims.prevalence is None else aims.prevalence
    known = np.unique(scores)
    at = np.r_[known[0] / 2, (known[1:] + known[:-1]) / 2, (known[-1] + 1) / 2]
    missed = np.sort(scores[positive]).searchsorted(at) / positive.sum()
    alarms = 1 - np.sort(scores[~positive]).searchsorted(at) / (~positive).sum()
    cost = share * (aims.miss_cost or 1.0) * missed + (1 - share) * alarms
    return float(at[int(np.argmin(np.round(cost, 12)))])


def _conformal(
    positive: Bools, scores: Floats, groups: npt.NDArray[np.generic], coverage: float
) -> tuple[float, float]:
    """Where a class leaves the prediction set: below the first pneumonia does, from the second on
    normal does.

    Class-conditional split conformal prediction on one film a patient and class, drawn at random
    with a fixed seed, since films of one patient are not exchangeable. The scores must come from a
    network that was not trained on these films; a rising map of its answer changes no rank, so it
    may have been fitted on them.

    Vovk, V. (2013). Conditional validity of inductive conformal predictors. Machine Learning 92.
    Dunn, R., Wasserman, L., Ramdas, A. (2022). Distribution-free prediction sets for two-layer
    hierarchical models. JASA 118.
    """
    from crepes import ConformalClassifier

    rng = np.random.default_rng(0)
    keep = np.zeros(positive.size, np.bool_)
    for one in (False, True):
        rows = rng.permutation(np.flatnonzero(positive == one))
        keep[rows[np.unique(groups[rows], return_index=True)[1]]] = True
    fewest = min(int((keep & (positive == one)).sum()) for one in (False, True))
    needed = int(np.ceil(coverage / (1 - coverage) - 1e-9))
    if fewest < needed:
        raise ValueError(
            f"Expected at least {needed} patients of each class for a guarantee of "
            f"{100 * coverage:.3g} %, got {fewest}. Choose a lower one, or label more films."
        )
    known = np.unique(scores[keep])
    at = np.r_[known[0] / 2, (known[1:] + known[:-1]) / 2, (known[-1] + 1) / 2]
    sets = []
    for one, strange in ((True, 1 - scores), (False, scores)):  # how unlike this class a film is
        fitted = ConformalClassifier().fit(strange[keep & (positive == one)])
        candidates = 1 - at if one else at
        sets.append(
            fitted.predict_set(candidates[:, np.newaxis], confidence=coverage, smoothing=False)[
                :, 0
            ].astype(np.bool_)
        )
    of_pneumonia, of_normal = sets
    # Rising scores: pneumonia enters the set at some gap, normal leaves it at another.
    high = 1.0 if of_normal.all() else float(at[int(np.argmin(of_normal))])
    return float(at[int(np.argmax(of_pneumonia))]), high

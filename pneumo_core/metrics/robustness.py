"""Robustness: what a perturbation of the images does to the scores, at thresholds locked before.

    effect(positive, p_clean, p_changed, threshold=…) -> Effect                  one perturbation
    robustness_rows(positive, p_clean, changed, points, about=…) -> rows         many; clean first

A rate is an `Estimate` 0..1 with its 95 % interval: DeLong's for the AUC, Wilson's for shares. A
cost is in points (of 100), positive where the perturbed images do worse than the same images
clean, with an interval for paired shares. NaN stands for what no image can show.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.metrics.intervals import UNKNOWN, Estimate, measured_share, small_sample_words
from pneumo_core.metrics.roc import auc_delong
from pneumo_core.metrics.validation import labels_and_scores, normal_quantile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from pneumo_core.metrics.validation import Bools, Floats


CLEAN = "as it is"
_CLEAN_FACTS: dict[str, Any] = {
    "family": "none",
    "words": "The films as they are.",
    "keeps_lungs": True,
}
_UNKNOWN_FACTS: dict[str, Any] = {"family": "other", "words": "", "keeps_lungs": True}


@dataclass(frozen=True, kw_only=True)
class Effect:
    """The same `films` images before and after a perturbation, at one threshold.

    auc, sensitivity, specificity: of the perturbed images; cost_*: points lost, cost_auc without
    an interval; change_*: mean, median and 95th percentile of |p_changed - p_clean|, 0..1.
    """

    films: int
    auc: Estimate
    cost_auc: float
    sensitivity: Estimate
    specificity: Estimate
    cost_sensitivity: Estimate
    cost_specificity: Estimate
    change_mean: float
    change_median: float
    change_p95: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON: finite numbers, None for NaN."""
        return {
            "films": self.films,
            "auc": self.auc.to_dict(),
            "cost_auc": None if math.isnan(self.cost_auc) else self.cost_auc,
            "sensitivity": self.sensitivity.to_dict(),
            "specificity": self.specificity.to_dict(),
            **self.cost_sensitivity.to_dict("cost_sensitivity"),
            **self.cost_specificity.to_dict("cost_specificity"),
            "change_mean": self.change_mean,
            "change_median": self.change_median,
            "change_p95": self.change_p95,
        }


@dataclass(frozen=True)
class PointRates:
    """Sensitivity and specificity at one operating point."""

    sensitivity: Estimate
    specificity: Estimate

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "sensitivity": self.sensitivity.to_dict(),
            "specificity": self.specificity.to_dict(),
        }


@dataclass(frozen=True, kw_only=True)
class RobustnessRow(Effect):
    """A perturbation by name, and its effect at the balanced point and at the two others.

    family, words, keeps_lungs: as `pneumo_core.perturbations.ABOUT` has them; referred: share of
    images between screening and ruling_in; three_way: images by truth ("normal", "pneumonia") and
    by answer ("NORMAL", "REFER", "PNEUMONIA").
    """

    name: str
    family: str
    words: str
    keeps_lungs: bool
    screening: PointRates
    ruling_in: PointRates
    referred: Estimate
    three_way: dict[str, dict[str, int]]

    def to_dict(self) -> dict[str, Any]:
        """A row of a card's "stress" table."""
        about = ("name", "family", "words", "keeps_lungs")
        return {
            **{name: getattr(self, name) for name in about},
            **super().to_dict(),
            "screening": self.screening.to_dict(),
            "ruling_in": self.ruling_in.to_dict(),
            "referred": self.referred.to_dict(),
            "three_way": self.three_way,
        }


def effect(
    positive: npt.ArrayLike, p_clean: npt.ArrayLike, p_changed: npt.ArrayLike, *, threshold: float
) -> Effect:
    """Compare the same images before and after a perturbation; called where p >= threshold.

    positive: 0 or 1 (N,), 1 for pneumonia; p_clean, p_changed: P(pneumonia) of the same images in
    the same order, 0..1 (N,). One class alone is fine. Raises ValueError for shapes that differ
    and for scores that are no probabilities.

    Bonett, D. G., Price, R. M. (2012). Adjusted Wald confidence interval for a difference of
    binomial proportions based on paired data. J. Educ. Behav. Stat. 37, 479-488.
    """
    truth, before = labels_and_scores(positive, p_clean, probability=True)
    _, after = labels_and_scores(positive, p_changed, probability=True)
    area = _auc(truth, after)
    change = np.abs(after - before)
    right_before, right_after = (before >= threshold) == truth, (after >= threshold) == truth
    return Effect(
        films=int(truth.size),
        auc=area,
        cost_auc=100 * (_auc(truth, before).value - area.value),
        sensitivity=_share(right_after[truth]),
        specificity=_share(right_after[~truth]),
        cost_sensitivity=_cost(right_before[truth], right_after[truth]),
        cost_specificity=_cost(right_before[~truth], right_after[~truth]),
        change_mean=float(change.mean()),
        change_median=float(np.median(change)),
        change_p95=float(np.quantile(change, 0.95)),
    )


def robustness_rows(
    positive: npt.ArrayLike,
    p_clean: npt.ArrayLike,
    changed: Mapping[str, npt.ArrayLike],
    points: Mapping[str, float],
    *,
    about: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[RobustnessRow]:
    """A row a perturbation, the clean images first, then `changed` in its order.

    positive, p_clean and each of `changed` (name → p): as in `effect`. points: thresholds
    {"screening", "balanced", "ruling_in"}, as locked. about: name → {"family", "words",
    "keeps_lungs"}. Each image is read once: a reading in the app refers a few more, those whose
    answer changes under small crops and shifts.
    """
    rows = []
    for name, p in {CLEAN: p_clean, **changed}.items():
        facts = _CLEAN_FACTS if name == CLEAN else (about or {}).get(name, _UNKNOWN_FACTS)
        truth, scores = labels_and_scores(positive, p)
        low, high = points["screening"], points["ruling_in"]
        calls = _calls(scores, low, high)
        rows.append(
            RobustnessRow(
                name=name,
                family=facts["family"],
                words=facts["words"],
                keeps_lungs=facts["keeps_lungs"],
                **vars(effect(positive, p_clean, p, threshold=points["balanced"])),
                screening=_rates_at(truth, scores, low),
                ruling_in=_rates_at(truth, scores, high),
                referred=_share(calls["REFER"]),
                three_way={
                    "normal": _counts(calls, ~truth),
                    "pneumonia": _counts(calls, truth),
                },
            )
        )
    return rows


def worst_words(rows: Sequence[RobustnessRow]) -> str:
    """One sentence: the perturbation that costs most of those that leave the lungs in view.

    With a small sample nothing is concluded, and the sentence says only that it is small.
    """
    costs = [
        (cost.value, rate, row)
        for row in rows
        if row.name != CLEAN and row.keeps_lungs and row.family != "anatomy"
        for rate, cost in (
            ("sensitivity", row.cost_sensitivity),
            ("specificity", row.cost_specificity),
        )
        if not math.isnan(cost.value)
    ]
    if not costs:
        return "No perturbation was measured."
    points, rate, row = max(costs, key=lambda one: one[0])
    n = len({one[2].name for one in costs})
    kinds = f"{n:,} perturbation{'s that keep' if n != 1 else ' that keeps'} the lungs visible"
    if small := _small_sample(row):
        return small
    if points <= 0:
        return f"None of the {kinds} lowers sensitivity or specificity."
    now, cost = getattr(row, rate), getattr(row, f"cost_{rate}")
    return (
        f"Of the {kinds}, “{row.name}” costs most: {rate} falls by {points:.1f} points "
        f"[{cost.low:.1f} to {cost.high:.1f}], "
        f"from {100 * now.value + points:.1f} % to {100 * now.value:.1f} %."
    )


def lungless_words(rows: Sequence[RobustnessRow]) -> str:
    """One sentence: the AUC on images whose lungs are masked; "" if not measured, or on a small
    sample.
    """
    areas = {
        row.name: row.auc.value
        for row in rows
        if not row.keeps_lungs and not math.isnan(row.auc.value)
    }
    if not areas or any(map(_small_sample, rows)):
        return ""
    shown = ", ".join(f"{area:.2f} ({name})" for name, area in areas.items())
    return (
        f"Without lungs the AUC is {shown}: 0.5 would be chance, and anything above it comes from "
        "framing and body, not from disease."
    )


def _calls(scores: Floats, low: float, high: float) -> dict[str, Bools]:
    clear, ill = scores < low, scores >= high
    return {"NORMAL": clear, "REFER": ~clear & ~ill, "PNEUMONIA": ill & ~clear}


def _counts(calls: Mapping[str, Bools], of_class: Bools) -> dict[str, int]:
    return {call: int(np.count_nonzero(called & of_class)) for call, called in calls.items()}


def _rates_at(truth: Bools, scores: Floats, threshold: float) -> PointRates:
    called = scores >= threshold
    return PointRates(_share(called[truth]), _share(~called[~truth]))


def _auc(truth: Bools, scores: Floats) -> Estimate:
    return UNKNOWN if truth.all() or not truth.any() else auc_delong(truth, scores)


def _share(right: Bools) -> Estimate:
    return measured_share(int(np.count_nonzero(right)), right.size)


def _cost(before: Bools, after: Bools) -> Estimate:
    """Points lost, with the interval of Bonett and Price for paired shares."""
    n = before.size
    if n == 0:
        return UNKNOWN
    lost, won = int(np.count_nonzero(before & ~after)), int(np.count_nonzero(~before & after))
    worse, better = (lost + 1) / (n + 2), (won + 1) / (n + 2)
    half = normal_quantile(0.95) * math.sqrt((worse + better - (worse - better) ** 2) / (n + 2))
    points = 100 * (lost - won) / n
    # The interval's middle is shifted towards 0; where all images change it would miss the value.
    return Estimate(
        points,
        min(points, 100 * max(-1.0, worse - better - half)),
        max(points, 100 * min(1.0, worse - better + half)),
    )


def _small_sample(row: RobustnessRow) -> str:
    """A sentence where a row rests on a small sample, else ""."""
    return small_sample_words(
        {f"{truth} films": sum(counts.values()) for truth, counts in row.three_way.items()}
    )

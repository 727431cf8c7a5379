"""What a disturbance of the films does to the scores, at thresholds that were locked before.

    shift(sick, p_clean, p_changed, threshold=…) -> dict            one disturbance
    table_from(sick, p_clean, changed, points, about=…) -> rows     many; the first row is clean

Everything returned is ready for JSON: text, booleans, finite numbers, and None where there is no
film to tell. A rate is {"value", "low", "high"}, 0..1, with its 95 % interval: DeLong's for the
AUC, Wilson's for shares. A cost is in points (of 100), positive where the disturbed films do
worse than the same films clean, with an interval for paired shares.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.metrics.confusion import wilson
from pneumo_core.metrics.intervals import small_sample_words
from pneumo_core.metrics.roc import auc_delong
from pneumo_core.metrics.validation import labels_and_scores, normal_quantile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from pneumo_core.metrics.validation import Bools, Floats


CLEAN = "as it is"
Row = dict[str, Any]


def shift(
    sick: npt.ArrayLike, p_clean: npt.ArrayLike, p_changed: npt.ArrayLike, *, threshold: float
) -> Row:
    """Figures of the same films before and after a disturbance; positive is p >= threshold.

    sick: 0 or 1 (N,), 1 for pneumonia, the positive class; p_clean, p_changed: P(pneumonia) of
    the same films in the same order, 0..1 (N,). One class alone is fine. Returns
      films                       N
      auc, sensitivity, specificity              rates of the disturbed films
      cost_auc                                   points
      cost_sensitivity, cost_specificity         points, with …_low and …_high
      change_mean, change_median, change_p95     of |p_changed - p_clean|, 0..1
    Raises ValueError for shapes that differ and for scores that are no probabilities.

    Bonett, D. G., Price, R. M. (2012). Adjusted Wald confidence interval for a difference of
    binomial proportions based on paired data. J. Educ. Behav. Stat. 37, 479-488.
    """
    positive, before = labels_and_scores(sick, p_clean, probability=True)
    _, after = labels_and_scores(sick, p_changed, probability=True)
    area_before, area_after = _auc(positive, before), _auc(positive, after)
    lost = None
    if area_before["value"] is not None and area_after["value"] is not None:
        lost = 100 * (area_before["value"] - area_after["value"])
    change = np.abs(after - before)
    right_before, right_after = (before >= threshold) == positive, (after >= threshold) == positive
    return {
        "films": int(positive.size),
        "auc": area_after,
        "cost_auc": lost,
        "sensitivity": _share(right_after[positive]),
        "specificity": _share(right_after[~positive]),
        **_cost("sensitivity", right_before[positive], right_after[positive]),
        **_cost("specificity", right_before[~positive], right_after[~positive]),
        "change_mean": float(change.mean()),
        "change_median": float(np.median(change)),
        "change_p95": float(np.quantile(change, 0.95)),
    }


def table_from(
    sick: npt.ArrayLike,
    p_clean: npt.ArrayLike,
    changed: Mapping[str, npt.ArrayLike],
    points: Mapping[str, float],
    *,
    about: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Row]:
    """A row a disturbance, the films as they are first, then `changed` in its order.

    sick, p_clean and each of `changed` (name → p): as in `shift`. points: thresholds
    {"screening", "balanced", "ruling_in"}, as locked. about: name → {"family", "words",
    "keeps_lungs"}, in a row as they are; `pneumo_core.perturbations.ABOUT` has them. A row is
      name, family, words, keeps_lungs
      all that `shift` gives, at the balanced point
      screening, ruling_in    {"sensitivity", "specificity"}: rates at the two other points
      referred                rate: films between screening and ruling_in
      three_way               {"normal" | "pneumonia": {"NORMAL", "REFER", "PNEUMONIA": films}}
    Of one pass a film: a reading refers a few films more, where small re-framings change it.
    """
    found = []
    clean_facts = {"family": "none", "words": "The films as they are.", "keeps_lungs": True}
    for name, p in {CLEAN: p_clean, **changed}.items():
        unknown = {"family": "other", "words": "", "keeps_lungs": True}
        facts = clean_facts if name == CLEAN else (about or {}).get(name, unknown)
        row = shift(sick, p_clean, p, threshold=points["balanced"])
        found.append({"name": name, **facts, **row, **_three_way(sick, p, points)})
    return found


def _three_way(sick: npt.ArrayLike, p: npt.ArrayLike, points: Mapping[str, float]) -> Row:
    positive, scores = labels_and_scores(sick, p)
    low, high = points["screening"], points["ruling_in"]
    clear, ill = scores < low, scores >= high
    calls = {"NORMAL": clear, "REFER": ~clear & ~ill, "PNEUMONIA": ill & ~clear}
    by_truth = {"normal": ~positive, "pneumonia": positive}
    return {
        "screening": _rates_at(positive, scores, low),
        "ruling_in": _rates_at(positive, scores, high),
        "referred": _share(calls["REFER"]),
        "three_way": {
            truth: {call: int(np.count_nonzero(is_so & called)) for call, called in calls.items()}
            for truth, is_so in by_truth.items()
        },
    }


def _rates_at(positive: Bools, scores: Floats, threshold: float) -> Row:
    called = scores >= threshold
    return {
        "sensitivity": _share(called[positive]),
        "specificity": _share(~called[~positive]),
    }


def _auc(positive: Bools, scores: Floats) -> Row:
    if positive.all() or not positive.any():
        return {"value": None, "low": None, "high": None}
    value, low, high = auc_delong(positive, scores)
    return {"value": value, "low": low, "high": high}


def _share(right: Bools) -> Row:
    n, k = right.size, int(np.count_nonzero(right))
    if n == 0:
        return {"value": None, "low": None, "high": None}
    low, high = wilson(k, n)
    return {"value": k / n, "low": low, "high": high}


def _cost(rate: str, before: Bools, after: Bools) -> Row:
    """Points lost, with the interval of Bonett and Price for paired shares."""
    n = before.size
    if n == 0:
        return dict.fromkeys((f"cost_{rate}", f"cost_{rate}_low", f"cost_{rate}_high"))
    lost, won = int(np.count_nonzero(before & ~after)), int(np.count_nonzero(~before & after))
    worse, better = (lost + 1) / (n + 2), (won + 1) / (n + 2)
    half = normal_quantile(0.95) * math.sqrt((worse + better - (worse - better) ** 2) / (n + 2))
    points = 100 * (lost - won) / n
    # The interval's middle is drawn toward 0; where all films change it would miss the value.
    return {
        f"cost_{rate}": points,
        f"cost_{rate}_low": min(points, 100 * max(-1.0, worse - better - half)),
        f"cost_{rate}_high": max(points, 100 * min(1.0, worse - better + half)),
    }


def worst_words(rows: Sequence[Mapping[str, Any]]) -> str:
    """Which disturbance that leaves the lungs in view costs most, and how much: one sentence.

    Of too few films nothing is concluded, and they alone are told.
    """
    costs = [
        (row[f"cost_{rate}"], rate, row)
        for row in rows
        for rate in ("sensitivity", "specificity")
        if row["name"] != CLEAN and row["keeps_lungs"] and row[f"cost_{rate}"] is not None
    ]
    if not costs:
        return "No disturbance was measured."
    cost, rate, row = max(costs, key=lambda one: one[0])
    n = len({one[2]["name"] for one in costs})
    if small := _small_sample(row):
        return small
    if cost <= 0:
        return f"None of the {_kinds(n)} costs sensitivity or specificity."
    now = row[rate]["value"]
    return (
        f"Of the {_kinds(n)}, “{row['name']}” costs most: {rate} falls by {cost:.1f} points "
        f"[{row[f'cost_{rate}_low']:.1f} to {row[f'cost_{rate}_high']:.1f}], "
        f"from {100 * now + cost:.1f} % to {100 * now:.1f} %."
    )


def _small_sample(row: Mapping[str, Any]) -> str:
    """That the films of a row are too few, "" where they are not."""
    return small_sample_words(
        {f"{truth} films": sum(of.values()) for truth, of in row["three_way"].items()}
    )


def _kinds(n: int) -> str:
    return f"{n:,} {'disturbance that keeps' if n == 1 else 'disturbances that keep'} the lungs"


def lungless_words(rows: Sequence[Mapping[str, Any]]) -> str:
    """One sentence: how far the AUC gets where no lungs are to be seen; "" if not measured, or on
    too few films.
    """
    areas = {
        row["name"]: row["auc"]["value"]
        for row in rows
        if not row["keeps_lungs"] and row["auc"]["value"] is not None
    }
    if not areas or any(map(_small_sample, rows)):
        return ""
    told = ", ".join(f"{area:.2f} ({name})" for name, area in areas.items())
    return (
        f"Without lungs the AUC is {told}: 0.5 would be guessing, and what is above it comes from "
        "framing and body, not from disease."
    )

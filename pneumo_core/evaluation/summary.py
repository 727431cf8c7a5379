"""Summary of a table of predictions: every figure and curve of the report, computed once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core import metrics
from pneumo_core.metrics import bootstrap as draws
from pneumo_core.metrics import fixed_rate
from pneumo_core.metrics import roc as curves
from pneumo_core.metrics.recalibration import best_temperature

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from pneumo_core.bundle import OperatingPoints


HELD = (0.9, 0.95)  # the rate that is held fixed
ROUNDS = draws.ROUNDS
HISTOGRAM_BINS = 40
OUTCOMES = ("found", "missed", "false alarms", "cleared")
REFERRED = ("referred, pneumonia", "referred, normal")


@dataclass(frozen=True)
class Histogram:
    """Films by P(pneumonia): edges (B+1,), and counts of normal and pneumonia films, (B,)."""

    edges: npt.NDArray[np.float64]
    normal: npt.NDArray[np.int64]
    pneumonia: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ranking:
    """What needs films of both classes.

    auc: with DeLong's interval; auc_patients: with the patient-level bootstrap's, which allows for
    several films a patient; fixed: by name, "sensitivity at specificity 90 %" and so on.
    """

    auc: metrics.Estimate
    auc_patients: metrics.Estimate
    average_precision: metrics.Estimate
    fixed: dict[str, metrics.fixed_rate.AtFixed]
    line: metrics.CalibrationLine
    roc: metrics.RocCurve
    band: metrics.RocBand
    pr: metrics.PrCurve
    decision: metrics.DecisionCurve


@dataclass(frozen=True)
class Summary:
    """A model's figures on N films of G patients, at its locked points.

    points: {"screening", "balanced", "ruling_in"}; ranking: None where the films are of one class;
    ece: corrected for chance, see `grouped_bootstrap_calibration`; ece_counted: uncorrected, see
    `metrics.ece`; temperature: optimal for these films on top of the model's own, 1 is ideal.
    """

    n: int
    n_normal: int
    n_pneumonia: int
    n_patients: int
    prevalence: float
    points: dict[str, metrics.AtThreshold]
    three_way: metrics.ThreeWay
    brier: metrics.Estimate
    ece: metrics.Estimate
    ece_counted: float
    parts: metrics.BrierParts
    temperature: float
    reliability: metrics.Reliability
    histogram: Histogram
    ranking: Ranking | None

    @property
    def small_sample(self) -> str:
        """A sentence where the figures rest on a small sample, else ""."""
        return metrics.small_sample_words(
            {
                "pneumonia films": self.n_pneumonia,
                "normal films": self.n_normal,
                "patients": self.n_patients,
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """The figures, without the curves, for JSON."""
        found: dict[str, Any] = {
            "n": self.n,
            "n_normal": self.n_normal,
            "n_pneumonia": self.n_pneumonia,
            "n_patients": self.n_patients,
            "prevalence": self.prevalence,
            "points": {name: point.to_dict() for name, point in self.points.items()},
            "three_way": self.three_way.to_dict(),
            "brier": self.brier.to_dict(),
            "ece": self.ece_counted,
            "ece_freed_of_chance": self.ece.to_dict(),
            "brier_parts": self.parts.to_dict(),
            "temperature": self.temperature,
        }
        if self.ranking is not None:
            found |= _ranking_dict(self.ranking)
        return found


def summarise(
    table: pd.DataFrame,
    points: OperatingPoints,
    *,
    prevalence: float | None = None,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Summary:
    """All figures and curves of a table of predictions.

    table: label ("normal", "pneumonia"), p_pneumonia (0..1), group (patient), N >= 1 rows;
    prevalence: 0..1, for PPV, NPV and counts of 1,000, the films' own by default; rounds: draws of
    the patient-level bootstrap. 10,000 films take about a second. Raises ValueError.
    """
    positive = (table["label"] == "pneumonia").to_numpy()
    p, groups = table["p_pneumonia"].to_numpy(np.float64), table["group"].to_numpy()
    sweep = metrics.ThresholdSweep(positive, p)
    share = sweep.prevalence if prevalence is None else prevalence
    at = {
        "screening": points.screening,
        "balanced": points.balanced,
        "ruling_in": points.ruling_in,
    }
    score, error = metrics.grouped_bootstrap_calibration(
        positive, p, groups, seed=seed, rounds=rounds
    )
    return Summary(
        n=len(table),
        n_normal=sweep.n_negative,
        n_pneumonia=sweep.n_positive,
        n_patients=len(set(groups)),
        prevalence=share,
        points={name: sweep.at(threshold, share) for name, threshold in at.items()},
        three_way=metrics.three_way(positive, p, points.screening, points.ruling_in),
        brier=score,
        ece=error,
        ece_counted=metrics.ece(positive, p),
        parts=metrics.brier_parts(positive, p),
        temperature=best_temperature(positive, p),
        reliability=metrics.reliability(positive, p, bins=10),
        histogram=_histogram(positive, p),
        ranking=_rank(positive, p, groups, share, seed=seed, rounds=rounds)
        if sweep.n_negative and sweep.n_positive
        else None,
    )


def films_by_outcome(table: pd.DataFrame, threshold: float) -> dict[str, pd.DataFrame]:
    """The rows of `table` in each of OUTCOMES, the most confident first; pneumonia is called where
    p_pneumonia >= threshold.
    """
    positive, called = table["label"] == "pneumonia", table["p_pneumonia"] >= threshold
    of = {
        "found": positive & called,
        "missed": positive & ~called,
        "false alarms": ~positive & called,
    }
    of["cleared"] = ~positive & ~called
    far = (table["p_pneumonia"] - threshold).abs()
    order = far.sort_values(ascending=False, kind="stable").index
    return {name: table.loc[order[member.loc[order]]] for name, member in of.items()}


def referred_films(table: pd.DataFrame, low: float, high: float) -> dict[str, pd.DataFrame]:
    """The rows of `table` that are referred, low <= p_pneumonia < high, the highest first."""
    p = table["p_pneumonia"]
    between = table[(p >= low) & (p < high)].sort_values(
        "p_pneumonia", ascending=False, kind="stable"
    )
    positive = between["label"] == "pneumonia"
    return dict(zip(REFERRED, (between[positive], between[~positive]), strict=True))


def _rank(  # noqa: PLR0913 - films, and how to draw
    positive: npt.NDArray[np.bool_],
    p: npt.NDArray[np.float64],
    groups: npt.NDArray[Any],
    prevalence: float,
    *,
    seed: int,
    rounds: int,
) -> Ranking:
    """One pass over the draws serves every interval."""
    statistics: dict[str, draws.Statistic] = {
        "auc": curves.areas,
        "ap": curves.average_precisions,
        "band": fixed_rate.sensitivities_on_grid,
    }
    for s in HELD:
        statistics[f"specificity {s}"] = fixed_rate.sensitivities_at(s)
        statistics[f"sensitivity {s}"] = fixed_rate.specificities_at(s)
    resampling = draws.Resampling(groups, p.size, seed=seed, rounds=rounds)
    found = draws.bootstrap(positive, p, resampling, statistics)

    def interval(name: str, value: float) -> metrics.Estimate:
        low, high = draws.percentiles(found[name])
        return metrics.Estimate(value, float(low), float(high))

    held = {}
    for s in HELD:
        held[f"sensitivity at specificity {100 * s:.0f} %"] = fixed_rate.sensitivity_at_specificity(
            positive, p, s, found[f"specificity {s}"]
        )
        held[f"specificity at sensitivity {100 * s:.0f} %"] = fixed_rate.specificity_at_sensitivity(
            positive, p, s, found[f"sensitivity {s}"]
        )
    pr = metrics.pr_curve(positive, p)
    return Ranking(
        auc=metrics.auc_delong(positive, p),
        auc_patients=interval("auc", metrics.auc(positive, p)),
        average_precision=interval("ap", pr.average_precision),
        fixed=held,
        line=metrics.calibration_line(positive, p),
        roc=metrics.roc_curve(positive, p, corners=True),
        band=fixed_rate.roc_band(found["band"]),
        pr=pr,
        decision=metrics.decision_curve(positive, p, prevalence=prevalence),
    )


def _ranking_dict(ranking: Ranking) -> dict[str, Any]:
    return {
        "auc": ranking.auc.to_dict(),
        "auc_patients": ranking.auc_patients.to_dict(),
        "average_precision": ranking.average_precision.to_dict(),
        "fixed": {
            name: {"threshold": at.threshold, **at.rate.to_dict(), "held": at.held}
            for name, at in ranking.fixed.items()
        },
        "calibration_slope": ranking.line.slope.to_dict(),
        "calibration_offset": ranking.line.offset.to_dict(),
    }


def _histogram(positive: npt.NDArray[np.bool_], p: npt.NDArray[np.float64]) -> Histogram:
    edges = np.linspace(0, 1, HISTOGRAM_BINS + 1)
    counted = [np.histogram(p[kind], edges)[0] for kind in (~positive, positive)]
    return Histogram(edges, *counted)

"""Fit to a hospital: recalibration and operating points from its labelled films, cross-fitted.

The network stays as it is. Every figure "after" is of a film whose patient took no part in the fit
that answered it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core import metrics
from pneumo_core.bundle.card import OperatingPoints
from pneumo_core.errors import DataSetError
from pneumo_core.evaluation.evaluate import Figures, figures
from pneumo_core.evaluation.film_answers import NOT_CHEST
from pneumo_core.metrics.bootstrap import ROUNDS, grouped_bootstrap_share
from pneumo_core.metrics.intervals import SMALL_SAMPLE
from pneumo_core.metrics.operating_points import Aims, choose_points
from pneumo_core.metrics.recalibration import (
    FOLDS,
    Recalibration,
    choose_method,
    fit_recalibration,
    patient_folds,
)

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from pneumo_core.bundle import Bundle
    from pneumo_core.metrics import Estimate

HALF_WIDTHS = (0.05, 0.03, 0.02, 0.01)
ANSWERS = ("cleared", "referred", "called")
_SEED = 0


@dataclass(frozen=True)
class FitFigures:
    """A model on films of one hospital; intervals by bootstrap over patients.

    figures: those of `evaluate`, rates at the balanced point; points: sensitivity and specificity
    at each point; answers: share of each of ANSWERS, by class "normal" and "pneumonia" and of "all"
    films; a film that an input check stops counts as referred. Keys: "normal cleared" and so on.
    """

    figures: Figures
    points: dict[str, dict[str, Estimate]]
    answers: dict[str, Estimate]

    def to_dict(self) -> dict[str, Any]:
        """The fields of `evaluate`, then "points" and "answers"."""
        return {
            **self.figures.to_dict(),
            "points": {
                point: {name: rate.to_dict() for name, rate in rates.items()}
                for point, rates in self.points.items()
            },
            "answers": {name: share.to_dict() for name, share in self.answers.items()},
        }


@dataclass(frozen=True)
class NeededFilms:
    """How many further films of a kind narrow an interval to `half_width` each way (0..1)."""

    figure: str
    kind: str
    films: int
    half_width_now: float
    half_width: float
    further: int

    @property
    def words(self) -> str:
        """One sentence."""
        return (
            f"{self.figure}: ±{100 * self.half_width_now:.1f} points on {self.films:,} {self.kind} "
            f"films; ±{100 * self.half_width:.0f} points need about {self.further:,} more."
        )


@dataclass(frozen=True, eq=False)
class LocalFit:
    """What was fitted, and its figures before and after.

    table: the films that were used, with p_… cross-fitted; left_out: (why, count).
    """

    table: pd.DataFrame
    aims: Aims
    recalibration: Recalibration
    points: OperatingPoints
    before: FitFigures
    after: FitFigures
    needed: tuple[NeededFilms, ...]
    left_out: tuple[tuple[str, int], ...]

    @property
    def patients(self) -> int:
        """How many patients, as far as the films say whose they are."""
        return int(self.table["group"].nunique())


def fit_locally(
    bundle: Bundle, table: pd.DataFrame, base: npt.NDArray[np.float64], aims: Aims
) -> LocalFit:
    """Fit `bundle` to labelled films.

    table: as `predict_films` gives it with this bundle; base: P(pneumonia) (N,) of its network and
    temperature, before any recalibration. Films without a frontal chest are left out. Raises
    DataSetError where there are fewer than 30 films of a class, where the model ranks these films
    no better than chance, or where the films cannot give what is asked for.
    """
    usable = (table["check"] != NOT_CHEST).to_numpy()
    left_out = () if usable.all() else ((NOT_CHEST, int((~usable).sum())),)
    used, p = table[usable].reset_index(drop=True), base[usable]
    positive, groups = (used["label"] == "pneumonia").to_numpy(), used["group"].to_numpy()
    _check_size(positive)
    _check_ranking(positive, p, groups)
    try:
        fits = _cross_fit(positive, p, groups, aims)
        final = _fit(positive, p, groups, aims)
    except ValueError as error:
        raise DataSetError(f"The model was not fitted to these films. {error}") from error
    stopped, ranks = (used["check"] != "").to_numpy(), p
    own = used["p_pneumonia"].to_numpy(np.float64)
    before, after = _Calls.at(own, bundle.points), fits
    parent_films = _Films(used, ranks, before, stopped)
    fitted_films = _Films(_with_p(used, fits.p), ranks, after, stopped)
    return LocalFit(
        table=fitted_films.table,
        aims=aims,
        recalibration=final.recalibration,
        points=final.points,
        before=parent_films.figures(bundle.points.balanced),
        after=fitted_films.figures(final.points.balanced),
        needed=_needed(positive, fits, groups),
        left_out=left_out,
    )


@dataclass(frozen=True)
class _Fit:
    recalibration: Recalibration
    points: OperatingPoints


@dataclass(frozen=True)
class _Calls:
    """P(pneumonia) of each film (N,) and whether it reaches each of the three points (N,)."""

    p: npt.NDArray[np.float64]
    screening: npt.NDArray[np.bool_]
    balanced: npt.NDArray[np.bool_]
    ruling_in: npt.NDArray[np.bool_]

    @classmethod
    def at(cls, p: npt.NDArray[np.float64], points: OperatingPoints) -> _Calls:
        return cls(p, p >= points.screening, p >= points.balanced, p >= points.ruling_in)


def _fit(
    positive: npt.NDArray[np.bool_],
    p: npt.NDArray[np.float64],
    groups: npt.NDArray[Any],
    aims: Aims,
) -> _Fit:
    method = choose_method(positive, p, groups, seed=_SEED)
    recalibration = fit_recalibration(positive, p, method)
    found = choose_points(positive, recalibration(p), groups, aims)
    return _Fit(recalibration, OperatingPoints(*found))


def _cross_fit(
    positive: npt.NDArray[np.bool_],
    p: npt.NDArray[np.float64],
    groups: npt.NDArray[Any],
    aims: Aims,
) -> _Calls:
    """What fits that had not seen a film's patient say of it; the method is chosen in each anew."""
    fitted = np.empty(p.size)
    reached = np.empty((3, p.size), np.bool_)
    for train, test in patient_folds(positive, groups, folds=FOLDS, seed=_SEED):
        fit = _fit(positive[train], p[train], groups[train], aims)
        fitted[test] = fit.recalibration(p[test])
        calls = _Calls.at(fitted[test], fit.points)
        reached[:, test] = calls.screening, calls.balanced, calls.ruling_in
    return _Calls(fitted, *reached)


def _check_size(positive: npt.NDArray[np.bool_]) -> None:
    """The guard: fewer than 30 films of a class say too little to move a threshold."""
    counts = {"normal": int((~positive).sum()), "pneumonia": int(positive.sum())}
    few = [name for name, films in counts.items() if films < SMALL_SAMPLE]
    if few:
        raise DataSetError(
            f"Expected at least {SMALL_SAMPLE} films of each class to fit a model to; got "
            f"{counts['normal']:,} normal and {counts['pneumonia']:,} pneumonia. Label at least "
            + " and ".join(f"{SMALL_SAMPLE - counts[name]} more {name} films" for name in few)
            + ". Until then the model stays as it is."
        )


def _check_ranking(
    positive: npt.NDArray[np.bool_], p: npt.NDArray[np.float64], groups: npt.NDArray[Any]
) -> None:
    area = metrics.grouped_bootstrap_auc(positive, p, groups, seed=_SEED, rounds=500)
    if area.low <= 0.5:
        raise DataSetError(
            "Expected a model that ranks these films better than chance; its AUC on them is "
            f"{area.value:.2f} [{area.low:.2f}–{area.high:.2f}], where 0.5 is chance. Thresholds "
            "cannot fix that: check the labels, or train on films of this hospital."
        )


def _with_p(table: pd.DataFrame, p: npt.NDArray[np.float64]) -> pd.DataFrame:
    """The table with these P(pneumonia); bacterial and viral keep their shares of it."""
    before = table["p_pneumonia"].to_numpy(np.float64)
    scale = np.divide(p, before, out=np.ones_like(p), where=before > 0)
    changed = table.assign(p_normal=1.0 - p, p_pneumonia=p)
    for name in ("p_bacterial", "p_viral"):
        changed[name] = table[name].to_numpy(np.float64) * scale
    return changed


@dataclass(frozen=True, eq=False)
class _Films:
    """Films with their answers; `ranks` (N,) order them as the network does."""

    table: pd.DataFrame
    ranks: npt.NDArray[np.float64]
    calls: _Calls
    stopped: npt.NDArray[np.bool_]

    def figures(self, threshold: float) -> FitFigures:
        positive = (self.table["label"] == "pneumonia").to_numpy()
        groups = self.table["group"].to_numpy()

        def share(hits: npt.NDArray[np.bool_], among: npt.NDArray[np.bool_]) -> Estimate:
            return grouped_bootstrap_share(hits, among, groups, seed=_SEED)

        points = {
            name: {
                "sensitivity": share(getattr(self.calls, name), positive),
                "specificity": share(~getattr(self.calls, name), ~positive),
            }
            for name in ("screening", "balanced", "ruling_in")
        }
        called = self.calls.balanced
        c = metrics.confusion(positive, called.astype(np.float64), 0.5)
        everything = np.ones(positive.size, np.bool_)
        found = figures(self.table, threshold=threshold)
        return FitFigures(
            figures=replace(
                found,
                auc=metrics.grouped_bootstrap_auc(
                    positive, self.ranks, groups, seed=_SEED, rounds=ROUNDS
                ),
                accuracy=share(called == positive, everything),
                confusion=c,
                sensitivity=points["balanced"]["sensitivity"],
                specificity=points["balanced"]["specificity"],
            ),
            points=points,
            answers={
                f"{kind} {name}": share(given, among)
                for kind, among in (
                    ("normal", ~positive),
                    ("pneumonia", positive),
                    ("all", everything),
                )
                for name, given in self._answers().items()
            },
        )

    def _answers(self) -> dict[str, npt.NDArray[np.bool_]]:
        cleared = ~self.calls.screening & ~self.stopped
        called = self.calls.ruling_in & ~self.stopped
        return dict(zip(ANSWERS, (cleared, ~(cleared | called), called), strict=True))


def _needed(
    positive: npt.NDArray[np.bool_], calls: _Calls, groups: npt.NDArray[Any]
) -> tuple[NeededFilms, ...]:
    """For each promise the two next narrower intervals; the width falls with the root of films."""
    promises = (
        ("sensitivity at the screening point", "pneumonia", calls.screening, positive),
        ("specificity at the ruling-in point", "normal", ~calls.ruling_in, ~positive),
        ("normal films cleared", "normal", ~calls.screening, ~positive),
    )
    rows = []
    for figure, kind, hits, among in promises:
        rate = grouped_bootstrap_share(hits, among, groups, seed=_SEED)
        films, half = int(among.sum()), (rate.high - rate.low) / 2
        for aim in [one for one in HALF_WIDTHS if one < half][:2]:
            further = math.ceil(films * (half / aim) ** 2) - films
            rows.append(NeededFilms(figure, kind, films, half, aim, further))
    return tuple(rows)

"""Two or more models on the same films: which is better, could it be chance, where they differ."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core import metrics
from pneumo_core.errors import DataSetError
from pneumo_core.metrics import bootstrap
from pneumo_core.review.comparison import Comparison, OnCommonFilms, Pair
from pneumo_core.review.matching import match
from pneumo_core.review.predictions import shipped_predictions

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import pandas as pd

    from pneumo_core.bundle import Bundle
    from pneumo_core.review.matching import Matched

ROUNDS = bootstrap.ROUNDS


@dataclass(frozen=True)
class Contender:
    """A model's predictions: the columns of predictions.csv, sha256 where known.

    threshold: the model's locked balanced point on p_pneumonia.
    """

    name: str
    table: pd.DataFrame
    threshold: float


def shipped(bundle: Bundle) -> Contender:
    """A bundle by its own predictions, on films that the network that gave them had not seen."""
    return Contender(bundle.name, shipped_predictions(bundle), bundle.points.balanced)


def compare(contenders: Sequence[Contender], *, rounds: int = ROUNDS, seed: int = 0) -> Comparison:
    """Compare two or more models on the films that all of them have.

    Raises DataSetError with fewer than two models, two of one name, or no common film.
    """
    names = [one.name for one in contenders]
    if len(names) < 2 or len(set(names)) < len(names):
        raise DataSetError(
            f"Expected two or more different models to compare, got {', '.join(names) or 'none'}."
        )
    matched = match([(one.name, one.table) for one in contenders])
    thresholds = {one.name: one.threshold for one in contenders}
    films = matched.films
    for name in names:
        films[f"called {name}"] = films[f"p {name}"] >= thresholds[name]
    sick = (films["label"] == "pneumonia").to_numpy()
    pairs = [_pair(films, sick, pair, rounds, seed) for pair in combinations(names, 2)]
    return Comparison(
        n=len(films),
        n_normal=int((~sick).sum()),
        n_pneumonia=int(sick.sum()),
        models=[_model(matched, sick, name, thresholds[name], rounds, seed) for name in names],
        pairs=_holm(pairs),
        films=films,
        disagreements=_disagreements(films, names),
        notes=matched.notes,
    )


def _model(  # noqa: PLR0913, PLR0917 - films, a model, and how to draw
    matched: Matched,
    sick: npt.NDArray[np.bool_],
    name: str,
    threshold: float,
    rounds: int,
    seed: int,
) -> OnCommonFilms:
    p = matched.films[f"p {name}"].to_numpy()
    at = metrics.ThresholdSweep(sick, p).at(threshold)
    if sick.all() or not sick.any():
        return OnCommonFilms(name, at, None, None, None)
    groups = matched.films["group"].to_numpy()
    return OnCommonFilms(
        name,
        at,
        metrics.auc_delong(sick, p),
        metrics.grouped_bootstrap_auc(sick, p, groups, seed=seed, rounds=rounds),
        metrics.roc_curve(sick, p, corners=True),
    )


def _pair(
    films: pd.DataFrame,
    sick: npt.NDArray[np.bool_],
    names: tuple[str, str],
    rounds: int,
    seed: int,
) -> Pair:
    first, second = (films[f"p {name}"].to_numpy() for name in names)
    right = [(films[f"called {name}"].to_numpy() == sick) for name in names]
    delong = patients = None
    if sick.any() and not sick.all():
        groups = films["group"].to_numpy()
        delong = metrics.delong_paired(sick, first, second)
        patients = metrics.grouped_bootstrap_difference(
            sick, first, second, groups, seed=seed, rounds=rounds
        )

    def mcnemar(of: npt.NDArray[np.bool_]) -> metrics.McNemar | None:
        return metrics.mcnemar(right[0][of], right[1][of]) if of.any() else None

    return Pair(
        *names,
        delong=delong,
        patients=patients,
        p_holm=math.nan,
        accuracy=metrics.mcnemar(*right),
        sensitivity=mcnemar(sick),
        specificity=mcnemar(~sick),
    )


def _holm(pairs: list[Pair]) -> list[Pair]:
    """The pairs with DeLong's p values adjusted for their number."""
    found = metrics.holm([pair.delong.p if pair.delong else math.nan for pair in pairs])
    return [replace(pair, p_holm=float(p)) for pair, p in zip(pairs, found, strict=True)]


def _disagreements(films: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    called = films[[f"called {name}" for name in names]].to_numpy()
    differ = called.any(axis=1) & ~called.all(axis=1)
    found = films[differ].copy()
    sick = (found["label"] == "pneumonia").to_numpy()
    found["right"] = [
        ", ".join(name for name, call in zip(names, calls, strict=True) if call == ill)
        for calls, ill in zip(called[differ], sick, strict=True)
    ]
    apart = np.ptp(found[[f"p {name}" for name in names]].to_numpy(), axis=1)
    ordered = found.assign(apart=apart).sort_values("apart", ascending=False, kind="stable")
    return ordered.drop(columns="apart").reset_index(drop=True)

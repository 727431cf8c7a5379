"""Comparison of models on the same films: paired tests, and the films they call differently."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core import metrics
from pneumo_core.errors import DataSetError
from pneumo_core.evaluation.evaluate import shipped_predictions
from pneumo_core.formatting import count
from pneumo_core.metrics import bootstrap
from pneumo_core.metrics.intervals import small_sample_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import pandas as pd

    from pneumo_core.bundle import Bundle

ROUNDS = bootstrap.ROUNDS


@dataclass(frozen=True)
class OnCommonFilms:
    """One model on the common films, at its own locked point; curves are None of one class."""

    name: str
    at: metrics.AtThreshold
    auc: metrics.Estimate | None
    auc_patients: metrics.Estimate | None
    roc: metrics.RocCurve | None


@dataclass(frozen=True)
class Pair:
    """Two models; every difference is the first's minus the second's.

    delong: of the AUC, films taken as independent; patients: the same by the patient-level
    bootstrap; None where the films are of one class. p_holm: DeLong's p, adjusted by Holm for the
    number of pairs; NaN where there is none. accuracy, sensitivity, specificity: McNemar's at each
    one's locked point; None without such films.
    """

    first: str
    second: str
    delong: metrics.PairedAuc | None
    patients: metrics.Estimate | None
    p_holm: float
    accuracy: metrics.McNemar
    sensitivity: metrics.McNemar | None
    specificity: metrics.McNemar | None


@dataclass(frozen=True)
class Comparison:
    """Models side by side on `n` common films.

    films: film, label, subtype, group, and for each model `p NAME` and `called NAME` (bool);
    notes: what was excluded, in sentences; disagreements: the rows of `films` that the models call
    differently, the largest difference first, with `right`, the models that are correct.
    """

    n: int
    n_normal: int
    n_pneumonia: int
    models: list[OnCommonFilms]
    pairs: list[Pair]
    films: pd.DataFrame
    disagreements: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def small_sample(self) -> str:
        """A sentence where the common films are a small sample, else ""."""
        return small_sample_words(
            {
                "common pneumonia films": self.n_pneumonia,
                "common normal films": self.n_normal,
                "patients": self.films["group"].nunique(),
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON: everything but the curves and the films on which the models agree."""
        return {
            "n": self.n,
            "n_normal": self.n_normal,
            "n_pneumonia": self.n_pneumonia,
            "models": [_model_dict(model) for model in self.models],
            "pairs": [_pair_dict(pair) for pair in self.pairs],
            "disagreements": self.disagreements.to_dict("records"),
            "notes": list(self.notes),
        }


def _model_dict(model: OnCommonFilms) -> dict[str, Any]:
    areas = {"auc": model.auc, "auc_patients": model.auc_patients}
    return {
        "name": model.name,
        **{name: area.to_dict() if area else None for name, area in areas.items()},
        **model.at.to_dict(),
    }


def _pair_dict(pair: Pair) -> dict[str, Any]:
    found: dict[str, Any] = {"first": pair.first, "second": pair.second}
    if pair.delong is not None and pair.patients is not None:
        found["auc"] = {
            **pair.delong.difference.to_dict(),
            "z": pair.delong.z,
            "p": pair.delong.p,
            "p_holm": pair.p_holm,
        }
        found["auc_patients"] = pair.patients.to_dict()
    for rate in ("accuracy", "sensitivity", "specificity"):
        test: metrics.McNemar | None = getattr(pair, rate)
        if test is not None:
            found[rate] = {**asdict(test), "difference": test.difference.to_dict()}
    return found


class NoCommonFilms(DataSetError):
    """Tables of predictions that have no film in common."""


@dataclass(frozen=True)
class Matched:
    """films: film, label, subtype, group, and `p NAME` of each model; notes: sentences."""

    films: pd.DataFrame
    notes: tuple[str, ...]


def match(tables: Sequence[tuple[str, pd.DataFrame]]) -> Matched:
    """Join tables of predictions by film; a film must be the same file with the same label.

    tables: (model, table) with film, label, subtype, group, p_pneumonia, and sha256 where known.
    Excluded, with a note: films that not all have, films listed twice, films whose hashes or labels
    differ. Raises NoCommonFilms where nothing is left.
    """
    notes: list[str] = []
    ready = [(name, _once(name, table, notes)) for name, table in tables]
    first = ready[0][1]
    common = first.index
    for _, table in ready[1:]:
        common = common.intersection(table.index, sort=False)
    for name, table in ready:
        extra = len(table) - len(common)
        if extra:
            missing = count(extra, "films")
            notes.append(
                f"{name} has {missing} that another model has no prediction for: excluded."
            )
    for column, what in (("sha256", "content"), ("label", "label")):
        common = _same(ready, common, column, what, notes)
    if common.empty:
        raise NoCommonFilms(
            f"Expected films that {' and '.join(name for name, _ in ready)} both have predictions "
            "for; there is none. Give a labelled folder with --data and --split for each model to "
            "read."
        )
    films = first.loc[common, ["label", "subtype", "group"]].copy()
    for name, table in ready:
        films[f"p {name}"] = table.loc[common, "p_pneumonia"]
    return Matched(films.rename_axis("film").reset_index(), tuple(notes))


def _once(name: str, table: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    twice = table["film"].duplicated(keep=False)
    if twice.any():
        notes.append(
            f"{name} lists {count(table['film'][twice].nunique(), 'films')} twice: excluded."
        )
    return table[~twice].set_index("film")


def _same(
    ready: list[tuple[str, pd.DataFrame]],
    common: pd.Index[str],
    column: str,
    what: str,
    notes: list[str],
) -> pd.Index[str]:
    """The films of `common` in which all tables that have the column agree."""
    having = [(name, table) for name, table in ready if column in table]
    if not having:
        return common
    first_name, first = having[0]
    for name, table in having[1:]:
        differs = first.loc[common, column].to_numpy() != table.loc[common, column].to_numpy()
        if differs.any():
            shown = ", ".join(str(film) for film in common[differs][:3])
            notes.append(
                f"{count(int(differs.sum()), 'films')} of {name} with another {what} than in "
                f"{first_name} ({shown}): excluded."
            )
            common = common[~differs]
    return common


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
    positive = (films["label"] == "pneumonia").to_numpy()
    pairs = [_pair(films, positive, pair, rounds, seed) for pair in combinations(names, 2)]
    return Comparison(
        n=len(films),
        n_normal=int((~positive).sum()),
        n_pneumonia=int(positive.sum()),
        models=[_model(matched, positive, name, thresholds[name], rounds, seed) for name in names],
        pairs=_holm(pairs),
        films=films,
        disagreements=_disagreements(films, names),
        notes=matched.notes,
    )


def _model(  # noqa: PLR0913, PLR0917 - films, a model, and how to draw
    matched: Matched,
    positive: npt.NDArray[np.bool_],
    name: str,
    threshold: float,
    rounds: int,
    seed: int,
) -> OnCommonFilms:
    p = matched.films[f"p {name}"].to_numpy()
    at = metrics.ThresholdSweep(positive, p).at(threshold)
    if positive.all() or not positive.any():
        return OnCommonFilms(name, at, None, None, None)
    groups = matched.films["group"].to_numpy()
    return OnCommonFilms(
        name,
        at,
        metrics.auc_delong(positive, p),
        metrics.grouped_bootstrap_auc(positive, p, groups, seed=seed, rounds=rounds),
        metrics.roc_curve(positive, p, corners=True),
    )


def _pair(
    films: pd.DataFrame,
    positive: npt.NDArray[np.bool_],
    names: tuple[str, str],
    rounds: int,
    seed: int,
) -> Pair:
    first, second = (films[f"p {name}"].to_numpy() for name in names)
    right = [(films[f"called {name}"].to_numpy() == positive) for name in names]
    delong = patients = None
    if positive.any() and not positive.all():
        groups = films["group"].to_numpy()
        delong = metrics.delong_paired(positive, first, second)
        patients = metrics.grouped_bootstrap_difference(
            positive, first, second, groups, seed=seed, rounds=rounds
        )

    def mcnemar(of: npt.NDArray[np.bool_]) -> metrics.McNemar | None:
        return metrics.mcnemar(right[0][of], right[1][of]) if of.any() else None

    return Pair(
        *names,
        delong=delong,
        patients=patients,
        p_holm=math.nan,
        accuracy=metrics.mcnemar(*right),
        sensitivity=mcnemar(positive),
        specificity=mcnemar(~positive),
    )


def _holm(pairs: list[Pair]) -> list[Pair]:
    """The pairs with DeLong's p values adjusted for their number."""
    found = metrics.holm([pair.delong.p if pair.delong else math.nan for pair in pairs])
    return [replace(pair, p_holm=float(p)) for pair, p in zip(pairs, found, strict=True)]


def _disagreements(films: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    called = films[[f"called {name}" for name in names]].to_numpy()
    differ = called.any(axis=1) & ~called.all(axis=1)
    found = films[differ].copy()
    positive = (found["label"] == "pneumonia").to_numpy()
    found["right"] = [
        ", ".join(name for name, call in zip(names, calls, strict=True) if call == truth)
        for calls, truth in zip(called[differ], positive, strict=True)
    ]
    apart = np.ptp(found[[f"p {name}" for name in names]].to_numpy(), axis=1)
    ordered = found.assign(apart=apart).sort_values("apart", ascending=False, kind="stable")
    return ordered.drop(columns="apart").reset_index(drop=True)

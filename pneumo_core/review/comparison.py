"""What a comparison of models finds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pneumo_core.metrics.intervals import small_sample_words

if TYPE_CHECKING:
    import pandas as pd

    from pneumo_core import metrics


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
    notes: what of the tables did not match, in sentences; disagreements: the rows of `films` on
    which not all models call alike, the widest apart first, with `right`, the models that are.
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
        """One sentence where the common films are too few, else ""."""
        return small_sample_words(
            {
                "common pneumonia films": self.n_pneumonia,
                "common normal films": self.n_normal,
                "patients": self.films["group"].nunique(),
            }
        )

    def as_dict(self) -> dict[str, Any]:
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
        **{name: area.as_dict() if area else None for name, area in areas.items()},
        **model.at.as_dict(),
    }


def _pair_dict(pair: Pair) -> dict[str, Any]:
    found: dict[str, Any] = {"first": pair.first, "second": pair.second}
    if pair.delong is not None and pair.patients is not None:
        found["auc"] = {
            **pair.delong.difference.as_dict(),
            "z": pair.delong.z,
            "p": pair.delong.p,
            "p_holm": pair.p_holm,
        }
        found["auc_patients"] = pair.patients.as_dict()
    for rate in ("accuracy", "sensitivity", "specificity"):
        test: metrics.McNemar | None = getattr(pair, rate)
        if test is not None:
            found[rate] = {**asdict(test), "difference": test.difference.as_dict()}
    return found

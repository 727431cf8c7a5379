"""From labelled films of a hospital to a locked model fitted to it, with its lineage."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core import metrics
from pneumo_core.bundle.registry import check_name, load_bundle
from pneumo_core.bundle.write import write_fitted
from pneumo_core.dataset.film_facts import patients_known
from pneumo_core.errors import BundleError
from pneumo_core.evaluation.evaluate import labelled_films, predict_films, with_facts
from pneumo_core.evaluation.film_answers import film_answers
from pneumo_core.evaluation.leakage import film_roles
from pneumo_core.evaluation.local_fit import LocalFit, fit_locally
from pneumo_core.evaluation.subgroups import AGE_BANDS
from pneumo_core.formatting import count
from pneumo_core.metrics.recalibration import FOLDS
from pneumo_core.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

    from pneumo_core.bundle import Bundle
    from pneumo_core.dataset.labels import Labels
    from pneumo_core.metrics.operating_points import Aims

LEAST_OF_AN_AGE = 10  # films of an age band, for the model to count as fitted to that age
# Parts of the parent's card that hold at its own operating points only.
_OUTDATED = ("figures", "cohorts", "stress", "populations")
_LIMITATION = (
    "Calibration and thresholds hold for films such as those of {site}; measure again after a "
    "change of device, protocol or patients."
)
DATES = ["AcquisitionDate", "StudyDate"]
_UNPRINTABLE = re.compile(r"[^\w .,()&'’–-]+")


@dataclass(frozen=True, eq=False)
class FittedModel:
    """The new model, what it was fitted to, and (film, problem) of the films that were not read."""

    bundle: Bundle
    parent: Bundle
    fit: LocalFit
    unread: list[tuple[str, str]]

    def to_dict(self) -> dict[str, Any]:
        """For JSON: "before" and "after" have the fields of `evaluate`."""
        fitted = dict(self.bundle.card.document["fitted_to"])
        return {
            "model": self.bundle.name,
            "parent": self.parent.name,
            **{key: value for key, value in fitted.items() if key not in {"before", "after"}},
            "lineage": list(self.bundle.card.document["lineage"]),
            "recalibration": self.fit.recalibration.to_dict(),
            "operating_points": asdict(self.fit.points),
            "before": fitted["before"],
            "after": fitted["after"],
            "left_out": [{"why": why, "count": count} for why, count in self.fit.left_out],
            "unread": [{"film": film, "problem": problem} for film, problem in self.unread],
        }


def fit_model(  # noqa: PLR0913 - a model, films, and what is asked for
    parent: Bundle,
    data: Path,
    *,
    name: str,
    aims: Aims,
    site: str,
    cache_dir: Path,
    labels: Labels | None = None,
    progress: Progress = silent,
) -> FittedModel:
    """Fit `parent` to the labelled films of `data` and write the model `name` beside it.

    site: how the hospital is called; labels: as of `dataset.index.index_folder`. The parent is not
    changed, and no film, file name or patient is kept. Raises DataSetError and BundleError.
    """
    check_name(name)
    if (parent.path.parent / name).exists():
        raise BundleError(
            f"Expected a new model name, but {name} exists. Choose another name, or delete it."
        )
    index, unread = labelled_films(data, split="all", labels=labels, progress=progress)
    table = predict_films(parent, index, data, cache_dir=cache_dir, progress=progress)
    answers = film_answers(parent, index, data, cache_dir=cache_dir)
    base = 1.0 - metrics.probabilities(answers.logits, parent.temperature)[:, 0]
    progress("fit", 0, 1)
    fit = fit_locally(parent, table, base, aims)
    progress("fit", 1, 1)
    used = index[index["film"].isin(set(fit.table["film"]))]
    bundle = write_fitted(
        parent,
        name=name,
        card=fitted_card(
            parent,
            fit,
            site=clean_site(site),
            months=months_of(data, used),
            known=patients_known(used),
            trained=int(film_roles(parent, with_facts(fit.table, used)).trained.sum()),
        ),
        predictions=pseudonymous(fit.table),
        sha256=used["sha256"].tolist(),
    )
    return FittedModel(bundle, load_bundle(parent.name, models_dir=parent.path.parent), fit, unread)


def clean_site(site: str) -> str:
    """The name of a hospital, of at most 60 characters that a card may hold."""
    return " ".join(_UNPRINTABLE.sub(" ", site).split())[:60] or "this hospital"


def months_of(root: Path, index: pd.DataFrame) -> tuple[str, ...]:
    """The first and the last month ("2024-03") of the films that say when they were taken.

    () unless at least half of them do. Only DICOM files say so.
    """
    import warnings

    import pydicom
    from pydicom.errors import InvalidDicomError

    found = []
    for film in index["film"]:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                header = pydicom.dcmread(root / film, stop_before_pixels=True, specific_tags=DATES)
                day = next((str(header[tag].value) for tag in DATES if header.get(tag)), "")
        except (OSError, InvalidDicomError, ValueError, NotImplementedError, EOFError):
            continue
        if re.fullmatch(r"(19|20)\d\d(0[1-9]|1[0-2])\d\d", day):
            found.append(f"{day[:4]}-{day[4:6]}")
    return (min(found), max(found)) if found and 2 * len(found) >= len(index) else ()


def pseudonymous(table: pd.DataFrame) -> pd.DataFrame:
    """The predictions with numbers for films and patients, in an order that says nothing."""
    rng = np.random.default_rng()
    mixed = table.iloc[rng.permutation(len(table))].reset_index(drop=True)
    _, patient = np.unique(mixed["group"].to_numpy(str), return_inverse=True)
    numbers = rng.permutation(patient.max() + 1)[patient]
    return mixed.assign(
        film=[f"film-{number:05d}" for number in range(1, len(mixed) + 1)],
        split="validation",
        group=[f"patient-{number + 1:05d}" for number in numbers],
    )


def fitted_card(  # noqa: PLR0913 - what a card says of a fit
    parent: Bundle,
    fit: LocalFit,
    *,
    site: str,
    months: tuple[str, ...],
    known: bool = True,
    trained: int = 0,
) -> dict[str, Any]:
    """The card of the model: the parent's, with what was fitted, on whom, and from which model.

    known: whether the films say whose they are; trained: how many of them trained the network.
    """
    card = {key: value for key, value in parent.card.document.items() if key not in _OUTDATED}
    positive = fit.table["label"] == "pneumonia"
    of_films = f"{len(fit.table):,} films of {site}"
    evidence = f"cross-fitted by patient in {FOLDS} folds; {trained_words(trained)}"
    before, after = fit.before.to_dict(), fit.after.to_dict()
    fitted_to = {
        "site": site,
        "films": len(fit.table),
        "normal": int((~positive).sum()),
        "pneumonia": int(positive.sum()),
        "patients": fit.patients if known else None,
        "ages": ages_of(fit.table),
        "months": list(months),
        "made": datetime.now(UTC).date().isoformat(),
        "aims": fit.aims.to_dict(),
        "before": before,
        "after": after,
        "needed": [asdict(one) for one in fit.needed],
        "trained_on": trained,
    }
    return {
        **card,
        "version": _version(parent.version),
        "summary": (
            f"{parent.name} {parent.version} with its network unchanged; calibration and operating "
            f"points fitted to {of_films}."
        ),
        "calibration": {
            **card["calibration"],
            "ece_before": fit.before.figures.ece,
            "ece_after": fit.after.figures.ece,
        },
        "recalibration": fit.recalibration.to_dict(),
        "operating_points": {
            **{
                point: {
                    "threshold": threshold,
                    **{key: rate.to_dict() for key, rate in fit.after.points[point].items()},
                }
                for point, threshold in asdict(fit.points).items()
            },
            "fitted_on": f"{of_films}; rates cross-fitted by patient; asked for: {fit.aims.words}",
        },
        "figures": _figures(fit),
        "populations": [_population(fit, f"{site}"[:100], evidence)],
        "fitted_to": fitted_to,
        "lineage": [
            *card.get("lineage", ()),
            {"name": parent.name, "version": parent.version, "digest": parent.digest},
        ],
        "limitations": [
            *card.get("limitations", ()),
            _LIMITATION.format(site=site),
            *([f"Of the films it is fitted to {trained_words(trained)}."] if trained else []),
        ],
    }


def trained_words(trained: int) -> str:
    """What it means for the figures that the network was trained on so many of the films."""
    if not trained:
        return "the network was not trained on them"
    films = count(trained, "films")
    return (
        f"{films} had already been used to train the network: figures and points are too favourable"
    )


def ages_of(table: pd.DataFrame) -> list[int]:
    """First and last year of the age bands with enough films, the last excluded; [] if unknown."""
    if "age_band" not in table:
        return []
    counts = table["age_band"].value_counts()
    ends = [0, *AGE_BANDS.values()]
    known = [i for i, band in enumerate(AGE_BANDS) if counts.get(band, 0) >= LEAST_OF_AN_AGE]
    return [ends[known[0]], ends[known[-1] + 1]] if known else []


def _version(parent: str) -> str:
    return parent if parent.endswith("+fit") else f"{parent[:56]}+fit"


def _figures(fit: LocalFit) -> dict[str, Any]:
    """As `training.calibrate.headline` gives them."""
    after = fit.after.figures
    return {
        "films": after.n,
        **{
            name: getattr(after, name).to_dict()
            for name in ("auc", "accuracy", "sensitivity", "specificity")
        },
        "brier": after.brier,
        "ece": after.ece,
        "ece_before_calibration": fit.before.figures.ece,
    }


def _population(fit: LocalFit, name: str, evidence: str) -> Mapping[str, Any]:
    after, shares = fit.after.figures, fit.after.answers
    return {
        "name": name,
        "evidence": evidence,
        "films": after.n,
        "normal": after.n_normal,
        "pneumonia": after.n_pneumonia,
        "patients": int(fit.table["group"].nunique()),
        "auc": after.auc.to_dict(),
        "sensitivity": after.sensitivity.to_dict(),
        "specificity": after.specificity.to_dict(),
        "ece": after.ece,
        "normal_cleared": shares["normal cleared"].to_dict(),
        "normal_called": shares["normal called"].to_dict(),
        "pneumonia_missed": shares["pneumonia cleared"].to_dict(),
    }

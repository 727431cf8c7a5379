"""Evaluation: a bundle on a labelled split → predictions → figures, at the locked threshold."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core import metrics
from pneumo_core.bundle.integrity import ELSEWHERE
from pneumo_core.bundle.write import PREDICTIONS
from pneumo_core.dataset.film_facts import readable_films
from pneumo_core.dataset.index import index_folder
from pneumo_core.dataset.names import parse_name
from pneumo_core.errors import DataSetError
from pneumo_core.evaluation.evidence_level import EvidenceLevel, evidence_level, n_synthetic
from pneumo_core.evaluation.film_answers import film_answers
from pneumo_core.evaluation.subgroups import PEOPLE, with_people
from pneumo_core.evaluation.test_log import data_hash, logged_evaluations, record
from pneumo_core.metrics.intervals import UNKNOWN
from pneumo_core.progress import Progress, silent
from pneumo_core.synthetic.demo_data import are_synthetic

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from pneumo_core.bundle import Bundle
    from pneumo_core.dataset.labels import Labels


FACTS = ("series", "width", "height", "bytes", "sha256", "phash")
# Further columns of a table that was made here, each optional.
FURTHER = ("check", "distance", *PEOPLE)
_NUMBERS = ("p_normal", "p_bacterial", "p_viral", "p_pneumonia")


def shipped_predictions(bundle: Bundle) -> pd.DataFrame:
    """The bundle's own predictions, on films that the network that gave them had not seen.

    Columns of `predictions.csv` and `series`, read from the film's name. The split is
    "validation": calibration and operating points were chosen on these films. Raises DataSetError.
    """
    return read_predictions(bundle.path / "predictions.csv")


def elsewhere_predictions(bundle: Bundle) -> pd.DataFrame | None:
    """The same of films of another hospital, held out by patient; None where it brings none."""
    path = bundle.path / ELSEWHERE
    return read_predictions(path) if path.is_file() else None


def read_predictions(path: Path) -> pd.DataFrame:
    """A table with the columns of predictions.csv, checked, with `series` from the film's name.

    Probabilities are float64 0..1, NaN for subtypes of a two-class model. Raises
    DataSetError.
    """
    import pandas as pd

    try:
        # No text is taken for a missing value: a patient may be called NA.
        table = pd.read_csv(path, dtype=str, keep_default_na=False, na_filter=False)
    except (OSError, ValueError) as error:
        raise DataSetError(
            f"Expected a table of predictions in {path.name}, and it cannot be read as CSV. "
            "Write it with: python -m pneumo_core evaluate DATA --split SPLIT --predictions FILE"
        ) from error
    missing = [name for name in PREDICTIONS if name not in table.columns]
    if missing:
        raise DataSetError(
            f"Expected the columns {', '.join(PREDICTIONS)} in {path.name}; "
            f"{', '.join(missing)} missing."
        )
    for name in _NUMBERS:
        table[name] = pd.to_numeric(table[name], errors="coerce").astype("float64")
    if "distance" in table:
        table["distance"] = pd.to_numeric(table["distance"], errors="coerce").astype("float64")
    _check(table, path.name)
    table["series"] = [parse_name(PurePosixPath(film).stem).series for film in table["film"]]
    return table


def with_facts(table: pd.DataFrame, index: pd.DataFrame) -> pd.DataFrame:
    """The table with series, width, height, bytes, sha256 and phash of `index`, joined by film.

    index: as `index_folder` gives it; a film that it does not hold gets NaN and "".
    Its column `synthetic` (bool), where it has one, is taken over; False for a film it lacks.
    """
    known = index.drop_duplicates("film").set_index("film")
    joined = table.copy()
    for name in FACTS:
        if name in known:
            joined[name] = table["film"].map(known[name])
    for name in ("series", "sha256", "phash"):
        if name in joined:
            joined[name] = joined[name].fillna("")
    if "synthetic" in known:
        joined["synthetic"] = table["film"].isin(known.index[known["synthetic"]])
    return joined


def _check(table: pd.DataFrame, name: str) -> None:
    p = table["p_pneumonia"]
    strange = ~table["label"].isin(["normal", "pneumonia"]) | ~p.between(0, 1)
    if table.empty or strange.any():
        found = "no film" if table.empty else f"{int(strange.sum())} rows without"
        raise DataSetError(
            f"Expected in each row of {name} a label, normal or pneumonia, and p_pneumonia "
            f"within 0 and 1; got {found}."
        )


@dataclass(frozen=True)
class Evaluation:
    """A model on labelled films.

    table: the columns of predictions.csv, then series, width, height, bytes, sha256, phash, and
    synthetic (bool), a row a film;
    figures: those of `figures`; unread: (film, problem); evidence: their evidence level;
    note: why an evaluation of a test split was not logged, "" if it was or need not be.
    """

    table: pd.DataFrame
    figures: Figures
    unread: list[tuple[str, str]]
    evidence: EvidenceLevel
    note: str = ""


def evaluate_split(  # noqa: PLR0913 - most are options
    bundle: Bundle,
    data: Path,
    *,
    split: str,
    cache_dir: Path,
    labels: Labels | None = None,
    progress: Progress = silent,
) -> Evaluation:
    """Read the split's films and measure the model on them.

    An evaluation of a test split is logged, unless all its films are synthetic.

    labels: as for `dataset.index.index_folder`. A folder without splits is read as a whole,
    whichever is asked for, and is no test split. Raises DataSetError where the split is absent or
    nothing in it can be read.
    """
    readable, unread = labelled_films(data, split=split, labels=labels, progress=progress)
    # A folder that calls nothing a test split is a data set of one's own, whatever is asked for.
    split = split if split in set(readable["split"]) else "all"
    table = predict_films(bundle, readable, data, cache_dir=cache_dir, progress=progress)
    table = with_facts(table, readable.assign(synthetic=are_synthetic(readable, data)))
    found = figures(table, threshold=bundle.points.balanced)
    films, note = data_hash(table["sha256"]), ""
    if split == "test" and n_synthetic(table) < len(table):
        note = record(bundle, data=films, split=split, figures=found.to_dict())
    past = logged_evaluations(bundle, films)
    return Evaluation(
        table, found, unread, evidence_level(bundle, table, split=split, evaluations=past), note
    )


def labelled_films(
    data: Path, *, split: str, labels: Labels | None = None, progress: Progress = silent
) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """The index of the split's readable films, and (film, problem) of the others.

    Raises DataSetError where the split is absent or nothing in it can be read.
    """
    found = index_folder(data, labels=labels, progress=progress)
    present = sorted(found["split"].unique())
    if present != ["all"] and split != "all":
        found = found[found["split"] == split]
    if found.empty:
        raise DataSetError(
            f"Expected a split {split!r} in the data; it holds {', '.join(present)}. "
            "Name one of these, or all."
        )
    return readable_films(found, f"the split {split!r}")


def predict_films(
    bundle: Bundle,
    index: pd.DataFrame,
    root: Path,
    *,
    cache_dir: Path,
    progress: Progress = silent,
) -> pd.DataFrame:
    """The columns of a bundle's predictions.csv for every film of `index` (all readable).

    After them `check` and `distance`, as of `FilmAnswers`, and those of PEOPLE that `index` has.
    """
    answers = film_answers(bundle, index, root, cache_dir=cache_dir, progress=progress)
    p = bundle.probabilities(answers.logits)
    table = index[["film", "split", "label", "subtype", "group"]].copy()
    three = p.shape[1] == 3
    table["p_normal"] = p[:, 0]
    table["p_bacterial"] = p[:, 1] if three else np.nan
    table["p_viral"] = p[:, 2] if three else np.nan
    table["p_pneumonia"] = 1.0 - p[:, 0]
    table["check"] = answers.check
    if np.isfinite(answers.distance).any():
        table["distance"] = answers.distance
    return with_people(table, index)


@dataclass(frozen=True)
class Figures:
    """The figures of `evaluate`, with 95 % intervals: DeLong's for the AUC, Wilson's for rates.

    threshold: pneumonia is called where p_pneumonia >= threshold; subtype_auc: bacterial against
    viral, None where that cannot be asked. With one class only, what needs both is NaN.
    """

    n: int
    n_normal: int
    n_pneumonia: int
    auc: metrics.Estimate
    accuracy: metrics.Estimate
    sensitivity: metrics.Estimate
    specificity: metrics.Estimate
    threshold: float
    brier: float
    ece: float
    confusion: metrics.Confusion
    subtype_auc: float | None

    def to_dict(self) -> dict[str, Any]:
        """For JSON, in one level: an estimate as name, name_low and name_high; None for NaN."""
        found: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, metrics.Estimate):
                found |= value.to_dict(field.name)
            elif isinstance(value, metrics.Confusion):
                found[field.name] = value.to_dict()
            else:
                found[field.name] = value
        return found


def figures(table: pd.DataFrame, *, threshold: float) -> Figures:
    """Measure a table of predictions (label, subtype, p_pneumonia, p_bacterial, p_viral)."""
    positive = (table["label"] == "pneumonia").to_numpy()
    p = table["p_pneumonia"].to_numpy()
    both = bool(positive.any() and not positive.all())
    counts = metrics.confusion(positive, p, threshold)
    rates = counts.rates()
    return Figures(
        n=len(table),
        n_normal=int((~positive).sum()),
        n_pneumonia=int(positive.sum()),
        auc=metrics.auc_delong(positive, p) if both else UNKNOWN,
        accuracy=rates["accuracy"],
        sensitivity=rates["sensitivity"],
        specificity=rates["specificity"],
        threshold=threshold,
        brier=metrics.brier(positive, p),
        ece=metrics.ece(positive, p),
        confusion=counts,
        subtype_auc=_subtype_auc(table),
    )


def _subtype_auc(table: pd.DataFrame) -> float | None:
    """Bacterial against viral among pneumonia, by the share of viral; None without both."""
    labelled = table[table["subtype"].isin(["bacterial", "viral"])].dropna(subset=["p_viral"])
    viral = (labelled["subtype"] == "viral").to_numpy()
    if labelled.empty or viral.all() or not viral.any():
        return None
    share = labelled["p_viral"] / (labelled["p_bacterial"] + labelled["p_viral"])
    return float(metrics.auc(viral, share.to_numpy()))

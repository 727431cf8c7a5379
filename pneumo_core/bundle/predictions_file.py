"""A stranger's `predictions.csv`: that it is the table that the figures are drawn from."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from pneumo_core.bundle.archive import refused
from pneumo_core.bundle.write import PREDICTIONS

if TYPE_CHECKING:
    from pathlib import Path

WHAT = "a table of predictions in predictions.csv"
LABELS = {"normal", "pneumonia"}
SUBTYPES = {"normal", "bacterial", "viral", ""}


def inspect_predictions(path: Path) -> None:
    """Raise BundleError unless every row has a film, its label and probabilities 0..1.

    Those of the subtypes may be empty, for a model without subtypes.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = csv.reader(stream, strict=True)
            if next(rows, None) != list(PREDICTIONS):
                raise refused(WHAT, f"its columns are not {', '.join(PREDICTIONS)}")
            for row in rows:
                if not _is_prediction(row):
                    raise refused(WHAT, f"line {rows.line_num} is no prediction of a film")
    except (UnicodeDecodeError, csv.Error) as error:
        raise refused(WHAT, "it cannot be read") from error


def _is_prediction(row: list[str]) -> bool:
    if len(row) != len(PREDICTIONS):
        return False
    film, _, label, subtype, _, normal, bacterial, viral, pneumonia = row
    try:
        chances = [float(p) for p in (normal, pneumonia, bacterial or "0", viral or "0")]
    except ValueError:
        return False
    return (
        film != ""
        and label in LABELS
        and subtype in SUBTYPES
        and all(0 <= chance <= 1 for chance in chances)
    )

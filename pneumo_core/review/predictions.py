"""Tables of predictions: the ones a bundle ships, and what is known of their films."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pneumo_core.bundle.write import PREDICTIONS
from pneumo_core.dataset.layout import parse_name
from pneumo_core.errors import DataSetError

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from pneumo_core.bundle import Bundle

FACTS = ("series", "width", "height", "bytes", "sha256", "phash")
_NUMBERS = ("p_normal", "p_bacterial", "p_viral", "p_pneumonia")


def shipped_predictions(bundle: Bundle) -> pd.DataFrame:
    """The bundle's own predictions, on films that the network that gave them had not seen.

    Columns of `predictions.csv` and `series`, read from the film's name. The split is
    "validation": calibration and operating points were chosen on these films. Raises DataSetError.
    """
    return read_predictions(bundle.path / "predictions.csv")


def read_predictions(path: Path) -> pd.DataFrame:
    """A table with the columns of predictions.csv, checked, with `series` from the film's name.

    Probabilities are float64 0..1, NaN for subtypes that the model does not tell. Raises
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
    _check(table, path.name)
    table["series"] = [parse_name(PurePosixPath(film).stem).series for film in table["film"]]
    return table


def with_facts(table: pd.DataFrame, index: pd.DataFrame) -> pd.DataFrame:
    """The table with series, width, height, bytes, sha256 and phash of `index`, joined by film.

    index: as `films.index_folder` gives it; a film that it does not hold gets NaN and "". Where it
    says which films were `drawn` (bool) by Pneumo, so does the table; one it lacks was not.
    """
    known = index.drop_duplicates("film").set_index("film")
    joined = table.copy()
    for name in FACTS:
        if name in known:
            joined[name] = table["film"].map(known[name])
    for name in ("series", "sha256", "phash"):
        if name in joined:
            joined[name] = joined[name].fillna("")
    if "drawn" in known:
        joined["drawn"] = table["film"].isin(known.index[known["drawn"]])
    return joined


def _check(table: pd.DataFrame, name: str) -> None:
    p = table["p_pneumonia"]
    strange = ~table["label"].isin(["normal", "pneumonia"]) | ~p.between(0, 1)
    if table.empty or strange.any():
        found = "no film" if table.empty else f"{int(strange.sum())} rows that have not"
        raise DataSetError(
            f"Expected in each row of {name} a label, normal or pneumonia, and p_pneumonia "
            f"within 0 and 1; got {found}."
        )

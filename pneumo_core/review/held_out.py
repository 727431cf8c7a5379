"""Which films of a data set a model can be fairly measured on: those it did not train on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.films.names import parse_folders
from pneumo_core.review.seen import seen

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from pneumo_core.bundle import Bundle

    Key = tuple[str, str, bool]  # label, file name, whether in the test split

_VALIDATION = "of the model's own validation: it did not train on these patients."
_OUTSIDE = "by name not among those the model was trained on."
_UNSEEN = "none of which the model was trained or chosen on."
_TRAINED = "all of which the model was trained on: these figures flatter it."
_UNKNOWN = (
    "none of them in the model's validation. Where the model trained on some of them, these "
    "figures flatter it."
)


@dataclass(frozen=True)
class Selection:
    """rows: int (N,), rising; held_out: whether the model is known not to have trained on them;
    words: which films these are, one sentence for a person.
    """

    rows: npt.NDArray[np.int64]
    held_out: bool
    words: str


def select_films(bundle: Bundle, table: pd.DataFrame, *, limit: int | None = None) -> Selection:
    """Films of `table` (columns film, label) to measure `bundle` on, unseen ones if there are any.

    Films are known by their hashes where the bundle lists its films and the table has hashes
    (`sha256`); else by label and file name, and whether they lie in the test split, so that it
    does not matter where the data set lies. A model validated on one part of its films is
    measured on that part. One that was in the end trained on all the films it has predictions
    for (after several folds) is measured on the others. Failing both, every film counts, and
    `words` says that this flatters. limit: films a class, drawn at random, always the same.
    """
    mine, words = _by_hash(bundle, table) or _by_name(bundle, table)
    rows = np.flatnonzero(mine)
    drawn = ""
    if limit is not None:
        rows = _drawn(rows, table["label"].to_numpy(str), limit)
        drawn = f" (at most {limit:,} of each class, drawn at random)"
    comma = "" if words == _VALIDATION else ","
    return Selection(
        rows=rows.astype(np.int64),
        held_out=words in {_VALIDATION, _OUTSIDE, _UNSEEN},
        words=f"{len(rows):,} films{drawn}{comma} {words}",
    )


def _by_hash(bundle: Bundle, table: pd.DataFrame) -> tuple[npt.NDArray[np.bool_], str] | None:
    """Which films, and what they are; None where hashes do not tell."""
    found = seen(bundle, table)
    if not found.by_hash:
        return None
    validation, unseen = found.chosen & ~found.trained, ~(found.chosen | found.trained)
    if validation.any():
        return validation, _VALIDATION
    return (unseen, _UNSEEN) if unseen.any() else (np.ones(len(table), np.bool_), _TRAINED)


def _by_name(bundle: Bundle, table: pd.DataFrame) -> tuple[npt.NDArray[np.bool_], str]:
    known, trained_on_all = _predicted(bundle)
    predicted = np.array([key in known for key in _keys(table)], dtype=np.bool_)
    everything = np.ones(len(table), dtype=np.bool_)
    if trained_on_all:
        outside = not predicted.all()
        return (~predicted, _OUTSIDE) if outside else (everything, _TRAINED)
    return (predicted, _VALIDATION) if predicted.any() else (everything, _UNKNOWN)


def _predicted(bundle: Bundle) -> tuple[set[Key], bool]:
    """Keys of the films of predictions.csv, and whether the network was trained on them as well.

    After several folds one network is trained on all films: each has a prediction by a network
    that had not seen it, and the one in service has seen it.
    """
    import pandas as pd

    table = pd.read_csv(bundle.path / "predictions.csv", usecols=["film", "label"])
    trained = bundle.card.get("data", {}).get("films")
    return set(_keys(table)), isinstance(trained, int) and len(table) >= trained


def _keys(table: pd.DataFrame) -> list[Key]:
    paths = [PurePosixPath(film) for film in table["film"]]
    test = [parse_folders(path.parts[:-1]).split == "test" for path in paths]
    names = [path.name for path in paths]
    return list(zip(table["label"].tolist(), names, test, strict=True))


def _drawn(
    rows: npt.NDArray[np.intp], label: npt.NDArray[np.str_], limit: int
) -> npt.NDArray[np.intp]:
    rng = np.random.default_rng(0)
    of_class = [rows[label[rows] == one] for one in ("normal", "pneumonia")]
    return np.sort(
        np.concatenate([rng.choice(one, min(limit, len(one)), replace=False) for one in of_class])
    )

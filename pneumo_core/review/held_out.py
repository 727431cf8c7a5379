"""Which films of a data set a model can be fairly measured on: those it did not train on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.review.seen import film_roles

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from pneumo_core.bundle import Bundle
    from pneumo_core.review.seen import FilmRoles

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

    What the films are to the model says `review.seen.film_roles`. A model validated on one part
    of its films is measured on that part. One that was in the end trained on all the films it has
    predictions for (after several folds) is measured on the others. Failing both, every film
    counts, and `words` says that this flatters. limit: films a class, drawn at random, always the
    same.
    """
    mine, words = _fair(film_roles(bundle, table))
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


def _fair(found: FilmRoles) -> tuple[npt.NDArray[np.bool_], str]:
    """Which films to measure on, bool (N,), and what they are."""
    validation = found.chosen & ~found.trained
    if validation.any():
        return validation, _VALIDATION
    if found.complete and found.unseen.any():
        return found.unseen, _UNSEEN if found.by_hash else _OUTSIDE
    everything = np.ones(found.trained.size, np.bool_)
    return everything, _TRAINED if found.trained.all() else _UNKNOWN


def _drawn(
    rows: npt.NDArray[np.intp], label: npt.NDArray[np.str_], limit: int
) -> npt.NDArray[np.intp]:
    rng = np.random.default_rng(0)
    of_class = [rows[label[rows] == one] for one in ("normal", "pneumonia")]
    return np.sort(
        np.concatenate([rng.choice(one, min(limit, len(one)), replace=False) for one in of_class])
    )

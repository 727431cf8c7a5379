"""Data leakage: which films a model was trained on, and which it was chosen on.

By `films.sha256` and `films.phash` (see `pneumo_core.bundle.provenance`) where the bundle has them,
else by the films' names in predictions.csv. What figures may be called and which films are a fair
selection both follow from here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.bundle.integrity import FILM_HASHES, FILMS
from pneumo_core.dataset.names import parse_folders, parse_name
from pneumo_core.training.plan.parent import listed_films

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from pneumo_core.bundle import Bundle


@dataclass(frozen=True)
class FilmRoles:
    """For each film of a table whether the model was trained and whether it was chosen on it.

    trained, chosen: bool (N,); by_hash: whether the bundle lists its films, so that this is sure;
    complete: whether all films that the model was trained on are known, if only by name.
    """

    trained: npt.NDArray[np.bool_]
    chosen: npt.NDArray[np.bool_]
    by_hash: bool
    complete: bool

    @property
    def unseen(self) -> npt.NDArray[np.bool_]:
        """Films that the model was neither trained nor chosen on, bool (N,)."""
        return ~(self.trained | self.chosen)


def film_roles(bundle: Bundle, table: pd.DataFrame) -> FilmRoles:
    """What the films of `table` (film, split, label; sha256 and phash if known) are to the model.

    By hash where the bundle lists its films and the table has hashes; a film in another file, as
    in another size, is matched by its perceptual hash. Otherwise by name, as far as names go: films
    of predictions.csv were chosen on. Where they are all that the model was made with, it was
    trained on them too and on no others; where they are a part and one of them is here, this is
    the data set the model was made from, whose other films outside the test split it was trained
    on. Raises BundleError where a list cannot be read.
    """
    lists = (("sha256", FILMS), ("phash", FILM_HASHES))
    if not any(name in table and (bundle.path / file).is_file() for name, file in lists):
        return _by_name(bundle, table)
    listed = listed_films(bundle)
    unknown = [""] * len(table)
    known = (table[name].astype(str) if name in table else unknown for name, _ in lists)
    roles = [listed.role(*hashes) for hashes in zip(*known, strict=True)]
    trained = np.array(["t" in role for role in roles], dtype=np.bool_)
    chosen = np.array(["v" in role for role in roles], dtype=np.bool_)
    return FilmRoles(trained, chosen, by_hash=True, complete=True)


def _by_name(bundle: Bundle, table: pd.DataFrame) -> FilmRoles:
    import pandas as pd

    own = pd.read_csv(bundle.path / "predictions.csv", usecols=["film", "label"], dtype=str)
    films = bundle.card.data.films
    # After several folds one network learns from all films: the one that is measured here.
    everything = films is not None and len(own) >= films
    known = set(_keys(own))
    matched = np.array([key in known for key in _keys(table)], dtype=np.bool_)
    # In a test split "1.png" is another film than in the training split. A name that holds the
    # patient's number is the same film in any folder.
    outside_test = ~_in_test(table)
    matched &= outside_test | _named_by_patient(table)
    if everything:
        return FilmRoles(matched, np.zeros_like(matched), by_hash=False, complete=True)
    rest = outside_test & ~matched & bool(matched.any())
    return FilmRoles(rest, matched, by_hash=False, complete=False)


def _keys(table: pd.DataFrame) -> list[tuple[str, str]]:
    """What identifies a film wherever its data set is stored: its label and its file's name."""
    names = [PurePosixPath(film).name for film in table["film"]]
    return list(zip(table["label"].tolist(), names, strict=True))


def _named_by_patient(table: pd.DataFrame) -> npt.NDArray[np.bool_]:
    stems = (PurePosixPath(film).stem for film in table["film"])
    return np.array([parse_name(stem).series != "" for stem in stems], dtype=np.bool_)


def _in_test(table: pd.DataFrame) -> npt.NDArray[np.bool_]:
    folders = [PurePosixPath(film).parts[:-1] for film in table["film"]]
    by_path = [parse_folders(parts).split == "test" for parts in folders]
    by_split = table["split"] == "test" if "split" in table else False
    return np.asarray(np.array(by_path, dtype=np.bool_) | by_split, dtype=np.bool_)


_VALIDATION = "of the model's own validation: it was not trained on these patients."
_OUTSIDE = "not used for training, by file name."
_UNSEEN = "none of them used to train or calibrate the model."
_TRAINED = "all of them used for training: these figures are too high."
_UNKNOWN = (
    "none of them in the model's validation. If some were used for training, these figures are too "
    "high."
)


@dataclass(frozen=True)
class Selection:
    """rows: int (N,), rising; held_out: whether the model is known not to be trained on them;
    words: which films these are, one sentence for a person.
    """

    rows: npt.NDArray[np.int64]
    held_out: bool
    words: str


def select_films(bundle: Bundle, table: pd.DataFrame, *, limit: int | None = None) -> Selection:
    """Films of `table` (columns film, label) to measure `bundle` on, unseen ones if there are any.

    By `film_roles`: a model validated on one part of its films is measured on that part; one
    finally trained on all the films it has predictions for (after several folds), on the others.
    Failing both, every film counts, and `words` says that figures are too high. limit: films a
    class, a random sample with a fixed seed.
    """
    mine, words = _fair(film_roles(bundle, table))
    rows = np.flatnonzero(mine)
    limited = ""
    if limit is not None:
        rows = _sample(rows, table["label"].to_numpy(str), limit)
        limited = f" (random sample of at most {limit:,} of each class)"
    comma = "" if words == _VALIDATION else ","
    return Selection(
        rows=rows.astype(np.int64),
        held_out=words in {_VALIDATION, _OUTSIDE, _UNSEEN},
        words=f"{len(rows):,} films{limited}{comma} {words}",
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


def _sample(
    rows: npt.NDArray[np.intp], label: npt.NDArray[np.str_], limit: int
) -> npt.NDArray[np.intp]:
    rng = np.random.default_rng(0)
    of_class = [rows[label[rows] == one] for one in ("normal", "pneumonia")]
    return np.sort(
        np.concatenate([rng.choice(one, min(limit, len(one)), replace=False) for one in of_class])
    )

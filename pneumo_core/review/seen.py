"""Which films a model has seen before: trained on, or chosen on.

By `films.sha256` (see `pneumo_core.bundle.films_file`) where the bundle has it, else by the films'
names in predictions.csv.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.bundle.films_file import DIGITS, film_roles
from pneumo_core.bundle.integrity import FILMS
from pneumo_core.films.names import parse_folders, parse_name

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from pneumo_core.bundle import Bundle


@dataclass(frozen=True)
class Seen:
    """For each film of a table whether the model was trained and whether it was chosen on it.

    trained, chosen: bool (N,); by_hash: whether the bundle lists its films, so that this is sure.
    """

    trained: npt.NDArray[np.bool_]
    chosen: npt.NDArray[np.bool_]
    by_hash: bool


def seen(bundle: Bundle, table: pd.DataFrame) -> Seen:
    """What the model has seen of the films of `table` (film, split, label, and sha256 if known).

    By hash where the bundle lists its films and the table has hashes. Otherwise by name, as far as
    names go: films of predictions.csv were chosen on, and where any of them is here, this is the
    data set the model was made from, whose other films outside the test split it was trained on.
    Raises BundleError where the list cannot be read.
    """
    listed = bundle.path / FILMS
    if "sha256" in table and listed.is_file():
        by_hash = film_roles(listed)
        roles = [by_hash.get(str(full)[:DIGITS], "") for full in table["sha256"]]
        trained = np.array(["t" in role for role in roles])
        return Seen(trained, np.array(["v" in role for role in roles]), by_hash=True)
    return _by_name(bundle, table)


def _by_name(bundle: Bundle, table: pd.DataFrame) -> Seen:
    import pandas as pd

    own = pd.read_csv(bundle.path / "predictions.csv", usecols=["film", "label"], dtype=str)
    films = bundle.card.get("data", {}).get("films")
    # After several folds one network learns from all films: the one that is measured here.
    everything = isinstance(films, int) and len(own) >= films
    known = set(_keys(own))
    matched = np.array([key in known for key in _keys(table)], dtype=np.bool_)
    # In a test split "1.png" is another film than in the training split. A name that holds the
    # patient's number is the same film wherever it lies.
    outside_test = ~_in_test(table)
    matched &= outside_test | _named_by_patient(table)
    rest = outside_test & ~matched & bool(matched.any())
    return Seen((matched & everything) | rest, matched & (not everything), by_hash=False)


def _keys(table: pd.DataFrame) -> list[tuple[str, str]]:
    """What a film is known by wherever its data set lies: its label and its file's name."""
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

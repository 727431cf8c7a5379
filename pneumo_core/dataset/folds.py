"""Grouped, stratified folds of an index, and the manifest that pins them."""

from __future__ import annotations

import hashlib
import json
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pneumo_core.errors import DataSetError
from pneumo_core.storage import write_atomic

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

FORMAT = 1
_FILM_COLUMNS = ["film", "sha256", "group", "fold"]


@dataclass(frozen=True)
class Manifest:
    """Folds as written down.

    films: DataFrame with the columns film, sha256, group (str) and fold (int from 0);
    digest: sha256 over everything else.
    """

    seed: int | None
    films: pd.DataFrame
    digest: str

    @property
    def folds(self) -> int:
        """How many folds there are."""
        return int(self.films["fold"].max()) + 1

    def fold_of(self, index: pd.DataFrame) -> npt.NDArray[np.int64]:
        """The fold of each row of `index`, shape (N,).

        Raises DataSetError if a film is not in the manifest or has other bytes than then.
        """
        known = {(row.film, row.sha256): row.fold for row in self.films.itertuples()}
        keys = list(zip(index["film"], index["sha256"], strict=True))
        strange = [film for film, sha256 in keys if (film, sha256) not in known]
        if strange:
            raise DataSetError(
                f"Expected the films of the fold manifest, got {len(strange)} that are new or "
                f"altered, the first {strange[0]}. Make new folds, or restore the films."
            )
        return np.array([known[key] for key in keys], dtype=np.int64)


def joined_groups(index: pd.DataFrame) -> npt.NDArray[np.int64]:
    """Patient groups with duplicates and near copies joined: int (N,), numbered from 0.

    Two rows share a number if they share `group`, or hold the same bytes (`sha256`), the same
    pixels (`pixels`) or nearly the same film, mirrored or turned or not (`copies`), where the index
    has these; or if they are linked by a chain of such rows.
    """
    import pandas as pd
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    group, groups = pd.factorize(index["group"])
    nodes, ends = len(groups), []
    for column in ("sha256", "pixels", "copies"):
        if column in index:
            # A film that could not be read has no hash, and nothing in common with another.
            content = index[column].where(index[column] != "", index["film"])
            same, kinds = pd.factorize(content)
            ends.append(nodes + same)
            nodes += len(kinds)
    links = (np.tile(group, len(ends)), np.concatenate(ends))
    edges = coo_array((np.ones(len(links[0])), links), shape=(nodes, nodes))
    _, component = connected_components(edges, directed=False)
    return np.asarray(pd.factorize(component[group])[0], dtype=np.int64)


def training_films(index: pd.DataFrame) -> pd.DataFrame:
    """The rows for training, renumbered: readable, and not of a test split.

    Raises DataSetError if there is none.
    """
    usable = index[index["readable"] & (index["split"] != "test")].reset_index(drop=True)
    if usable.empty:
        raise DataSetError(
            "Expected films to train on; every film is unreadable or in the test split."
        )
    return usable


def straddling_groups(index: pd.DataFrame, fold: npt.NDArray[np.int64]) -> list[str]:
    """Patients (`group`) with films in more than one fold; `fold` int (N,) of the rows."""
    spread = index.assign(fold=fold).groupby("group")["fold"].nunique()
    return [str(group) for group in spread.index[spread > 1]]


def grouped_folds(index: pd.DataFrame, *, folds: int, seed: int) -> npt.NDArray[np.int64]:
    """Share an index out over `folds` folds: int (N,), each row's fold, 0 … folds-1.

    All films of a patient fall into one fold, and so do duplicates and near copies; the subtypes
    keep their proportions as well as the groups allow. The same index and seed give the same folds.

    Raises DataSetError if a class is empty, or has fewer patients than there are folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    if folds < 2:
        raise DataSetError(f"Expected at least 2 folds, got {folds}.")
    group = joined_groups(index)
    label = index["label"].to_numpy()
    for name in ("normal", "pneumonia"):
        patients = len(np.unique(group[label == name]))
        if patients == 0:
            raise DataSetError(f"Expected normal and pneumonia films, got no {name} film at all.")
        if patients < folds:
            raise DataSetError(
                f"Expected at least {folds} {name} patients for {folds} folds, got {patients}. "
                "Ask for fewer folds or add films."
            )
    fold = np.empty(len(index), dtype=np.int64)
    splitter = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A rare subtype may have fewer films than there are folds; both labels have enough.
        warnings.filterwarnings("ignore", message="The least populated class")
        for number, (_, held_out) in enumerate(
            splitter.split(fold, index["subtype"].to_numpy(), group)
        ):
            fold[held_out] = number
    _check_every_fold(fold, label, folds)
    return fold


def _check_every_fold(fold: npt.NDArray[np.int64], label: npt.NDArray[Any], folds: int) -> None:
    """The splitter is greedy: with few, very unequal patients it can leave a fold one-sided."""
    for number in range(folds):
        held = set(label[fold == number])
        if held != {"normal", "pneumonia"}:
            raise DataSetError(
                f"Expected both classes in each of {folds} folds, got {sorted(held) or 'no film'} "
                f"in fold {number}: too few patients with too many films each. "
                "Ask for fewer folds or add films."
            )


def write_manifest(
    index: pd.DataFrame, fold: npt.NDArray[np.int64], path: Path, *, seed: int | None = None
) -> None:
    """Write the folds as JSON: seed, each film's path, sha256, group and fold, and a hash.

    fold: int (N,), aligned with the rows of `index`. The file appears whole or not at all.
    """
    films = index[["film", "sha256", "group"]].assign(fold=fold)
    content: dict[str, Any] = {
        "format": FORMAT,
        "seed": seed,
        "films": films.to_dict(orient="records"),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, json.dumps(content | {"sha256": _digest(content)}, indent=1))


def read_manifest(path: Path) -> Manifest:
    """Read a manifest and verify its hash; raises DataSetError if missing, damaged or altered."""
    import pandas as pd

    try:
        content = json.loads(path.read_text("utf-8"))
        digest = content.pop("sha256")
        seed, films = content["seed"], pd.DataFrame(content["films"], columns=_FILM_COLUMNS)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataSetError(
            f"Expected a fold manifest, got {path.name}, which is missing or damaged. "
            "Make the folds again."
        ) from error
    if digest != _digest(content) or content.get("format") != FORMAT:
        raise DataSetError(
            f"Expected the fold manifest {path.name} as it was written, got an altered one or one "
            "of another version. Make the folds again."
        )
    return Manifest(seed=seed, films=films, digest=digest)


def _digest(content: dict[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()

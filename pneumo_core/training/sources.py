"""Several sources in one training: their films together, balanced within each, and told apart.

Where one hospital sends mostly normal films and another mostly pneumonia, a network that recognises
the hospital looks as if it recognised the disease (Zech et al. 2018, doi
10.1371/journal.pmed.1002683). So classes weigh the same within each source, figures are shown by
source, and a network that never saw a source can be measured on it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.dataset.film_facts import LeftOut, left_out
from pneumo_core.dataset.index import index_folder
from pneumo_core.dataset.labels import Labels, read_map
from pneumo_core.errors import DataSetError
from pneumo_core.synthetic.demo_data import are_synthetic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from pneumo_core.progress import Progress


@dataclass(frozen=True)
class FilmSource:
    """A folder of films and, where its folders do not say the labels, the table that does."""

    folder: Path
    labels: Path | None = None
    mapping: Path | None = None

    def read(self) -> Labels | None:
        """The table and how it is read; None where neither is given. Raises DataSetError."""
        if self.labels is None and self.mapping is None:
            return None
        found = Labels() if self.mapping is None else read_map(self.mapping)
        return Labels(found.table if self.labels is None else self.labels, found.map)

    def as_dict(self) -> dict[str, str]:
        """A JSON-ready copy."""
        parts = {"folder": self.folder, "labels": self.labels, "mapping": self.mapping}
        return {name: str(path.absolute()) for name, path in parts.items() if path is not None}


def sources_of(config: Mapping[str, Any]) -> list[FilmSource]:
    """The sources of a run, from its configuration: one folder, unless it lists several."""
    listed = config.get("sources") or [{"folder": config["data"]}]
    return [FilmSource(**{name: Path(path) for name, path in source.items()}) for source in listed]


_LONGEST_NAME = 60  # signs of a folder's name that a card repeats


def source_names(sources: Sequence[FilmSource]) -> list[str]:
    """A name for each: that of its folder, numbered where another has it already."""
    names: list[str] = []
    for source in sources:
        spelled = "".join(sign for sign in source.folder.resolve().name if sign.isprintable())
        name = spelled[:_LONGEST_NAME] or "films"
        same = sum(one == name or one.startswith(f"{name} (") for one in names)
        names.append(f"{name} ({same + 1})" if same else name)
    return names


@dataclass(frozen=True)
class Gathered:
    """The films of all sources.

    index: that of `dataset.index`, with "source" (name), "path" (of the file below `root`) and
    "drawn" (bool, synthetic). Of several sources, "film" and "group" begin with the source's name,
    so that patients are grouped within a source. left_out: what of the folders is not used.
    """

    index: pd.DataFrame
    root: Path
    left_out: tuple[LeftOut, ...] = ()


def index_sources(sources: Sequence[FilmSource], *, progress: Progress) -> Gathered:
    """Index all sources. Raises DataSetError as `index_folder` does, and for folders in each
    other: their films would count twice.
    """
    import pandas as pd

    roots = [source.folder.resolve() for source in sources]
    check_apart(roots)
    try:
        root = Path(os.path.commonpath(roots))
    except ValueError as error:  # Windows: no folder holds both
        raise DataSetError(
            "Expected sources on one drive, got folders on several. Copy the films to one."
        ) from error
    tables, without = [], []
    for source, folder, name in zip(sources, roots, source_names(sources), strict=True):
        table = index_folder(source.folder, labels=source.read(), progress=progress)
        without += [
            one if len(sources) == 1 else replace(one, what=f"{name}: {one.what}")
            for one in left_out(table)
        ]
        below = folder.relative_to(root).as_posix()
        table["path"] = table["film"] if below == "." else f"{below}/" + table["film"]
        table["drawn"] = are_synthetic(table, folder)
        table["source"] = name
        if len(sources) > 1:
            table["film"] = f"{name}/" + table["film"]
            table["group"] = f"{name}: " + table["group"]
        tables.append(table)
    return Gathered(pd.concat(tables, ignore_index=True), root, tuple(without))


def check_apart(roots: Sequence[Path]) -> None:
    """Raise DataSetError where one folder is, or lies in, another: films would count twice."""
    for number, one in enumerate(roots):
        for other in roots[number + 1 :]:
            if one.is_relative_to(other) or other.is_relative_to(one):
                raise DataSetError(
                    f"Expected sources in folders of their own; {one.name} and {other.name} are "
                    "the same folder or one holds the other. Name each film's folder once."
                )


def share_within_source(
    labels: NDArray[np.int64], sources: NDArray[Any], *, classes: int
) -> NDArray[np.float64]:
    """Weights float64 (N,) that sum to 1 within each source, normal films (label 0) to 1 of
    `classes` there: no source then gives the label away.

    The pneumonias that a source has share the rest alike. A source with normal films alone, or
    with none, cannot be balanced: all of it weighs 1.
    """
    weights = np.zeros(len(labels))
    for source in np.unique(sources):
        mine = sources == source
        present = np.unique(labels[mine])
        pneumonias = int((present > 0).sum())
        for label in present:
            share = 1 / classes if label == 0 else (1 - 1 / classes) / pneumonias
            if 0 not in present:
                share = 1 / pneumonias
            elif not pneumonias:
                share = 1.0
            chosen = mine & (labels == label)
            weights[chosen] = share / chosen.sum()
    return weights


def one_sided(index: pd.DataFrame) -> list[str]:
    """A warning for each of several sources that has one class alone (columns source, label)."""
    if index["source"].nunique() < 2:
        return []
    found = index.groupby("source")["label"].agg(["nunique", "first", "size"])
    return [
        f"All {row['size']:,} films of the source {name} are {row['first']}: the network can learn "
        "to recognise the source instead of the disease; class weights cannot prevent this. Add "
        f"{'pneumonia' if row['first'] == 'normal' else 'normal'} films of that source, or leave "
        "it out."
        for name, row in found.iterrows()
        if row["nunique"] == 1
    ]


def can_leave_out(index: pd.DataFrame, name: str) -> str:
    """Why no network can be trained without the source `name`; "" where one can."""
    rest = set(index["label"][index["source"] != name])
    missing = {"normal", "pneumonia"} - rest
    return f"the other sources have no {' and no '.join(sorted(missing))} film" if missing else ""


LEFT_OUT = (
    "films of a source that the measured network never saw: another network of the same recipe, "
    "trained on the other sources alone, at this model's calibration and operating points"
)


def population(
    name: str, evidence: str, table: pd.DataFrame, p: NDArray[np.float64], points: dict[str, float]
) -> dict[str, Any]:
    """Figures of one population at the points on P(pneumonia), for the card."""
    from pneumo_core import metrics
    from pneumo_core.metrics.bootstrap import ROUNDS
    from pneumo_core.metrics.intervals import measured_share
    from pneumo_core.training.calibrate import rates

    positive = (table["label"] == "pneumonia").to_numpy()
    at, normal, ill = rates(positive, p, points["balanced"]), p[~positive], p[positive]
    auc = None
    if positive.any() and not positive.all():
        found = metrics.grouped_bootstrap_auc(positive, p, table["group"], seed=0, rounds=ROUNDS)
        auc = found.to_dict()

    def share(chosen: NDArray[np.bool_]) -> dict[str, Any]:
        return measured_share(int(chosen.sum()), len(chosen)).to_dict()

    return {
        "name": name,
        "evidence": evidence,
        "films": len(table),
        "normal": int((~positive).sum()),
        "pneumonia": int(positive.sum()),
        "patients": int(table["group"].nunique()),
        "auc": auc,
        "sensitivity": at.sensitivity.to_dict(),
        "specificity": at.specificity.to_dict(),
        "ece": metrics.ece(positive, p),
        "normal_cleared": share(normal < points["screening"]),
        "normal_called": share(normal >= points["ruling_in"]),
        "pneumonia_missed": share(ill < points["screening"]),
    }

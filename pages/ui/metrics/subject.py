"""What is measured: a model's predictions on some films, and what these films are to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pages.ui import cache
from pneumo_core.evaluation.evaluate import shipped_predictions, with_facts
from pneumo_core.evaluation.evidence_level import standing, standing_of_shipped
from pneumo_core.evaluation.test_log import data_hash, looks

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd

    from pages.ui.metrics.evaluations import Evaluation
    from pneumo_core.bundle import Bundle
    from pneumo_core.config import Settings
    from pneumo_core.dataset.catalogue import Catalogue
    from pneumo_core.evaluation.evidence_level import Standing

OWN = "its own validation films"


@dataclass(frozen=True, eq=False)
class Subject:
    """Predictions of `bundle` on `films` (words), a row a film of `table`.

    key: another one for other predictions; root: where the files lie, None where it is not known.
    """

    bundle: Bundle
    key: str
    films: str
    table: pd.DataFrame
    standing: Standing
    root: Path | None


def own_subject(bundle: Bundle) -> Subject:
    """The predictions that the bundle ships. Raises DataSetError."""
    return Subject(
        bundle,
        f"{bundle.name}/{bundle.digest}",
        OWN,
        shipped_predictions(bundle),
        standing_of_shipped(bundle),
        None,
    )


def with_sizes(subject: Subject, catalogue: Catalogue | None, rows: Collection[str]) -> Subject:
    """The subject with width and height of its films, where the folder of the films has them."""
    if catalogue is None or not rows or "width" in subject.table:
        return subject
    table = with_facts(subject.table, catalogue.index).drop(columns="sha256")
    return replace(subject, key=f"{subject.key}/{catalogue.key}", table=table)


def measured_subject(bundle: Bundle, one: Evaluation, settings: Settings) -> Subject:
    """The predictions of an evaluation that is done. Raises DataSetError, BundleError."""
    path = one.table_path(settings)
    table, index = cache.evaluated(path, path.stat().st_mtime_ns, Path(one.data), settings)
    if index is not None:
        table = with_facts(table, index)
    known = index is not None and bool((table["sha256"] != "").all())
    if not known:
        table = table.drop(columns="sha256", errors="ignore")
    past = looks(bundle, data_hash(table["sha256"])) if known else looks(bundle)
    return Subject(
        bundle,
        f"{one.key}/{path.stat().st_mtime_ns}",
        one.films,
        table,
        standing(bundle, table, split=one.split, looks=past),
        Path(one.data),
    )

"""Predictions of a model: those it brings, and those of evaluations run here."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pages.ui import cache
from pneumo_core.dataset.layout import list_films
from pneumo_core.errors import DataSetError
from pneumo_core.evaluation.evaluate import (
    elsewhere_predictions,
    shipped_predictions,
    with_facts,
)
from pneumo_core.evaluation.evidence_level import (
    evidence_elsewhere,
    evidence_level,
    evidence_of_shipped,
)
from pneumo_core.evaluation.test_log import data_hash, logged_evaluations
from pneumo_core.jobs.job import Job, latest_job, start_job

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd

    from pneumo_core.bundle import Bundle
    from pneumo_core.config import Settings
    from pneumo_core.dataset.catalogue import Catalogue
    from pneumo_core.evaluation.evidence_level import EvidenceLevel


OWN = "its own validation films"
ELSEWHERE = "films of another hospital that come with it"
KIND = "evaluate"
SPLITS = ("test", "val", "train", "all")


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions of `bundle` on `films` (words), a row a film of `table`.

    key: another one for other predictions; root: folder of the files, None if not known.
    """

    bundle: Bundle
    key: str
    films: str
    table: pd.DataFrame
    evidence: EvidenceLevel
    root: Path | None

    @property
    def keyed(self) -> cache.Keyed[pd.DataFrame]:
        """The table as an argument of a cached function."""
        return cache.Keyed(self.key, self.table)


@dataclass(frozen=True)
class Evaluation:
    """A model (its name, and the first digits of its digest) on the split of a folder."""

    model: str
    digest: str
    data: str
    split: str
    started: str

    @property
    def key(self) -> str:
        """Its name on disk and as a job."""
        parts = f"{self.model} {self.digest} {self.split} {self.data}"
        return hashlib.sha256(parts.encode()).hexdigest()[:16]

    @property
    def films(self) -> str:
        """The films in words, without a path: "the test split of chest_xray"."""
        name = Path(self.data).name
        return (
            f"all films of {name}" if self.split == "all" else f"the {self.split} split of {name}"
        )

    def table_path(self, settings: Settings) -> Path:
        """The predictions, once they are made."""
        return _home(settings) / f"{self.key}.csv"

    def job(self, settings: Settings) -> Job | None:
        """The job that makes or made the predictions."""
        return latest_job(KIND, settings=settings, key=self.key)


def shipped_predictions_of(bundle: Bundle) -> Predictions:
    """The predictions that the bundle ships. Raises DataSetError."""
    return Predictions(
        bundle,
        f"{bundle.name}/{bundle.digest}",
        OWN,
        shipped_predictions(bundle),
        evidence_of_shipped(bundle),
        None,
    )


def elsewhere_predictions_of(bundle: Bundle) -> Predictions | None:
    """The predictions of another hospital that the bundle ships; None without any."""
    table = elsewhere_predictions(bundle)
    if table is None or not bundle.card.populations:
        return None
    key = f"{bundle.name}/{bundle.digest}/{ELSEWHERE}"
    return Predictions(bundle, key, ELSEWHERE, table, evidence_elsewhere(bundle), None)


def with_sizes(
    subject: Predictions, catalogue: Catalogue | None, rows: Collection[str]
) -> Predictions:
    """The subject with width and height of its films, where the folder of the films has them."""
    if catalogue is None or not rows or "width" in subject.table:
        return subject
    table = with_facts(subject.table, catalogue.index).drop(columns="sha256")
    return replace(subject, key=f"{subject.key}/{catalogue.key}", table=table)


def evaluated_predictions(bundle: Bundle, one: Evaluation, settings: Settings) -> Predictions:
    """The predictions of an evaluation that is done. Raises DataSetError, BundleError."""
    path = one.table_path(settings)
    changed = path.stat().st_mtime_ns
    version = cache.Keyed(f"{path} {changed}", path)
    table, index = cache.evaluated(version, Path(one.data), settings)
    if index is not None:
        table = with_facts(table, index)
    known = index is not None and bool((table["sha256"] != "").all())
    if not known:
        table = table.drop(columns="sha256", errors="ignore")
    digest = data_hash(table["sha256"]) if known else None
    past = logged_evaluations(bundle, digest) if digest else logged_evaluations(bundle)
    return Predictions(
        bundle,
        f"{one.key}/{changed}",
        one.films,
        table,
        evidence_level(bundle, table, split=one.split, evaluations=past),
        Path(one.data),
    )


def begin(bundle: Bundle, data: Path, split: str, *, settings: Settings) -> Evaluation:
    """Start an evaluation as a job. Raises JobError, DataSetError."""
    split = _split_of(data, split)
    new = Evaluation(
        bundle.name,
        bundle.digest[:16],
        str(data),
        split,
        datetime.now(UTC).isoformat(timespec="seconds"),
    )
    table = new.table_path(settings)
    try:
        table.parent.mkdir(parents=True, exist_ok=True)
        table.unlink(missing_ok=True)
        table.with_suffix(".json").write_text(json.dumps(asdict(new)), "utf-8")
    except OSError as error:
        raise DataSetError(
            f"Expected to write to the cache folder, got: {error.strerror or error}. Free some "
            "space on its disk."
        ) from error
    arguments = [KIND, new.data, "--split", split, "--model", bundle.name]
    start_job(KIND, [*arguments, "--predictions", str(table)], settings=settings, key=new.key)
    return new


def _split_of(data: Path, split: str) -> str:
    """The split itself where the folder has it; "all" for a folder of one's own, without splits."""
    listing = list_films(data)
    found = {facts.split for facts in listing.facts.values()}
    return "all" if found == {"all"} else split


def evaluations(bundle: Bundle, *, settings: Settings) -> list[Evaluation]:
    """Those of this very model, the latest first, done or not."""
    found = []
    for path in _home(settings).glob("*.json"):
        try:
            one = Evaluation(**json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            continue
        if (one.model, one.digest) == (bundle.name, bundle.digest[:16]):
            found.append(one)
    return sorted(found, key=lambda one: one.started, reverse=True)


def is_done(one: Evaluation, *, settings: Settings) -> bool:
    """Whether there are predictions and no job is writing them."""
    job = one.job(settings)
    running = job is not None and job.status().state == "running"
    return one.table_path(settings).is_file() and not running


def _home(settings: Settings) -> Path:
    return settings.cache_dir / "evaluations"

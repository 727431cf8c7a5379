"""Predictions of a model, its own and those of evaluations run here; the folder of their films."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import cache, state
from pages.ui.dataset.source import catalogue_of
from pages.ui.folder_field import show_picker
from pages.ui.html import data_uri, jpeg
from pages.ui.page import plain
from pneumo_core.bundle.provenance import synthetic_share
from pneumo_core.dataset.layout import list_films
from pneumo_core.dataset.sources import check_folder, remember_source, remembered_source
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
from pneumo_core.synthetic.demo_data import MARKER

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
_TYPED = "metrics.where.typed"


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


@dataclass(frozen=True, eq=False)
class FilmFolder:
    """A folder that may hold the films, None where none is known.

    catalogue: its index, None where it was not indexed; rows: place in that index of each film of
    the table; synthetic: whether the folder's films are synthetic and the model's own are not.
    """

    root: Path | None = None
    catalogue: Catalogue | None = None
    rows: dict[str, int] | None = None
    synthetic: bool = False

    def thumbnail(self, film: str) -> tuple[str, float]:
        """A small picture as a data URI, and width ÷ height; ("", 1.0) where there is none."""
        at = (self.rows or {}).get(film)
        if at is None or self.catalogue is None:
            return "", 1.0
        row = self.catalogue.index.iloc[at]
        if not row["readable"]:
            return "", 1.0
        pixels = self.catalogue.thumbnails[int(row["thumbnail"])]
        return data_uri(jpeg(pixels, quality=85)), float(row["width"] / row["height"])

    def facts(self, film: str) -> dict[str, object]:
        """What the catalogue knows of a film; empty where it does not."""
        at = (self.rows or {}).get(film)
        if at is None or self.catalogue is None:
            return {}
        return {str(name): value for name, value in self.catalogue.index.iloc[at].items()}


def find_folder(subject: Predictions, settings: Settings) -> FilmFolder:
    """The folder that was measured, or the one of the Dataset screen, as far as it has the films.

    A folder that has gone is as good as none.
    """
    root = subject.root
    if root is None:
        source = remembered_source(settings=settings)
        root = source.path if source else None
    if root is None:
        return FilmFolder()
    if (
        subject.root is None
        and (root / MARKER).is_file()
        and not synthetic_share(subject.bundle.card)
    ):
        return FilmFolder(root, synthetic=True)
    try:
        catalogue = cache.catalogue_at(root, settings)
    except DataSetError:
        return FilmFolder()
    if catalogue is None:
        return FilmFolder(root)
    return FilmFolder(root, catalogue, cache.rows_of(catalogue, subject.keyed))


def offer_folder(subject: Predictions, place: FilmFolder, settings: Settings) -> None:
    """What to do where the images are missing; nothing where they are there."""
    if place.catalogue is not None and place.rows:
        missing = len(subject.table) - len(place.rows)
        if missing:
            st.caption(f"{missing:,} of the films are not in {place.catalogue.root.name}.")
        return
    if place.root is not None and place.catalogue is None and not place.synthetic:
        _offer_index(place.root, settings)
        return
    st.info(_missing(subject, place), icon=":material/image:")
    _choose(settings)


def _missing(subject: Predictions, place: FilmFolder) -> str:
    """Which films these are, that they are missing, and what to do."""
    n, one = len(subject.table), subject.table["film"].iloc[0]
    words = f"Measured on {plain(subject.films)} ({n:,}, such as {plain(one)})."
    if place.root is None:
        words += " The model brings its predictions, not the images."
    elif place.synthetic:
        words += (
            f" The open folder, {plain(place.root.name)}, holds synthetic films, none of these."
        )
    else:
        words += f" The open folder, {plain(place.root.name)}, holds none of them."
    return f"{words} To see the images, open their folder below."


def _choose(settings: Settings) -> None:
    with st.form("metrics.where", border=False):
        typed = st.text_input(
            "Folder of labelled films: class folders, or images with a table of labels",
            placeholder="/home/me/chest_xray",
            key=_TYPED,
        )
        if st.form_submit_button("Open"):
            try:
                path = check_folder(typed, settings=settings)
            except DataSetError as error:
                st.error(plain(str(error)), icon=":material/error:")
                return
            remember_source("folder", path, settings=settings)
            state.scanned_folder.set(str(path))
            st.rerun()
    show_picker(settings, _TYPED)


def _offer_index(root: Path, settings: Settings) -> None:
    """Thumbnails are made once a folder, on request."""
    if state.scanned_folder.get() == str(root):
        if catalogue_of(root, settings) is not None:
            cache.catalogue_at.clear(root, settings)
            st.rerun()
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"The open folder, {plain(root.name)}, is not indexed yet, so there are no thumbnails."
        )
        st.button(
            "Index the folder",
            key="metrics.where.look",
            on_click=state.scanned_folder.set,
            args=(str(root),),
        )

"""The source of the films: a folder, the Kaggle data set, or synthetic films; it is remembered."""

from __future__ import annotations

import shutil
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import state
from pages.ui.dataset.labels_view import show_labels
from pages.ui.folder_field import show_picker, unpacked_upload
from pages.ui.html import badge
from pages.ui.job_progress import show_job
from pages.ui.page import plain, plain_words
from pages.ui.state import start_key, starting
from pneumo_core.dataset.catalogue import catalogue_ready, open_catalogue
from pneumo_core.dataset.labels import has_tables, keep_labels, kept_labels
from pneumo_core.dataset.layout import check_labelled
from pneumo_core.dataset.sources import check_folder, data_dir, remember_source, why_not_remembered
from pneumo_core.errors import DataSetError
from pneumo_core.jobs.job import latest_job, start_job
from pneumo_core.synthetic.demo_data import MARKER

if TYPE_CHECKING:
    from pathlib import Path

    from pages.ui.folder_field import Weight
    from pneumo_core.config import Settings
    from pneumo_core.dataset.catalogue import Catalogue
    from pneumo_core.dataset.sources import Kind, Source
    from pneumo_core.jobs.job import Job


TYPED = "dataset.typed"
SYNTHETIC = 400  # films, made in about ten seconds
_KINDS = {
    "folder": "Folder",
    "zip": "ZIP file",
    "kaggle": "Kaggle",
    "synthetic": "Synthetic",
}
_COMMANDS = {"kaggle": "fetch-data", "synthetic": "demo-data"}
_JOB_TITLES = {"kaggle": "Downloading the data set", "synthetic": "Making synthetic films"}
_PHASES = {"films": "films", "download": "download", "unpack": "unpacking", "check": "checking"}
_WELCOME = (
    '<section class="pn-welcome"><h2>Look at the data before you train on it.</h2>'
    "<p>Counts, patients, image sizes, duplicates, leakage and shortcuts: of your own folder, of "
    "the Kaggle data set, or of synthetic films, which show no patient and take seconds.</p>"
    "</section>"
)
_AUDIT = "audit"
_AUDIT_TITLE = "Indexing the films"
_AUDIT_PHASES = {
    "films": "reading each file",
    "copies": "looking for copies",
    "checks": "duplicates and leakage",
    "shortcuts": "shortcuts",
}


def show_welcome(settings: Settings) -> None:
    """What an empty screen says, and the one button that fills it."""
    st.html(_WELCOME)
    if st.button(
        f"Try {SYNTHETIC} synthetic films", type="primary", key=start_key("dataset.first")
    ):
        _take_synthetic(SYNTHETIC, settings)


def show_missing_source(settings: Settings) -> None:
    """A warning where the data set opened last can no longer be opened."""
    if why := why_not_remembered(settings=settings):
        st.warning(
            plain(f"The data set opened last cannot be opened. {why}"), icon=":material/folder_off:"
        )


def show_chooser(settings: Settings, kind: str = "folder", *, primary: bool = True) -> None:
    """The sources, each with what it needs. primary: whether its button is the page's main
    one.
    """
    with st.container(width=680):
        chosen = st.segmented_control(
            "Source of the films",
            list(_KINDS),
            default=kind,
            required=True,
            format_func=_KINDS.__getitem__,
            key="dataset.kind",
        )
        _PARTS[chosen](settings, "primary" if primary else "secondary")


def show_source_job(settings: Settings) -> bool:
    """The download or the synthesis that was asked for, while it runs; afterwards its films are the
    source. Returns whether it runs.
    """
    asked = state.source_job.get()
    kind, path = asked or ("kaggle", _kaggle_folder(settings))
    job = latest_job(_COMMANDS[kind], settings=settings, key=str(path))
    if job is None or (asked is None and job.status().state != "running"):
        return False
    state.source_job.set((kind, path))
    progress = show_job(job, doing=_JOB_TITLES[kind], phases=_PHASES).state
    if progress == "done":
        _take(kind, path, settings)
    if progress != "running":
        state.source_job.clear()  # said once; the next run of the page is free of it
    return progress == "running"


def catalogue_of(root: Path, settings: Settings) -> Catalogue | None:
    """The catalogue of the films below `root`; where there is none yet, the job that makes it is
    shown instead. Raises DataSetError where the folder is gone or holds no films.
    """
    if catalogue_ready(root, settings=settings):
        return open_catalogue(root, settings=settings)
    show_audit_job(root, settings)
    return None


def show_audit_job(root: Path, settings: Settings) -> None:
    """The job that makes catalogue and audit of `root`: started if it never was, shown while it
    runs; one that failed is restarted on request only.
    """
    job = latest_job(_AUDIT, settings=settings, key=str(root))
    if job is None or job.status().state == "done":  # done, and the folder has changed since
        job = _start(root, settings)
    stopped = show_job(job, doing=_AUDIT_TITLE, phases=_AUDIT_PHASES).state != "running"
    if stopped and st.button("Try again", key=start_key("dataset.again")):
        with starting():
            _start(root, settings)
        st.rerun()


def line_html(source: Source, catalogue: Catalogue | None) -> str:
    """What is loaded and when it was indexed, as one line."""
    when = ""
    if catalogue is not None:
        seen = datetime.fromisoformat(catalogue.made).astimezone()
        when = f"indexed on {seen.day} {seen:%B %Y at %H:%M}"
    return (
        f'<p class="pn-loaded"><strong>{escape(source.path.name)}</strong> '
        f"{badge(_KINDS[source.kind])} "
        f'<span class="pn-hint">{when}</span></p>'
    )


def _folder(settings: Settings, weight: Weight) -> None:
    typed = st.text_input(
        "Folder of films: in NORMAL/ and PNEUMONIA/, in train/, val/ and test/, or with a table of "
        "labels",
        placeholder="/home/me/chest_xray",
        key=TYPED,
    )
    # Above the picker, which follows what is typed: a button that moves loses the click.
    taken = st.button("Open", type=weight, key="dataset.take")
    show_picker(settings, TYPED)
    if taken:
        try:
            path = check_folder(typed, settings=settings)
            if not has_tables(path):
                check_labelled(path)
        except DataSetError as error:
            st.error(plain(str(error)), icon=":material/error:")
        else:
            _consider("folder", path, settings)


def _zip(settings: Settings, weight: Weight) -> None:
    st.write(
        "A ZIP archive of a folder of films, with class folders or a table of labels. It is "
        "unpacked into the cache of this installation."
    )
    path = unpacked_upload(settings, "dataset", weight)
    if path is not None:
        _consider("zip", path, settings)


def _consider(kind: Kind, path: Path, settings: Settings) -> None:
    """Open the folder, or first ask for its labels where a table lies beside the films."""
    if kept_labels(path, settings) is None and has_tables(path):
        ask_labels(kind, path)
    _take(kind, path, settings)


def ask_labels(kind: Kind, path: Path) -> None:
    """Show the labels of the folder, to be chosen and corrected."""
    state.candidate_images.clear()
    state.labels_return.clear()
    state.candidate.set((kind, path))
    st.rerun()


def show_candidate(settings: Settings) -> bool:
    """The labels of the folder that is about to be opened; whether there is one."""
    asked = state.candidate.get()
    if asked is None:
        return False
    kind, path = asked
    back = state.labels_return.get()
    words = "Back to fitting the model" if back else "Back"
    if st.button(words, icon=":material/arrow_back:", key="dataset.labels.back"):
        state.candidate.clear()
        _return(back)
    with plain_words():
        chosen = show_labels(
            path,
            kept_labels(path, settings),
            "Fit to these films" if back else "Open with these labels",
        )
        if chosen is not None:
            keep_labels(path, chosen, settings)
            state.candidate.clear()
            if back:
                _return(back)
            _take(kind, path, settings)
    return True


def _return(page: str) -> None:
    """To the page that asked for the labels, or this one without them."""
    state.labels_return.clear()
    if page:
        st.switch_page(page)
    st.rerun()


def _kaggle(settings: Settings, weight: Weight) -> None:
    st.write(
        "*Chest X-Ray Images (Pneumonia)*: 5,856 films of children of 1–5 years from one hospital, "
        "1.2 GB. An interrupted download resumes; every file is counted and checked."
    )
    if st.button("Download from Kaggle", type=weight, key=start_key("dataset.kaggle")):
        _make("kaggle", _kaggle_folder(settings), [], settings)


def _synthetic(settings: Settings, weight: Weight) -> None:
    st.write("Made at random by Pneumo, in the layout of the Kaggle data set; no patient is shown.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        films = st.number_input(
            "Number of films", 20, 6000, SYNTHETIC, 100, key="dataset.films", width=160
        )
        if st.button("Make them", type=weight, key=start_key("dataset.synthetic")):
            _take_synthetic(films, settings)


def _take_synthetic(films: int, settings: Settings) -> None:
    """A complete set made before is used again; what an interrupted run left is not."""
    path = data_dir(settings) / f"synthetic-{films}"
    complete = (path / MARKER).is_file()  # written last; older sets have none
    if complete and sum(1 for _ in path.rglob("*.jpeg")) == films:
        _take("synthetic", path, settings)
    shutil.rmtree(path, ignore_errors=True)
    _make("synthetic", path, ["--films", str(films)], settings)


def _make(kind: str, path: Path, options: list[str], settings: Settings) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    command = _COMMANDS[kind]
    with starting():
        start_job(command, [command, str(path), *options], settings=settings, key=str(path))
    state.source_job.set((kind, path))
    st.rerun()


def _take(kind: Kind, path: Path, settings: Settings) -> None:
    state.source_job.clear()
    remember_source(kind, path, settings=settings)
    st.rerun()


def _kaggle_folder(settings: Settings) -> Path:
    return data_dir(settings) / "chest-xray-pneumonia"


def _start(root: Path, settings: Settings) -> Job:
    return start_job(_AUDIT, [_AUDIT, str(root)], settings=settings, key=str(root))


_PARTS = {"folder": _folder, "zip": _zip, "kaggle": _kaggle, "synthetic": _synthetic}

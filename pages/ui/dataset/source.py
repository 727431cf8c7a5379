"""Where the films come from: a folder, the Kaggle data set, synthetic ones; the choice is kept."""

from __future__ import annotations

import shutil
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Literal

import streamlit as st

from pages.ui.html import badge
from pages.ui.job_progress import show_job
from pages.ui.page import plain
from pages.ui.state import start_key, starting
from pneumo_core.dataset.catalogue import catalogue_ready, open_catalogue
from pneumo_core.dataset.layout import check_labelled
from pneumo_core.dataset.sources import check_folder, data_dir, remember_source, why_not_remembered
from pneumo_core.errors import DataSetError
from pneumo_core.jobs.job import latest_job, start_job
from pneumo_core.synthetic.demo_data import MARKER

if TYPE_CHECKING:
    from pathlib import Path

    from pneumo_core.config import Settings
    from pneumo_core.dataset.catalogue import Catalogue
    from pneumo_core.dataset.sources import Source
    from pneumo_core.jobs.job import Job


SYNTHETIC = 400  # films, made in some ten seconds
_KINDS = {
    "folder": "Folder on this machine",
    "kaggle": "Kaggle data set",
    "synthetic": "Synthetic films",
}
_COMMANDS = {"kaggle": "fetch-data", "synthetic": "demo-data"}
_DOING = {"kaggle": "Downloading the data set", "synthetic": "Drawing synthetic films"}
_PHASES = {"films": "films", "download": "download", "unpack": "unpacking", "check": "checking"}
_MAKING = "dataset.making"
_WELCOME = (
    '<section class="pn-welcome"><h2>See what you have before you trust it.</h2>'
    "<p>Counts, patients, sizes, duplicates, and what gives the labels away without showing a "
    "lung: of a folder of yours, of the Kaggle data set, or of synthetic films that show no "
    "patient and are drawn in seconds.</p></section>"
)


def show_welcome(settings: Settings) -> None:
    """What an empty screen says, and the one button that fills it."""
    st.html(_WELCOME)
    if st.button(
        f"Look at {SYNTHETIC} synthetic films", type="primary", key=start_key("dataset.first")
    ):
        _take_synthetic(SYNTHETIC, settings)


def show_lost(settings: Settings) -> None:
    """That the folder looked at last cannot be opened any more, where there was one."""
    if why := why_not_remembered(settings=settings):
        st.warning(
            plain(f"The films looked at last cannot be opened. {why}"), icon=":material/folder_off:"
        )


def show_chooser(settings: Settings, kind: str = "folder") -> None:
    """The three sources, each with what it needs."""
    with st.container(width=680):
        chosen = st.segmented_control(
            "Where the films come from",
            list(_KINDS),
            default=kind,
            required=True,
            format_func=_KINDS.__getitem__,
            key="dataset.kind",
        )
        _PARTS[chosen](settings)


def show_making(settings: Settings) -> bool:
    """The download or the drawing that was asked for, while it runs; afterwards its films are the
    source. Whether it runs.
    """
    kaggle = _kaggle_folder(settings)
    kind, path = st.session_state.get(_MAKING, ("kaggle", kaggle))
    job = latest_job(_COMMANDS[kind], settings=settings, key=str(path))
    if job is None or (_MAKING not in st.session_state and job.status().state != "running"):
        return False
    st.session_state[_MAKING] = (kind, path)
    state = show_job(job, doing=_DOING[kind], phases=_PHASES).state
    if state == "done":
        _take(kind, path, settings)
    if state != "running":
        st.session_state.pop(_MAKING)  # told once; the next run of the page is free of it
    return state == "running"


def line_html(source: Source, catalogue: Catalogue | None) -> str:
    """What is loaded and when it was looked through, as one line."""
    when = ""
    if catalogue is not None:
        seen = datetime.fromisoformat(catalogue.made).astimezone()
        when = f"looked through on {seen.day} {seen:%B %Y at %H:%M}"
    return (
        f'<p class="pn-loaded"><strong>{escape(source.path.name)}</strong> '
        f"{badge(_KINDS[source.kind].lower())} "
        f'<span class="pn-hint">{when}</span></p>'
    )


def _folder(settings: Settings) -> None:
    with st.form("dataset.folder", border=False):
        typed = st.text_input(
            "Folder that holds NORMAL/ and PNEUMONIA/, or train/, val/ and test/ with these",
            placeholder="/home/me/chest_xray",
            key="dataset.typed",
        )
        if st.form_submit_button("Open", type="primary"):
            try:
                path = check_folder(typed, settings=settings)
                check_labelled(path)
            except DataSetError as error:
                st.error(plain(str(error)), icon=":material/error:")
            else:
                _take("folder", path, settings)


def _kaggle(settings: Settings) -> None:
    st.write(
        "*Chest X-Ray Images (Pneumonia)*: 5,856 films of children of 1–5 years from one hospital, "
        "1.2 GB. The download goes on where it was interrupted; every film is counted and checked."
    )
    if st.button("Download from Kaggle", type="primary", key=start_key("dataset.kaggle")):
        _make("kaggle", _kaggle_folder(settings), [], settings)


def _synthetic(settings: Settings) -> None:
    st.write("Drawn at random by this program, in the layout of the Kaggle data set. No patient.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        films = st.number_input(
            "How many films", 20, 6000, SYNTHETIC, 100, key="dataset.films", width=160
        )
        if st.button("Draw them", type="primary", key=start_key("dataset.synthetic")):
            _take_synthetic(films, settings)


def _take_synthetic(films: int, settings: Settings) -> None:
    """Films drawn before are taken again; what a stopped drawing left is not."""
    path = data_dir(settings) / f"synthetic-{films}"
    drawn = (path / MARKER).is_file()  # written last; older sets have none
    if drawn and sum(1 for _ in path.rglob("*.jpeg")) == films:
        _take("synthetic", path, settings)
    shutil.rmtree(path, ignore_errors=True)
    _make("synthetic", path, ["--films", str(films)], settings)


def _make(kind: str, path: Path, options: list[str], settings: Settings) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    command = _COMMANDS[kind]
    with starting():
        start_job(command, [command, str(path), *options], settings=settings, key=str(path))
    st.session_state[_MAKING] = (kind, path)
    st.rerun()


def _take(kind: Literal["folder", "kaggle", "synthetic"], path: Path, settings: Settings) -> None:
    st.session_state.pop(_MAKING, None)
    remember_source(kind, path, settings=settings)
    st.rerun()


def _kaggle_folder(settings: Settings) -> Path:
    return data_dir(settings) / "chest-xray-pneumonia"


_PARTS = {"folder": _folder, "kaggle": _kaggle, "synthetic": _synthetic}


_KIND = "audit"
_LOADING = "Looking through the films"
_LOADING_PHASES = {
    "films": "opening each once",
    "checks": "duplicates and leaks",
    "shortcuts": "what gives the label away",
}


def catalogue_of(root: Path, settings: Settings) -> Catalogue | None:
    """The catalogue of the films below `root`; where there is none yet, the job that makes it is
    shown instead. Raises DataSetError where the folder is gone or holds no films.
    """
    if catalogue_ready(root, settings=settings):
        return open_catalogue(root, settings=settings)
    show_audit_job(root, settings)
    return None


def show_audit_job(root: Path, settings: Settings) -> None:
    """The job that makes catalogue and audit of `root`: begun if it never was, shown while it
    runs; one that did not end well is not begun again unasked.
    """
    job = latest_job(_KIND, settings=settings, key=str(root))
    state = None if job is None else job.status().state
    if job is None or state == "done":  # done, and the folder has changed since
        job = _start(root, settings)
    stopped = show_job(job, doing=_LOADING, phases=_LOADING_PHASES).state != "running"
    if stopped and st.button("Look again", key=start_key("dataset.again")):
        with starting():
            _start(root, settings)
        st.rerun()


def _start(root: Path, settings: Settings) -> Job:
    return start_job(_KIND, [_KIND, str(root)], settings=settings, key=str(root))

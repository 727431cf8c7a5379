"""Looking through a data set for the first time: a job, seen while it runs, begun anew if asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.job_progress import show_job
from pages.ui.state import start_key, starting
from pneumo_core.dataset.catalogue import catalogue_ready, open_catalogue
from pneumo_core.jobs.job import latest_job, start_job

if TYPE_CHECKING:
    from pathlib import Path

    from pneumo_core.config import Settings
    from pneumo_core.dataset.catalogue import Catalogue
    from pneumo_core.jobs.job import Job

_KIND = "audit"
_DOING = "Looking through the films"
_PHASES = {
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
    stopped = show_job(job, doing=_DOING, phases=_PHASES).state != "running"
    if stopped and st.button("Look again", key=start_key("dataset.again")):
        with starting():
            _start(root, settings)
        st.rerun()


def _start(root: Path, settings: Settings) -> Job:
    return start_job(_KIND, [_KIND, str(root)], settings=settings, key=str(root))

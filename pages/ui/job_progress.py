"""The progress of a job: what it does, how far it is, the time left, and a Stop button."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.page import plain, plain_words
from pneumo_core.formatting import duration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumo_core.jobs.job import Job
    from pneumo_core.jobs.status import Status

_SECONDS = 1.0  # between two checks of a running job


def show_job(job: Job, *, doing: str, phases: Mapping[str, str] | None = None) -> Status:
    """Show a job and return how it stood at the start of this run of the page.

    While it runs, its place on the page renews itself every second, and the page as a whole when
    a phase or the job has ended; afterwards nothing is polled. A job that failed, was stopped or
    was cut short says so with what it said last; one that is done shows nothing.

    doing: the work in words ("Looking at the films"); phases: its phases' names in words.
    """
    status = job.status()
    running = status.state == "running"
    st.fragment(_watch, run_every=_SECONDS if running else None)(job, doing, dict(phases or {}))
    return status


def _watch(job: Job, doing: str, phases: dict[str, str]) -> None:
    with plain_words():
        status = job.status()
        seen = st.session_state.pop(f"job.{job.id}", "")
        if status.state == "running":
            st.session_state[f"job.{job.id}"] = status.phase
            if seen not in {"", status.phase}:
                st.rerun()
            _running(job, status, doing, phases)
            return
        if seen:
            st.rerun()
        _ended(job, status, doing)


def _running(job: Job, status: Status, doing: str, phases: dict[str, str]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="job"):
        st.progress(
            min(status.done / status.total, 1.0) if status.total else 0.0,
            plain(f"{doing}: {progress_words(status, phases)}"),
        )
        st.button("Stop", key=f"job.stop.{job.id}", on_click=job.stop, width="content")


def _ended(job: Job, status: Status, doing: str) -> None:
    if status.state == "done":
        return
    if status.state == "stopped":
        st.info(plain(f"{doing}: stopped. The work done so far is kept."), icon=":material/info:")
        return
    st.error(plain(f"{doing}: {status.message}"), icon=":material/error:")
    if log := job.log_tail(20):
        with st.expander("Last lines of its log"):
            st.code(log, language=None, wrap_lines=True)


def progress_words(status: Status, phases: Mapping[str, str]) -> str:
    """How far a job is: "sizes and pixels, 1,200 of 5,856 · about 20 s left"."""
    words = status.words or phases.get(status.phase, status.phase) or "starting"
    if status.total > 1 and not status.words:
        words = f"{words}, {status.done:,} of {status.total:,}"
    left = status.seconds_left
    return words if left is None else f"{words} · about {duration(left)} left"

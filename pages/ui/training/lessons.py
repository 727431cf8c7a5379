"""Lessons: three short experiments, each a story, a Start button, a figure and a paragraph."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.charts import forest
from pages.ui.charts.theme import figure_config
from pages.ui.job_progress import show_job
from pages.ui.page import plain
from pages.ui.state import start_key, starting
from pneumo_core.dataset.sources import remembered_source
from pneumo_core.formatting import duration
from pneumo_core.jobs.job import latest_job, start_job
from pneumo_core.training.lessons.lesson import LESSONS
from pneumo_core.training.lessons.outcome import SYNTHETIC, outcome_file, read_outcome
from pneumo_core.training.runs.history import live_runs

if TYPE_CHECKING:
    from pathlib import Path

    import plotly.graph_objects as go

    from pneumo_core.config import Settings
    from pneumo_core.jobs.job import Job
    from pneumo_core.training.lessons.lesson import Lesson
    from pneumo_core.training.lessons.outcome import Outcome

_PHASES = {"films": "films", "train": "training"}
_TAKES = "Half a minute to five minutes on two cores."
_ABOUT = (
    "Three experiments of a few minutes, on synthetic films or on your own. Each trains small "
    "models here, keeps none of them, and ends with one figure."
)


def show_lessons(settings: Settings) -> None:
    """The chosen lesson: its story, its films, Start or its progress, and what it found."""
    st.html('<h2 class="pn-section">Lessons</h2>')
    with st.container(width=860, key="training.lessons"):
        st.caption(_ABOUT)
        name = st.segmented_control(
            "Lesson",
            list(LESSONS),
            default=next(iter(LESSONS)),
            required=True,
            format_func=lambda one: LESSONS[one].title,
            key="training.lesson",
            persist_state="session",
            label_visibility="collapsed",
        )
        lesson = LESSONS[name]
        data = _films(settings)
        extra = lesson.on_synthetic if data is None else ""
        st.markdown(plain(f"{lesson.story} {extra}"))
        _work(lesson, data, settings)
        found = read_outcome(outcome_file(lesson.name, data, settings))
        if found is not None:
            _show(found)


def _films(settings: Settings) -> Path | None:
    """The films: None for synthetic ones, else the folder that the screen has open."""
    source = remembered_source(settings=settings)
    if source is None or source.kind == "synthetic":
        return None
    choices = {"synthetic": "Synthetic films", "folder": source.path.name}
    chosen = st.segmented_control(
        "Films",
        list(choices),
        default="synthetic",
        required=True,
        format_func=choices.__getitem__,
        key="training.lesson.films",
        persist_state="session",
    )
    return source.path if chosen == "folder" else None


def _work(lesson: Lesson, data: Path | None, settings: Settings) -> None:
    """Start, or the progress of the lesson that runs; another lesson's run stands in its way."""
    key = _key(lesson, data)
    job = latest_job("lesson", settings=settings, key=key)
    running = job is not None and job.status().state == "running"
    if job is not None and (running or job.status().state != "stopped"):
        show_job(job, doing=lesson.title, phases=_PHASES)
    if running:
        return
    why = _busy(data, settings)
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            "Start the lesson",
            type="primary",
            key=start_key(f"training.lesson.start.{lesson.name}"),
            icon=":material/school:",
            disabled=bool(why),
        ):
            with starting():
                _start(lesson, data, key, settings)
            st.rerun()
        st.caption(why or _TAKES)


def _busy(data: Path | None, settings: Settings) -> str:
    """Why it cannot start now; "" where it can."""
    if live_runs(settings.runs_dir):
        return "Not while a run is in progress."
    for other in LESSONS.values():
        for films in {data, None}:
            job = latest_job("lesson", settings=settings, key=_key(other, films))
            if job is not None and job.status().state == "running":
                return f"Not while another lesson is in progress: {other.title}."
    return ""


def _key(lesson: Lesson, data: Path | None) -> str:
    return f"{lesson.name} {data or 'synthetic'}"


def _start(lesson: Lesson, data: Path | None, key: str, settings: Settings) -> Job:
    films = [] if data is None else [str(data)]
    return start_job("lesson", ["lesson", lesson.name, *films], settings=settings, key=key)


def _show(found: Outcome) -> None:
    st.plotly_chart(
        figure_of(found),
        width="stretch",
        config=figure_config(),
        key=f"training.lesson.figure.{found.lesson}",
        alt="; ".join(f"{one.name}, {one.series}: AUC {one}" for one in found.dots),
    )
    st.markdown(plain(found.words))
    for note in found.notes:
        st.warning(plain(note), icon=":material/warning:")
    took = f"Took {duration(found.seconds)}."
    scope = "Intervals: 95 %, over the patients measured; retraining would add variation."
    about = "Synthetic films say nothing about real ones." if found.films == SYNTHETIC else ""
    said = f"{found.films.capitalize()}. {found.trained} {scope} {took} {about}"
    st.html(f'<p class="pn-aside">{escape(said)}</p>')


def figure_of(found: Outcome) -> go.Figure:
    """The AUCs with their intervals, one row each; the dotted line is chance."""
    rows = [
        forest.Estimate(one.name, one.value, one.low, one.high, one.series) for one in found.dots
    ]
    low = min((one.low for one in found.dots), default=0.0)
    floor = 0.4 if low >= 0.4 else 0.0
    return forest.intervals(
        rows,
        x="AUC (0 to 1); the dotted line at 0.5 is chance",
        reference=0.5,
        span=(floor, 1.0),
    )

"""The plan of the next run, its expected time, what prevents it, and the button that starts it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import state
from pages.ui.job_progress import show_job
from pages.ui.page import plain
from pages.ui.state import start_key, starting
from pages.ui.training.before_start import show_before_start
from pages.ui.training.setup import sentence
from pneumo_core.container import cores, memory_limit
from pneumo_core.errors import TrainingError
from pneumo_core.formatting import file_size
from pneumo_core.jobs.job import latest_job, start_job
from pneumo_core.training.dataset import lacks
from pneumo_core.training.hardware import cached_machine
from pneumo_core.training.runs.estimate import estimate, shortages
from pneumo_core.training.runs.history import live_runs
from pneumo_core.training.runs.queue import start_run
from pneumo_core.training.sources import FilmSource, sources_of

if TYPE_CHECKING:
    from pages.ui.training.several import Sources
    from pneumo_core.config import Settings
    from pneumo_core.jobs.job import Job
    from pneumo_core.training.hardware import Machine
    from pneumo_core.training.recipe import Recipe
    from pneumo_core.training.runs.estimate import Estimate
    from pneumo_core.training.runs.run import Run


def show_plan(recipe: Recipe, sources: Sources, settings: Settings) -> None:
    """The sentence, the machine, what prevents the run, and Start."""
    machine, found = _machine(settings), sources.material
    expected = estimate(
        recipe,
        found.films,
        settings,
        gpus=len(machine.gpus) if machine is not None else 0,
        sources=len(sources.folders),
    )
    st.html(f'<p class="pn-plan">{escape(_sentence(recipe, machine, expected))}</p>')
    obstacles = lacks(found, recipe) + shortages(recipe, found.films, expected, settings)
    for words in obstacles:
        st.warning(plain(words), icon=":material/block:")
    live = live_runs(settings.runs_dir)
    waits = len(live) >= settings.runs_at_once
    same = any(_is_of(run, recipe, sources) for run in live)
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            "Queue" if waits else "Start",
            type="primary",
            disabled=bool(obstacles) or same,
            key=start_key("training.start"),
            icon=":material/play_arrow:",
        ):
            with starting():
                start_run(
                    recipe,
                    data=sources.folders[0],
                    settings=settings,
                    sources=[FilmSource(folder) for folder in sources.folders],
                )
            st.rerun()
        if same:
            st.caption("This run is already in progress. Change a setting to queue another.")
        elif waits:
            st.caption("Another run is in progress. This one starts when it ends.")
    _show_machine(machine, recipe, expected, settings, idle=not live)
    show_before_start(recipe, sources.folders, settings, idle=not live)


def _sentence(recipe: Recipe, machine: Machine | None, expected: Estimate) -> str:
    where = f"{cores()} CPU cores"
    if machine is not None and machine.gpus:
        count = len(machine.gpus)
        where = machine.gpus[0].name if count == 1 else f"{count} GPUs"
    return sentence(recipe, where, expected.sentence())


def _is_of(run: Run, recipe: Recipe, sources: Sources) -> bool:
    """Whether a run has the same recipe and data: it would give the same model."""
    try:
        begun = [source.folder for source in sources_of(run.config())]
        given = [folder.absolute() for folder in sources.folders]
        return run.recipe() == recipe and begun == given
    except (TrainingError, KeyError):  # of another version, or deleted just now
        return False


def _machine(settings: Settings) -> Machine | None:
    """The hardware, detected once in a process of its own, because that loads Keras."""
    known = cached_machine(settings)
    if known is None and not state.hardware_asked.get():
        state.hardware_asked.set(True)
        start_job("machine", ["machine", "--json"], settings=settings)
    return known


def _show_machine(
    machine: Machine | None, recipe: Recipe, expected: Estimate, settings: Settings, *, idle: bool
) -> None:
    if machine is None:
        job = latest_job("machine", settings=settings)
        detecting = job is not None and job.status().state == "running"
        st.fragment(_show_detection, run_every=1.0 if detecting else None)(job, settings)
    else:
        xla = "with XLA" if machine.xla else "without XLA"
        precision = machine.policy if recipe.precision == "auto" else recipe.precision
        st.caption(f"{machine.sentence()}. Keras on {machine.backend}, {precision} {xla}.")
    if not expected.measured:
        _offer_measure(recipe, settings, idle=idle)


def _show_detection(job: Job | None, settings: Settings) -> None:
    """What is known of the hardware while its devices are detected."""
    if cached_machine(settings) is not None:
        st.rerun()
    words = f"{cores()} CPU cores, {file_size(memory_limit())} of memory."
    status = None if job is None else job.status()
    if status is not None and status.state == "running":
        words += " Detecting GPUs…"
    elif status is not None and status.message:
        words += f" GPUs could not be detected: {status.message}"
    st.caption(words)


def _offer_measure(recipe: Recipe, settings: Settings, *, idle: bool) -> None:
    """The button that measures the training speed, and the job while it runs."""
    key = f"{recipe.backbone} {recipe.size} {recipe.batch} {recipe.precision} {recipe.weights}"
    job = latest_job("pace", settings=settings, key=key)
    if job is not None and show_job(job, doing="Measuring the speed").state == "running":
        return
    if st.button(
        "Measure the speed here",
        key=start_key("training.measure"),
        disabled=not idle,
        help="Trains a few steps on noise; takes half a minute to two minutes."
        if idle
        else "Not while a run is in progress.",
    ):
        weights = [] if recipe.backbone == "cnn" else ["--weights", _start_of(recipe)]
        size, batch = str(recipe.size), str(recipe.batch)
        options = ["--backbone", recipe.backbone, "--size", size, "--batch", batch, *weights]
        with starting():
            start_job(
                "pace",
                ["machine", "pace", *options, "--precision", recipe.precision],
                settings=settings,
                key=key,
            )
        st.rerun()


def _start_of(recipe: Recipe) -> str:
    return "none" if recipe.weights == "none" else "imagenet"

"""The plan of the next run: its sources, expected time, what prevents it, and the Start button."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import cache, state
from pages.ui.charts.theme import figure_config
from pages.ui.charts.training import Chart, Line
from pages.ui.charts.training import curves as draw
from pages.ui.folder_field import show_picker
from pages.ui.job_progress import show_job
from pages.ui.page import plain
from pages.ui.state import start_key, starting
from pages.ui.training.setup import sentence
from pneumo_core.container import cores, memory_limit
from pneumo_core.dataset.sources import check_folder
from pneumo_core.errors import DataSetError, TrainingError
from pneumo_core.formatting import file_size
from pneumo_core.jobs.job import latest_job, start_job
from pneumo_core.training.dataset import joined, lacks
from pneumo_core.training.hardware import cached_machine
from pneumo_core.training.plan.settings import (
    command_line,
    example_file,
    learning_rates,
    read_preview,
    settings_json,
)
from pneumo_core.training.runs.estimate import estimate, shortages
from pneumo_core.training.runs.history import live_runs
from pneumo_core.training.runs.queue import start_run
from pneumo_core.training.sources import FilmSource, check_apart, sources_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from pneumo_core.config import Settings
    from pneumo_core.jobs.job import Job
    from pneumo_core.training.dataset import Material
    from pneumo_core.training.hardware import Machine
    from pneumo_core.training.plan.settings import Preview
    from pneumo_core.training.recipe import Recipe
    from pneumo_core.training.runs.estimate import Estimate
    from pneumo_core.training.runs.run import Run

_TYPED = "training.source"
_MEANING = (
    "Films of another hospital or archive. Classes have equal weight in each source; the model "
    "card gives figures by source."
)
_LEAVE_OUT = (
    "Trains one more network for each source, on the others alone, and measures it on that source: "
    "how the model performs on a source it never saw."
)


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


def show_before_start(
    recipe: Recipe, folders: Sequence[Path], settings: Settings, *, idle: bool
) -> None:
    """Everything that can be looked at before the start, folded away."""
    with st.expander("Before the start: examples, network, schedule", key="training.before"):
        look, schedule, command = st.tabs(["Examples and network", "Schedule", "Command"])
        with look:
            _examples(recipe, folders, settings, idle=idle)
        with schedule:
            _schedule(recipe)
        with command:
            st.caption("The same run from a shell:")
            st.code(
                command_line(recipe, [str(folder) for folder in folders]),
                language="bash",
                wrap_lines=True,
            )
            st.caption("All settings:")
            st.code(settings_json(recipe), language="json")


def _schedule(recipe: Recipe) -> None:
    epochs, rates = learning_rates(recipe)
    chart = Chart([Line("learning rate", epochs, rates)], "Learning rate", recipe.epochs, digits=6)
    st.plotly_chart(
        draw(chart, height=240),
        width="stretch",
        config=figure_config(),
        key="training.schedule",
        alt="The learning rate over the epochs: a rise to its peak, then a cosine down",
    )
    warm = f"{100 * recipe.warm_up:.0f} % of the steps"
    lower = ""
    if recipe.weights != "none":
        rate = recipe.lower_rate * recipe.learning_rate
        lower = f" Layers below the usual first trained one: at most {rate:.2g}."
    st.caption(
        f"AdamW, weight decay {recipe.weight_decay:g}. Warm-up over {warm} to "
        f"{recipe.learning_rate:g}, then a cosine to 1 % of it.{lower}"
    )


def preview_folder(recipe: Recipe, folders: Sequence[Path], settings: Settings) -> Path:
    """Where the preview of such a run is kept: one for each recipe and its folders."""
    films = " ".join(str(folder.absolute()) for folder in folders)
    key = hashlib.sha256(f"{films} {settings_json(recipe)}".encode()).hexdigest()[:16]
    return settings.cache_dir / "preview" / key


def _examples(recipe: Recipe, folders: Sequence[Path], settings: Settings, *, idle: bool) -> None:
    """The preview, or the button that makes it in a process of its own: it takes Keras."""
    folder = preview_folder(recipe, folders, settings)
    made = read_preview(folder)
    if made is not None:
        _show(made, folder)
        return
    job = latest_job("preview", settings=settings, key=folder.name)
    if job is not None and show_job(job, doing="Looking").state == "running":
        return
    if st.button(
        "Show examples and network",
        key=start_key("training.preview"),
        disabled=not idle,
        help="Reads the films and builds the network: half a minute, longer for a new data set."
        if idle
        else "Not while a run is in progress.",
    ):
        with starting():
            start_job(
                "preview",
                ["machine", "preview", *map(str, folders), "--out", str(folder), *_words(recipe)],
                settings=settings,
                key=folder.name,
            )
        st.rerun()
    st.caption(
        "Sixteen films as the network will see them in its first epoch, with their labels, and the "
        "network's layers, parameters and multiply-adds. Nothing is trained."
    )


def _words(recipe: Recipe) -> list[str]:
    words = ["--preset", recipe.preset]
    for name, value in recipe.as_dict().items():
        if name != "preset" and value != "":
            words += ["--set", f"{name}={str(value).lower() if isinstance(value, bool) else value}"]
    return words


def _show(made: Preview, folder: Path) -> None:
    with st.container(horizontal=True, key="training.examples"):
        for number, label in enumerate(made.labels):
            st.image(str(example_file(folder, number)), caption=label, width=110)
    st.caption("Augmented, in the first epoch of this seed: no two epochs see the same picture.")
    st.dataframe(network_table(made), hide_index=True, alt="The network's blocks in order")
    st.caption(
        f"{made.parameters:,} parameters, {made.trainable:,} of them trained; "
        f"{made.multiply_adds / 1e9:.2f} billion multiply-adds a film."
    )


def network_table(made: Preview) -> pd.DataFrame:
    """A line for each block of the network."""
    import pandas as pd

    return pd.DataFrame(
        {
            "Block": [part.name for part in made.parts],
            "Layers": [part.layers for part in made.parts],
            "Parameters": [part.parameters for part in made.parts],
            "Trained": [part.trainable for part in made.parts],
            "Output": [" × ".join(map(str, part.output)) for part in made.parts],
            "Multiply-adds (M)": [round(part.multiply_adds / 1e6, 1) for part in made.parts],
        }
    )


@dataclass(frozen=True)
class Sources:
    """The folders of a training, the first being the one that is open; their films together."""

    folders: tuple[Path, ...]
    material: Material
    leave_out: bool = False


def show_further(first: Path, found: Material, settings: Settings) -> Sources:
    """The further folders, added and removed here, folded away."""
    folders, parts = [first], [found]
    with st.expander("Several sources", key="training.sources"):
        st.caption(_MEANING)
        for path in map(Path, state.further_sources.get()):
            if (part := _listed(path, folders, settings)) is not None:
                folders.append(path)
                parts.append(part)
        _offer(folders, settings)
        if len(folders) == 1:
            return Sources((first,), found)
        leave_out = st.toggle(
            "Leave each source out once",
            key="training.leave_source_out",
            persist_state="session",
            help=_LEAVE_OUT,
        )
    together = joined(parts)
    st.html(f'<p class="pn-aside">With {len(folders) - 1} more: {escape(together.sentence())}</p>')
    return Sources(tuple(folders), together, leave_out)


def _listed(path: Path, before: list[Path], settings: Settings) -> Material | None:
    """A further source with its films and a way to take it out; None for one that is not used."""
    part, why = None, ""
    try:
        check_folder(path, settings=settings)
        check_apart([*before, path])
        part = cache.material_of(path)
    except DataSetError as error:
        why = str(error)
    with st.container(horizontal=True, vertical_alignment="center"):
        words = part.sentence() if part is not None else f"not used: {why}"
        st.html(
            f'<p class="pn-place"><strong>{escape(path.name)}</strong> {escape(words)}</p>',
            width="stretch",
        )
        st.button("Remove", key=f"training.source.{path}", on_click=_remove, args=(str(path),))
    return part


def _offer(folders: list[Path], settings: Settings) -> None:
    with st.form("training.source.form", border=False, clear_on_submit=False):
        typed = st.text_input("Folder of another source", key=_TYPED, placeholder="/home/me/films")
        added = st.form_submit_button("Add the source")
    show_picker(settings, _TYPED)
    if not added:
        return
    try:
        path = check_folder(typed, settings=settings)
        check_apart([*folders, path])
        cache.material_of(path)  # it has labelled films
    except DataSetError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    state.further_sources.set((*state.further_sources.get(), str(path)))
    st.rerun()


def _remove(path: str) -> None:
    state.further_sources.set(tuple(one for one in state.further_sources.get() if one != path))

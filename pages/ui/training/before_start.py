"""Before the start: the learning-rate curve, augmented examples, the network, the command."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.charts.theme import figure_config
from pages.ui.charts.training import Chart, Line
from pages.ui.charts.training import curves as draw
from pages.ui.job_progress import show_job
from pages.ui.state import start_key, starting
from pneumo_core.jobs.job import latest_job, start_job
from pneumo_core.training.plan.preview import example_file, read_preview
from pneumo_core.training.plan.settings import command_line, learning_rates, settings_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from pneumo_core.config import Settings
    from pneumo_core.training.plan.preview import Preview
    from pneumo_core.training.recipe import Recipe


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

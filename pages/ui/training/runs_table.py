"""All runs in a table, two or more of them compared, and TensorBoard over all runs."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.ui.page import plain, plain_words
from pages.ui.training.actions import moment, rate_in_words, run_title, show_actions
from pages.ui.training.run_view import overlay, show_chart
from pages.ui.training.setup import BACKBONES, backbone_title
from pneumo_core.server.board import (
    PASSES,
    board_link,
    find_board,
    keep_board,
    start_board,
    stop_board,
)
from pneumo_core.training.runs.history import (
    FIGURES,
    differences,
    in_words,
    live_runs,
    read_curves,
    row_of,
    settings_of,
)
from pneumo_core.training.runs.run import list_runs
from pneumo_core.training.runs.status import STATES

if TYPE_CHECKING:
    import pandas as pd

    from pneumo_core.config import Settings
    from pneumo_core.training.runs.run import Run

_SECONDS = 10.0  # between two renewals of the table
_TICKED, _TABLE = "training.ticked", "training.table"
_LETTERS = "ABCDE"  # runs in one chart that can still be distinguished
_NAMES = {
    "auc": "AUC, validation",
    "val_auc": "AUC, last epoch (estimate)",
    "val_loss": "loss, last epoch",
}
_BOARD_HEIGHT = 760  # pixels
_LINK = "training.board.link"  # of the frame: another one would load it anew


def show_runs(settings: Settings) -> None:
    """The table of all runs, latest first, with the details of the ticked ones; renewed every ten
    seconds while any run is at work.
    """
    if not list_runs(settings.runs_dir):
        return
    st.html('<h2 class="pn-section">All runs</h2>')
    live = live_runs(settings.runs_dir)
    st.fragment(_renew, run_every=_SECONDS if live else None)(settings)


def _renew(settings: Settings) -> None:
    with plain_words():
        _show(list_runs(settings.runs_dir), settings)


def _show(runs: list[Run], settings: Settings) -> None:
    ids = [run.id for run in runs]
    ticked = [run_id for run_id in st.session_state.get(_TICKED, []) if run_id in ids]
    marked = {"rows": [ids.index(run_id) for run_id in ticked], "columns": [], "cells": []}
    st.session_state[_TABLE] = {"selection": marked}
    st.dataframe(
        table([row_of(run) for run in runs]),
        key=_TABLE,
        hide_index=True,
        selection_mode="multi-row",
        on_select=partial(_tick, ids),
        column_config=_columns(),
        height="content" if len(runs) <= 8 else 340,
        placeholder="–",
        alt="The training runs, latest first",
    )
    chosen = [run for run in runs if run.id in ticked]
    if len(chosen) == 1:
        _show_one(chosen[0], settings)
    elif chosen:
        _compare(chosen)
    else:
        st.caption("Tick a run to resume, delete or use it; tick two or more to compare them.")


def table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """One line a run, in the order given."""
    import pandas as pd

    states = [STATES[row["state"]] for row in rows]
    shown = {
        "started": [moment(row.get("created") or "") or row["run"] for row in rows],
        "state": [f"{state.sign} {state.words}" for state in states],
        "network": [_network(row) for row in rows],
        "weights": [row.get("weights") for row in rows],
        "size": [row.get("size") for row in rows],
        "epochs": [row.get("epochs") for row in rows],
    }
    for name in FIGURES:
        shown[name] = [rate_in_words(row.get(name), whole=name != "auc") for row in rows]
    shown["val_loss"] = pd.to_numeric([row.get("val_loss") for row in rows])
    for name in ("time", "data", "data_hash", "task", "seed", "device", "version", "model"):
        shown[name] = [row.get(name) for row in rows]
    return pd.DataFrame(shown)


def _columns() -> dict[str, Any]:
    config = st.column_config
    return {
        "started": config.TextColumn("Started", width=130),
        "state": config.TextColumn("State", width=150),
        "network": config.TextColumn("Network", width=120),
        "weights": config.TextColumn("Start from", width=100),
        "size": config.NumberColumn("Size (px)", width=90),
        "epochs": config.TextColumn("Epochs", width=80),
        "auc": config.TextColumn("AUC, validation", width=160),
        "sensitivity": config.TextColumn("Sensitivity", width=130),
        "specificity": config.TextColumn("Specificity", width=130),
        "val_loss": config.NumberColumn("Loss, validation", format="%.3f", width=140),
        "time": config.TextColumn("Whole run", width=90),
        "data": config.TextColumn("Data set", width=120),
        "data_hash": config.TextColumn("Data hash", width=120),
        "task": config.TextColumn("Task", width=90),
        "seed": config.NumberColumn("Seed", width=60, format="%d"),
        "device": config.TextColumn("Device", width=220),
        "version": config.TextColumn("Version", width=70),
        "model": config.TextColumn("Model", width=150),
    }


def _tick(ids: list[str]) -> None:
    """Remember runs by their id: rows move when a run is added."""
    rows = st.session_state[_TABLE]["selection"]["rows"]
    st.session_state[_TICKED] = [ids[row] for row in rows if row < len(ids)]


def _show_one(run: Run, settings: Settings) -> None:
    summary = run.summary()
    text = plain(f"{summary.state.words}. {summary.message} {summary.remedy}")
    st.markdown(f"**{plain(run_title(run))}**: {text}")
    show_actions(run, summary, settings, place="ledger")


def _compare(chosen: list[Run]) -> None:
    """Curves over each other, and what the runs differ in; letters name them in both."""
    if len(chosen) > len(_LETTERS):
        st.caption(f"The first {len(_LETTERS)} of the {len(chosen)} runs are compared.")
    named = dict(zip(_LETTERS, chosen, strict=False))
    st.html(
        "".join(
            f"<p class='pn-place'><strong>{letter}</strong> {escape(run_title(run))}</p>"
            for letter, run in named.items()
        )
    )
    drawn = [(letter, read_curves(run)) for letter, run in named.items()]
    first = [(letter, curves[0]) for letter, curves in drawn if curves]
    if first:
        loss, share = st.columns(2, gap="small")
        with loss:
            show_chart(overlay(first, loss=True), "compare.loss", "Loss of the runs")
        with share:
            show_chart(overlay(first, loss=False), "compare.auc", "AUC of the runs")
    st.dataframe(
        difference_table(named),
        placeholder="–",
        alt="Differences between the runs, a line a setting",
    )


def difference_table(named: dict[str, Run]) -> pd.DataFrame:
    """A line for each setting and figure in which the runs differ, a column a run."""
    import pandas as pd

    values = {letter: {**settings_of(run), **row_of(run)} for letter, run in named.items()}
    rows = {
        _NAMES.get(name, name.replace("_", " ")): {
            letter: in_words(value) for letter, value in row.items()
        }
        for name, row in differences(values).items()
        if name not in {"run", "created", "model"}
    }
    found = pd.DataFrame.from_dict(rows, orient="index", columns=list(named), dtype=str)
    return found.rename_axis("Difference")


def _network(row: dict[str, Any]) -> str:
    name = str(row.get("backbone") or "")
    return backbone_title(name) if name in BACKBONES else name


def show_tensorboard(settings: Settings) -> None:
    """TensorBoard, folded away: start it, look at it, end it."""
    with st.expander("TensorBoard", key="training.board"):
        running = find_board(settings) is not None
        st.caption("The curves of all runs in TensorBoard. In a terminal:")
        st.code(f"tensorboard --logdir {settings.runs_dir.name}", language=None)
        if not running:
            st.session_state.pop(_LINK, None)
            if st.button("Start here", key="training.board.start"):
                with st.spinner("Starting TensorBoard: about ten seconds…"):
                    start_board(settings)
                st.rerun()
            return
        keep_board(settings)
        _show_board(settings)


def _show_board(settings: Settings) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        shown = st.toggle("Show it here", key="training.board.shown")
        st.link_button("Open in a tab", board_link(PASSES.give()), icon=":material/open_in_new:")
        if st.button("Stop", key="training.board.stop"):
            stop_board(settings)
            st.rerun()
    st.caption(
        "TensorBoard is served at this server's address to users who may train. It stops half an "
        "hour after it or this screen was last viewed."
    )
    if not shown:
        st.session_state.pop(_LINK, None)
        return
    link = st.session_state.setdefault(_LINK, board_link(PASSES.give()))
    st.iframe(link, height=_BOARD_HEIGHT, alt="TensorBoard over all runs")

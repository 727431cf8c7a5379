"""The run in progress, or the last one: progress, curves, its last epoch, log, result."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.ui.charts.theme import figure_config
from pages.ui.charts.training import (
    AUC,
    LOSS,
    SHARE,
    Chart,
    Line,
    Measured,
    share_span,
    smoothed,
)
from pages.ui.charts.training import curves as draw
from pages.ui.html import facts_list, jpeg
from pages.ui.page import plain, plain_words
from pages.ui.training.actions import facts, notes, run_title, show_actions
from pneumo_core.formatting import duration
from pneumo_core.training.runs.history import (
    MEASURED_AGAIN,
    current_run,
    live_runs,
    read_closeup,
    read_curves,
)
from pneumo_core.training.runs.progress import time_left
from pneumo_core.training.runs.status import AFTER_TRAINING, summary_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pneumo_core.config import Settings
    from pneumo_core.training.runs.history import Curves
    from pneumo_core.training.runs.run import Run
    from pneumo_core.training.runs.status import RunStatus, RunSummary

_NAMES = {"auc": "", "sensitivity": "sensitivity at 90 % specificity"}
_CALLS = {"tp": "called rightly", "fn": "missed", "fp": "called wrongly", "tn": "cleared rightly"}


def loss_chart(curves: Curves, epochs: int) -> Chart:
    """Training loss, step by step, and validation loss, epoch by epoch."""
    return Chart(_loss(curves), LOSS, epochs)


def metric_chart(
    curves: Curves, epochs: int, figures: Mapping[str, Mapping[str, Any]] | None = None
) -> Chart:
    """AUC, and what else is measured as a share, of training and validation.

    figures: those of the model that this training made; its AUC summary at the epoch it is from.
    """
    lines = _shares(curves)
    y = AUC if all(line.name in {"training", "validation"} for line in lines) else SHARE
    model = _measured(curves, (figures or {}).get("auc"))
    return Chart(lines, y, epochs, span=share_span(lines, model), measured=model)


def _measured(curves: Curves, auc: Mapping[str, Any] | None) -> Measured | None:
    best = curves.best_epoch
    if auc is None or best is None or None in (auc["value"], auc["low"], auc["high"]):
        return None
    values = (float(auc[name]) for name in ("value", "low", "high"))
    return Measured("AUC of the model", float(curves.epochs["epoch"][best]) + 1, *values)


def overlay(runs: Sequence[tuple[str, Curves]], *, loss: bool) -> Chart:
    """Several runs over each other, each by its name: validation as points, training thin."""
    lines = []
    for number, (name, curves) in enumerate(runs):
        drawn = [line for line in _loss(curves) if not line.faint]
        for line in drawn if loss else _shares(curves, only="auc"):
            named = f"{name}, {line.name}"
            lines.append(
                Line(
                    *(named, line.epochs, line.values, line.points),
                    held_out=line.held_out,
                    style=0 if line.held_out else 1,
                    best=line.best,
                    run=number,
                )
            )
    return Chart(lines, LOSS) if loss else Chart(lines, AUC, span=share_span(lines))


def _loss(curves: Curves) -> list[Line]:
    steps, epochs = curves.steps, curves.epochs
    lines = []
    if steps:
        lines.append(Line("training, raw", steps["epoch"], steps["loss"], faint=True))
        lines.append(Line("training", steps["epoch"], smoothed(steps["loss"])))
    elif "loss" in epochs:
        lines.append(Line("training", epochs["epoch"] + 1, epochs["loss"], points=True))
    if "val_loss" in epochs:
        ends = epochs["epoch"] + 1
        lines.append(Line("validation", ends, epochs["val_loss"], points=True, held_out=True))
    return lines


def _shares(curves: Curves, only: str = "") -> list[Line]:
    steps, epochs = curves.steps, curves.epochs
    names = [name for name in _NAMES if not only or name == only]
    lines = []
    if steps and "auc" in steps:
        lines.append(Line("training", steps["epoch"], steps["auc"]))
    for style, name in enumerate(names):
        lines += [
            Line(
                _NAMES[name] or "validation",
                epochs["epoch"] + 1,
                values,
                points=True,
                held_out=True,
                style=style,
                best=curves.best_epoch if name == "auc" else None,
            )
            for column, values in epochs.items()
            if column.startswith(f"val_{name}")
        ]
    return lines


_SECONDS = 2.0  # between two renewals of the run
_LINES_NOW, _LINES = 4, 30  # of the log, while it runs and afterwards
_WELCOME = (
    '<section class="pn-welcome"><h2>No run yet.</h2><p>{first} Its progress, curves and log then '
    "appear here. It continues when this page is closed and produces a model that you can put in "
    "service.</p></section>"
)
_READY = "Press <b>Start</b> to train a model with this data set and these settings."
_MEANING = (
    "Loss: cross-entropy between predictions and labels; lower is better. AUC: how often a film "
    "with pneumonia is ranked above a normal one; 0.5 is chance, 1 is perfect."
)
_NOT_READY = (
    "A <b>Start</b> button appears once there are films to train on and the settings are valid."
)


def show_running(settings: Settings, *, can_start: bool) -> None:
    """The current run, renewed every two seconds while any run is at work.

    can_start: whether the page has a Start button, which an empty screen then names.
    """
    live = _live(settings)
    st.fragment(_watch, run_every=_SECONDS if live else None)(settings, live, can_start=can_start)


def _live(settings: Settings) -> list[tuple[str, str]]:
    """Id and state of the runs at work."""
    return [(run.id, run.summary().state.name) for run in live_runs(settings.runs_dir)]


def _watch(settings: Settings, live: list[tuple[str, str]], *, can_start: bool) -> None:
    with plain_words():
        if _live(settings) != live:
            st.rerun()  # all of the page: a run has begun or ended
        run = current_run(settings.runs_dir)
        if run is None:
            st.html(_WELCOME.format(first=_READY if can_start else _NOT_READY))
            return
        _show(run, settings)
        for number, waiting in enumerate(live_runs(settings.runs_dir)[1:]):
            _show_waiting(waiting, number)


def _show(run: Run, settings: Settings) -> None:
    status = run.status()
    summary = summary_of(status)
    st.html(_title(run, summary))
    _show_progress(status, summary)
    for note in notes(status):
        st.warning(plain(note), icon=":material/warning:")
    phase = status.phase
    can_stop = status.has_trained and (phase == "training" or phase in AFTER_TRAINING)
    show_actions(run, summary, settings, can_stop=can_stop)
    epochs = int(status.epochs or run.config()["recipe"].get("epochs") or 0)
    _show_curves(run, epochs, {} if summary.state.live else status.figures)
    show_closeup(run)
    if found := facts(status, summary):
        st.html(facts_list((name, escape(words)) for name, words in found))
    if summary.state.live:
        if log := run.log_tail(_LINES_NOW):
            st.code(log, language=None, wrap_lines=True)
        return
    with st.expander("Log", key=f"training.log.{run.id}"):
        st.code(run.log_tail(_LINES) or "The log is empty.", language=None, wrap_lines=True)


def _title(run: Run, summary: RunSummary) -> str:
    state = summary.state
    return (
        f'<div class="pn-run"><h2>{escape(run_title(run))}</h2>'
        f'<span class="pn-state pn-state-{state.name}">{state.sign} {state.words}</span></div>'
    )


def _show_progress(status: RunStatus, summary: RunSummary) -> None:
    if summary.state.live:
        done, total = status.done, status.total
        left = time_left(status)
        words = status.words or status.phase or "starting"
        if total > 1 and status.phase != "training":
            words = f"{words}, {done:,} of {total:,}"
        if summary.state.name == "queued":
            words = f"{summary.message} {summary.remedy}".strip()
        if left is not None:
            words += f" · about {duration(left)} left"
        st.progress(min(1.0, done / total) if total else 0.0, plain(words))
        return
    words = f"{summary.message} {summary.remedy}".strip()
    show = st.error if summary.state.name in {"failed", "interrupted"} else st.success
    icon = ":material/error:" if show is st.error else ":material/check:"
    if summary.state.name == "cancelled":
        show, icon = st.info, ":material/info:"
    show(plain(words), icon=icon)


def _show_curves(run: Run, epochs: int, figures: dict[str, Any]) -> None:
    """figures: those of the finished model, of which one training alone has the curves."""
    curves = read_curves(run)
    if not curves:
        return
    latest = curves[-1]
    if len(curves) > 1:
        st.caption(f"Curves of training {latest.fold + 1}; those before it are in Compare below.")
    loss, share = st.columns(2, gap="small")
    with loss:
        show_chart(loss_chart(latest, epochs), f"{run.id}.loss", "Loss over the epochs")
    with share:
        chart = metric_chart(latest, epochs, figures if len(curves) == 1 else None)
        show_chart(chart, f"{run.id}.share", "AUC over the epochs")
    st.caption(f"{_MEANING} {MEASURED_AGAIN}" if figures else _MEANING)


def show_chart(chart: Chart, key: str, alt: str) -> None:
    """A chart that is renewed in its place."""
    st.plotly_chart(
        draw(chart),
        width="stretch",
        config=figure_config(),
        key=f"training.chart.{key}",
        alt=f"{alt}: {', '.join(line.name for line in chart.lines)}",
    )


def _show_waiting(run: Run, number: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(f'<p class="pn-place">{number + 1}. waiting: {escape(run_title(run))}</p>')
        st.button("Cancel", key=f"training.cancel.{run.id}", on_click=run.cancel)


def show_closeup(run: Run) -> None:
    """What the network of the last finished epoch says of some held-out films."""
    found = read_closeup(run)
    if found is None:
        return
    facts, arrays = found
    with st.expander(f"After epoch {facts['epoch'] + 1}: recall, confusion, most confident errors"):
        st.html(facts_list((name, escape(words)) for name, words in _lines(facts)))
        _errors(facts, arrays)


def _lines(facts: dict[str, Any]) -> list[tuple[str, str]]:
    lines = [
        (f"Recall, {name}", "–" if value is None else f"{100 * value:.0f} %")
        for name, value in facts["recall"].items()
    ]
    confusion = facts["confusion"]
    ill = f"{confusion['tp']} {_CALLS['tp']}, {confusion['fn']} {_CALLS['fn']}"
    normal = f"{confusion['tn']} {_CALLS['tn']}, {confusion['fp']} {_CALLS['fp']}"
    at = f"at P(pneumonia) {facts['threshold']:g}"
    return [*lines, (f"Pneumonia, {at}", ill), (f"Normal, {at}", normal)]


def _errors(facts: dict[str, Any], arrays: dict[str, Any]) -> None:
    from pneumo_core.inference.saliency import overlay

    words = f"{facts['films']:,} held-out films, before calibration."
    if not facts["errors"]:
        st.caption(f"{words} No error among them.")
        return
    with st.container(horizontal=True, key="training.errors"):
        for error, film, cam in zip(facts["errors"], arrays["films"], arrays["maps"], strict=True):
            caption = f"{error['label']}, P {error['p']:.2f}"
            st.image(jpeg(overlay(film, cam)), caption=caption, width=130)
    st.caption(f"{words} The most confident errors; maps show evidence for pneumonia.")

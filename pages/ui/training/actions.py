"""A run in words, and what can be done with it: stop, cancel, resume, delete, put in service."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.ui.html import caution_html
from pages.ui.identity import may
from pages.ui.models.actions import UNRELIABLE, put_in_service
from pages.ui.page import plain, plain_words
from pages.ui.training.setup import BACKBONES, backbone_title
from pneumo_core.access import Right
from pneumo_core.bundle.reliability import judge
from pneumo_core.dataset.film_facts import LeftOut
from pneumo_core.errors import BundleError, TrainingError
from pneumo_core.formatting import count, duration, estimate, file_size
from pneumo_core.metrics import Estimate
from pneumo_core.training.runs.queue import delete_run, resume_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from pneumo_core.bundle import Bundle
    from pneumo_core.config import Settings
    from pneumo_core.training.runs.run import Run
    from pneumo_core.training.runs.status import RunStatus, RunSummary

_TO_DELETE = "training.delete"


def show_actions(
    run: Run,
    summary: RunSummary,
    settings: Settings,
    *,
    can_stop: bool = False,
    place: str = "run",
) -> None:
    """The buttons that make sense for the run as it summary.

    can_stop: whether a stop would leave a model; place: keeps keys apart.
    """
    bundle = _model_of(run, summary, settings)
    if bundle is not None and (caution := caution_html(bundle.card, UNRELIABLE)):
        st.html(caution)
    with st.container(horizontal=True, key=f"training.{place}.actions"):
        if summary.state.live:
            _live(run, summary, place, can_stop=can_stop)
            return
        if summary.resumable and _button("Resume", "resume", run, place, primary=bundle is None):
            _then(resume_run, run, settings=settings)
        if bundle is not None:
            _offer(bundle, run, place, settings)
        if _button("Delete…", "delete", run, place):
            _request_delete(run)


def _offer(bundle: Bundle, run: Run, place: str, settings: Settings) -> None:
    if _in_service(settings) == bundle.name:
        st.caption(f"Its model {bundle.name} is in service on Diagnose.")
    elif may(Right.MANAGE) and _button(
        "Put in service", "activate", run, place, primary=judge(bundle.card).sound
    ):
        put_in_service(bundle)


def _live(run: Run, summary: RunSummary, place: str, *, can_stop: bool) -> None:
    written = bool(run.status().delivered)  # only the robustness suite is at work then
    if can_stop and summary.state.name == "running":
        st.button(
            "Stop",
            key=f"training.{place}.stop.{run.id}",
            on_click=_quietly,
            args=(run.stop,),
            help="Ends the robustness suite. The saved model is kept."
            if written
            else "Ends after this step. The best epoch so far becomes the model, in about half a "
            "minute; it is measured on a part of the held-out films.",
            icon=":material/stop_circle:",
        )
    st.button(
        "Cancel",
        key=f"training.{place}.cancel.{run.id}",
        on_click=_quietly,
        args=(run.cancel,),
        help="Ends now. The saved model is kept."
        if written
        else "Ends now, without a model. It can be resumed after its last finished epoch.",
        icon=":material/cancel:",
    )


def ask_delete(runs: list[Run]) -> bool:
    """Ask for confirmation where the deletion of a run was requested; whether one was."""
    found = [run for run in runs if run.id == st.session_state.get(_TO_DELETE)]
    for run in found:
        _confirm(run)
    return bool(found)


def _request_delete(run: Run) -> None:
    st.session_state[_TO_DELETE] = run.id
    st.rerun()


def _cancel_delete() -> None:
    st.session_state.pop(_TO_DELETE, None)


@st.dialog("Delete this run?", on_dismiss=_cancel_delete)
def _confirm(run: Run) -> None:
    st.markdown(
        f"**{plain(run_title(run))}**: its curves, its log and its checkpoint will "
        "be deleted permanently. Its model is kept."
    )
    with st.container(horizontal=True):
        confirmed = st.button("Delete permanently", key="training.delete.yes", type="primary")
        cancelled = st.button("Keep", key="training.delete.no")
    if confirmed or cancelled:
        _cancel_delete()
        if confirmed:
            with plain_words():
                delete_run(run)
        st.rerun()


def _button(label: str, does: str, run: Run, place: str, *, primary: bool = False) -> bool:
    return st.button(
        label,
        key=f"training.{place}.{does}.{run.id}",
        type="primary" if primary else "secondary",
    )


def _then(do: Any, run: Run, **options: Any) -> None:
    do(run, **options)
    st.rerun()


def _quietly(do: Callable[[], None]) -> None:
    """A callback runs outside the page's frame: an error would be a trace, here it is a message."""
    with plain_words():
        do()


def _model_of(run: Run, summary: RunSummary, settings: Settings) -> Bundle | None:
    """The model that the run made, if it is still there; in words where it is damaged."""
    from pneumo_core.bundle import bundle_names, load_bundle

    if summary.state.name not in {"done", "stopped"}:
        return None
    name = str(run.config().get("bundle", ""))
    if name not in bundle_names(settings.models_dir):
        return None
    try:
        return load_bundle(name, models_dir=settings.models_dir, verify=False)
    except BundleError:
        st.caption(f"Its model {name} is damaged; see the Models screen.")
        return None


def _in_service(settings: Settings) -> str:
    from pneumo_core.bundle import active_name

    try:
        return active_name(settings.models_dir)
    except BundleError:
        return ""


def run_title(run: Run) -> str:
    """Network, size and moment: "Small CNN, 128 px, 20 Nov 18:57:23"."""
    try:
        config = run.config()
    except TrainingError:
        return run.id
    recipe = config.get("recipe", {})
    backbone = str(recipe.get("backbone"))
    name = backbone_title(backbone) if backbone in BACKBONES else backbone
    return f"{name}, {recipe.get('size')} px, {moment(config.get('created', ''))}"


def moment(iso: str) -> str:
    """A moment in this machine's time: "20 Nov 18:57:23"."""
    try:
        at = datetime.fromisoformat(iso).astimezone()
    except ValueError:
        return ""
    return f"{at.day} {at:%b %H:%M:%S}"


def rate_in_words(found: dict[str, Any] | None, *, whole: bool) -> str | None:
    """An estimate with its 95 % interval: "80 % [67–89]", or "0.656 [0.454–0.815]"."""
    if not found:
        return None
    return estimate(Estimate.from_dict(found), as_percent=whole, digits=0 if whole else 3)


_FIGURES = {
    "auc": "AUC, validation",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
}


def notes(status: RunStatus) -> list[str]:
    """What deviated from the plan."""
    notes = [str(status.note)] if status.note else []
    left_out = status.unreadable
    if left_out:
        films = count(len(left_out), "films")
        more = f" and {len(left_out) - 3:,} more" if len(left_out) > 3 else ""
        notes.append(
            f"{films} could not be read and were left out: {', '.join(left_out[:3])}{more}. "
            "See the Dataset screen."
        )
    if status.left_out:
        listed = "; ".join(LeftOut(**one).sentence() for one in status.left_out[:3])
        more = len(status.left_out) - 3
        notes.append(f"Not used: {listed}{f'; and {more} more kinds' if more > 0 else ''}.")
    return notes + status.warnings


def facts(status: RunStatus, summary: RunSummary) -> list[tuple[str, str]]:
    """Facts of the run, each its name and its value in words."""
    found = []
    last = {name: value for name, value in status.last.items() if value is not None}
    if figures := status.figures:
        found += [
            (title, words)
            for name, title in _FIGURES.items()
            if (words := rate_in_words(figures.get(name), whole=name != "auc"))
        ]
    elif "val_auc" in last and "val_loss" in last:
        words = f"AUC about {last['val_auc']:.3f}, loss {last['val_loss']:.3f} after the last epoch"
        found.append(("Validation", words))
    if summary.state.live and status.films_per_second:
        found.append(("Speed", f"{status.films_per_second:,.0f} films a second"))
    if summary.state.live and status.learning_rate is not None:
        found.append(("Learning rate", f"{status.learning_rate:.2g}"))
    memory = status.memory
    if summary.state.live and memory:
        device = f", {file_size(memory['device'])} of the GPU's" if "device" in memory else ""
        found.append(("Memory", f"{file_size(memory['process'])}{device}"))
    if summary.state.live and status.gpu_use:
        found.append(("GPU at work", ", ".join(f"{100 * one:.0f} %" for one in status.gpu_use)))
    if status.machine:
        found.append(("Device", status.machine))
    if (worked := status.seconds_worked) >= 1:
        training = status.seconds  # as the model's card has it
        of_it = f", of it training {duration(training)}" if training else ""
        name = "Time so far" if summary.state.live else "Time"
        found.append((name, f"whole run {duration(worked)}{of_it}"))
    return found

"""A run in words: its title, figures, facts and notes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from pages.ui.training.setup import BACKBONES, backbone_title
from pneumo_core.dataset.film_facts import LeftOut
from pneumo_core.errors import TrainingError
from pneumo_core.formatting import count, duration, estimate, file_size
from pneumo_core.metrics import Estimate

if TYPE_CHECKING:
    from pneumo_core.training.runs.run import Run
    from pneumo_core.training.runs.status import RunStatus, RunSummary


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

"""A run in words: its title, figures, facts and notes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from pages.ui.training.setup import BACKBONES, backbone_title
from pneumo_core.errors import TrainingError
from pneumo_core.training.hardware import gigabytes
from pneumo_core.training.runs.run import lasting, seconds_worked

if TYPE_CHECKING:
    from pneumo_core.training.runs.run import Run, Standing


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
    value, low, high = (float(found[name]) for name in ("value", "low", "high"))
    if whole:
        return f"{100 * value:.0f} % [{100 * low:.0f}–{100 * high:.0f}]"
    return f"{value:.3f} [{low:.3f}–{high:.3f}]"


_FIGURES = {
    "auc": "AUC, validation",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
}


def notes(status: dict[str, Any]) -> list[str]:
    """What deviated from the plan."""
    told = [str(status["note"])] if status.get("note") else []
    left_out = status.get("unreadable") or []
    if left_out:
        films = "1 film" if len(left_out) == 1 else f"{len(left_out):,} films"
        more = f" and {len(left_out) - 3:,} more" if len(left_out) > 3 else ""
        told.append(
            f"{films} could not be read and were left out: {', '.join(left_out[:3])}{more}. "
            "See the Dataset screen."
        )
    return told


def facts(status: dict[str, Any], stands: Standing) -> list[tuple[str, str]]:
    """The facts of the run: (name, words)."""
    found = []
    last = {name: value for name, value in (status.get("last") or {}).items() if value is not None}
    if figures := status.get("figures"):
        found += [
            (title, words)
            for name, title in _FIGURES.items()
            if (words := rate_in_words(figures.get(name), whole=name != "auc"))
        ]
    elif "val_auc" in last and "val_loss" in last:
        words = f"AUC about {last['val_auc']:.3f}, loss {last['val_loss']:.3f} after the last epoch"
        found.append(("Validation", words))
    if stands.state.live and status.get("films_per_second"):
        found.append(("Speed", f"{status['films_per_second']:,.0f} films a second"))
    if stands.state.live and status.get("learning_rate") is not None:
        found.append(("Learning rate", f"{status['learning_rate']:.2g}"))
    memory = status.get("memory") or {}
    if stands.state.live and memory:
        device = f", {gigabytes(memory['device'])} of the GPU's" if "device" in memory else ""
        found.append(("Memory", f"{gigabytes(memory['process'])}{device}"))
    if status.get("machine"):
        found.append(("Device", status["machine"]))
    if (worked := seconds_worked(status)) >= 1:
        training = status.get("seconds")  # as the model's card has it
        of_it = f", of it training {lasting(training)}" if training else ""
        name = "Time so far" if stands.state.live else "Time"
        found.append((name, f"whole run {lasting(worked)}{of_it}"))
    return found

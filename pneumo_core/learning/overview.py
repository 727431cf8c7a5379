"""All runs side by side: what each was asked for, on what, and what it has reached."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumo_core.errors import TrainingError
from pneumo_core.learning.runs import Run, list_runs
from pneumo_core.learning.states import LIVE
from pneumo_core.learning.telling import lasting, seconds_worked, standing_of

if TYPE_CHECKING:
    from collections.abc import Mapping

FIGURES = ("auc", "sensitivity", "specificity")
# Told wherever an epoch's AUC and the model's own stand beside each other.
MEASURED_AGAIN = (
    "The AUC of an epoch is a quick estimate by which the best one is chosen; the model's own is "
    "computed anew, film by film and in full precision, from its calibrated answers, and counts."
)


def run_rows(runs_dir: Path) -> list[dict[str, Any]]:
    """A row a run (see `row_of`), the latest first."""
    return [row_of(run) for run in list_runs(runs_dir)]


def live_runs(runs_dir: Path) -> list[Run]:
    """Runs that train or wait: those that train first, then in the order of their turn."""
    found = []
    for run in list_runs(runs_dir):
        try:
            status = run.status()
        except TrainingError:
            continue
        if status["state"] in LIVE:
            found.append((status["state"] == "queued", status.get("queued", ""), run.id, run))
    return [run for *_, run in sorted(found, key=lambda one: one[:3])]


def current_run(runs_dir: Path) -> Run | None:
    """The run to look at: the one that trains, else the one whose turn is next, else the one that
    spoke last.
    """
    live = live_runs(runs_dir)
    if live:
        return live[0]
    spoken = []
    for run in list_runs(runs_dir):
        try:
            spoken.append((run.status().get("updated", ""), run))
        except TrainingError:
            continue
    return max(spoken, key=lambda one: one[0])[1] if spoken else None


def row_of(run: Run) -> dict[str, Any]:
    """A run in one line, every value text, number, estimate or None.

    run, created (ISO 8601), state, data (the folder's name), data_hash, backbone, weights, size,
    task, preset, epochs (done of asked), seed, version, device, time, val_loss and val_auc of the
    last epoch, model (its bundle); of a finished model auc, sensitivity and specificity, each with
    its 95 % interval ({"value", "low", "high"}).
    """
    try:
        config, status = run.config(), run.status()
    except TrainingError:
        return {"run": run.id, "state": "failed", "data": "damaged"}
    recipe, last = config.get("recipe", {}), status.get("last") or {}
    figures = status.get("figures") or {}
    return {
        "run": run.id,
        "created": config.get("created") or "",
        "state": standing_of(status).state.name,
        "data": Path(str(config.get("data", ""))).name,
        "data_hash": status.get("data_hash") or "",
        **{name: recipe.get(name) for name in ("backbone", "size", "task", "preset", "seed")},
        "weights": weights_in_words(recipe),
        "epochs": f"{status.get('epoch', 0)} of {recipe.get('epochs')}",
        "version": config.get("version") or "",
        "device": status.get("machine") or "",
        "time": lasting(seconds_worked(status)) if seconds_worked(status) else "",
        "val_loss": last.get("val_loss"),
        "val_auc": last.get("val_auc"),
        **{name: figures.get(name) for name in FIGURES},
        "model": config.get("bundle") or "",
    }


def settings_of(run: Run) -> dict[str, Any]:
    """What a run was asked for, by the recipe's names; a weights file by its name alone."""
    try:
        recipe = run.config().get("recipe", {})
    except TrainingError:
        return {}
    return {**recipe, "weights": weights_in_words(recipe)}


def weights_in_words(recipe: Mapping[str, Any]) -> str:
    """Where a recipe starts from: "ImageNet", "from scratch", or a file's name."""
    weights = str(recipe.get("weights", ""))
    known = {"imagenet": "ImageNet", "none": "from scratch"}
    return known.get(weights) or Path(weights).name


def in_words(value: Any) -> str:
    """A value of a row: "0.9412", "0.94 [0.92–0.96]", "–" for none."""
    if value is None or value == "":
        return "–"
    if isinstance(value, dict):
        return f"{value['value']:.3f} [{value['low']:.3f}–{value['high']:.3f}]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)

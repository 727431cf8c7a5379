"""All runs side by side: what each was asked for, on what, and what it has reached."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumo_core.errors import TrainingError
from pneumo_core.learning.runs import Run, list_runs
from pneumo_core.learning.telling import lasting, seconds_worked, standing_of

if TYPE_CHECKING:
    from collections.abc import Mapping


def run_rows(runs_dir: Path) -> list[dict[str, Any]]:
    """A row a run (see `row_of`), the latest first."""
    return [row_of(run) for run in list_runs(runs_dir)]


def row_of(run: Run) -> dict[str, Any]:
    """A run in one line, every value text, number or None.

    run, state, data (the folder's name), data_hash, backbone, weights, size, task, preset,
    epochs (done of asked), seed, version, device, time, loss and auc of the best validation
    epoch or the last one, sensitivity and specificity of the finished model, model (its bundle).
    """
    try:
        config, status = run.config(), run.status()
    except TrainingError:
        return {"run": run.id, "state": "failed", "data": "damaged", "auc": None}
    recipe, last = config.get("recipe", {}), status.get("last") or {}
    figures = status.get("figures") or {}
    return {
        "run": run.id,
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
        "auc": _value(figures, "auc") or last.get("val_auc"),
        "sensitivity": _value(figures, "sensitivity"),
        "specificity": _value(figures, "specificity"),
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


def _value(figures: Mapping[str, Any], name: str) -> float | None:
    found = figures.get(name)
    return float(found["value"]) if isinstance(found, dict) and "value" in found else None

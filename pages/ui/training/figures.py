"""From a run's curves to the charts that show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pages.ui.charts.training import AUC, LOSS, SHARE, Chart, Line, Measured, share_span

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pneumo_core.training.runs.history import Curves

_NAMES = {"auc": "", "sensitivity": "sensitivity at 90 % specificity"}


def loss_chart(curves: Curves, epochs: int) -> Chart:
    """Loss of training, step by step, and of the films held out, epoch by epoch."""
    return Chart(_loss(curves), LOSS, epochs)


def metric_chart(
    curves: Curves, epochs: int, figures: Mapping[str, Mapping[str, Any]] | None = None
) -> Chart:
    """AUC, and what else is measured as a share, of training and of the films held out.

    figures: those of the model that this training made; its AUC stands at the epoch it is from.
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
        for line in _loss(curves) if loss else _shares(curves, only="auc"):
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
        lines.append(Line("training", steps["epoch"], steps["loss"]))
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

"""`evaluate`: a bundle on a labelled data set."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from pneumo_core.cli.console import emit, emit_json, per_cent, progress, tell
from pneumo_core.cli.writing import OutputFile, words_for

ENDS = {"value": "", "low": "_low", "high": "_high"}


def evaluate(
    data: Annotated[Path, typer.Argument(help="Folder of labelled films.")],
    *,
    split: Annotated[str, typer.Option(help="train, val, test or all.")],
    model: Annotated[str | None, typer.Option(help="Bundle to evaluate.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    predictions: Annotated[Path | None, OutputFile("CSV file for a line a film.")] = None,
) -> None:
    """Measure a model on a split, at the threshold that was locked on validation.

    A look at a split called test is written to the model's ledger, and counted, unless Pneumo drew
    the films itself.
    """
    from pneumo_core.bundle import load_bundle
    from pneumo_core.bundle.write import PREDICTIONS
    from pneumo_core.config import load_settings
    from pneumo_core.evaluation.evaluate import evaluate_split
    from pneumo_core.metrics import small_sample_words

    with progress() as report:
        found = evaluate_split(
            load_bundle(model),
            data,
            split=split,
            cache_dir=load_settings().cache_dir,
            progress=lambda phase, done, n: report(phase, done, n, ""),
        )
    standing = found.standing
    if json:
        emit_json({**found.figures, "standing": standing.as_dict()})
    else:
        if standing.drawn:
            emit(standing.warning)
        emit(_words(found.figures))
        emit(f"{standing.badge}. {standing.words}")
    if predictions is not None:
        with words_for(predictions):
            found.table.to_csv(predictions, columns=list(PREDICTIONS), index=False)
    counts = {f"{name} films": found.figures[f"n_{name}"] for name in ("pneumonia", "normal")}
    small_sample = small_sample_words(counts | {"patients": found.table["group"].nunique()})
    told = bool(standing.drawn) and not json  # already, above the figures
    for sentence in ("" if told else standing.warning, found.note, small_sample):
        if sentence:
            tell(f"Note: {sentence}")
    for film, problem in found.unread:
        tell(f"Not read: {film}: {problem}")
    if found.unread:
        raise typer.Exit(1)


def _words(f: dict[str, Any]) -> str:
    def share(name: str) -> str:
        if math.isnan(f[name]):
            return f"{name} – (no such film)"
        return f"{name} {per_cent({k: f[name + end] for k, end in ENDS.items()})}"

    c = f["confusion"]
    rates = ", ".join(share(name) for name in ("accuracy", "sensitivity", "specificity"))
    lines = [
        f"{f['n']:,} films: {f['n_normal']:,} normal, {f['n_pneumonia']:,} pneumonia",
        _area(f),
        f"at P(pneumonia) >= {f['threshold']:.3f}, locked on validation: {rates}",
        f"true positive {c['tp']:,}, true negative {c['tn']:,}",
        f"false positive {c['fp']:,}, false negative {c['fn']:,}",
        f"Brier score {f['brier']:.4f}, expected calibration error {f['ece']:.4f}",
    ]
    if f["subtype_auc"] is not None:
        lines.append(f"bacterial against viral (exploratory): AUC {f['subtype_auc']:.3f}")
    return "\n".join(lines)


def _area(f: dict[str, Any]) -> str:
    if math.isnan(f["auc"]):
        return "AUC – (films of one class)"
    return f"AUC {f['auc']:.4f} [{f['auc_low']:.4f}–{f['auc_high']:.4f}] (DeLong)"

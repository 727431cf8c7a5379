"""`compare`: two or more models on the same films."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pneumo_core.cli.console import emit, emit_json, tell
from pneumo_core.cli.data import DataOption, MapOption, TableOption, chosen_labels
from pneumo_core.cli.evaluate import evaluated
from pneumo_core.formatting import NONE, estimate

if TYPE_CHECKING:
    from pneumo_core.bundle import Bundle
    from pneumo_core.dataset.labels import Labels
    from pneumo_core.evaluation.comparison import Comparison, Contender, Pair
    from pneumo_core.metrics import Estimate, McNemar

SHOWN = 10


def compare(  # noqa: PLR0913 - one argument an option
    models: Annotated[list[str], typer.Argument(help="Names of bundles, or ids of runs.")],
    *,
    data: DataOption = None,
    labels: TableOption = None,
    mapping: MapOption = None,
    split: Annotated[str, typer.Option(help="train, val, test or all, of --data.")] = "test",
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Compare models: paired tests, and the films on which they disagree.

    By default on the validation films that all bundles have predictions for; with --data, on a
    folder of films.
    """
    from pneumo_core.evaluation.comparison import compare as carry_out
    from pneumo_core.evaluation.comparison import shipped

    bundles = [_bundle(name) for name in models]
    notes: list[str] = []
    if data is None:
        contenders = [shipped(bundle) for bundle in bundles]
        notes.append("Validation films: each model's threshold was chosen on such films.")
    else:
        chosen = chosen_labels(labels, mapping)
        contenders = [_read(bundle, data, split, chosen, notes) for bundle in bundles]
    found = carry_out(contenders)
    if json:
        emit_json({**found.to_dict(), "notes": [*found.notes, *notes]})
    else:
        emit(_words(found))
    for note in filter(None, (*found.notes, *notes, found.small_sample)):
        tell(f"Note: {note}")


def _bundle(name: str) -> Bundle:
    """The bundle of that name, or the one that the run of that id wrote."""
    from pneumo_core.bundle import bundle_names, load_bundle
    from pneumo_core.config import load_settings
    from pneumo_core.errors import TrainingError
    from pneumo_core.training.runs.run import find_run

    settings = load_settings()
    if name in bundle_names(settings.models_dir):
        return load_bundle(name, models_dir=settings.models_dir)
    try:
        run = find_run(settings.runs_dir, name)
    except TrainingError:
        return load_bundle(name, models_dir=settings.models_dir)  # tells which models there are
    return load_bundle(run.config()["bundle"], models_dir=settings.models_dir)


def _read(
    bundle: Bundle, data: Path, split: str, labels: Labels | None, notes: list[str]
) -> Contender:
    from pneumo_core.evaluation.comparison import Contender

    found = evaluated(bundle, data, split, labels)
    notes += [f"{bundle.name}: {found.evidence.badge}. {found.evidence.warning}".strip()]
    notes += [note for note in (found.note,) if note]
    notes += [f"Not read: {film}: {problem}" for film, problem in found.unread]
    return Contender(bundle.name, found.table, bundle.points.balanced)


def _words(found: Comparison) -> str:
    lines = [f"{found.n:,} films: {found.n_normal:,} normal, {found.n_pneumonia:,} pneumonia"]
    for model in found.models:
        area = estimate(model.auc_patients, digits=4) if model.auc_patients else NONE
        rates = ", ".join(
            f"{name} {estimate(model.at.rates[name], as_percent=True)}"
            for name in ("sensitivity", "specificity")
            if not math.isnan(model.at.rates[name].value)
        )
        lines.append(
            f"{model.name}: AUC {area} (bootstrap by patient), at {model.at.threshold:.3f} {rates}"
        )
    for pair in found.pairs:
        lines += _pair_words(pair)
    lines.append(f"different calls: {len(found.disagreements):,} of {found.n:,} films")
    shown = found.disagreements.head(SHOWN)
    for film, label, right in shown[["film", "label", "right"]].itertuples(index=False):
        lines.append(f"  {film}: {label}; correct: {right or 'none'}")
    if len(found.disagreements) > SHOWN:
        lines.append(f"  and {len(found.disagreements) - SHOWN:,} more; --json lists all")
    return "\n".join(lines)


def _pair_words(pair: Pair) -> list[str]:
    lines = [f"{pair.first} − {pair.second}, in points of 100:"]
    if pair.delong is not None and pair.patients is not None:
        lines.append(
            f"  AUC {_points(pair.delong.difference)}, DeLong p {_p(pair.delong.p)}; "
            f"bootstrap by patient {_points(pair.patients)}"
        )
    tests: dict[str, McNemar | None] = {
        "accuracy": pair.accuracy,
        "sensitivity": pair.sensitivity,
        "specificity": pair.specificity,
    }
    for name, test in tests.items():
        if test is not None:
            lines.append(
                f"  {name} {_points(test.difference)}, McNemar mid-p {_p(test.p_mid)}; "
                f"only {pair.first} correct {test.only_first:,}, "
                f"only {pair.second} correct {test.only_second:,}"
            )
    return lines


def _points(difference: Estimate) -> str:
    return estimate((100 * end for end in difference), digits=2, signed=True)


def _p(p: float) -> str:
    if math.isnan(p):
        return "not known"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"

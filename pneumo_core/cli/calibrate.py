"""`calibrate`: a model fitted to the films of a hospital; its network stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from pneumo_core.cli.console import emit, emit_json, progress, tell_unread
from pneumo_core.cli.data import DataArgument, MapOption, TableOption, chosen_labels
from pneumo_core.formatting import estimate

if TYPE_CHECKING:
    from pathlib import Path

    from pneumo_core.bundle import Bundle
    from pneumo_core.evaluation.fitted_bundle import FittedModel
    from pneumo_core.evaluation.local_fit import FitFigures


def calibrate(  # noqa: PLR0913 - one argument an option
    data: DataArgument,
    *,
    labels: TableOption = None,
    mapping: MapOption = None,
    model: Annotated[str | None, typer.Option(help="Model to fit; default: in service.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the new model.")] = None,
    site: Annotated[
        str | None, typer.Option(help="Name of the hospital; default: the folder's name.")
    ] = None,
    sensitivity: Annotated[
        float, typer.Option(help="Minimum, at the screening point (0.5..0.999).")
    ] = 0.95,
    specificity: Annotated[
        float, typer.Option(help="Minimum, at the ruling-in point (0.5..0.999).")
    ] = 0.95,
    miss_cost: Annotated[
        float | None,
        typer.Option(help="How many false alarms weigh as much as one missed pneumonia."),
    ] = None,
    prevalence: Annotated[
        float | None, typer.Option(help="Share of pneumonia there (0..1), for the balanced point.")
    ] = None,
    coverage: Annotated[
        float | None,
        typer.Option(help="Coverage guarantee by conformal prediction, in place of both rates."),
    ] = None,
    unlabelled: Annotated[
        bool,
        typer.Option("--unlabelled", help="Estimate the prevalence only; labels are not used."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Fit calibration and operating points to labelled films of a hospital.

    The result is a new model that names its parent; the parent stays as it is, and no film is
    kept. Figures before and after are of films whose patient took no part in the fit.
    """
    from pneumo_core.bundle import load_bundle
    from pneumo_core.config import load_settings
    from pneumo_core.metrics.operating_points import Aims

    parent = load_bundle(model)
    if unlabelled:
        _estimate_prevalence(parent, data, json=json)
        return
    if name is None:
        raise typer.BadParameter("expected a name for the new model.", param_hint="--name")
    try:
        aims = Aims(sensitivity, specificity, miss_cost, prevalence, coverage)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    from pneumo_core.evaluation.fitted_bundle import fit_model

    with progress() as report:
        made = fit_model(
            parent,
            data,
            name=name,
            aims=aims,
            labels=chosen_labels(labels, mapping),
            site=site or data.resolve().name,
            cache_dir=load_settings().cache_dir,
            progress=report,
        )
    emit_json(made.to_dict()) if json else emit(_words(made))
    tell_unread(made.unread)


def _words(made: FittedModel) -> str:
    from pneumo_core.bundle.card.parts import NO_GAIN
    from pneumo_core.evaluation.fitted_bundle import trained_words

    fit, fitted = made.fit, made.bundle.card.fitted_to
    known = fitted is not None and fitted.patients is not None
    patients = f" of {fit.patients:,} patients" if known else ""
    films = f"{len(fit.table):,} films{patients}"
    counts = "" if fitted is None else f": {fitted.normal:,} normal, {fitted.pneumonia:,} pneumonia"
    trained = made.bundle.card.document["fitted_to"]["trained_on"]
    unknown = "Patients are not known: each film counts as one." if not known else ""
    lines = [
        f"{made.bundle.name} is written: {made.parent.name} fitted to {films}{counts}.",
        f"Fitted: {fit.recalibration.words}. Asked for: {fit.aims.words}.",
        *([unknown] if unknown else []),
        *(f"Left out: {count:,} ({why})." for why, count in fit.left_out),
        *([f"Note: {trained_words(trained)}."] if trained else []),
        "",
        "On films whose patient took no part in the fit [95 % interval by patient]:",
        f"{'':34}{'before':24}after",
        *_rows(fit.before, fit.after),
        "",
        *(one.words for one in fit.needed),
        *([] if fitted is None or fitted.gains else ["", NO_GAIN]),
        "",
        f"Put it in service with: python -m pneumo_core models activate {made.bundle.name}",
    ]
    return "\n".join(lines)


def _rows(before: FitFigures, after: FitFigures) -> list[str]:
    areas = (estimate(f.figures.auc) for f in (before, after))
    rows = [("AUC (the network's ranking)", *areas)]
    for point, rate in (
        *(("screening", "sensitivity"), ("screening", "specificity")),
        *(("balanced", "sensitivity"), ("balanced", "specificity"), ("ruling_in", "specificity")),
    ):
        shown = (estimate(f.points[point][rate], as_percent=True) for f in (before, after))
        rows.append((f"{rate}, {point.replace('_', '-')} point", *shown))
    rows.append(("calibration error (ECE)", *(f"{f.figures.ece:.3f}" for f in (before, after))))
    for answer in before.answers:
        shown = (estimate(f.answers[answer], as_percent=True) for f in (before, after))
        rows.append((f"of {answer.replace(' ', ' films ', 1)}", *shown))
    return [f"{name:34}{one:24}{other}" for name, one, other in rows]


def _estimate_prevalence(parent: Bundle, data: Path, *, json: bool) -> None:
    from pneumo_core.config import load_settings
    from pneumo_core.evaluation.local_summary import unlabelled_prevalence

    with progress() as report:
        found = unlabelled_prevalence(
            parent, data, cache_dir=load_settings().cache_dir, progress=report
        )
    emit_json(found.to_dict()) if json else emit(found.words)
    tell_unread(found.unread)

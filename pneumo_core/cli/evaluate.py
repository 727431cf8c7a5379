"""`evaluate`, `stress` and `report`: a model on labelled films, on perturbed ones; its report."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pneumo_core.cli.console import (
    OutputFile,
    OutputFolder,
    emit,
    emit_json,
    progress,
    tell,
    tell_unread,
    words_for,
)
from pneumo_core.cli.data import (
    DataArgument,
    DataOption,
    MapOption,
    TableOption,
    chosen_labels,
    folder_of_films,
)
from pneumo_core.formatting import NONE, estimate, flat_row, interval, number

if TYPE_CHECKING:
    import pandas as pd

    from pneumo_core.bundle import Bundle
    from pneumo_core.config import Settings
    from pneumo_core.dataset.labels import Labels
    from pneumo_core.evaluation.evaluate import Evaluation, Figures
    from pneumo_core.evaluation.evidence_level import EvidenceLevel
    from pneumo_core.evaluation.robustness import Robustness
    from pneumo_core.metrics import Estimate
    from pneumo_core.metrics.robustness import RobustnessRow


NO_AUC = "– (films of one class)"


def evaluate(  # noqa: PLR0913 - one argument an option
    data: DataArgument,
    *,
    split: Annotated[str, typer.Option(help="train, val, test or all.")],
    labels: TableOption = None,
    mapping: MapOption = None,
    model: Annotated[str | None, typer.Option(help="Bundle to evaluate.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    predictions: Annotated[Path | None, OutputFile("CSV file, one line per film.")] = None,
) -> None:
    """Evaluate a model on a split, at the threshold locked on validation.

    Evaluations of a split called test are logged with the model, except on synthetic films.
    """
    from pneumo_core.bundle import load_bundle
    from pneumo_core.bundle.write import PREDICTIONS
    from pneumo_core.evaluation.evaluate import FURTHER
    from pneumo_core.evaluation.local_summary import VERDICTS, local_summary
    from pneumo_core.metrics import small_sample_words

    bundle = load_bundle(model)
    found = evaluated(bundle, data, split, chosen_labels(labels, mapping))
    evidence = found.evidence
    here = local_summary(bundle, found.table, site=data.resolve().name)
    if json:
        figures = found.figures.to_dict()
        emit_json({**figures, "standing": evidence.to_dict(), "here": here.to_dict()})
    else:
        if evidence.synthetic:
            emit(evidence.warning)
        if evidence.kind != "drawn":
            emit("\n".join([here.lead, *here.sentences, VERDICTS[here.verdict], ""]))
        emit(_words(found.figures))
        emit(f"{evidence.badge}. {evidence.words}")
    if predictions is not None:
        with words_for(predictions):
            further = [name for name in FURTHER if name in found.table]
            found.table.to_csv(predictions, columns=[*PREDICTIONS, *further], index=False)
    counts = {
        f"{name} films": getattr(found.figures, f"n_{name}") for name in ("pneumonia", "normal")
    }
    small_sample = small_sample_words(counts | {"patients": found.table["group"].nunique()})
    shown = bool(evidence.synthetic) and not json  # above the figures
    for sentence in ("" if shown else evidence.warning, found.note, small_sample):
        if sentence:
            tell(f"Note: {sentence}")
    tell_unread(found.unread)


def _words(f: Figures) -> str:
    def share(name: str) -> str:
        rate = getattr(f, name)
        known = not math.isnan(rate.value)
        return f"{name} {estimate(rate, as_percent=True) if known else '– (no such film)'}"

    c = f.confusion
    area = f"{estimate(f.auc, digits=4)} (DeLong)" if f.n_normal and f.n_pneumonia else NO_AUC
    rates = ", ".join(share(name) for name in ("accuracy", "sensitivity", "specificity"))
    lines = [
        f"{f.n:,} films: {f.n_normal:,} normal, {f.n_pneumonia:,} pneumonia",
        f"AUC {area}",
        f"at P(pneumonia) >= {f.threshold:.3f}, locked on validation: {rates}",
        f"true positive {c.tp:,}, true negative {c.tn:,}",
        f"false positive {c.fp:,}, false negative {c.fn:,}",
        f"Brier score {f.brier:.4f}, expected calibration error {f.ece:.4f}",
    ]
    if f.subtype_auc is not None:
        lines.append(f"bacterial against viral (exploratory): AUC {f.subtype_auc:.3f}")
    return "\n".join(lines)


def stress(  # noqa: PLR0913 - one argument an option
    data: Annotated[
        Path | None,
        typer.Argument(
            metavar="DATA",
            help="Folder of labelled films, or a ZIP of it; with --into-card, by default that of "
            "the model's training.",
            parser=folder_of_films,
        ),
    ] = None,
    *,
    labels: TableOption = None,
    mapping: MapOption = None,
    model: Annotated[str | None, typer.Option(help="Bundle to measure.")] = None,
    films: Annotated[
        int | None, typer.Option(min=1, help="Films per class; all by default.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    csv: Annotated[Path | None, OutputFile("CSV file, one line per perturbation.")] = None,
    into_card: Annotated[
        bool, typer.Option("--into-card", help="Write the table to the model card.")
    ] = False,
) -> None:
    """Robustness: a model on the same films cropped, stretched, recompressed, blurred, marked …"""
    from pneumo_core.bundle import load_bundle
    from pneumo_core.config import load_settings
    from pneumo_core.evaluation.robustness import measure_robustness

    bundle, settings = load_bundle(model), load_settings()
    data = data or _trained_on(bundle, settings, into_card=into_card)
    with progress() as report:
        found = measure_robustness(
            bundle,
            data,
            settings=settings,
            limit=films,
            labels=chosen_labels(labels, mapping),
            progress=report,
        )
    if into_card:
        _write_into_card(bundle, found)
    emit_json(found.to_dict()) if json else emit(_robustness_words(found))
    if csv is not None:
        import pandas as pd

        with words_for(csv):
            pd.DataFrame([flat_row(row.to_dict()) for row in found.rows]).to_csv(csv, index=False)
    tell_unread(found.unread)


def _trained_on(bundle: Bundle, settings: Settings, *, into_card: bool) -> Path:
    """The folder of the run that made the model. Raises BadParameter where none is known."""
    from pneumo_core.training.runs.run import data_of_model

    known = data_of_model(settings.runs_dir, bundle.name) if into_card else None
    if known is None:
        why = f"no run that made {bundle.name} is in the runs folder" * into_card
        raise typer.BadParameter(
            f"expected a folder of labelled films, got none{'; ' * bool(why)}{why}. Name one.",
            param_hint="DATA",
        )
    return known


def _write_into_card(bundle: Bundle, found: Robustness) -> None:
    """Write the table into the card. Raises DataSetError unless the films were held out."""
    from pneumo_core.bundle.write import revise_card
    from pneumo_core.errors import DataSetError

    if not found.held_out:
        raise DataSetError(
            f"Expected films that {bundle.name} was not trained on, for its card; got "
            f"{found.words} The card is unchanged. Name a folder of held-out films, or omit "
            "--into-card."
        )
    revise_card(bundle, stress={k: v for k, v in found.to_dict().items() if k != "unread"})
    tell(f"The table is now in the card of {bundle.name}.")


def _robustness_words(found: Robustness) -> str:
    at = f"P(pneumonia) >= {found.points['balanced']:.3f}, the balanced point"
    lines = [
        f"{found.model}: {found.words}",
        f"{found.normal:,} normal, {found.pneumonia:,} pneumonia. Rates in per cent at {at},",
        "[95 % interval] and (difference to the same films unperturbed, in points).",
        "",
        f"{'':93}refer   change of P",
        f"{'':31}AUC{'':18}sensitivity{'':11}specificity{'':13}%{'':7}median  95 %",
    ]
    family = "none"
    for row in found.rows:
        if row.family != family:
            family = row.family
            lines.append(family)
        lines.append(_line(row))
    lines += ["", found.worst, *([found.lungless] if found.lungless else [])]
    return "\n".join(lines)


def _line(row: RobustnessRow) -> str:
    clean = row.family == "none"
    line = f"{row.name if clean else '  ' + row.name:31}{estimate(row.auc):21}"
    for rate, cost in (
        (row.sensitivity, row.cost_sensitivity),
        (row.specificity, row.cost_specificity),
    ):
        line += f"{_rate(rate):14} {'' if clean else _difference(cost):7} "
    return f"{line}{100 * row.referred.value:6.1f}{row.change_median:9.3f}{row.change_p95:6.3f}"


def _rate(rate: Estimate) -> str:
    if math.isnan(rate.value):
        return NONE
    return f"{100 * rate.value:5.1f} {interval((100 * end for end in rate[1:]), digits=0)}"


def _difference(cost: Estimate) -> str:
    """A cost as the difference that it makes: 4 points lost are (−4.0)."""
    return "" if math.isnan(cost.value) else f"({number(-cost.value, 1, signed=True)})"


def report(  # noqa: PLR0913 - one argument an option
    model: Annotated[
        str | None, typer.Argument(help="Bundle; default: the one in service.")
    ] = None,
    *,
    data: DataOption = None,
    labels: TableOption = None,
    mapping: MapOption = None,
    split: Annotated[str, typer.Option(help="train, val, test or all, of --data.")] = "test",
    html: Annotated[Path | None, OutputFile("HTML file to write.")] = None,
    pdf: Annotated[Path | None, OutputFile("PDF file to write.")] = None,
    tables: Annotated[Path | None, OutputFolder("Folder for one CSV file per table.")] = None,
    json: Annotated[bool, typer.Option("--json", help="All tables as one JSON document.")] = False,
    prevalence: Annotated[
        float,
        typer.Option(min=0, max=1, help="Prevalence of pneumonia in the intended setting."),
    ] = 0.2,
    one_page: Annotated[
        bool, typer.Option("--one-page", help="Only the page “does it hold here?”, with --data.")
    ] = False,
    site: Annotated[str, typer.Option(help="The hospital, for the head of the report.")] = "",
    author: Annotated[str, typer.Option(help="Who made the report.")] = "",
    remarks: Annotated[str, typer.Option(help="Remarks, for the head of the report.")] = "",
) -> None:
    """Evaluation report: figures with intervals, CLAIM 2024 and TRIPOD+AI checklists.

    By default on the bundle's own validation predictions; with --data, on a folder of films.
    """
    if not (html or pdf or tables or json):
        raise typer.BadParameter("name at least one output: --html, --pdf, --tables or --json.")
    if one_page and data is None:
        raise typer.BadParameter("expected --data, the films of the hospital.", param_hint="--data")
    from pneumo_core.bundle import load_bundle
    from pneumo_core.evaluation.report import (
        as_json,
        build_one_page,
        build_report,
        to_html,
        to_pdf,
        write_tables,
    )
    from pneumo_core.evaluation.test_log import logged_evaluations

    bundle = load_bundle(model)
    chosen = chosen_labels(labels, mapping)
    table, evidence, films, unread = _films(bundle, data, split, chosen)
    head = {"author": author, "remarks": remarks}
    if one_page:
        at = site or (bundle.name if data is None else data.resolve().name)
        made = build_one_page(bundle, table, evidence, site=at, films=films, **head)
    else:
        made = build_report(
            bundle,
            table,
            evidence,
            films=films,
            evaluations=logged_evaluations(bundle),
            prevalence=prevalence,
            site=site,
            **head,
        )
    written = [] if tables is None else [tables] if write_tables(made, tables) else []
    if html is not None:
        html.write_text(to_html(made), encoding="utf-8")
        written.append(html)
    if pdf is not None:
        pdf.write_bytes(to_pdf(made))
        written.append(pdf)
    if json:
        emit_json(as_json(made))
    else:
        emit("\n".join(f"written: {path}" for path in written))
    tell_unread(unread)


def evaluated(bundle: Bundle, data: Path, split: str, labels: Labels | None) -> Evaluation:
    """A model on a split of a folder, with progress. Raises DataSetError."""
    from pneumo_core.config import load_settings
    from pneumo_core.evaluation.evaluate import evaluate_split

    with progress() as report:
        return evaluate_split(
            bundle,
            data,
            split=split,
            cache_dir=load_settings().cache_dir,
            labels=labels,
            progress=report,
        )


def _films(
    bundle: Bundle, data: Path | None, split: str, labels: Labels | None
) -> tuple[pd.DataFrame, EvidenceLevel, str, list[tuple[str, str]]]:
    """Predictions, their evidence level, what films they are, and the unreadable ones."""
    from pneumo_core.evaluation.evaluate import shipped_predictions
    from pneumo_core.evaluation.evidence_level import evidence_of_shipped

    if data is None:
        own = "its own validation films"
        return shipped_predictions(bundle), evidence_of_shipped(bundle), own, []
    found = evaluated(bundle, data, split, labels)
    if found.note:
        tell(f"Note: {found.note}")
    # The folder's name, not its path: a report is passed on to others.
    films = f"the split {split} of {data.resolve().name}"
    return found.table, found.evidence, films, found.unread

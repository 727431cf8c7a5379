"""`report`: the evaluation report of a model, as HTML, PDF, CSV and JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pneumo_core.cli.console import OutputFile, OutputFolder, emit, emit_json, progress, tell
from pneumo_core.cli.labels import DataOption, MapOption, TableOption, chosen_labels

if TYPE_CHECKING:
    import pandas as pd

    from pneumo_core.bundle import Bundle
    from pneumo_core.dataset.labels import Labels
    from pneumo_core.evaluation.evidence_level import EvidenceLevel


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
) -> None:
    """Evaluation report: figures with intervals, CLAIM 2024 and TRIPOD+AI checklists.

    By default on the bundle's own validation predictions; with --data, on a folder of films.
    """
    if not (html or pdf or tables or json):
        raise typer.BadParameter("name at least one output: --html, --pdf, --tables or --json.")
    from pneumo_core.bundle import load_bundle
    from pneumo_core.evaluation.report import as_json, build_report, to_html, to_pdf, write_tables
    from pneumo_core.evaluation.test_log import logged_evaluations

    bundle = load_bundle(model)
    found = chosen_labels(labels, mapping)
    table, evidence, films, unread = _films(bundle, data, split, found)
    made = build_report(
        bundle,
        table,
        evidence,
        films=films,
        evaluations=logged_evaluations(bundle),
        prevalence=prevalence,
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
    for film, problem in unread:
        tell(f"Not read: {film}: {problem}")
    if unread:
        raise typer.Exit(1)


def _films(
    bundle: Bundle, data: Path | None, split: str, labels: Labels | None
) -> tuple[pd.DataFrame, EvidenceLevel, str, list[tuple[str, str]]]:
    """Predictions, their evidence level, what films they are, and the unreadable ones."""
    from pneumo_core.config import load_settings
    from pneumo_core.evaluation.evaluate import evaluate_split, shipped_predictions
    from pneumo_core.evaluation.evidence_level import evidence_of_shipped

    if data is None:
        own = "its own validation films"
        return shipped_predictions(bundle), evidence_of_shipped(bundle), own, []
    with progress() as report_progress:
        found = evaluate_split(
            bundle,
            data,
            split=split,
            cache_dir=load_settings().cache_dir,
            labels=labels,
            progress=report_progress,
        )
    if found.note:
        tell(f"Note: {found.note}")
    # The folder's name, not its path: a report is passed on to others.
    films = f"the split {split} of {data.resolve().name}"
    return found.table, found.evidence, films, found.unread

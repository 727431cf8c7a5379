"""`readings` and `reader-study`: the log of readings, and people reading labelled films blinded."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from pneumo_core.cli.console import (
    OutputFile,
    emit,
    emit_json,
    progress,
    tell,
    words_for,
    writable_file,
)
from pneumo_core.errors import PneumoError, ReadingLogError
from pneumo_core.formatting import count, estimate, number, per_cent, were

if TYPE_CHECKING:
    from pneumo_core.readings.log import ReadingLog
    from pneumo_core.readings.reader_study import ReaderStudy
    from pneumo_core.readings.study_results import Call, StudyFilm, StudyPhase, StudyResults


app = typer.Typer(help="The log of readings: list, export, delete.")


@app.callback(invoke_without_command=True)
def readings(context: typer.Context) -> None:
    """List the readings where no other command is given."""
    if context.invoked_subcommand is None:
        list_readings()


@app.command("list")
def list_readings(
    *, json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False
) -> None:
    """A line a reading, the latest first."""
    from pneumo_core.readings.log import as_row

    with _log() as log:
        found = log.find()
    if json:
        emit_json([as_row(one) for one in found])
        return
    for one in found:
        chance = "–" if one.p_pneumonia is None else per_cent(one.p_pneumonia)
        said = (one.verdict.agreement or one.verdict.finding or "") if one.verdict else ""
        outcome = one.decision or one.status.upper()
        emit(
            f"{one.id}\t{one.at:%Y-%m-%d %H:%M}\t{one.sha256[:16]}\t{outcome}\t{chance}\t"
            f"{one.model}\t{said or '–'}\t{one.label}".rstrip()
        )
    if not found:
        tell(
            "The log holds no reading yet. Add some with: python -m pneumo_core predict FILM --log"
        )


@app.command()
def export(file: Annotated[str, typer.Argument(metavar="FILE", help="CSV file to write.")]) -> None:
    """Write all readings with their verdicts as CSV: a row a verdict."""
    path = writable_file(file)
    with _log() as log:
        content, readings = log.export_csv(), log.count()
    with words_for(path):
        path.write_bytes(content)
    emit(f"{count(readings, 'readings')} {were(readings)} written to {path}.")


@app.command()
def delete(
    ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Ids, or how they begin.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Delete readings and their verdicts for good. Nothing is deleted if an id is not known."""
    with _log() as log:
        found = [log.get(one).id for one in dict.fromkeys(ids)]
        if not yes:
            typer.confirm(f"Delete {count(len(found), 'readings')} for good?", abort=True, err=True)
        gone = log.delete(found)
    emit(f"{count(gone, 'readings')} {were(gone)} deleted.")


def _log() -> ReadingLog:
    from pneumo_core.config import load_settings
    from pneumo_core.readings.log import ReadingLog

    log = ReadingLog.open(load_settings())
    if log is None:
        raise ReadingLogError(
            "Expected the log of readings to be on, got PNEUMO_LOG_READINGS=0. Unset it."
        )
    return log


_CALLS: dict[str, Call] = {"n": "normal", "p": "pneumonia"}


def reader_study(  # noqa: PLR0913 - one argument an option
    folder: Annotated[Path, typer.Argument(help="Labelled films, in any layout of `index`.")],
    *,
    readers: Annotated[
        str | None, typer.Option(help="Names of the readers, separated by commas.")
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option(help="Answers as CSV: reader, film, phase, finding, confidence.", exists=True),
    ] = None,
    films: Annotated[
        int | None, typer.Option(help="How many films, drawn at random.", min=1)
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of selection and order.")] = 0,
    model: Annotated[str | None, typer.Option(help="Model that assists readers.")] = None,
    csv_file: Annotated[Path | None, OutputFile("Write every answer as CSV.", "--csv")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Read labelled films without, then with the model's answer; sensitivity and specificity.

    In the terminal each reader answers film by film, and can stop (Ctrl-C) and go on later with
    the same call. With --answers nobody is asked.
    """
    from pneumo_core.bundle import load_bundle
    from pneumo_core.config import load_settings
    from pneumo_core.inference.predict import Reader
    from pneumo_core.readings.reader_study import make_study, read_answers

    given = [] if answers is None else read_answers(answers.read_bytes(), answers.name)
    with progress() as report:
        study = make_study(
            folder,
            Reader(load_bundle(model)),
            studies_dir=load_settings().readings_dir / "studies",
            seed=seed,
            films=films,
            progress=report,
        )
    study.record_all(given)
    names = [name.strip() for name in (readers or "").split(",") if name.strip()]
    if answers is None:
        for name in names:
            _ask_all(study, name)
    results = study.results()
    if csv_file is not None:
        with words_for(csv_file):
            csv_file.write_bytes(study.to_csv())
    if json:
        emit_json(
            {
                "study": study.id,
                "model": study.model,
                "digest": study.digest,
                **results.to_dict(),
                "disclaimer": study.disclaimer,
            }
        )
        return
    _print(study, results)


def _ask_all(study: ReaderStudy, reader: str) -> None:
    """Ask a reader film by film. A film is shown under a neutral name: its own tells the label."""
    from pneumo_core.readings.study_results import Answer

    order = [film.film for film in study.order(reader)]
    with TemporaryDirectory(prefix="pneumo-study-") as folder:
        while (film_and_phase := study.next_for(reader)) is not None:
            film, phase = film_and_phase
            place = order.index(film.film) + 1
            shown = Path(folder) / f"film-{place:03d}{Path(film.film).suffix}"
            if not shown.exists():
                _copy(study.root / film.film, shown)
            finding, confidence = _ask(reader, place, len(order), shown, film, phase)
            study.record(Answer(reader, film.film, phase, finding, confidence))
            if phase == "after":
                shown.unlink(missing_ok=True)
    tell(f"{reader}: all {count(len(order), 'films')} answered.")


def _ask(  # noqa: PLR0913, PLR0917
    reader: str, place: int, films: int, shown: Path, film: StudyFilm, phase: StudyPhase
) -> tuple[Call, int | None]:
    if phase == "before":
        tell(f"\n{reader}, film {place} of {films}: {shown}")
    else:
        tell(f"The model: {film.message}")
    again = " now" if phase == "after" else ""
    finding = ""
    while finding[:1] not in _CALLS:
        finding = typer.prompt(f"Normal or pneumonia{again}? [n/p]", err=True).strip().lower()
    sure = ""
    while sure not in {"1", "2", "3", "4", "5", "-"}:
        sure = typer.prompt("Confidence, 1 (guess) to 5 (certain)", default="-", err=True).strip()
    return _CALLS[finding[:1]], None if sure == "-" else int(sure)


def _copy(film: Path, shown: Path) -> None:
    try:
        shutil.copyfile(film, shown)
    except OSError as error:
        raise PneumoError(
            f"Expected to show {film.name}, got: {error.strerror or error}. The films of a study "
            "must stay where they are until it ends."
        ) from error


def _print(study: ReaderStudy, results: StudyResults) -> None:
    area = f"AUC {estimate(results.auc)}" if results.auc else "no AUC: films of one class only"
    emit(
        f"{count(results.n, 'films')}, {results.n_pneumonia:,} of pneumonia. Model {study.model}: "
        f"{area}."
    )
    if results.without_number:
        emit(f"{count(results.without_number, 'films')} without a probability of the model.")
    for one in results.readers:
        emit(
            f"{one.reader}\t{one.phase}\t{count(one.counts.n, 'films')}\t"
            f"sensitivity {estimate(one.sensitivity, as_percent=True)}\t"
            f"specificity {estimate(one.specificity, as_percent=True)}"
        )
    for change in results.changes:
        if change.test is not None:
            shown = estimate(change.test.difference, as_percent=True, signed=True)
            emit(
                f"{change.reader}\twith the model's help\t{change.on} {shown}\t"
                f"McNemar p = {number(change.test.p_mid)} (mid-p)"
            )
    if not results.readers:
        tell("Nobody has answered yet. Name readers with --readers, or give --answers.")

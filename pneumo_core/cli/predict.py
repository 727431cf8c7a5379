"""`predict`: films → decisions, a line a film."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pneumo_core.cli.console import OutputFile, OutputFolder, emit, emit_json, tell, words_for
from pneumo_core.cli.exports import Exports, checked_age, stem_of
from pneumo_core.formatting import count, per_cent, per_cent_range, were

if TYPE_CHECKING:
    from pneumo_core.inference.predict import Reader, Reading

SKIPPED_NAMES = ("Thumbs.db", "desktop.ini")


def predict(  # noqa: PLR0913 - one argument an option
    paths: Annotated[list[Path], typer.Argument(help="Films, or folders of films.")],
    *,
    model: Annotated[str | None, typer.Option(help="Bundle to read with.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    csv_file: Annotated[Path | None, OutputFile("Write a CSV file as well.", "--csv")] = None,
    overlay: Annotated[
        Path | None, OutputFolder("Folder for pictures of where the model looked.")
    ] = None,
    method: Annotated[str, typer.Option(help="How that is found; cam costs nothing.")] = "cam",
    report: Annotated[Path | None, OutputFolder("Folder for a page (PDF) on each film.")] = None,
    secondary_capture: Annotated[
        Path | None, OutputFolder("Folder for DICOM Secondary Captures, film with map.")
    ] = None,
    structured_report: Annotated[
        Path | None, OutputFolder("Folder for DICOM Structured Reports (TID 1500).")
    ] = None,
    encapsulated_pdf: Annotated[
        Path | None, OutputFolder("Folder for the pages as DICOM Encapsulated PDF.")
    ] = None,
    with_patient: Annotated[
        bool,
        typer.Option(
            "--with-patient",
            help="Take patient and study data of a DICOM file over into pages and objects.",
        ),
    ] = False,
    log: Annotated[
        bool,
        typer.Option("--log", help="Keep the readings in the log; the screen does so by itself."),
    ] = False,
) -> None:
    """Read films: a decision with its calibrated probability, or the reason why there is none.

    Ends with 1 if a file could not be read or is not there: it is named, and the rest is read. A
    rejected one has its answer: 0.
    """
    missing = [str(path) for path in paths if not path.exists()]
    if len(missing) == len(paths):  # beside others, one has its line like any film unread
        raise typer.BadParameter(f"there is no file or folder {', '.join(missing)}.")
    from pneumo_core.bundle import load_bundle
    from pneumo_core.config import load_settings
    from pneumo_core.inference.explain import check_method
    from pneumo_core.inference.predict import Reader
    from pneumo_core.inference.table import to_csv

    check_method(method)
    exports = Exports(
        report, secondary_capture, structured_report, encapsulated_pdf, with_patient, log
    )
    reader = Reader(load_bundle(model))
    exports.open_log(load_settings())
    rows, failures, rejected = [], 0, 0
    with closing(exports):
        for path, name in films_below(paths):
            reading, row = _read(path, name, reader, exports)
            if overlay is not None and reading.pixels is not None and reading.cam is not None:
                row["overlay"] = _write_overlay(overlay, name, reader, reading, method)
            rows.append(row)
            failures += reading.status == "error"
            rejected += reading.status == "rejected"
            emit_json(row, indent=None) if json else emit(_line(row, reading))
    if csv_file is not None:
        with words_for(csv_file):
            csv_file.write_bytes(to_csv(rows))
    if not rows:
        tell("Error: expected at least one film; the folder holds no file.")
    if failures or rejected:
        tell(_summary(len(rows), failures, rejected))
    if failures or exports.failed or not rows:
        raise typer.Exit(1)


def _read(
    path: Path, name: str, reader: Reader, exports: Exports
) -> tuple[Reading, dict[str, Any]]:
    """The reading of a film and its row, with what was written beside it."""
    from pneumo_core.inference.table import as_row

    reading, age, facts = checked_age(path, reader.read_path(path), reader.bundle)
    row = as_row(name, reading)
    words = ""
    if reading.facts is not None and reading.facts.format == "DICOM":
        words = row["age"] = age.words
    row |= exports.write(path, name, reading, reader.bundle, words)
    if exports.log:
        row["reading"] = exports.keep(path, reading, reader.bundle, facts)
    return reading, row


def _summary(files: int, failures: int, rejected: int) -> str:
    counts = [f"{failures:,} could not be read"] if failures else []
    if rejected:
        counts.append(f"{rejected:,} {were(rejected)} rejected as no frontal chest film")
    return f"Of {count(files, 'files')} {' and '.join(counts)}."


def films_below(paths: list[Path]) -> Iterator[tuple[Path, str]]:
    """Every file to read and the name to show: as typed, then relative to the folder typed."""
    for path in paths:
        if not path.is_dir():
            yield path, str(path)
            continue
        for file in sorted(path.rglob("*")):
            hidden = any(
                part.startswith((".", "__MACOSX")) for part in file.relative_to(path).parts
            )
            if file.is_file() and not hidden and file.name not in SKIPPED_NAMES:
                yield file, str(path / file.relative_to(path))


def _line(row: dict[str, Any], reading: Reading) -> str:
    name = row["file"].replace("\n", "\\u000a")  # a film a line, whatever it is called
    if reading.p_pneumonia is None or reading.p_low is None or reading.p_high is None:
        return f"{name}\t{row['status'].upper()}\t{row['message']}"
    chance = f"{per_cent(reading.p_pneumonia)} ({per_cent_range(reading.p_low, reading.p_high)})"
    if not reading.gate_ok:  # a number beside what it is not to be relied on for would be believed
        chance = "–"
    return f"{name}\t{row['decision']}\t{chance}\t{row['message']}"


def _write_overlay(folder: Path, name: str, reader: Reader, reading: Reading, method: str) -> str:
    """Write the film with its map as a PNG that carries the disclaimer; its path."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    from pneumo_core.inference.explain import saliency_map
    from pneumo_core.inference.saliency import overlay

    assert reading.pixels is not None and reading.cam is not None  # noqa: S101, PT018
    cam = reading.cam
    if method != "cam":
        cam = saliency_map(reader.bundle, reading.pixels, method)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{stem_of(name, reading)}.{method}.png"
    text = PngInfo()
    text.add_text("Disclaimer", reading.disclaimer)
    Image.fromarray(overlay(reading.pixels, cam)).save(target, pnginfo=text)
    return str(target)

"""`predict`: films → decisions, a line a film."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pneumo_core.cli.console import (
    SECONDS_BETWEEN_COUNTS,
    OutputFile,
    emit,
    emit_json,
    progress,
    tell,
    words_for,
)
from pneumo_core.cli.exports import (
    Exports,
    KeepReadings,
    WithPatient,
    checked_age,
    part_folder,
    stem_of,
)
from pneumo_core.formatting import count, duration, per_cent, per_cent_range, were
from pneumo_core.progress import Rate, eta

if TYPE_CHECKING:
    from pneumo_core.inference.predict import Reader, Reading
    from pneumo_core.inference.row_file import RowFile
    from pneumo_core.inference.sources import Source
    from pneumo_core.readings.study_key import StudyFacts
    from pneumo_core.server.answers import Part


def predict(  # noqa: PLR0913 - one argument an option
    paths: Annotated[list[Path], typer.Argument(help="Films, folders of films, or ZIP files.")],
    *,
    model: Annotated[str | None, typer.Option(help="Bundle to read with.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    csv_file: Annotated[Path | None, OutputFile("Write a CSV file as well.", "--csv")] = None,
    out: Annotated[
        Path | None,
        OutputFile(
            "Write the answers here as they come, instead of printing them: a .csv, .jsonl or "
            ".parquet file.",
            "--out",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continue the file of --out: read only films not in it."),
    ] = False,
    ordered: Annotated[
        bool, typer.Option("--ordered", help="In --out, keep the order of the folder's files.")
    ] = False,
    overlay: Annotated[Path | None, part_folder("overlay")] = None,
    method: Annotated[str, typer.Option(help="Method for the map; cam adds no time.")] = "cam",
    report: Annotated[Path | None, part_folder("report")] = None,
    secondary_capture: Annotated[Path | None, part_folder("secondary_capture")] = None,
    structured_report: Annotated[Path | None, part_folder("structured_report")] = None,
    encapsulated_pdf: Annotated[Path | None, part_folder("encapsulated_pdf")] = None,
    with_patient: WithPatient = False,
    log: KeepReadings = False,
) -> None:
    """Read films: a decision with its calibrated probability, or the reason why there is none.

    Ends with 1 if a file could not be read or is not there: it is named, and the rest is read. A
    rejected one has its answer: 0.
    """
    missing = [str(path) for path in paths if not path.exists()]
    if len(missing) == len(paths):  # beside others, one has its line like any film unread
        raise typer.BadParameter(f"there is no file or folder {', '.join(missing)}.")
    _check_out(out, resume=resume, csv_file=csv_file)
    from pneumo_core.bundle import load_bundle
    from pneumo_core.config import load_settings
    from pneumo_core.inference.batch import ALONE, read_many
    from pneumo_core.inference.explain import check_method
    from pneumo_core.inference.predict import Reader
    from pneumo_core.inference.sources import sources_below
    from pneumo_core.inference.table import to_csv

    check_method(method)
    folders: dict[Part, Path | None] = {
        "report": report,
        "secondary_capture": secondary_capture,
        "structured_report": structured_report,
        "encapsulated_pdf": encapsulated_pdf,
    }
    exports = Exports(folders, with_patient, log)
    many = len(list(islice(sources_below(paths), ALONE + 1))) > ALONE
    reader = Reader(load_bundle(model), throughput=many)
    exports.open_log(load_settings())
    counts, rows = Counts(), []
    with ExitStack() as stack:
        stack.enter_context(closing(exports))
        work = Work(reader, exports, overlay, method)
        passed_over: list[Path] = []
        sources = sources_below(paths, passed_over)
        table = None
        if out is not None:
            table = stack.enter_context(_opened(out, reader, resume=resume))
            counts.kept = table.kept
            sources = (one for one in sources if not table.has(one.name))
        shown = stack.enter_context(_rate(paths, counts)) if table else None
        for row, reading in read_many(
            reader, sources, work, ordered=ordered or table is None, display=work.display
        ):
            counts.add(reading)
            if table is not None:
                table.add(row)
            else:
                emit_json(row, indent=None) if json else emit(_line(row, reading))
            if shown is not None:
                shown()
            if csv_file is not None:
                rows.append(row)
    if csv_file is not None:
        with words_for(csv_file):
            csv_file.write_bytes(to_csv(rows))
    if passed_over:
        others = count(len(passed_over), "other files")
        tell(f"Passed over: {others} of a patient CD (its index and viewer).")
    _end(counts, failed=exports.failed)


def _check_out(out: Path | None, *, resume: bool, csv_file: Path | None) -> None:
    """Raise BadParameter where the file of --out cannot be what is asked for."""
    from pneumo_core.inference.row_file import ENDINGS

    if out is None:
        if resume:
            raise typer.BadParameter("--resume goes on with the file of --out. Name it.")
        return
    if csv_file is not None:
        raise typer.BadParameter("--csv and --out both write a table. Name one of them.")
    if out.suffix.lower() not in ENDINGS:
        raise typer.BadParameter(
            f"expected a file for --out that ends with {', '.join(ENDINGS)}, got {out.name}."
        )
    hidden = out.with_name(f".{out.name}.rows")  # of Parquet, while it is written
    if not resume and any(one.exists() and one.stat().st_size for one in (out, hidden)):
        raise typer.BadParameter(
            f"{out} is there already. Add --resume to go on with it, or name another file."
        )


@contextmanager
def _opened(out: Path, reader: Reader, *, resume: bool) -> Iterator[RowFile]:
    """The file of --out; what was written stays, however the reading ends."""
    from pneumo_core.inference.row_file import RowFile

    model = f"{reader.bundle.name} {reader.bundle.version}"
    with words_for(out):
        table = RowFile(out, model=model, resume=resume)
        try:
            yield table
        except BaseException:
            table.abandon()
            raise
        table.close()


@dataclass
class Counts:
    """Files of this call by how they ended; `kept` had their rows before it."""

    files: int = 0
    failures: int = 0
    rejected: int = 0
    kept: int = 0

    def add(self, reading: Reading) -> None:
        """Count one reading."""
        self.files += 1
        self.failures += reading.status == "error"
        self.rejected += reading.status == "rejected"


@dataclass(frozen=True)
class Work:
    """What is made of each reading beside its row. Called by several threads."""

    reader: Reader
    exports: Exports
    overlay: Path | None
    method: str
    _turn: threading.Lock = field(default_factory=threading.Lock)

    @property
    def display(self) -> bool:
        """Whether readings need their pixels."""
        return self.overlay is not None or self.exports.wanted

    def __call__(self, source: Source, reading: Reading) -> tuple[dict[str, Any], Reading]:
        """The row of a film; its files are written."""
        reading, age, facts = checked_age(source, reading, self.reader.bundle)
        with self._turn if self.display else nullcontext():
            row = self._row(source, reading, age.words, facts)
        return row, replace(reading, pixels=None, cam=None)

    def _row(self, source: Source, reading: Reading, age: str, facts: StudyFacts) -> dict[str, Any]:
        from pneumo_core.inference.table import as_row

        name, bundle = source.name, self.reader.bundle
        row = as_row(name, reading)
        words = ""
        if reading.facts is not None and reading.facts.format == "DICOM":
            words = row["age"] = age
        row |= self.exports.write(source, reading, bundle, words)
        if self.exports.log:
            row["reading"] = self.exports.keep(source, reading, bundle, facts)
        if self.overlay is not None and reading.pixels is not None and reading.cam is not None:
            row["overlay"] = _write_overlay(self.overlay, name, self.reader, reading, self.method)
        return row


@contextmanager
def _rate(paths: list[Path], counts: Counts) -> Iterator[Callable[[], None]]:
    """A call after each film, which now and then tells how many, how fast and how long still."""
    from pneumo_core.inference.sources import sources_below

    total = 0

    def count_all() -> None:
        nonlocal total
        total = sum(1 for _ in sources_below(paths))

    threading.Thread(target=count_all, daemon=True).start()
    rate, began = Rate(), time.monotonic()
    rate.start(began)
    told = began

    with progress() as report:

        def after() -> None:
            nonlocal told
            now, done = time.monotonic(), counts.kept + counts.files
            if now - told < SECONDS_BETWEEN_COUNTS and done != total:
                return
            told = now
            rate.add(now, counts.files)
            report("read", done, max(total, done), _pace(done, total, rate))

        yield after


def _pace(done: int, total: int, rate: Rate) -> str:
    """How far it is, in words; `total` is 0 while the folder is still being listed."""
    words = f"{done:,} of {count(total, 'files')}" if total else count(done, "files")
    if math.isfinite(rate.value):
        words += f", {rate.value:.1f} a second"
    left = eta(rate, total - done) if total > done else None
    return f"{words}, {duration(left)} left" if left is not None else words


def _end(counts: Counts, *, failed: bool) -> None:
    """Say what was not read, and end with 1 where a file could not be."""
    if not counts.files + counts.kept:
        tell("Error: expected at least one film; there is none in what was named.")
    if counts.kept:
        tell(f"{count(counts.kept, 'files')} had an answer already; {counts.files:,} were read.")
    if counts.failures or counts.rejected:
        tell(_summary(counts.files, counts.failures, counts.rejected))
    if counts.failures or failed or not counts.files + counts.kept:
        raise typer.Exit(1)


def _summary(files: int, failures: int, rejected: int) -> str:
    counts = [f"{failures:,} could not be read"] if failures else []
    if rejected:
        counts.append(f"{rejected:,} {were(rejected)} rejected as not a frontal chest film")
    return f"Of {count(files, 'files')} {' and '.join(counts)}."


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

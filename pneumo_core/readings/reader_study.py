"""A reader study: people read labelled films, first without and then with the model's answer.

A study is a folder, `studies/<id>/` of the readings: `study.json` (films, labels, seed, the model's
answers) and one `reader-….json` a reader. Not in the log's database: a study works where the log is
off, can be copied and handed out, and since no two readers share a file a class can answer at once.
"""

from __future__ import annotations

import csv
import hashlib
import io
import random
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pneumo_core.bundle.provenance import disclaimer_of
from pneumo_core.dataset.layout import list_films
from pneumo_core.errors import DataSetError, ReadingLogError, disk_words
from pneumo_core.inference.table import spreadsheet_cell
from pneumo_core.progress import Progress, silent
from pneumo_core.readings.study_results import (
    CALLS,
    STUDY_PHASES,
    Answer,
    Call,
    StudyFilm,
    StudyPhase,
    StudyResults,
    study_results,
)
from pneumo_core.storage import read_json, utc_now, write_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pneumo_core.bundle import Bundle
    from pneumo_core.inference.predict import Reading

FORMAT = 1
ANSWER_COLUMNS = ("reader", "film", "phase", "finding", "confidence")
_TABLE = (
    *("reader", "film", "label", "phase", "finding", "confidence", "correct"),
    *("p_pneumonia", "decision", "at"),
)


class FilmReader(Protocol):
    """What reads the films: `inference.predict.Reader`."""

    @property
    def bundle(self) -> Bundle:
        """The model."""

    def read_path(self, path: Path | str) -> Reading:
        """The answer to the film at `path`."""


class ReaderStudy:
    """A study in its folder; every answer is on the disk before the next film is shown."""

    def __init__(self, folder: Path) -> None:
        """Open the study in `folder`. Raises ReadingLogError."""
        content = read_json(folder / "study.json")
        known = content if content.get("format") == FORMAT else {}
        try:
            self.root, self.seed = Path(known["root"]), int(known["seed"])
            self.model, self.digest = str(known["model"]), str(known["digest"])
            self.disclaimer, self.at = str(known["disclaimer"]), str(known["at"])
            self.thresholds = (float(known["threshold_low"]), float(known["threshold_high"]))
            self.films = tuple(StudyFilm(**film) for film in known["films"])
        except (KeyError, TypeError, ValueError) as error:
            raise ReadingLogError(
                f"Expected a reader study in {folder.name}, got no readable study.json. Start the "
                "study again."
            ) from error
        self.folder = folder
        self._film = {film.film: film for film in self.films}

    @property
    def id(self) -> str:
        """The name of its folder."""
        return self.folder.name

    def order(self, reader: str) -> list[StudyFilm]:
        """The films in random order: another for each reader, the same one each time."""
        films = sorted(self.films, key=lambda film: film.film)
        random.Random(f"{self.seed} {reader.strip()}").shuffle(films)  # noqa: S311 - no secret
        return films

    def readers(self) -> list[str]:
        """The names of those who have answered, sorted."""
        found = (read_json(path).get("reader") for path in self.folder.glob("reader-*.json"))
        return sorted(name for name in found if isinstance(name, str))

    def answers(self, reader: str) -> list[Answer]:
        """What a reader has answered, the latest for each film and phase, oldest first."""
        content = read_json(self._file_of(reader))
        try:
            return [Answer(reader=reader.strip(), **row) for row in content.get("answers", [])]
        except (TypeError, ReadingLogError) as error:
            raise ReadingLogError(
                f"Expected the answers of {reader!r} in {self._file_of(reader).name}, got a "
                "damaged file. Move it away to start this reader again."
            ) from error

    def record(self, answer: Answer) -> None:
        """Keep an answer; an earlier one to the same film and phase is replaced."""
        self.record_all([answer])

    def record_all(self, answers: Iterable[Answer]) -> None:
        """Keep answers, each reader's file written once. Raises ReadingLogError."""
        from filelock import FileLock

        by_reader: dict[str, list[Answer]] = {}
        for answer in answers:
            if answer.film not in self._film:
                raise ReadingLogError(
                    f"Expected a film of the study, got {answer.film!r}. The films are named by "
                    "their paths below the folder of the study."
                )
            by_reader.setdefault(answer.reader.strip(), []).append(answer)
        for reader, new in by_reader.items():
            path = self._file_of(reader)
            try:
                with FileLock(path.with_name(f".{path.name}.lock"), timeout=10):
                    kept = {(one.film, one.phase): one for one in self.answers(reader)}
                    for one in new:
                        kept.pop((one.film, one.phase), None)
                        kept[one.film, one.phase] = one
                    rows = [_without_reader(one) for one in kept.values()]
                    write_json(path, {"reader": reader, "answers": rows})
            except OSError as error:
                raise ReadingLogError(
                    f"The answer cannot be kept: {disk_words(error)}. Answer it again."
                ) from error

    def next_for(self, reader: str) -> tuple[StudyFilm, StudyPhase] | None:
        """The film and phase that this reader answers next; None where all is answered.

        A film is read blinded, then again with the model's answer, before the next one.
        """
        done = {(one.film, one.phase) for one in self.answers(reader)}
        for film in self.order(reader):
            for phase in STUDY_PHASES:
                if (film.film, phase) not in done:
                    return film, phase
        return None

    def results(self) -> StudyResults:
        """The readers against the labels, with the model's ROC, and with against without help."""
        answers = {reader: self.answers(reader) for reader in self.readers()}
        return study_results(self.films, answers)

    def to_csv(self) -> bytes:
        """Every answer as UTF-8 CSV, with label and the model's answer."""
        out = io.StringIO(newline="")
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow(_TABLE)
        for reader in self.readers():
            for one in self.answers(reader):
                film = self._film[one.film]
                p = film.p_pneumonia
                row = {
                    **asdict(one),
                    "label": film.label,
                    "correct": int(one.finding == film.label),
                    "p_pneumonia": None if p is None else round(p, 3),
                    "decision": film.decision,
                }
                writer.writerow([spreadsheet_cell(row[name]) for name in _TABLE])
        return out.getvalue().encode("utf-8", "backslashreplace")

    def _file_of(self, reader: str) -> Path:
        name = reader.strip()
        slug = re.sub(r"[^\w-]+", "-", name)[:40].strip("-") or "reader"
        known = hashlib.sha256(name.encode("utf-8", "backslashreplace")).hexdigest()[:8]
        return self.folder / f"reader-{slug}-{known}.json"


def make_study(  # noqa: PLR0913 - one argument an option
    root: Path,
    reader: FilmReader,
    *,
    studies_dir: Path,
    seed: int = 0,
    films: int | None = None,
    progress: Progress = silent,
) -> ReaderStudy:
    """The study of the labelled films below `root`; the same call opens the same study again.

    films: how many, drawn at random and balanced between the classes as far as they last; all by
    default. The model reads each once. Raises DataSetError, ReadingLogError.
    """
    listing = list_films(root)
    labels: dict[str, Call] = {
        film: "pneumonia" if listing.facts[film].label == "pneumonia" else "normal"
        for film in listing.films
    }
    chosen = _chosen(labels, seed, films)
    key = "\n".join(
        [str(listing.base), listing.signature(), reader.bundle.digest, str(seed), *chosen]
    )
    folder = studies_dir / hashlib.sha256(key.encode("utf-8", "backslashreplace")).hexdigest()[:12]
    if not (folder / "study.json").exists():
        rows = []
        for done, film in enumerate(chosen, 1):
            rows.append(asdict(_read(listing.base, film, labels[film], reader)))
            progress("read", done, len(chosen))
        points = reader.bundle.points
        content = {
            "format": FORMAT,
            "at": utc_now(),
            "root": str(listing.base),
            "seed": seed,
            "model": f"{reader.bundle.name} {reader.bundle.version}",
            "digest": reader.bundle.digest,
            "threshold_low": points.screening,
            "threshold_high": points.ruling_in,
            "disclaimer": disclaimer_of(reader.bundle.card),
            "films": rows,
        }
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_json(folder / "study.json", content)
        except OSError as error:
            raise ReadingLogError(
                f"The study cannot be kept: {disk_words(error)}. Make room, or set PNEUMO_READINGS "
                "to another folder."
            ) from error
    return ReaderStudy(folder)


def studies(studies_dir: Path) -> list[ReaderStudy]:
    """The studies of this installation, the latest first; a damaged one is passed over."""
    found = []
    for path in studies_dir.glob("*/study.json"):
        try:
            found.append(ReaderStudy(path.parent))
        except ReadingLogError:
            continue
    return sorted(found, key=lambda study: study.at, reverse=True)


def read_answers(data: bytes, name: str = "the file of answers") -> list[Answer]:
    """Answers from CSV with the columns ANSWER_COLUMNS (`confidence` may be missing or empty).

    Raises DataSetError that names the line.
    """
    try:
        rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig")))
        columns = rows.fieldnames or []
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataSetError(f"Expected {name} as CSV in UTF-8, got something else.") from error
    lacking = [one for one in ANSWER_COLUMNS[:-1] if one not in columns]
    if lacking:
        raise DataSetError(
            f"Expected the columns {', '.join(ANSWER_COLUMNS)} in {name}; {', '.join(lacking)} "
            "is missing."
        )
    found = []
    for row in rows:
        try:
            confidence = (row.get("confidence") or "").strip()
            found.append(
                Answer(
                    (row["reader"] or "").strip(),
                    (row["film"] or "").strip(),
                    (row["phase"] or "").strip(),  # type: ignore[arg-type] # Answer checks it
                    (row["finding"] or "").strip(),  # type: ignore[arg-type]
                    int(confidence) if confidence else None,
                )
            )
        except (ReadingLogError, ValueError) as error:
            raise DataSetError(f"Line {rows.line_num} of {name}: {error}") from error
    return found


def _chosen(labels: dict[str, Call], seed: int, films: int | None) -> list[str]:
    names = sorted(labels)
    if films is None or films >= len(names):
        return names
    if films < 1:
        raise DataSetError(f"Expected at least one film for the study, got {films}.")
    drawn = random.Random(f"{seed} films")  # noqa: S311 - no secret
    classes = [[name for name in names if labels[name] == label] for label in CALLS]
    for one in classes:
        drawn.shuffle(one)
    taken: list[str] = []
    while len(taken) < films:  # one of each class in turn, as far as they last
        for one in classes:
            if one and len(taken) < films:
                taken.append(one.pop())
    return sorted(taken)


def _read(base: Path, film: str, label: Call, reader: FilmReader) -> StudyFilm:
    reading = reader.read_path(base / film)
    return StudyFilm(
        film=film,
        sha256=reading.facts.sha256 if reading.facts else "",
        label=label,
        p_pneumonia=reading.p_pneumonia,
        decision=str(reading.decision) if reading.decision else "",
        message=reading.message,
    )


def _without_reader(answer: Answer) -> dict[str, Any]:
    row = asdict(answer)
    row.pop("reader")
    return row

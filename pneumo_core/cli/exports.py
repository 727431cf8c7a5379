"""What `predict` writes of each film beside its line: overlay, page, DICOM objects, log."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumo_core.cli.console import tell, words_for
from pneumo_core.errors import ReadingLogError, UnreadableImage

if TYPE_CHECKING:
    from pneumo_core.bundle import Bundle
    from pneumo_core.config import Settings
    from pneumo_core.inference.predict import Reading
    from pneumo_core.inference.sources import Source as FilmSource
    from pneumo_core.readings.age import AgeCheck
    from pneumo_core.readings.dicom_source import Source
    from pneumo_core.readings.film_report import FilmReport
    from pneumo_core.readings.log import ReadingLog
    from pneumo_core.readings.study_key import StudyFacts

_ENDINGS = {"secondary_capture": "sc", "structured_report": "sr", "encapsulated_pdf": "pdf"}
_LONGEST = 50  # signs of a file's name that are the film's: file systems take 255 bytes


@dataclass
class Exports:
    """The folders to write to, None for none, and the log.

    with_patient: names, ids and dates of the source go onto the page and into the objects.
    """

    report: Path | None = None
    secondary_capture: Path | None = None
    structured_report: Path | None = None
    encapsulated_pdf: Path | None = None
    with_patient: bool = False
    log: bool = False
    failed: bool = field(default=False, init=False)  # the log failed; it is not tried again
    _opened: ReadingLog | None = field(default=None, init=False)
    _settings: Settings | None = field(default=None, init=False)

    @property
    def wanted(self) -> bool:
        """Whether anything is written beside the rows."""
        return self.log or self.report is not None or any(self._dicom().values())

    def _dicom(self) -> dict[str, Path | None]:
        return {
            "secondary_capture": self.secondary_capture,
            "structured_report": self.structured_report,
            "encapsulated_pdf": self.encapsulated_pdf,
        }

    def write(
        self, path: Path, name: str, reading: Reading, bundle: Bundle, age: str
    ) -> dict[str, str]:
        """Write what is asked for of one film; the paths by option."""
        dicom = {option: folder for option, folder in self._dicom().items() if folder is not None}
        if self.report is None and not dicom:
            return {}
        from pneumo_core.readings.dicom_source import patient_lines, source_of
        from pneumo_core.readings.film_report import FilmReport
        from pneumo_core.readings.report import film_pdf

        source = source_of(_bytes_of(path), with_patient=self.with_patient)
        made = FilmReport(
            reading,
            digest=bundle.digest,
            at=datetime.now(UTC),
            age=age,
            patient=patient_lines(source),
        )
        found, pdf = {}, None
        if self.report is not None:
            pdf = film_pdf(made)
            found["report"] = _put(self.report, f"{stem_of(name, reading)}.pdf", pdf)
        if dicom and (reading.decision is None or reading.pixels is None):
            tell(f"{name}: without a decision, so no DICOM object is written.")
            return found
        for option, folder in dicom.items():
            file = f"{stem_of(name, reading)}.{_ENDINGS[option]}.dcm"
            found[option] = _put(folder, file, _export(option, made, source, pdf))
        return found

    def open_log(self, settings: Settings) -> None:
        """Open the log where it is asked for. Raises ReadingLogError, before any film is read."""
        if not self.log:
            return
        from pneumo_core.readings.log import ReadingLog

        self._opened, self._settings = ReadingLog.open(settings), settings
        if self._opened is None:
            raise ReadingLogError(
                "Expected the log of readings to be on, got PNEUMO_LOG_READINGS=0. Unset it, or "
                "leave out --log."
            )

    def keep(self, path: Path, reading: Reading, bundle: Bundle, facts: StudyFacts) -> str:
        """Log the reading; its id, "" where there is no log or it failed, which is told once."""
        from pneumo_core.readings.study_key import study_key

        if self._opened is None or self._settings is None or self.failed:
            return ""
        try:
            return self._opened.add(
                reading,
                digest=bundle.digest,
                sha256="" if reading.facts else _hash_of(path),
                study_key=study_key(facts.study_uid, self._settings),
            )
        except ReadingLogError as error:
            tell(f"Not logged, nor are the films after it: {error}")
            self.failed = True
            return ""

    def close(self) -> None:
        """Close the log."""
        if self._opened is not None:
            self._opened.close()


def checked_age(
    source: FilmSource, reading: Reading, bundle: Bundle
) -> tuple[Reading, AgeCheck, StudyFacts]:
    """The reading after the age check of a DICOM file; the check and what the file says."""
    from pneumo_core.config import load_settings
    from pneumo_core.readings.age import check_age, with_age_check
    from pneumo_core.readings.study_key import StudyFacts, study_facts

    facts = StudyFacts()
    if reading.facts is not None and reading.facts.format == "DICOM":
        with suppress(UnreadableImage):
            facts = study_facts(source.read(load_settings().limits))
    check = check_age(facts.age, bundle.card)
    return with_age_check(reading, check), check, facts


def scored_row(source: FilmSource, reading: Reading, bundle: Bundle) -> dict[str, Any]:
    """The row of a film without anything written beside it."""
    from pneumo_core.inference.table import as_row

    return as_row(source.name, checked_age(source, reading, bundle)[0])


def _hash_of(path: Path) -> str:
    """The SHA-256 of a file that could not be decoded; "" where it cannot even be opened."""
    import hashlib

    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def stem_of(name: str, reading: Reading) -> str:
    """The beginning of a written file's name: folder and name of the film, and its hash.

    Films of one name in two folders may be of one call: the hash distinguishes them.
    """
    stem = "-".join(part for part in Path(name).with_suffix("").parts[-2:] if part.strip("./\\"))
    known = reading.facts.sha256[:8] if reading.facts else ""
    return ".".join(part for part in (stem[-_LONGEST:], known) if part)


def _export(option: str, report: FilmReport, source: Source, pdf: bytes | None) -> bytes:
    from pneumo_core.readings import dicom_export

    if option == "secondary_capture":
        return dicom_export.secondary_capture(report, source)
    if option == "structured_report":
        return dicom_export.structured_report(report, source)
    return dicom_export.encapsulated_pdf(report, source, pdf)


def _put(folder: Path, name: str, content: bytes) -> str:
    with words_for(folder / name):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return str(folder / name)


def _bytes_of(path: Path) -> bytes:
    """The content of a file; nothing of one that is missing or too large to be read as a film."""
    from pneumo_core.config import load_settings

    try:
        small = path.stat().st_size <= load_settings().limits.max_bytes
        return path.read_bytes() if small else b""
    except OSError:
        return b""

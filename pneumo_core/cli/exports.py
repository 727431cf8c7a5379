"""What `predict` writes of each film beside its line: overlay, page, DICOM objects, log."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pneumo_core.cli.console import OutputFolder, tell, words_for
from pneumo_core.errors import ReadingLogError, UnreadableImage

if TYPE_CHECKING:
    from pneumo_core.bundle import Bundle
    from pneumo_core.config import Settings
    from pneumo_core.inference.predict import Reading
    from pneumo_core.inference.sources import Source as FilmSource
    from pneumo_core.readings.log import ReadingLog
    from pneumo_core.readings.study_key import AgeCheck, StudyFacts
    from pneumo_core.server.answers import Part

_LONGEST = 50  # signs of a file's name that are the film's: file systems take 255 bytes

# What can be made of a film, and the words for it: folders of `predict`, switches of `watch`.
PART_WORDS = {
    "overlay": "pictures of where the model looked",
    "report": "a page (PDF) on each film",
    "secondary_capture": "DICOM Secondary Captures, film with map",
    "structured_report": "DICOM Structured Reports (TID 1500)",
    "encapsulated_pdf": "the pages as DICOM Encapsulated PDF",
}
WithPatient = Annotated[
    bool,
    typer.Option(
        "--with-patient",
        help="Take patient and study data of a DICOM file over into pages and objects.",
    ),
]
KeepReadings = Annotated[
    bool,
    typer.Option("--log", help="Keep the readings in the log; the screen does so by itself."),
]


def part_folder(part: str) -> Any:
    """An option for the folder of one kind of file."""
    return OutputFolder(f"Folder for {PART_WORDS[part]}.")


def part_switch(part: str) -> Any:
    """An option that asks for one kind of file."""
    return typer.Option(f"--{part.replace('_', '-')}", help=f"Write {PART_WORDS[part]}.")


def opened_log(settings: Settings) -> ReadingLog:
    """The log of readings. Raises ReadingLogError where it is off or cannot be opened."""
    from pneumo_core.readings.log import ReadingLog

    found = ReadingLog.open(settings)
    if found is None:
        raise ReadingLogError(
            "Expected the log of readings to be on, got PNEUMO_LOG_READINGS=0. Unset it, or leave "
            "out --log."
        )
    return found


@dataclass
class Exports:
    """The folders to write to, by kind of file, and the log.

    with_patient: names, ids and dates of the source go onto the page and into the objects.
    """

    folders: dict[Part, Path | None]
    with_patient: bool = False
    log: bool = False
    failed: bool = field(default=False, init=False)  # the log failed; it is not tried again
    _opened: ReadingLog | None = field(default=None, init=False)
    _settings: Settings | None = field(default=None, init=False)

    @property
    def _parts(self) -> tuple[Part, ...]:
        return tuple(part for part, folder in self.folders.items() if folder is not None)

    @property
    def wanted(self) -> bool:
        """Whether anything is written beside the rows."""
        return self.log or bool(self._parts)

    def write(self, film: FilmSource, reading: Reading, bundle: Bundle, age: str) -> dict[str, str]:
        """Write what is asked for of one film; the paths by option."""
        if not self._parts:
            return {}
        from pneumo_core.server.answers import FILES, Wanted, make_parts

        wanted = Wanted(self._parts, self.with_patient)
        made, missing = make_parts(_bytes_of(film), reading, bundle.digest, wanted, age)
        if reading.decision is None and missing:
            tell(f"{film.name}: without a decision, so no DICOM object is written.")
        else:
            for part, why in missing.items():
                tell(f"{film.name}: without {PART_WORDS[part]}. {why}")
        found = {}
        for part, content in made.items():
            folder = self.folders[part]
            assert folder is not None  # noqa: S101 - see _parts
            ending = FILES[part][0]
            found[str(part)] = _put(folder, f"{stem_of(film.name, reading)}{ending}", content)
        return found

    def open_log(self, settings: Settings) -> None:
        """Open the log where it is asked for. Raises ReadingLogError, before any film is read."""
        if not self.log:
            return
        self._opened, self._settings = opened_log(settings), settings

    def keep(self, film: FilmSource, reading: Reading, bundle: Bundle, facts: StudyFacts) -> str:
        """Log the reading; its id, "" where there is no log or it failed, which is told once."""
        from pneumo_core.readings.study_key import study_key

        if self._opened is None or self._settings is None or self.failed:
            return ""
        try:
            return self._opened.add(
                reading,
                digest=bundle.digest,
                sha256="" if reading.facts else _hash_of(film),
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
    from pneumo_core.readings.study_key import StudyFacts, check_age, study_facts, with_age_check

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


def _hash_of(film: FilmSource) -> str:
    """The SHA-256 of a file that could not be decoded; "" where it cannot even be opened."""
    import hashlib

    if film.member is not None:
        data = _bytes_of(film)
        return hashlib.sha256(data).hexdigest() if data else ""
    try:
        with film.path.open("rb") as file:
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


def _put(folder: Path, name: str, content: bytes) -> str:
    with words_for(folder / name):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return str(folder / name)


def _bytes_of(film: FilmSource) -> bytes:
    """The content of a file; nothing of one that is missing or too large to be read as a film."""
    from pneumo_core.config import load_settings

    try:
        return film.read(load_settings().limits)
    except UnreadableImage:
        return b""

"""The answer to one file: what `predict` prints of it, and what is made of it on request."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, get_args

from pneumo_core.errors import PneumoError, ReadingLogError, UnreadableImage
from pneumo_core.inference.table import as_row

if TYPE_CHECKING:
    from collections.abc import Callable

    from pneumo_core.config import Settings
    from pneumo_core.inference.predict import Reader, Reading
    from pneumo_core.readings.log import ReadingLog
    from pneumo_core.readings.study_key import StudyFacts

Part = Literal["overlay", "report", "secondary_capture", "structured_report", "encapsulated_pdf"]
PARTS: tuple[Part, ...] = get_args(Part)
# Ending and media type of each part as a file.
FILES: dict[Part, tuple[str, str]] = {
    "overlay": (".cam.png", "image/png"),
    "report": (".pdf", "application/pdf"),
    "secondary_capture": (".sc.dcm", "application/dicom"),
    "structured_report": (".sr.dcm", "application/dicom"),
    "encapsulated_pdf": (".pdf.dcm", "application/dicom"),
}
NEED_DECISION = frozenset({"secondary_capture", "structured_report", "encapsulated_pdf"})


@dataclass(frozen=True)
class Answer:
    """`row`: the keys of `predict --json`; `parts`: the bytes of what was asked for and could be
    made; `missing`: of each other part, why there is none.
    """

    reading: Reading
    row: dict[str, Any]
    parts: dict[Part, bytes] = field(default_factory=dict)
    missing: dict[Part, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Wanted:
    """What to make of a film; with_patient: patient and study data are taken over into it."""

    parts: tuple[Part, ...] = ()
    with_patient: bool = False


@dataclass(frozen=True)
class Keeper:
    """The log that keeps the readings, and the settings that have the salt of its study keys."""

    log: ReadingLog
    settings: Settings

    def keep(self, data: bytes, reading: Reading, digest: str, facts: StudyFacts) -> str:
        """Log a reading; its id, "" where the log fails."""
        from pneumo_core.readings.study_key import study_key

        try:
            return self.log.add(
                reading,
                digest=digest,
                sha256="" if reading.facts else hashlib.sha256(data).hexdigest(),
                study_key=study_key(facts.study_uid, self.settings),
            )
        except ReadingLogError:
            return ""


def answer(
    content: Callable[[], bytes],
    name: str,
    reader: Reader,
    wanted: Wanted,
    keeper: Keeper | None = None,
) -> Answer:
    """Read a file; with a keeper its row has the id in the log, "" where that fails.

    Whatever is in the file, this answers, also where `content`, which gives its bytes, raises
    UnreadableImage.
    """
    from pneumo_core.inference.prepare import Refused
    from pneumo_core.readings.study_key import StudyFacts, check_age, study_facts, with_age_check

    try:
        data = content()
        reading = reader.read_bytes(data)
    except UnreadableImage as error:
        data, reading = b"", reader.read_prepared(Refused(str(error)))
    dicom = reading.facts is not None and reading.facts.format == "DICOM"
    facts = study_facts(data) if dicom else StudyFacts()
    check = check_age(facts.age, reader.bundle.card)
    reading = with_age_check(reading, check)
    row = as_row(name, reading)
    if dicom:
        row["age"] = check.words
    made, missing = make_parts(data, reading, reader.bundle.digest, wanted, row.get("age", ""))
    if keeper is not None:
        row["reading"] = keeper.keep(data, reading, reader.bundle.digest, facts)
    return Answer(reading, row, made, missing)


def make_parts(
    data: bytes, reading: Reading, digest: str, wanted: Wanted, age: str
) -> tuple[dict[Part, bytes], dict[Part, str]]:
    """The parts of a film, and why others are not made.

    data: its file; digest: of the bundle that read it; age: words of the age check.
    """
    if not wanted.parts:
        return {}, {}
    makers = _makers(data, reading, digest, wanted, age)
    made: dict[Part, bytes] = {}
    missing: dict[Part, str] = {}
    for part in dict.fromkeys(wanted.parts):
        if part in NEED_DECISION and (reading.decision is None or reading.pixels is None):
            missing[part] = "Made only of a film with a decision."
        elif part == "overlay" and (reading.cam is None or reading.pixels is None):
            missing[part] = "Made only of a film that was read."
        else:
            try:
                made[part] = makers[part]()
            except PneumoError as error:
                missing[part] = str(error)
    return made, missing


def _makers(
    data: bytes, reading: Reading, digest: str, wanted: Wanted, age: str
) -> dict[Part, Callable[[], bytes]]:
    from pneumo_core.readings import dicom_export
    from pneumo_core.readings.dicom_source import patient_lines, source_of
    from pneumo_core.readings.film_report import FilmReport
    from pneumo_core.readings.report import film_pdf

    source = source_of(data, with_patient=wanted.with_patient)
    page = FilmReport(
        reading, digest=digest, at=datetime.now(UTC), age=age, patient=patient_lines(source)
    )
    pdf = cache(lambda: film_pdf(page))
    return {
        "overlay": lambda: _overlay(reading),
        "report": pdf,
        "secondary_capture": lambda: dicom_export.secondary_capture(page, source),
        "structured_report": lambda: dicom_export.structured_report(page, source),
        "encapsulated_pdf": lambda: dicom_export.encapsulated_pdf(page, source, pdf()),
    }


def _overlay(reading: Reading) -> bytes:
    """The film with its map as a PNG that carries the disclaimer."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    from pneumo_core.inference.saliency import overlay

    assert reading.pixels is not None and reading.cam is not None  # noqa: S101, PT018 - see make_parts
    text = PngInfo()
    text.add_text("Disclaimer", reading.disclaimer)
    out = io.BytesIO()
    Image.fromarray(overlay(reading.pixels, reading.cam)).save(out, "PNG", pnginfo=text)
    return out.getvalue()

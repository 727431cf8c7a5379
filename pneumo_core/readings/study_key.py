"""What is read of a DICOM file beside its pixels: the pseudonym of its study, the patient's age.

Both are read in memory. The key is an HMAC (RFC 2104) of the Study Instance UID with a secret salt
of this installation: films of one study get one key, and without the salt nobody can tell which.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumo_core.config import load_settings
from pneumo_core.errors import PneumoError, ReadingLogError, UnreadableImage
from pneumo_core.imaging.formats import format_of
from pneumo_core.pseudonym import installation_salt, pseudonym
from pneumo_core.readings.age import age_in_years

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from pneumo_core.config import Settings

_ELEMENTS = (
    *("StudyInstanceUID", "PatientAge", "PatientBirthDate"),
    *("StudyDate", "AcquisitionDate", "SeriesDate", "ContentDate"),
)


@dataclass(frozen=True)
class StudyFacts:
    """study_uid: of the DICOM study, "" for other files; age: in years, None where not given."""

    study_uid: str = ""
    age: float | None = None

    def __repr__(self) -> str:  # neither may reach a log
        return "StudyFacts(…)"


def study_facts(data: bytes) -> StudyFacts:
    """The facts of a file; those of a file that is not DICOM, or cannot be read, are empty."""
    if format_of(data) != "DICOM":
        return StudyFacts()
    from pneumo_core.imaging.dicom import parse

    try:
        dataset = parse(data, load_settings().limits, _ELEMENTS)
        dates = ("StudyDate", "AcquisitionDate", "SeriesDate", "ContentDate")
        day = next((text for name in dates if (text := _text(dataset, name))), "")
        age = age_in_years(_text(dataset, "PatientAge"), _text(dataset, "PatientBirthDate"), day)
        return StudyFacts(_text(dataset, "StudyInstanceUID"), age)
    except UnreadableImage:
        return StudyFacts()
    except Exception:  # noqa: BLE001 - foreign bytes; the words of the error may quote a tag
        return StudyFacts()


def study_key(study_uid: str, settings: Settings) -> str:
    """The pseudonym of a study, 32 hexadecimal digits; "" for none. Raises ReadingLogError."""
    if not study_uid:
        return ""
    try:
        salt = installation_salt(settings.readings_dir)
    except PneumoError as error:
        raise ReadingLogError(str(error)) from error
    return pseudonym(study_uid, salt)


def _text(dataset: Dataset, name: str) -> str:
    value = dataset.get(name)
    return "" if value is None else str(value).strip()

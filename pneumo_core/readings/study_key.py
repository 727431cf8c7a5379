"""What is read of a DICOM file beside its pixels: the pseudonym of its study, the patient's age.

Both are read in memory. The key is an HMAC (RFC 2104) of the Study Instance UID with a secret salt
of this installation: films of one study get one key, and without the salt nobody can tell which.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumo_core.config import load_settings
from pneumo_core.errors import ReadingLogError, UnreadableImage, disk_words
from pneumo_core.imaging.dicom import parse
from pneumo_core.imaging.formats import format_of
from pneumo_core.readings.age import age_in_years

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

    from pneumo_core.config import Settings

SALT_FILE = "salt"
SALT_BYTES = 32
KEY_DIGITS = 32
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
    salt = _salt(settings.readings_dir)
    return hmac.new(salt, study_uid.encode(), hashlib.sha256).hexdigest()[:KEY_DIGITS]


def _salt(folder: Path) -> bytes:
    """The salt of this installation, made at first use, readable by its owner alone."""
    from filelock import FileLock

    path = folder / SALT_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(path.with_name(f".{SALT_FILE}.lock"), timeout=10, mode=0o600):
            if not path.exists():
                partial = path.with_name(f".{SALT_FILE}.new")
                partial.unlink(missing_ok=True)
                with os.fdopen(
                    os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb"
                ) as file:
                    file.write(secrets.token_bytes(SALT_BYTES))
                partial.replace(path)
            salt = path.read_bytes()
    except OSError as error:  # filelock's Timeout is one
        raise ReadingLogError(
            f"The salt of the study keys cannot be read or made: {disk_words(error)}. Check "
            "the permissions of its folder, or set PNEUMO_READINGS to another one."
        ) from error
    if len(salt) != SALT_BYTES:
        raise ReadingLogError(
            f"Expected {SALT_BYTES} bytes in the salt of the study keys, got {len(salt)}. Put back "
            "a copy of it, or remove it: new readings then get other keys."
        )
    return salt


def _text(dataset: Dataset, name: str) -> str:
    value = dataset.get(name)
    return "" if value is None else str(value).strip()

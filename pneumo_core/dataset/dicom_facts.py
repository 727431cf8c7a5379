"""What a DICOM header says of a film beside its pixels; of the patient a pseudonym alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumo_core.config import load_settings
from pneumo_core.dataset.film_facts import UNKNOWN_AGE
from pneumo_core.dataset.labels.patients import patient_key
from pneumo_core.dataset.labels.values import sex_of, view_of, years_of
from pneumo_core.pseudonym import installation_salt

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

_ELEMENTS = (
    *("PatientID", "IssuerOfPatientID", "PatientAge", "PatientSex"),
    *("ViewPosition", "Manufacturer", "InstitutionName"),
)
# What de-identification and test systems write for every patient.
_NOBODY = re.compile(r"[\W0_]*|.*anon.*|unknown|none|n/?a|test.*|patient|pat|xxx*", re.IGNORECASE)


@dataclass(frozen=True)
class HeaderFacts:
    """patient: a pseudonym, "" where the header names nobody; the others as in `FilmFacts`."""

    patient: str = ""
    age: float = UNKNOWN_AGE
    sex: str = ""
    view: str = ""
    site: str = ""
    manufacturer: str = ""


def header_facts(path: Path) -> HeaderFacts:
    """The facts of a DICOM file; those of one that cannot be read are empty."""
    settings = load_settings()
    from pneumo_core.imaging.dicom import parse  # pydicom takes half a second to load

    try:
        dataset = parse(path.read_bytes(), settings.limits, _ELEMENTS)
        return HeaderFacts(
            patient=_patient(dataset, path),
            age=years_of(_text(dataset, "PatientAge")),
            sex=sex_of(_text(dataset, "PatientSex")),
            view=view_of(_text(dataset, "ViewPosition")),
            site=_text(dataset, "InstitutionName"),
            manufacturer=_text(dataset, "Manufacturer"),
        )
    except Exception:  # noqa: BLE001 - foreign bytes; the words of the error may quote a tag
        return HeaderFacts()


def _patient(dataset: Dataset, path: Path) -> str:
    identifier = _text(dataset, "PatientID")
    # RSNA's files are named after their Patient ID, which is the image's.
    if _NOBODY.fullmatch(identifier) or identifier == path.stem:
        return ""
    salt = installation_salt(load_settings().readings_dir)
    return patient_key(f"{identifier}\0{_text(dataset, 'IssuerOfPatientID')}", salt)


def _text(dataset: Dataset, name: str) -> str:
    value = dataset.get(name)
    return "" if value is None else " ".join(str(value).split())

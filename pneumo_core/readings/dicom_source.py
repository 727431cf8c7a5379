"""What a DICOM object takes over of its source image: its UIDs, and the patient only where asked.

The objects of `dicom_export` belong to the study of the source image and refer to it by its UIDs,
which is how an archive files them.
"""

from __future__ import annotations

import hashlib
import io
import logging
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from pneumo_core import __version__
from pneumo_core.config import load_settings
from pneumo_core.imaging.dicom import parse, quiet
from pneumo_core.imaging.formats import format_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumo_core.readings.film_report import FilmReport

MANUFACTURER = "Pneumo"
REMOVED = "Attributes of patient and study not copied; UIDs retained; burned-in text not removed"
SERIES = {"capture": 9801, "report": 9802, "document": 9803}  # unlikely to be taken in the study
UTF8 = "ISO_IR 192"
_REFERENCE = ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID")
_IMAGE = (
    *("PatientOrientation", "BurnedInAnnotation", "LossyImageCompression"),
    *("LossyImageCompressionRatio", "LossyImageCompressionMethod"),
)
# Patient and General Study modules (PS3.3 C.7.1.1, C.7.2.1): what the person may ask to take over.
TYPE_2 = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime"),
    *("AccessionNumber", "StudyID", "ReferringPhysicianName"),
)
_PATIENT = (*TYPE_2, "IssuerOfPatientID", "PatientAge", "StudyDescription")
_SHOWN = {
    "PatientName": "Patient",
    "PatientID": "Patient ID",
    "PatientBirthDate": "Birth date",
    "PatientSex": "Sex",
    "AccessionNumber": "Accession number",
    "StudyDate": "Study date",
}

# highdicom's messages may quote a name or a UID; none may reach a log.
logging.getLogger("highdicom").setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True)
class Source:
    """What an exported object takes over of its source image, and nothing else of it.

    is_dicom: the file is a DICOM image that can be referred to; of any other file the Secondary
    Capture stands for the film. with_patient: patient and study attributes are in `dataset`.
    """

    dataset: Dataset
    is_dicom: bool
    with_patient: bool

    def __repr__(self) -> str:  # a patient's name may not reach a log
        return f"Source(is_dicom={self.is_dicom}, with_patient={self.with_patient})"


def source_of(data: bytes, *, with_patient: bool = False) -> Source:
    """The source image of an export, from the bytes of its file.

    A file that is not DICOM, or lacks one of the UIDs, gets a study of its own, the same one each
    time.
    """
    kept = (*_REFERENCE, *_IMAGE, *(_PATIENT if with_patient else ()))
    found = _elements(data, kept) if format_of(data) == "DICOM" else Dataset()
    is_dicom = all(UID(str(found.get(name, ""))).is_valid for name in _REFERENCE)
    if not is_dicom:
        seed = hashlib.sha256(data).digest()
        found.StudyInstanceUID = uid_of(seed, "study")
        found.SeriesInstanceUID = uid_of(seed, "series")
        found.SOPClassUID = SecondaryCaptureImageStorage
        found.SOPInstanceUID = uid_of(seed, "capture")
    for name in TYPE_2:
        if name not in found:
            setattr(found, name, None)
    return Source(found, is_dicom, with_patient)


def patient_lines(source: Source) -> tuple[tuple[str, str], ...]:
    """What a printed page shows of the patient: names and values; empty unless asked for."""
    found = ((words, str(source.dataset.get(name) or "")) for name, words in _SHOWN.items())
    return tuple((words, value) for words, value in found if value) if source.with_patient else ()


def common_attributes(report: FilmReport, source: Source, kind: str) -> dict[str, Any]:
    """What highdicom's constructors ask for of study, series and equipment."""
    is_film = kind == "capture" and not source.is_dicom
    return {
        "study_instance_uid": source.dataset.StudyInstanceUID,
        "series_instance_uid": source.dataset.SeriesInstanceUID if is_film else new_uid(),
        "series_number": SERIES[kind],
        "instance_number": 1,
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": report.reading.bundle[:64],
        "software_versions": __version__,
        "device_serial_number": report.digest[:16],
        "specific_character_set": UTF8,
    }


def patient_attributes(source: Source) -> dict[str, Any]:
    """Patient and study attributes by the names of highdicom's arguments; None where not taken."""
    dataset = source.dataset
    return {
        "patient_id": dataset.PatientID,
        "patient_name": dataset.PatientName,
        "patient_birth_date": dataset.PatientBirthDate,
        "patient_sex": dataset.PatientSex,
        "accession_number": dataset.AccessionNumber,
        "study_id": dataset.StudyID,
        "study_date": dataset.StudyDate,
        "study_time": dataset.StudyTime,
        "referring_physician_name": dataset.ReferringPhysicianName,
    }


def referenced(source: Source) -> Dataset:
    """An item of the Source Image Sequence (C.7.6.1.1.4)."""
    from highdicom.sr import CodedConcept

    item = Dataset()
    item.ReferencedSOPClassUID = source.dataset.SOPClassUID
    item.ReferencedSOPInstanceUID = source.dataset.SOPInstanceUID
    purpose = CodedConcept("121322", "DCM", "Source image for image processing operation")
    item.PurposeOfReferenceCodeSequence = [purpose]
    return item


def finished(made: Dataset, source: Source) -> bytes:
    """The object as a DICOM file, with what it says of the patient."""
    if source.with_patient:
        for name in ("IssuerOfPatientID", "PatientAge", "StudyDescription"):
            if name in source.dataset:
                setattr(made, name, source.dataset.get(name))
    else:
        made.PatientIdentityRemoved = "YES"
        made.DeidentificationMethod = REMOVED[:64]
    if getattr(made, "file_meta", None) is None:
        made.file_meta = FileMetaDataset()
        made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = io.BytesIO()
    made.save_as(file, enforce_file_format=True)
    return file.getvalue()


def new_uid() -> str:
    """A UID that nothing else has."""
    return f"2.25.{uuid.uuid4().int}"  # PS3.5 B.2


def uid_of(seed: bytes, kind: str) -> str:
    """A UID that follows from `seed`: the same film or model always has the same."""
    digest = hashlib.sha256(kind.encode() + b"\0" + seed).digest()
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=4).int}"


def _elements(data: bytes, names: Sequence[str]) -> Dataset:
    """Those elements that the file has; none of a damaged file."""
    found = Dataset()
    try:
        with quiet():
            read = parse(data, load_settings().limits, names)
            for name in names:
                if read.get(name) not in (None, ""):
                    setattr(found, name, read.get(name))
    except Exception:  # noqa: BLE001 - foreign bytes; the words of the error may quote a tag
        return Dataset()
    return found

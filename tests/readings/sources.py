"""DICOM films of several kinds, with a patient planted in them."""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

STUDY_UID = "1.2.826.0.1.3680043.8.498.4711.1"
# What must not leave the file unless the person asks for it.
PLANTED = {
    "PatientName": "Zacharias^Quintessa",
    "PatientID": "PID-90210-X",
    "PatientBirthDate": "20211103",
    "PatientAge": "002Y",
    "OtherPatientIDs": "OTHER-77",
    "PatientAddress": "7 Hidden Lane",
    "PatientComments": "cousin of the mayor",
    "AccessionNumber": "ACC-55512",
    "StudyID": "SID-8123",
    "StudyDate": "20240229",
    "StudyDescription": "follow-up of Quintessa",
    "InstitutionName": "Mercy of Nowhere",
    "StationName": "STATION-9",
    "DeviceSerialNumber": "SER-31337",
    "ReferringPhysicianName": "Referrer^Rufus",
    "PerformingPhysicianName": "Performer^Petra",
    "OperatorsName": "Operator^Otto",
    "RequestingPhysician": "Requester^Rita",
    "ProtocolName": "protocol for Quintessa",
}
# Those of them that are taken over where the person asks for it.
TAKEN = (
    *("PatientName", "PatientID", "PatientBirthDate", "AccessionNumber", "StudyID", "StudyDate"),
    "ReferringPhysicianName",
)


def film(**changes: Any) -> Dataset:
    """A digital chest film of 64 × 48 with the planted patient; keywords set or (None) drop."""
    pixels = np.tile(np.arange(64, dtype=np.uint16) * 60, (48, 1))
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = DigitalXRayImageStorageForPresentation
    made.SOPInstanceUID = f"{STUDY_UID}.2.3"
    made.StudyInstanceUID, made.SeriesInstanceUID = STUDY_UID, f"{STUDY_UID}.2"
    made.Modality, made.BodyPartExamined, made.ViewPosition = "DX", "CHEST", "AP"
    made.PatientOrientation, made.BurnedInAnnotation = ["L", "F"], "NO"
    made.PatientSex, made.StudyTime = "F", "101112"
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.PixelRepresentation, made.Rows, made.Columns = 0, 48, 64
    made.BitsAllocated, made.BitsStored, made.HighBit = 16, 12, 11
    made.PixelData = pixels.tobytes()
    made["PixelData"].VR = "OW"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, value in {**PLANTED, **changes}.items():
            if value is None:
                made.pop(name, None)
            else:
                setattr(made, name, value)
    return made


def film_file(dataset: Dataset | None = None, **changes: Any) -> bytes:
    """The bytes of `film(**changes)`, or of a data set."""
    file = BytesIO()
    (dataset or film(**changes)).save_as(file, enforce_file_format=True)
    return file.getvalue()


def _eight_bits() -> Dataset:
    made = film()
    made.PixelData = np.tile(np.arange(64, dtype=np.uint8) * 4, (48, 1)).tobytes()
    made.BitsAllocated, made.BitsStored, made.HighBit = 8, 8, 7
    made["PixelData"].VR = "OB"
    return made


def _compressed(syntax: str, dataset: Dataset | None = None) -> bytes:
    made = dataset or film()
    made.compress(syntax, encoding_plugin="pydicom" if syntax == RLELossless else "")
    return film_file(made)


def _jpeg() -> bytes:
    from PIL import Image
    from pydicom.encaps import encapsulate

    made = _eight_bits()
    picture = BytesIO()
    Image.fromarray(made.pixel_array).save(picture, "JPEG")
    made.PixelData = encapsulate([picture.getvalue()])
    made["PixelData"].is_undefined_length = True
    made.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    made.LossyImageCompression, made.LossyImageCompressionRatio = "01", "4.5"
    made.LossyImageCompressionMethod = "ISO_10918_1"
    return film_file(made)


def _jpeg_2000() -> bytes:
    from PIL import Image
    from pydicom.encaps import encapsulate

    made = _eight_bits()
    picture = BytesIO()
    Image.fromarray(made.pixel_array).save(picture, "JPEG2000", irreversible=False)
    made.PixelData = encapsulate([picture.getvalue()])
    made["PixelData"].is_undefined_length = True
    made.file_meta.TransferSyntaxUID = JPEG2000Lossless
    return film_file(made)


SOURCES = {
    "DX": film_file,
    "CR": lambda: film_file(SOPClassUID=ComputedRadiographyImageStorage, Modality="CR"),
    "MONOCHROME1": lambda: film_file(PhotometricInterpretation="MONOCHROME1"),
    "8 bits": lambda: film_file(_eight_bits()),
    "RLE": lambda: _compressed(RLELossless),
    "JPEG": _jpeg,
    "JPEG 2000": _jpeg_2000,
    "no optional tags": lambda: film_file(
        **dict.fromkeys((*PLANTED, "PatientOrientation", "BurnedInAnnotation", "PatientSex"))
    ),
    "burned-in text": lambda: film_file(BurnedInAnnotation="YES"),
    "Unicode name": lambda: film_file(
        SpecificCharacterSet="ISO_IR 192", PatientName="Ямада^Тарō=山田^太郎"
    ),
    "no UIDs": lambda: film_file(StudyInstanceUID=None),
    "not DICOM": lambda: b"any other file",
}

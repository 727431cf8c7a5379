"""DICOM: read a file, refuse anything but a frontal chest radiograph, return display values."""

from __future__ import annotations

import logging
import re
import threading
import warnings
import zlib
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

from pydicom import dcmread
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from pneumo_core.errors import ForeignImage, UnreadableImage
from pneumo_core.imaging.dicom_display import as_seen
from pneumo_core.imaging.dicom_frame import stored_values
from pneumo_core.imaging.film import Grey, Picture
from pneumo_core.imaging.formats import AGAIN, check_size, dicom_start

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydicom.dataset import Dataset

    from pneumo_core.config import Limits


_EXPECTED = "Expected one frontal chest radiograph (CR, DX, RG or XR), grey, of one frame."
_RADIOGRAPHY = {"CR", "DX", "RG", "XR"}
_MODALITIES = {
    "CT": "a CT image",
    "DOC": "a document",
    "ECG": "an ECG",
    "ES": "an endoscopy picture",
    "IO": "a dental radiograph",
    "MG": "a mammogram",
    "MR": "an MR image",
    "NM": "a nuclear medicine image",
    "OT": "an image of unspecified kind (OT)",
    "PR": "a presentation state",
    "PT": "a PET image",
    "PX": "a dental radiograph",
    "RF": "a fluoroscopy image",
    "RTDOSE": "an RT dose",
    "RTPLAN": "an RT plan",
    "RTSTRUCT": "an RT structure set",
    "SC": "a secondary capture",
    "SEG": "a segmentation",
    "SM": "a microscope slide",
    "SR": "a report",
    "US": "an ultrasound image",
    "XA": "an angiogram",
    "XC": "a photograph",
}
# As found in Body Part Examined (0018,0015) and in code meanings, in several languages.
_CHEST = re.compile(r"CHEST|THORA|TORA|TÓRAX|LUNG|PULM")
# Other parts, of the defined terms (PS3.16 annex L), as a refusal may repeat them.
_PARTS = """
    ABDOMEN ANKLE ARM BLADDER BRAIN BREAST CALCANEUS CERVICAL CLAVICLE COCCYX CSPINE ELBOW
    EXTREMITY EYE FACE FEMUR FIBULA FINGER FOOT FOREARM HAND HEAD HEEL HIP HUMERUS JAW KIDNEY KNEE
    LEFT LEG LOWER LSPINE LUMBAR MANDIBLE NASAL NECK ORBIT PATELLA PELVIS RADIUS RIGHT SACRUM
    SCAPULA SHOULDER SINUS SKULL SPINE SSPINE THIGH THUMB TIBIA TOE TSPINE ULNA UPPER WHOLE BODY
    WRIST ZYGOMA
    """
_LATERAL = re.compile(r"^(LL|RL)$|LAT(?!.*DEC)")
_OBLIQUE = {"RAO", "LAO", "RPO", "LPO", "RLO", "LLO"}


def refuse_foreign(dataset: Dataset) -> None:
    """Raise ForeignImage, naming every reason, unless `dataset` may be a chest film."""
    if "PixelData" not in dataset:
        raise ForeignImage(f"This DICOM file holds no picture: it is {_what(dataset)}.", _EXPECTED)
    reasons = [
        *_foreign_kind(dataset),
        *_foreign_form(dataset),
        *_foreign_part(dataset),
    ]
    if reasons:
        raise ForeignImage(f"This DICOM film {' and '.join(reasons)}.", _EXPECTED)


def doubts(dataset: Dataset) -> tuple[str, ...]:
    """What an accepted file does not state, as notes."""
    open_questions = []
    if not _body_part(dataset):
        open_questions.append("the file does not say which body part it shows")
    if dataset.get("PresentationIntentType") == "FOR PROCESSING":  # PS3.3 C.8.11.1
        open_questions.append("raw detector values, not meant for display")
    return tuple(open_questions)


def _what(dataset: Dataset) -> str:
    """What a data set without pixels is, by its modality or SOP class."""
    modality = _modality(dataset)
    if modality in _MODALITIES:
        return _MODALITIES[modality]
    if modality in _RADIOGRAPHY:
        return "the header of a radiograph, its pixels missing or cut off"
    uid = dataset.get("SOPClassUID")
    known = uid is not None and uid.name != uid  # pydicom knows the class by name
    return f"“{uid.name}”" if known else "something else, or its pixels were cut off"


def _modality(dataset: Dataset) -> str:
    return str(dataset.get("Modality") or "").upper().strip()


def _foreign_kind(dataset: Dataset) -> list[str]:
    modality = _modality(dataset)
    if modality in _RADIOGRAPHY:
        return []
    if not modality:
        return ["does not say by which modality it was made"]
    return [f"is {_MODALITIES.get(modality, 'of another modality')}, not a radiograph"]


def _foreign_form(dataset: Dataset) -> list[str]:
    reasons = []
    frames = int(dataset.get("NumberOfFrames") or 1)
    if frames > 1:
        reasons.append(f"has {frames} frames, not one")
    # Without the attribute nothing suggests colour.
    stated = str(dataset.get("PhotometricInterpretation") or "MONOCHROME")
    if dataset.get("SamplesPerPixel", 1) != 1 or not stated.startswith("MONOCHROME"):
        reasons.append("is in colour, not grey")
    return reasons


def _foreign_part(dataset: Dataset) -> list[str]:
    reasons = []
    part, view = _body_part(dataset), str(dataset.get("ViewPosition") or "").upper().strip()
    if part and not _CHEST.search(part):
        known = set(_PARTS.split())
        # Only defined terms are repeated: free text may hold personal data.
        shown = f" ({part})" if known.issuperset(re.split(r"[ _]+", part)) else ""
        reasons.append(f"shows another body part{shown}, not the chest")
    if _LATERAL.search(view):
        reasons.append("is a lateral view, not a frontal one")
    elif view in _OBLIQUE:
        reasons.append("is an oblique view, not a frontal one")
    return reasons


def _body_part(dataset: Dataset) -> str:
    """Body Part Examined, else the meaning of the Anatomic Region (PS3.3 C.8.11.2), else ""."""
    part = str(dataset.get("BodyPartExamined") or "")
    if not part.strip() and dataset.get("AnatomicRegionSequence"):
        part = str(dataset.AnatomicRegionSequence[0].get("CodeMeaning") or "")
    return part.upper().strip()


__all__ = ["parse", "pixels_of", "read_dicom", "refuse_foreign"]

# The only elements that are read for a decision: none of them is about the patient.
_ELEMENTS = [
    "SOPClassUID",
    "Modality",
    "PresentationIntentType",
    "BodyPartExamined",
    "AnatomicRegionSequence",
    "ViewPosition",
    "NumberOfFrames",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelPaddingValue",
    "PixelPaddingRangeLimit",
    "ModalityLUTSequence",
    "RescaleSlope",
    "RescaleIntercept",
    "VOILUTSequence",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
    "PixelSpacing",
    "ImagerPixelSpacing",
    "PixelData",
]
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_quiet_lock = threading.RLock()

# pydicom's warnings may quote a value; none may reach a log.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)


def read_dicom(data: bytes, limits: Limits) -> Picture:
    """The frontal chest radiograph in `data`. Raises UnreadableImage for anything else."""
    with quiet():
        dataset = parse(data, limits)
        refuse_foreign(dataset)
        _complete(dataset)
        check_size(dataset.Columns, dataset.Rows, limits)
        pixels, notes = pixels_of(dataset)
        notes = (*doubts(dataset), *notes, "burned-in text is not removed")
        bits, spacing = int(dataset.BitsStored), _pixel_spacing(dataset)
        return Picture(pixels, bits, "grey", 0.0, notes, spacing)


def _pixel_spacing(dataset: Dataset) -> float | None:
    """Millimetres a pixel: Pixel Spacing (PS3.3 10.7.1.3), else Imager Pixel Spacing (C.8.11.3).

    None where neither is stated, or pixels are not square.
    """
    for name in ("PixelSpacing", "ImagerPixelSpacing"):
        try:
            row, column = (float(value) for value in dataset.get(name) or ())
        except (TypeError, ValueError):
            continue
        if 0 < row < 10 and abs(row - column) <= 0.01 * row:
            return row
    return None


def parse(data: bytes, limits: Limits, elements: Sequence[str] = ()) -> Dataset:
    """The elements of `data` that a film needs, or those named; also of a file whose header was
    cut off.
    """
    start = dicom_start(data) or 0
    _refuse_oversized(data, start, limits)
    with quiet():
        dataset = dcmread(
            BytesIO(data[start:]), force=True, specific_tags=list(elements or _ELEMENTS)
        )
        if "TransferSyntaxUID" not in dataset.file_meta:
            implicit, _ = dataset.original_encoding
            plain = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
            dataset.file_meta.TransferSyntaxUID = plain
    return dataset


def pixels_of(dataset: Dataset) -> tuple[Grey, tuple[str, ...]]:
    """uint8 (rows, columns) for display, and notes; the content of the film is not checked."""
    with quiet():
        if dataset.BitsAllocated not in {8, 16}:
            raise UnreadableImage(
                f"This film has {dataset.BitsAllocated} bits a pixel, not 8 or 16.", AGAIN
            )
        return as_seen(stored_values(dataset), dataset)


def _complete(dataset: Dataset) -> None:
    """Fill in attributes that can have one value only; refuse a film that lacks any other.

    The Image Pixel module (PS3.3 C.7.6.3) requires all of them; older writers omit some.
    """
    for name in ("Rows", "Columns", "BitsAllocated", "PhotometricInterpretation"):
        if dataset.get(name) in (None, ""):
            raise UnreadableImage(f"This DICOM film does not state its {name} {Tag(name)}.", AGAIN)
    dataset.setdefault("SamplesPerPixel", 1)
    dataset.setdefault("PixelRepresentation", 0)
    dataset.setdefault("BitsStored", dataset.BitsAllocated)
    dataset.setdefault("HighBit", dataset.BitsStored - 1)


def _refuse_oversized(data: bytes, start: int, limits: Limits) -> None:
    """Check the inflated size of a deflated data set, which pydicom inflates in one go."""
    if _DEFLATED not in data[:1024]:
        return
    # The header begins with (0002,0000), whose value is the length of the rest of it.
    header = 132 if data[128:132] == b"DICM" else start
    begin = header + 12 + int.from_bytes(data[header + 8 : header + 12], "little")
    room = 2 * limits.max_pixels + 2**20
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflater.decompress(data[begin:], room)
    if inflater.unconsumed_tail:
        raise UnreadableImage("This DICOM file unpacks to more data than is allowed.", AGAIN)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pydicom's warnings from the log and the terminal: they may quote a value."""
    with _quiet_lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

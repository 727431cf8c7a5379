"""Which DICOM data sets are one frontal chest radiograph, and why the others are not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pneumo_core.errors import ForeignImage

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

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
    "OT": "a picture of no stated kind (OT)",
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
    """What an accepted data set leaves open, as notes."""
    open_questions = []
    if not _body_part(dataset):
        open_questions.append("the file does not say which body part it shows")
    if dataset.get("PresentationIntentType") == "FOR PROCESSING":  # PS3.3 C.8.11.1
        open_questions.append("raw detector values, not meant to be seen")
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
    # Where nothing is stated, nothing is known of a colour either.
    stated = str(dataset.get("PhotometricInterpretation") or "MONOCHROME")
    if dataset.get("SamplesPerPixel", 1) != 1 or not stated.startswith("MONOCHROME"):
        reasons.append("is in colour, not grey")
    return reasons


def _foreign_part(dataset: Dataset) -> list[str]:
    reasons = []
    part, view = _body_part(dataset), str(dataset.get("ViewPosition") or "").upper().strip()
    if part and not _CHEST.search(part):
        known = set(_PARTS.split())
        # Known words are shown; who knows what else a person may have typed there.
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

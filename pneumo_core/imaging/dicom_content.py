"""What a DICOM header says that the film shows: modality, body part and view (PS3.3 C.8.11).

Header words come in every language and spelling. Only what is known is said: a film is refused
for words that name something else, and read, with a note, where they say nothing that is known.
"""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from typing import TYPE_CHECKING

from pneumo_core.imaging.dicom_values import texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataset import Dataset

RADIOGRAPHY = {"CR", "DX", "RG", "XR"}
MODALITIES = {
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
# The elements that are read for this; none of them is about the patient.
ELEMENTS = (
    *("SOPClassUID", "Modality", "BodyPartExamined", "AnatomicRegionSequence", "ViewPosition"),
    *("ViewCodeSequence", "ViewModifierCodeSequence", "PatientOrientation", "SeriesDescription"),
    *("ProtocolName", "AcquisitionDeviceProcessingDescription"),
)
# Noted of a film FOR PROCESSING: its values are for the maker's own software (PS3.3 C.8.11.1).
RAW = "raw detector values, not meant for display"
_MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"

# Beginnings of words for the chest and the lungs, accents removed; "T.{1,2}RAX" is TÓRAX after a
# wrong character set.
_CHEST = re.compile(
    r"CHEST|CHST|\bCXR|\bTHX\b|THORA|TORA[XCKS]|T.{1,2}RAX|TORAK|LUNG|PULM|POUMON|POLMON|PECHO"
    r"|PEITO|POITRINE|BRUSTKORB|BROSTKORG|BORSTKAS|BRYST(?:KASSE)?\b|KLATK|PIERS|PLUC|HRUDN|GRUDN"
    r"|MELLKAS|TUDO|RINTAKEHA|KEUHKO|GOGUS|AKCIGER|ΘΩΡΑΚ|ΠΝΕΥΜΟΝ|ГРУД|ЛЕГК|ЛЕГЕН|胸|肺|흉부|폐"
    r"|صدر|\bNGUC\b|\bPHOI\b|\bDADA\b|\bPARU\b"
)
_CHEST_CODES = {
    *("816094009", "51185008", "39607008", "86598002", "T-D3000", "T-28000"),
    *("416550000", "417437006", "416775004", "416152001", "416319003"),  # with parts beside it
}
# Other parts by what a refusal calls them: words that name them, exact, accents removed. Words that
# mean something else in another language, or a side or a region alone, are left out.
_PARTS = {
    "ABDOMEN": "ABDOMEN ABD ABDOMINAL BAUCH BRZUCH VENTRE ADDOME BUIK KUB ЖИВОТ",
    "ANKLE": "ANKLE TOBILLO CHEVILLE SPRUNGGELENK CAVIGLIA TORNOZELO ENKEL",
    "ARM": "ARM FOREARM HUMERUS RADIUS ULNA UNTERARM OBERARM ANTEBRAZO AVAMBRACCIO",
    "BREAST": "BREAST MAMMA MAMA SENO MAMMOGRAPHY",
    "CLAVICLE": "CLAVICLE CLAVICULA CLAVICOLA CLAVICULE SCHLUSSELBEIN",
    "ELBOW": "ELBOW CODO COUDE ELLENBOGEN GOMITO COTOVELO ELLEBOOG",
    "EXTREMITY": "EXTREMITY EXTREMITIES EXTREMIDAD EXTREMITE EXTREMITAT",
    "FOOT": "FOOT FEET FUSS PIED PIEDE CALCANEUS HEEL TOE TOES VOET STOPA СТОПА",
    "HAND": "HAND HANDS MANO MANOS MAO FINGER FINGERS THUMB DEDO DOIGT RUKA DLON КИСТЬ",
    "HEAD": "HEAD SKULL BRAIN CRANIUM CRANEO CRANE CRANIO SCHADEL KOPF CABEZA TESTA HOOFD FACE "
    "ORBIT MANDIBLE JAW NASAL SINUS ZYGOMA EYE ЧЕРЕП",
    "HIP": "HIP HUFTE CADERA HANCHE ANCA QUADRIL HEUP",
    "KNEE": "KNEE KNEES KNIE RODILLA GENOU GINOCCHIO JOELHO PATELLA KOLANO КОЛЕНО",
    "LEG": "LEG FEMUR TIBIA FIBULA THIGH PIERNA JAMBE BEIN GAMBA UNTERSCHENKEL OBERSCHENKEL",
    "NECK": "NECK CUELLO HALS COLLO PESCOCO",
    "PELVIS": "PELVIS BECKEN BASSIN BACINO BACIA BEKKEN COCCYX SACRUM BLADDER MIEDNICA ТАЗ",
    "SHOULDER": "SHOULDER SCAPULA HOMBRO EPAULE SCHULTER SPALLA OMBRO SCHOUDER",
    "SPINE": "SPINE CSPINE LSPINE TSPINE SSPINE CERVICAL LUMBAR COLUMNA COLONNA RACHIS "
    "WIRBELSAULE HWS BWS LWS COLUNA",
    "UPPER EXTREMITY": "",
    "WHOLE BODY": "",
    "WRIST": "WRIST MUNECA POIGNET HANDGELENK POLSO PUNHO POLS",
}
_PART_OF = {word: part for part, words in _PARTS.items() for word in words.split()}
_PHRASES = {"WHOLE BODY": "WHOLE BODY", "UPPER EXTREMITY": "UPPER EXTREMITY"}

_DECUBITUS = re.compile(r"DECUB|\b[LR]LD\b")
_LATERAL = re.compile(
    r"\b(?:LL|RL|[LR]?LAT\w*|PROFILE?|PROFIEL|PERFIL|SEITLICH\w*|SEITE|LLAT|RLAT|SAGITTAL"
    r"|BOCZN\w*|BOCNI|BOKOM|YAN|LATERO|БОКОВ\w*|ПРОФИЛ\w*)\b|側面|侧位|側位|측면"
)
_OBLIQUE = re.compile(r"\b(?:[LR]AO|[LR]PO|[LR]LO|LLO|OBL\w*|SCHRAG\w*|KOSA)\b|斜位")
_FRONTAL = re.compile(r"\b(?:PA|AP|FRONT\w*|POSTERO\W?ANTERIOR|ANTERO\W?POSTERIOR|P\W?A|A\W?P)\b")
_LATERAL_CODES = {
    *("399067008", "399173006", "399198007", "399260004", "399352003", "30730003"),
    *("R-10228", "R-10232", "R-10236", "R-10224", "R-10226", "R-102CD", "G-A117"),
}
_FRONTAL_CODES = {
    *("399033003", "399348003", "272479007", "R-10202", "R-10206", "R-10214", "R-40888"),
}


def what(dataset: Dataset) -> str:
    """What a data set without pixels is, by its modality or SOP class."""
    uid = dataset.get("SOPClassUID")
    if str(uid) == _MEDIA_DIRECTORY or "DirectoryRecordSequence" in dataset:
        return "the index of a patient CD (DICOMDIR), and the films lie beside it"
    stated = modality(dataset)
    if stated in MODALITIES:
        return MODALITIES[stated]
    if stated in RADIOGRAPHY:
        return "the header of a radiograph, its pixels missing or cut off"
    known = uid is not None and uid.name != uid  # pydicom knows the class by name
    return f"“{uid.name}”" if known else "something else, or its pixels were cut off"


def modality(dataset: Dataset) -> str:
    """Modality (0008,0060) in capitals, "" where there is none."""
    return " ".join(texts(dataset, "Modality")).upper().strip()


def foreign_kind(dataset: Dataset) -> list[str]:
    """Why the modality is not that of a radiograph."""
    stated = modality(dataset)
    if stated in RADIOGRAPHY:
        return []
    if not stated:
        return ["does not say by which modality it was made"]
    return [f"is {MODALITIES.get(stated, 'of another modality')}, not a radiograph"]


def foreign_part(dataset: Dataset) -> list[str]:
    """Why it shows another body part, where a word or a code that is known names one.

    The part is repeated in our own word: free text may hold personal data.
    """
    stated = _part(dataset)
    if stated in ("", "CHEST", "UNKNOWN"):
        return []
    return [f"shows another body part ({stated}), not the chest"]


def part_note(dataset: Dataset) -> tuple[str, ...]:
    """The note for a film whose header does not say that it shows the chest."""
    stated = _part(dataset)
    if stated == "":
        return ("the file does not say which body part it shows",)
    if stated == "UNKNOWN":
        return ("the file states a body part in words that are not known here",)
    return ()


def _part(dataset: Dataset) -> str:
    """One of `_PARTS`, "CHEST", "UNKNOWN" for words that say nothing, "" without any."""
    codes, words = set(), [*texts(dataset, "BodyPartExamined")]
    for item in _items(dataset, "AnatomicRegionSequence"):
        codes |= set(_codes(item))
        words += texts(item, "CodeMeaning")
    found = folded(" / ".join(words))
    if not found and not codes:
        return ""
    names = set(re.findall(r"[^\W_]+", found))
    spine = names & {"SPINE", "TSPINE", "BWS"}  # "thoracic spine"
    if codes & _CHEST_CODES or (_CHEST.search(found) and not spine):
        return "CHEST"
    for phrase, part in _PHRASES.items():
        if phrase in found:
            return part
    parts = [_PART_OF[name] for name in re.findall(r"[^\W_]+", found) if name in _PART_OF]
    return parts[0] if parts else "UNKNOWN"


def foreign_view(dataset: Dataset) -> list[str]:
    """Why the view is not a frontal one.

    View Position and View Code (PS3.3 C.8.11.5) and Patient Orientation (C.7.6.1.1.1) are each
    enough; descriptions only where none of those states a frontal view. A lateral decubitus film is
    a frontal one.
    """
    codes: set[str] = set()
    words = texts(dataset, "ViewPosition")
    for name in ("ViewCodeSequence", "ViewModifierCodeSequence"):
        for item in _items(dataset, name):
            codes |= set(_codes(item))
            words = [*words, *texts(item, "CodeMeaning")]
    stated = [folded(word) for word in words]
    orientation = _orientation(dataset)
    if codes & _LATERAL_CODES or orientation == "lateral" or any(map(_is_lateral, stated)):
        return ["is a lateral view, not a frontal one"]
    if orientation == "axial":
        return ["is an axial view, not a frontal one"]
    if any(map(_OBLIQUE.search, stated)):
        return ["is an oblique view, not a frontal one"]
    frontal = codes & _FRONTAL_CODES or any(map(_FRONTAL.search, stated))
    if not frontal and orientation != "frontal" and any(map(_is_lateral, _described(dataset))):
        return ["is described as a lateral view, not a frontal one"]
    return []


def _described(dataset: Dataset) -> list[str]:
    """Descriptions that name no frontal view beside another, as "PA and lateral" does."""
    names = ("SeriesDescription", "ProtocolName", "AcquisitionDeviceProcessingDescription")
    found = [folded(" ".join(texts(dataset, name))) for name in names]
    return [] if any(map(_FRONTAL.search, found)) else found


def _is_lateral(words: str) -> bool:
    return bool(_LATERAL.search(words)) and not _DECUBITUS.search(words)


def _orientation(dataset: Dataset) -> str:
    """The plane that Patient Orientation (0020,0020) names: direction of rows and of columns."""
    values = [value.upper().strip() for value in texts(dataset, "PatientOrientation")]
    if len(values) != 2 or not all(values):
        return ""
    axes = {"A": "sagittal", "P": "sagittal", "L": "across", "R": "across", "H": "up", "F": "up"}
    found = {axes.get(value[0], "") for value in values}
    planes = {
        frozenset({"sagittal", "up"}): "lateral",
        frozenset({"across", "up"}): "frontal",
        frozenset({"sagittal", "across"}): "axial",
    }
    return planes.get(frozenset(found), "")


def _items(dataset: Dataset, name: str) -> Iterator[Dataset]:
    try:
        found = dataset.get(name) or ()
        yield from (item for item in found if hasattr(item, "get"))
    except Exception:  # noqa: BLE001 - a damaged sequence states nothing
        return


def _codes(item: Dataset) -> list[str]:
    return [
        code.strip().upper()
        for name in ("CodeValue", "LongCodeValue")
        for code in texts(item, name)
    ]


def folded(text: str) -> str:
    """`text` in capitals, without accents, and as it was before UTF-8 was read as Latin-1."""
    with suppress(UnicodeError):
        text = text.encode("latin-1").decode("utf-8")
    text = text.replace("ß", "SS").replace("_", " ").upper()
    plain = unicodedata.normalize("NFKD", text)
    return "".join(one for one in plain if not unicodedata.combining(one)).strip()

"""What folder and file names say of a film: its split, label, subtype and patient."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "dev"), "val"),
    **dict.fromkeys(("test", "testing", "holdout"), "test"),
}
SUBTYPE_WORDS = {
    **dict.fromkeys(("bacteria", "bacterial"), "bacterial"),
    **dict.fromkeys(("virus", "viral"), "viral"),
}
LABEL_WORDS = (
    dict.fromkeys(("normal", "normals"), "normal")
    # "pnemonia": so spelt in a table that is widely passed on with these films.
    | dict.fromkeys(("pneumonia", "pneumonias", "pnemonia", "pneumonie"), "pneumonia")
    | dict.fromkeys(SUBTYPE_WORDS, "pneumonia")
)
# Words that may stand beside a split or a class and change nothing: test_images, NORMAL films.
_FILLERS = frozenset(
    """all case cases chest cxr data dataset datasets dir film films folder folders frontal
    image images img imgs jpeg jpg original originals png radiograph radiographs ray rays
    sample samples scan scans set sets split x xray xrays""".split()  # noqa: SIM905 - 40 words
)
_MASK_WORDS = frozenset(
    ("mask", "masks", "maske", "masken", "segmentation", "segmentations", "lungmask", "lungmasks")
)
_BESIDE = "|".join(sorted(_FILLERS - {"x"}, key=len, reverse=True))
_COMPOUND = re.compile(
    rf"(?:{_BESIDE})?(?P<split>{'|'.join(sorted(SPLIT_WORDS, key=len, reverse=True))})"
    rf"(?:{_BESIDE})?"
)
PICTURE_ENDING = re.compile(
    r"\.(?:dcm|dicom|ima|png|jpe?g|jpe|jfif|tiff?|bmp|webp|gif|jp2|j2k|jpx)$", re.IGNORECASE
)

# Kaggle's pneumonias. The person counters run per subtype: person12 of the bacterial films and
# person12 of the viral ones are two children.
_PERSON = re.compile(r"person(?P<person>\d+)_(?P<kind>bacteria|virus)(?![a-z])", re.IGNORECASE)
# Kaggle's normals: IM-0115-0001, NORMAL2-IM-0117-0001, IM-0115-0001-0002.
_IM = re.compile(r"(?P<series>(?:NORMAL\d*-)?IM)-(?P<patient>\d+)(?!\d)", re.IGNORECASE)
# Mendeley's later archives: (disease)-(randomised patient ID)-(number of this patient's film).
# The ID is the patient's whatever the disease.
_MENDELEY = re.compile(r"(?P<kind>NORMAL|BACTERIA|VIRUS)-(?P<patient>\d+)-\d+", re.IGNORECASE)
# NIH ChestX-ray14: patient, then the number of this patient's film.
_NIH = re.compile(r"(?P<patient>\d{8})_\d{3}(?!\d)")
# patient00012, PAT3N, subject-7, p10000032: the patient is said in words.
_PATIENT = re.compile(
    r"(?:p(?=\d{8}(?!\d))|(?:patient|pat|subject|subj|sub|pid)[ _-]?(?=\d))"
    r"(?P<patient>\d+[a-z]?)(?![a-z0-9])",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"(?:19|20)\d\d(?:[ ._-]?[01]\d(?:[ ._-]?[0-3]\d)?)?|[0-3]?\d[._-][01]?\d[._-]\d+"
)


@dataclass(frozen=True)
class NameFacts:
    """What a film's file name says.

    subtype: "normal", "bacterial", "viral" or "unknown"; group: the patient's key, the stem
    itself where the naming is unknown; series: the prefix before the patient's number
    ("person", "IM", "NORMAL2-IM", "BACTERIA", "NIH", "patient"), "" where the naming is unknown.
    """

    subtype: str
    group: str
    series: str


@dataclass(frozen=True)
class FolderFacts:
    """What the folders above a film say; None where they say nothing."""

    split: str | None
    label: str | None
    subtype: str | None


def stem_of(film: str) -> str:
    """The file name of a path without the ending of a picture: "1.2.826.10" has none."""
    return PICTURE_ENDING.sub("", film.rpartition("/")[2])


def parse_name(stem: str) -> NameFacts:
    """Read a file name without its ending, in any case."""
    if found := _PERSON.match(stem):
        kind = found["kind"].lower()
        return NameFacts(SUBTYPE_WORDS[kind], f"{kind}-person{int(found['person'])}", "person")
    if found := _IM.match(stem):
        series = found["series"].upper()
        return NameFacts("normal", f"{series}-{found['patient']}", series)
    if found := _MENDELEY.match(stem):
        kind = found["kind"].lower()
        subtype = SUBTYPE_WORDS.get(kind, "normal")
        return NameFacts(subtype, f"patient-{found['patient']}", kind.upper())
    if found := _NIH.match(stem):
        return NameFacts("unknown", found["patient"], "NIH")
    if found := _PATIENT.match(stem):
        return NameFacts("unknown", f"patient-{found['patient'].lower()}", "patient")
    return NameFacts("unknown", stem, "")


def parse_folders(folders: Sequence[str]) -> FolderFacts:
    """Read the folders above a film, outermost first; the innermost word wins.

    A folder speaks only if every word of its name is known: "PNEUMONIA", "viral pneumonia",
    "1_NORMAL" and "test_set" do, "normal_to_sort" and "test_set_2b" do not.
    """
    split = label = subtype = None
    for folder in folders:
        words = _words(folder)
        split = _split_of(words) or split
        named = [word for word in words if word not in _FILLERS and word not in SPLIT_WORDS]
        labels = {LABEL_WORDS.get(word) for word in named}
        if len(labels) == 1 and None not in labels:
            label = labels.pop()
            subtypes = {SUBTYPE_WORDS[word] for word in named if word in SUBTYPE_WORDS}
            subtype = subtypes.pop() if len(subtypes) == 1 else subtype
    return FolderFacts(split, label, subtype if label == "pneumonia" else label)


def _split_of(words: list[str]) -> str | None:
    """The split that a folder of these words names; None where a word of it is not known."""
    found = set()
    for word in words:
        if compound := _COMPOUND.fullmatch(word):
            found.add(SPLIT_WORDS[compound["split"]])
        elif word not in _FILLERS and word not in LABEL_WORDS:
            return None
    return found.pop() if len(found) == 1 else None


def looks_like_split(folder: str) -> bool:
    """Whether a folder's name holds the word of a split that `parse_folders` does not take."""
    words = _words(folder)
    return _split_of(words) is None and any(_COMPOUND.fullmatch(word) for word in words)


def is_mask_folder(folder: str) -> bool:
    """Whether a folder holds lung masks, by its name: "masks", "Lung Masks", "segmentation"."""
    return any(word in _MASK_WORDS for word in _words(folder))


def is_mask_name(stem: str) -> bool:
    """Whether a file is a mask by the end of its name: "IM-0001_mask"."""
    words = _words(stem)
    return len(words) > 1 and words[-1] in _MASK_WORDS


def is_plain_folder(folder: str) -> bool:
    """Whether a folder's name says nothing of what is in it: "images", "chest_xray", a date."""
    words = _words(folder)
    return _DATE.fullmatch(folder) is not None or (
        bool(words) and all(word in _FILLERS for word in words)
    )


def names_patient(folder: str) -> str:
    """The key of the patient that a folder is named after ("patient00012"), "" for other names."""
    found = _PATIENT.match(folder)
    return f"patient-{found['patient'].lower()}" if found else ""


def _words(name: str) -> list[str]:
    """The words of a name, in lower case: cut at digits, signs and inner capitals."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[\W\d_]+", spaced.lower()) if word]

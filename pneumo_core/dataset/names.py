"""What folder and file names say of a film: its split, label, subtype and patient."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SPLIT_WORDS = {
    **dict.fromkeys(("train", "training", "trainings", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "validating", "dev"), "val"),
    # What is kept for an evaluation is never trained on.
    **dict.fromkeys(("test", "tests", "testing", "tst", "holdout", "heldout", "unseen"), "test"),
    **dict.fromkeys(("eval", "evaluation"), "test"),
    **dict.fromkeys(("entrenamiento", "entrainement", "treino", "treinamento"), "train"),
    "addestramento": "train",
    **dict.fromkeys(("validacion", "validacao", "validierung"), "val"),
    **dict.fromkeys(("prueba", "pruebas", "teste", "testes"), "test"),
}
SUBTYPE_WORDS = {
    **dict.fromkeys(("bacteria", "bacterial", "bacterialpneumonia"), "bacterial"),
    **dict.fromkeys(("pneumoniabacteria", "pneumoniabacterial"), "bacterial"),
    **dict.fromkeys(("virus", "viral", "viralpneumonia"), "viral"),
    **dict.fromkeys(("pneumoniavirus", "pneumoniaviral"), "viral"),
}
LABEL_WORDS = (
    dict.fromkeys(("normal", "normals"), "normal")
    # "pnemonia": so spelt in a table that is widely passed on with these films.
    | dict.fromkeys(("pneumonia", "pneumonias", "pnemonia", "pneumonie"), "pneumonia")
    | dict.fromkeys(SUBTYPE_WORDS, "pneumonia")
)
# Words that may stand beside a split or a class and change nothing: test_images, NORMAL films.
_FILLERS = frozenset(
    """all and augmented balanced bilder case cases category chest class cropped cxr cxrs data
    dataset datasets daten dcm dicom dicoms dir external file files film films final folder folders
    frontal image images img imgs internal jpeg jpegs jpg jpgs kaggle kermany label lung lungs
    original originals paediatric patients pediatric photo photos picture pictures png pngs
    preprocessed processed px radiograph radiographs raw ray rays resized sample samples scan scans
    set sets split stage subset tif tiff type x xray xrays""".split()  # noqa: SIM905 - 70 words
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
# What programs that augment write behind a name: IM-7_jpg.rf.0a1b…, 17_flip, 17_aug_2, 17_rot90.
_COPY = re.compile(
    r"(?:[ _.-](?:jpe?g|png))?\.rf\.[0-9a-f]+$|"
    r"(?:[ _.-]+(?:aug(?:mented)?|rot(?:ated?|ation)?|[hv]?flip(?:ped)?|mirror(?:ed)?|"
    r"bright(?:ness)?|contrast|gamma|noisy?|noise|blur(?:red)?|zoom(?:ed)?|shift(?:ed)?|crop(?:ped)?|shear|clahe)"
    r"[ _.-]?-?\d*)+$",
    re.IGNORECASE,
)
# What Keras' generators save: a prefix, the number of the original, a random number.
_KERAS_COPY = re.compile(r"(?P<base>.*\baug(?:mented)?_\d+)_\d{1,7}", re.IGNORECASE)
_INNER_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_HELD_OUT = re.compile(r"(?i)hold[\W_]*out|held[\W_]*out")
_NO_LETTERS = re.compile(r"[\W\d_]+")
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


def original_of(stem: str) -> str:
    """The name of the film that an augmented copy was made of, its own where it says nothing.

    Only a name that holds a number is one film's.
    """
    if found := _KERAS_COPY.fullmatch(stem):
        return found["base"]
    base = _COPY.sub("", stem)
    return base if any(map(str.isdigit, base)) else stem


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
        words = words_of(folder)
        split = _split_of(words) or split
        named = [w for w in words if w not in _FILLERS and not _COMPOUND.fullmatch(w)]
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
    words = words_of(folder)
    return _split_of(words) is None and any(_COMPOUND.fullmatch(word) for word in words)


def is_plain_folder(folder: str) -> bool:
    """Whether a folder's name says nothing of what is in it: "images", "chest_xray", a date."""
    words = words_of(folder)
    return _DATE.fullmatch(folder) is not None or (
        bool(words) and all(word in _FILLERS for word in words)
    )


def names_patient(folder: str) -> str:
    """The key of the patient that a folder is named after ("patient00012"), "" for other names."""
    found = _PATIENT.match(folder)
    return f"patient-{found['patient'].lower()}" if found else ""


def words_of(name: str) -> list[str]:
    """The words of a name, in lower case, without accents: cut at digits, signs, inner capitals."""
    if not name.isascii():
        parts = unicodedata.normalize("NFKD", name)
        name = "".join(one for one in parts if not unicodedata.combining(one))
    spaced = _HELD_OUT.sub("holdout", _INNER_CAPITAL.sub(" ", name))
    return [word for word in _NO_LETTERS.split(spaced.lower()) if word]

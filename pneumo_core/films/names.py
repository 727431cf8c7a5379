"""What the names of this data set say: a film's split, label, subtype and patient."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
SUBTYPE_WORDS = {
    "bacteria": "bacterial",
    "bacterial": "bacterial",
    "virus": "viral",
    "viral": "viral",
}
LABEL_WORDS = {"normal": "normal", "pneumonia": "pneumonia"} | dict.fromkeys(
    SUBTYPE_WORDS, "pneumonia"
)

# Kaggle's pneumonias. The person counters run per subtype: person12 of the bacterial films and
# person12 of the viral ones are two children.
_PERSON = re.compile(r"person(?P<person>\d+)_(?P<kind>bacteria|virus)(?![a-z])", re.IGNORECASE)
# Kaggle's normals: IM-0115-0001, NORMAL2-IM-0117-0001, IM-0115-0001-0002.
_IM = re.compile(r"(?P<series>(?:NORMAL\d*-)?IM)-(?P<patient>\d+)(?!\d)", re.IGNORECASE)
# Mendeley's later archives: (disease)-(randomised patient ID)-(number of this patient's film).
# The ID is the patient's whatever the disease.
_MENDELEY = re.compile(r"(?P<kind>NORMAL|BACTERIA|VIRUS)-(?P<patient>\d+)-\d+", re.IGNORECASE)


@dataclass(frozen=True)
class NameFacts:
    """What a film's file name says.

    subtype: "normal", "bacterial", "viral" or "unknown"; group: the patient's key, the stem
    itself where the naming is unknown; series: the prefix before the patient's number
    ("person", "IM", "NORMAL2-IM", "BACTERIA", …), "" where the naming is unknown.
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
    return NameFacts("unknown", stem, "")


def parse_folders(folders: Sequence[str]) -> FolderFacts:
    """Read the folders above a film, outermost first; the innermost word wins.

    A folder speaks only if every word of its name is known: "PNEUMONIA", "viral pneumonia" and
    "1_NORMAL" do, "chest_xray" and "normal_to_sort" do not.
    """
    split = label = subtype = None
    for folder in folders:
        words = [word for word in re.split(r"[\W\d_]+", folder.lower()) if word]
        if len(words) == 1 and words[0] in SPLIT_WORDS:
            split = SPLIT_WORDS[words[0]]
        labels = {LABEL_WORDS.get(word) for word in words}
        if len(labels) == 1 and None not in labels:
            label = labels.pop()
            subtypes = {SUBTYPE_WORDS[word] for word in words if word in SUBTYPE_WORDS}
            subtype = subtypes.pop() if len(subtypes) == 1 else subtype
    return FolderFacts(split, label, subtype if label == "pneumonia" else label)

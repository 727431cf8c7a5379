"""What is known of a film before it is opened, and what of a folder is left out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from pneumo_core.errors import DataSetError

if TYPE_CHECKING:
    import pandas as pd

UNKNOWN_AGE = float("nan")
UNKNOWN_PATIENTS = (
    "Patients are not known for all films: films of one patient may be taken for films of several, "
    "and fall on both sides of a split."
)
# Columns of an index that many data sets do not fill: NaN and "" where a film has none.
OPTIONAL = ("age", "sex", "view", "site", "manufacturer")


class FilmFacts(NamedTuple):
    """Facts of one film from its folders, its name or a row of a table.

    split: "train", "val", "test" or "all"; label: "normal" or "pneumonia"; subtype: "normal",
    "bacterial", "viral" or "unknown"; group: key of the patient, which is his or hers only if
    `patient_known`, and else that of the film; age: years, NaN where unknown; sex: "F", "M" or "";
    view: "PA", "AP", "LATERAL" or another word, "" where unknown. Made 200,000 times: a tuple.
    """

    split: str
    label: str
    subtype: str
    group: str
    series: str = ""
    patient_known: bool = False
    age: float = UNKNOWN_AGE
    sex: str = ""
    view: str = ""
    site: str = ""
    manufacturer: str = ""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Files, folders or rows that are not used: what they are, why, and how many."""

    what: str
    why: str
    count: int

    def sentence(self) -> str:
        """In words: "COVID: 3 left out, no class is called so"."""
        return f"{self.what}: {self.count:,} left out, {self.why}"

    def to_dict(self) -> dict[str, Any]:
        """For JSON: what, why, count."""
        return asdict(self)


def left_out(index: pd.DataFrame) -> list[LeftOut]:
    """What of the folder is not in its index, as `index_folder` noted it."""
    return [LeftOut(**one) for one in index.attrs.get("left_out", ())]


def readable_films(index: pd.DataFrame, where: str) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    """The readable rows of an index, and (film, problem) of the others.

    Raises DataSetError where nothing can be read; `where` then names the films: "the data".
    """
    readable, broken = index[index["readable"]], index[~index["readable"]]
    if readable.empty:
        raise DataSetError(f"Expected readable films in {where}; none of {len(index)} is.")
    unread = [(str(one.film), str(one.problem)) for one in broken.itertuples()]
    return readable.reset_index(drop=True), unread


def patients_known(index: pd.DataFrame) -> bool:
    """Whether every film of an index says whose it is.

    Where one does not, films of one patient may be taken for films of several.
    """
    return bool(len(index)) and bool(index["patient_known"].all())

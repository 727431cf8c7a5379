"""Tables of public data sets, told by their columns and read without a question.

Each form turns its tables into one with the columns of `CANONICAL`, all text: `file` (a name, a
path, or a folder that ends in "/"), `value` (the findings, joined by "|"), and what else it holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pneumo_core.dataset.labels.table_files import is_table, read_table
from pneumo_core.errors import DataSetError

if TYPE_CHECKING:
    import pandas as pd

CANONICAL = (
    *("file", "value", "patient", "age", "sex", "view", "split", "site", "manufacturer", "reader"),
)
SEPARATOR = "|"
UNCERTAIN, OTHER = "Pneumonia uncertain", "other findings"
KERMANY = "Kermany (Kaggle chest-xray-pneumonia)"
Tables = Sequence[tuple[Path, Any]]  # (path, DataFrame), column names in lower case


@dataclass(frozen=True)
class KnownForm:
    """A form of table.

    needs: its columns, in lower case, any of them in the alternatives of a tuple; read: its tables
    → the canonical one; classes: those of its findings, in lower case, all others are left out;
    note: what a person should know of them; has_labels: False where folders give the class.
    """

    name: str
    needs: tuple[tuple[str, ...], ...]
    read: Callable[[Tables], pd.DataFrame]
    classes: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    has_labels: bool = True


def form_of(columns: Sequence[str]) -> KnownForm | None:
    """The known form with these columns, None for any other table."""
    there = {name.strip().lower() for name in columns}
    for form in FORMS:
        if all(any(name in there for name in either) for either in form.needs):
            return form
    return None


def known_tables(folder: Path) -> dict[str, tuple[KnownForm, list[Path]]]:
    """The tables directly in a folder that have a known form, by its name."""
    found: dict[str, tuple[KnownForm, list[Path]]] = {}
    for path in sorted(folder.iterdir()):
        if not (is_table(path.name) and path.is_file() and not path.is_symlink()):
            continue
        try:
            form = form_of(list(read_table(path, rows=5).columns))
        except DataSetError:
            continue  # a table of something else; one that is asked for is told
        if form is not None:
            found.setdefault(form.name, (form, []))[1].append(path)
    return found


def canonical(form: KnownForm, paths: Sequence[Path]) -> pd.DataFrame:
    """The tables of one form as one table with the columns CANONICAL, text, "" for none."""
    tables = []
    for path in paths:
        table = read_table(path)
        tables.append((path, table.rename(columns=str.lower)))
    found = form.read(tables)
    for name in CANONICAL:
        if name not in found:
            found[name] = ""
    return found[list(CANONICAL)].fillna("")


def _frame(**columns: Any) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(columns)


def _stacked(tables: Tables) -> pd.DataFrame:
    """All tables under each other, with the column `table`, the file's name."""
    import pandas as pd

    parts = [table.assign(table=path.name.lower()) for path, table in tables]
    stacked: pd.DataFrame = pd.concat(parts, ignore_index=True).fillna("")
    return stacked


def _column(table: pd.DataFrame, *names: str) -> Any:
    """The first of these columns that there is, else ""."""
    return next((table[name] for name in names if name in table), "")


def _is_one(column: Any) -> Any:
    return column.isin(["1", "1.0", "True", "true", "TRUE"])


def _joined_findings(table: pd.DataFrame, names: Sequence[str]) -> pd.Series:
    """The names of the columns that are 1, joined; one column at a time, not row by row."""
    import pandas as pd

    found = pd.Series("", index=table.index)
    for name in names:
        here = _is_one(table[name])
        found = found.where(~here, found + SEPARATOR + name)
    return found.str.strip(SEPARATOR)


# --- RSNA Pneumonia Detection Challenge (Shih et al. 2019) ------------------------------------


def _rsna(tables: Tables) -> pd.DataFrame:
    """One row an image and class, of any number of boxes; the detailed classes where they are."""
    with_class = [(path, table) for path, table in tables if "class" in table]
    boxes = [(path, table) for path, table in tables if "class" not in table]
    if not with_class:
        beside = _beside(tables[0][0], r"detailed_class_info")
        with_class = [(path, read_table(path).rename(columns=str.lower)) for path in beside]
    if with_class:
        table = _stacked(with_class).drop_duplicates(["patientid", "class"])
        known = set(table["patientid"])
        found = _frame(file=table["patientid"], value=table["class"])
    else:
        known, found = set(), _frame(file=[], value=[])
    if boxes:
        import pandas as pd

        # A box is an opacity; an image without one that has no class is only said to have none.
        table = _stacked(boxes)
        table = table[~table["patientid"].isin(known)].drop_duplicates(["patientid", "target"])
        value = _is_one(table["target"]).map({True: "Lung Opacity", False: "Target 0"})
        found = pd.concat([found, _frame(file=table["patientid"], value=value)], ignore_index=True)
    return found


# --- NIH ChestX-ray14 (Wang et al. 2017) ------------------------------------------------------


def _nih(tables: Tables) -> pd.DataFrame:
    table = _stacked(tables)
    split = _nih_splits(tables[0][0].parent)
    return _frame(
        file=table["image index"],
        value=table["finding labels"],
        patient=_column(table, "patient id"),
        age=_column(table, "patient age"),
        sex=_column(table, "patient gender", "patient sex"),
        view=_column(table, "view position"),
        split=table["image index"].map(split).fillna("") if split else "",
    )


def _nih_splits(folder: Path) -> dict[str, str]:
    """The publisher's lists of images, where they lie beside the table."""
    found: dict[str, str] = {}
    for name, split in (("train_val_list.txt", "train"), ("test_list.txt", "test")):
        path = folder / name
        if path.is_file():
            found |= dict.fromkeys(path.read_text("utf-8", errors="replace").split(), split)
    return found


# --- VinDr-CXR (Nguyen et al. 2022), VinDr-PCXR (Pham et al. 2022) ----------------------------


def _vindr(tables: Tables) -> pd.DataFrame:
    table = _stacked(tables)
    other = {"image_id", "rad_id", "table"}
    findings = [str(name) for name in table.columns if name not in other]
    split = table["table"].str.extract(r"(train|test)", expand=False).fillna("")
    return _frame(
        file=table["image_id"],
        value=_joined_findings(table, findings).replace("", OTHER),
        split=split,
        reader=_column(table, "rad_id"),
    )


# --- CheXpert (Irvin et al. 2019) and MIMIC-CXR-JPG (Johnson et al. 2019) ---------------------


def _chexpert_value(table: pd.DataFrame) -> Any:
    """Pneumonia 1, −1 (uncertain), or no finding; 0 and blank alone say neither."""
    pneumonia = table["pneumonia"].str.removesuffix(".0")
    value = pneumonia.map({"1": "Pneumonia", "-1": UNCERTAIN})
    normal = _is_one(table["no finding"]) & value.isna()
    return value.fillna("").where(~normal, "No Finding").replace("", OTHER)


def _chexpert(tables: Tables) -> pd.DataFrame:
    table = _stacked(tables)
    path = table["path"].str.replace("\\", "/", regex=False)
    view = _column(table, "ap/pa")
    if "frontal/lateral" in table:
        lateral = table["frontal/lateral"].str.lower().str.startswith("l")
        view = (table["ap/pa"] if "ap/pa" in table else lateral.map({False: ""})).where(
            ~lateral, "LATERAL"
        )
    return _frame(
        file=path,
        value=_chexpert_value(table),
        patient=path.str.extract(r"(patient\d+)", expand=False),
        age=_column(table, "age"),
        sex=_column(table, "sex"),
        view=view,
        split=path.str.extract(r"(?:^|/)(train|valid|test)/", expand=False),
    )


def _mimic(tables: Tables) -> pd.DataFrame:
    """Labels are of a study; its images are in the metadata, or all those in the study's folder."""
    table = _stacked(tables)
    table["value"] = _chexpert_value(table)
    keys = ["subject_id", "study_id"]
    labels = table[[*keys, "value"]]
    split = _mimic_beside(tables[0][0], r"split", "dicom_id", "split")
    images = _mimic_beside(tables[0][0], r"metadata", "dicom_id", *keys)
    if images is None:
        if split is not None:
            labels = labels.merge(split.drop_duplicates("study_id"), on=keys, how="left")
        file = "p" + labels["subject_id"] + "/s" + labels["study_id"] + "/"
        return _frame(
            file=file,
            value=labels["value"],
            patient="p" + labels["subject_id"],
            split=_column(labels, "split"),
        )
    found = images.merge(labels, on=keys, how="inner")
    if split is not None:
        found = found.merge(split[["dicom_id", "split"]], on="dicom_id", how="left")
    return _frame(
        file=found["dicom_id"],
        value=found["value"],
        patient="p" + found["subject_id"],
        view=_column(found, "viewposition"),
        split=_column(found, "split"),
    )


def _mimic_beside(path: Path, name: str, *needs: str) -> pd.DataFrame | None:
    for other in _beside(path, rf"mimic-cxr.*{name}"):
        table = read_table(other).rename(columns=str.lower)
        if all(column in table for column in needs):
            return table
    return None


# --- PadChest (Bustos et al. 2020) ------------------------------------------------------------


def _padchest(tables: Tables) -> pd.DataFrame:
    import pandas as pd

    table = _stacked(tables)
    value = table["labels"].str.findall(r"['\"]\s*([^'\"]+?)\s*['\"]").str.join(SEPARATOR)
    born = pd.to_numeric(_column(table, "patientbirth"), errors="coerce")
    seen = pd.to_numeric(table["studydate_dicom"].str[:4], errors="coerce")
    return _frame(
        file=table["imageid"],
        value=value,
        patient=_column(table, "patientid"),
        age=(seen - born).map(lambda years: "" if years != years else f"{years:g}"),  # noqa: PLR0124
        sex=_column(table, "patientsex_dicom"),
        view=_column(table, "projection"),
        manufacturer=_column(table, "manufacturer_dicom"),
    )


# --- COVID-19 Radiography Database (Chowdhury et al. 2020) ------------------------------------


def _covid_radiography(tables: Tables) -> pd.DataFrame:
    """Where each film came from, by its address; the folders give the classes."""
    table = _stacked(tables)
    address = {one: _origin(one) for one in table["url"].unique()}
    return _frame(file=table["file name"], site=table["url"].map(address))


def _origin(address: str) -> str:
    text = address.lower()
    if "chest-xray-pneumonia" in text or "paultimothymooney" in text:
        return KERMANY
    if "rsna" in text:
        return "RSNA Pneumonia Challenge"
    return urlsplit(address).hostname or address.strip()


def _beside(path: Path, pattern: str) -> list[Path]:
    """Other tables in the folder of `path` whose name holds `pattern`."""
    return [
        other
        for other in sorted(path.parent.iterdir())
        if other != path and is_table(other.name) and re.search(pattern, other.name.lower())
    ]


_PNEUMONIA_OR_NONE = {"pneumonia": "pneumonia", "no finding": "normal"}
FORMS = (
    KnownForm(
        "RSNA Pneumonia Challenge",
        (("patientid",), ("class", "target")),
        _rsna,
        {"lung opacity": "pneumonia", "normal": "normal", "target 0": "normal"},
        "patientId names an image, not a patient: the films are of ChestX-ray14's patients, who "
        "are not named. Lung opacity counts as pneumonia.",
    ),
    KnownForm(
        "NIH ChestX-ray14",
        (("image index",), ("finding labels",)),
        _nih,
        _PNEUMONIA_OR_NONE,
        "Labels were read from reports by a program, not from the films.",
    ),
    KnownForm(
        "VinDr-PCXR",
        (("image_id",), ("no finding",), ("brocho-pneumonia", "bronchiolitis")),
        _vindr,
        _PNEUMONIA_OR_NONE
        | dict.fromkeys(("brocho-pneumonia", "broncho-pneumonia", "pleuro-pneumonia"), "pneumonia"),
        "Patients are not named.",
    ),
    KnownForm(
        "VinDr-CXR",
        (("image_id",), ("no finding",), ("pneumonia",)),
        _vindr,
        _PNEUMONIA_OR_NONE,
        "Patients are not named.",
    ),
    KnownForm(
        "MIMIC-CXR-JPG",
        (("subject_id",), ("study_id",), ("pneumonia",), ("no finding",)),
        _mimic,
        _PNEUMONIA_OR_NONE,
        "Labels were read from reports by a program, not from the films.",
    ),
    KnownForm(
        "CheXpert",
        (("path",), ("pneumonia",), ("no finding",)),
        _chexpert,
        _PNEUMONIA_OR_NONE,
        "Labels were read from reports by a program, not from the films.",
    ),
    KnownForm(
        "PadChest",
        (("imageid",), ("labels",), ("studydate_dicom",)),
        _padchest,
        {
            "normal": "normal",
            **dict.fromkeys(("pneumonia", "atypical pneumonia"), "pneumonia"),
        },
    ),
    KnownForm(
        "COVID-19 Radiography",
        (("file name",), ("url",), ("format", "size")),
        _covid_radiography,
        note="A positive test for COVID-19 is not a reading of the film: its folder is left out "
        "unless it is given a class.",
        has_labels=False,
    ),
)

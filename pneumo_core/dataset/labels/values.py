"""What the values of a table mean: class, split, view, sex, age, and patients as pseudonyms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.config import load_settings
from pneumo_core.dataset.labels.label_map import LEAVE_OUT, LabelMap, class_key
from pneumo_core.dataset.names import parse_folders, parse_name, stem_of
from pneumo_core.pseudonym import installation_salt, pseudonym

if TYPE_CHECKING:
    import pandas as pd

OLDEST = 130.0
_SICK = ("bacterial", "viral", "pneumonia")
_LATERAL = {"l", "ll", "rl", "rll", "lat", "lateral", "costal", "xtable lateral", "swimmers"}
_SEXES = dict.fromkeys(("f", "female", "woman", "w", "girl"), "F")
KEY_DIGITS = 16


_SEXES |= dict.fromkeys(("m", "male", "man", "boy"), "M")
_YEARS = {"d": 365.25, "w": 365.25 / 7, "m": 12.0, "y": 1.0}


def class_of_word(value: str) -> str:
    """The class that a value names by itself, "" for none: "Viral Pneumonia", "NORMAL"."""
    found = parse_folders([value])
    if found.label is None:
        return ""
    return found.subtype or found.label


def class_of(value: str, classes: dict[str, str], separator: str) -> str:
    """The class of one value, which may join several findings.

    Pneumonia of any kind counts, whatever stands beside it; normal only alone.
    """
    parts = value.split(separator) if separator else [value]
    found = {classes.get(class_key(part), LEAVE_OUT) for part in parts}
    sick = [name for name in _SICK if name in found]
    if sick:
        return "pneumonia" if len(sick) > 1 else sick[0]
    return "normal" if found == {"normal"} else LEAVE_OUT


def classes_of(values: pd.Series, table_map: LabelMap) -> pd.Series:
    """The class of each value, of TARGETS; each distinct value is looked up once."""
    classes = {class_key(value): target for value, target in table_map.classes}
    meant = {value: class_of(value, classes, table_map.separator) for value in values.unique()}
    return values.map(meant)


def splits(values: pd.Series) -> pd.Series:
    """The split that each value names: "train", "val" or "test", else "all"."""
    return values.map({v: parse_folders([v]).split or "all" for v in values.unique()})


def views(values: pd.Series) -> pd.Series:
    """The view in capitals, LATERAL for all words that mean it."""
    return values.map({v: view_of(v) for v in values.unique()})


def view_of(value: str) -> str:
    """One view's word: "PA", "AP", "LATERAL", else the value in capitals."""
    word = class_key(value)
    if word in _LATERAL or word.startswith("lateral"):
        return "LATERAL"
    if word in {"posteroanterior", "postero anterior", "p a", "p.a.", "pa view"}:
        return "PA"
    if word in {"anteroposterior", "antero posterior", "a p", "a.p.", "ap view"}:
        return "AP"
    return value.strip().upper()


def sexes(values: pd.Series) -> pd.Series:
    """The sex that each value names: "F", "M", or "" where unknown."""
    return values.map({v: sex_of(v) for v in values.unique()})


def sex_of(value: str) -> str:
    """The sex that a value names: "F", "M", or "" where unknown."""
    return _SEXES.get(class_key(value), "")


def ages_in_years(values: pd.Series) -> pd.Series:
    """Years: "58", "058Y", "018M", "4.5", "4,5"; NaN for anything else, and beyond 130."""
    return values.map({v: years_of(v) for v in values.unique()}).astype("float64")


def years_of(value: str) -> float:
    """Years of one value, as `ages_in_years` reads it."""
    found = re.fullmatch(
        r"(\d+(?:[.,]\d+)?)\s*([dwmy])?(?:ears?|onths?|eeks?|ays?)?", value.lower()
    )
    if not found:
        return np.nan
    years = float(found[1].replace(",", ".")) / _YEARS[found[2] or "y"]
    return years if years <= OLDEST else np.nan


def table_groups(films: pd.DataFrame, *, public: bool) -> list[tuple[str, str, bool]]:
    """For each film (the index; its `patient` a column) its group, series, and whether it is known.

    public: the identifiers are a published data set's own pseudonyms, and are kept as they are.
    Where the table has none, the file's name may say it.
    """
    ids = films["patient"]
    salt = (
        b"" if public or not (ids != "").any() else installation_salt(load_settings().readings_dir)
    )
    keys = {one: one if public else patient_key(one, salt) for one in ids.unique()}
    found = []
    for film, patient in zip(films.index.tolist(), ids.tolist(), strict=True):
        if patient:
            found.append((keys[patient], "table", True))
            continue
        name = parse_name(stem_of(film))
        if name.series:
            found.append((name.group, name.series, True))
        else:
            found.append((film, "", False))
    return found


def patient_key(identifier: str, salt: bytes) -> str:
    """The pseudonym of a patient: "patient-" and 16 hexadecimal digits; "" for none."""
    return f"patient-{pseudonym(identifier, salt, digits=KEY_DIGITS)}" if identifier else ""

"""Patients of a table's rows, their identifiers replaced by pseudonyms unless they are public."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumo_core.config import load_settings
from pneumo_core.dataset.names import parse_name, stem_of
from pneumo_core.pseudonym import installation_salt, pseudonym

if TYPE_CHECKING:
    import pandas as pd

KEY_DIGITS = 16


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

"""Checks of who is on which side of a split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumo_core.films.audit.finding import NOTHING, Finding, found

if TYPE_CHECKING:
    import pandas as pd

    from pneumo_core.dataset.catalogue import Catalogue

MERGED = "Training joins train and val and splits them anew by patient."


def patients(catalogue: Catalogue) -> list[Finding]:
    """Patients in two splits, by the right key and by the wrong one; unknown; with two labels."""
    index = catalogue.index
    known = index[index["series"] != ""]
    return [
        _in_test_too(known),
        _in_train_and_val(known),
        _wrong_key(known),
        _unknown(index),
        _two_labels(known),
    ]


def _in_test_too(known: pd.DataFrame) -> Finding:
    side = (known["split"] == "test").rename("side")
    torn = known[side.groupby(known["group"]).transform("nunique") > 1]
    return found(
        "patients-across-test",
        "Patients in test and in train or val",
        _films(torn),
        count=torn["group"].nunique(),
        unit="patients",
        harm="high",
        why="Films of one child are alike: a model that was trained on one of them knows the "
        "other's answer, and the test flatters it.",
        done=f"{NOTHING} Remove these films from test, or do not report figures of that split.",
    )


def _in_train_and_val(known: pd.DataFrame) -> Finding:
    rest = known[known["split"] != "test"]
    torn = rest[rest.groupby("group")["split"].transform("nunique") > 1]
    return found(
        "patients-across-splits",
        "Patients in train and in val",
        _films(torn),
        count=torn["group"].nunique(),
        unit="patients",
        harm="medium",
        why="What is chosen on val is chosen on children the model was trained on.",
        done=f"Merged: {MERGED[0].lower()}{MERGED[1:]}",
    )


def _wrong_key(known: pd.DataFrame) -> Finding:
    """What the bare number of `personN` would report; the counters run per subtype."""
    persons = known[known["series"] == "person"]
    # Not rpartition, which gives no columns at all where no film is named after Kaggle's persons.
    number = persons["group"].str.replace(r".*-", "", regex=True).rename("number")
    by_number = persons["split"].groupby(number).transform("nunique") > 1
    by_child = persons.groupby("group")["split"].transform("nunique") > 1
    torn = set(number[by_number]) - set(number[by_child])
    joined = int(number[~persons["group"].duplicated()].duplicated().sum())
    return found(
        "wrong-key",
        "Numbers that only look like one patient in two splits",
        (),
        count=len(torn),
        unit="numbers",
        harm="none",
        why="The person numbers start anew for bacterial and viral films: person12_bacteria and "
        "person12_virus are two children. Who takes the bare number for the child sees patients "
        f"shared where there are none. Numbers of two children here: {joined:,}.",
        done="Grouped by subtype and number together, which is the right key.",
    )


def _unknown(index: pd.DataFrame) -> Finding:
    nameless = index[index["series"] == ""]
    return found(
        "unknown-patients",
        "Films whose name does not tell the patient",
        _films(nameless),
        harm="medium",
        why="Each name is taken for a patient of its own. If a child has several films, they can "
        "fall on both sides of a split, and the figures flatter.",
        done=f"{NOTHING} Names such as person12_virus_34 or IM-0115-0001 tell the patient.",
    )


def _two_labels(known: pd.DataFrame) -> Finding:
    torn = known[known.groupby("group")["label"].transform("nunique") > 1]
    return found(
        "patients-two-labels",
        "Patients with normal and pneumonia films",
        _films(torn),
        count=torn["group"].nunique(),
        unit="patients",
        harm="low",
        why="A child can be ill once and well another time; it can also be a label gone wrong.",
        done="Grouped: all films of a patient fall into the same fold, whatever their label.",
    )


def _films(rows: pd.DataFrame) -> tuple[str, ...]:
    return tuple(map(str, rows.sort_values(["group", "film"])["film"]))

"""Checks of who is on which side of a split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumo_core.audit.finding import NOTHING, Finding, found
from pneumo_core.dataset.layout import PUBLISHED
from pneumo_core.metrics import is_small_sample, wilson
from pneumo_core.metrics.intervals import SMALL_SAMPLE
from pneumo_core.synthetic.demo_data import are_synthetic

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


LABELS = ("normal", "pneumonia")


def sizes(catalogue: Catalogue) -> list[Finding]:
    """Empty classes, splits too small to use, counts against the published ones."""
    return [_empty(catalogue), *_small(catalogue.readable), _published(catalogue)]


def _empty(catalogue: Catalogue) -> Finding:
    """Classes without a film: in a split that is there, or in a folder of their name."""
    films, listing = catalogue.readable, catalogue.listing
    there = set(zip(films["split"], films["label"], strict=True))
    splits = sorted(catalogue.index["split"].unique())
    missing = [f"{split}: {name}" for split in splits for name in LABELS
               if (split, name) not in there]  # fmt: skip
    full = tuple(films["film"])
    nested = {film.rpartition("/")[0] for film in listing.nested}
    bare = [
        folder
        for folder in listing.class_folders
        if not any(film.startswith(f"{folder}/") for film in full)
        and not any(f"{inner}/".startswith(f"{folder}/") for inner in nested)
    ]
    return found(
        "empty-class",
        "Classes without a readable film",
        tuple(missing + bare),
        count=max(len(missing), len(bare)),
        unit="classes",
        harm="high",
        why="From one class alone nothing can be told apart, and no figure that needs both can be "
        "given.",
        done="Training stops and says which class is missing; evaluation leaves out what needs "
        "both.",
    )


def _small(films: pd.DataFrame) -> list[Finding]:
    """One finding each for val and test: too few films of a class to measure anything on."""
    told = []
    for split, done in (
        ("val", f"Merged: nothing is chosen on it. {MERGED}"),
        ("test", f"{NOTHING} Every figure comes with its interval: read that."),
    ):
        part = films[films["split"] == split]
        n = min((int((part["label"] == name).sum()) for name in LABELS), default=0)
        small = is_small_sample(n)
        why = f"Fewer than {SMALL_SAMPLE} films of a class measure nothing."
        if small:
            low, high = wilson(0.9 * n, n)
            why = (
                f"A class has {n}: a rate of 90 % among so few could as well be {100 * low:.0f} or "
                f"{100 * high:.0f} %, and nothing can be chosen on it."
            )
        told.append(
            found(
                f"small-{split}",
                f"A {split} split too small to use",
                tuple(map(str, part["film"])) if small else (),
                harm="medium",
                why=why,
                done=done,
            )
        )
    return told


def _published(catalogue: Catalogue) -> Finding:
    """Splits of the Kaggle data set whose counts are not the published ones; drawn films only have
    its names.
    """
    index = catalogue.index
    drawn = bool(are_synthetic(index, catalogue.root).all())
    n = index.groupby(["split", "label"]).size()
    present = [key for key in PUBLISHED if key[0] in set(index["split"])]
    named = bool((index["series"] != "").all())
    odd = (
        [key for key in present if int(n.get(key, 0)) != PUBLISHED[key]]
        if named and not drawn
        else []
    )
    told = "; ".join(
        f"{split} {label}: {int(n.get((split, label), 0)):,} here, "
        f"{PUBLISHED[split, label]:,} published"
        for split, label in present
    )
    absent = sorted({key[0] for key in PUBLISHED} - {key[0] for key in present})
    if drawn:
        told = "These films were drawn by Pneumo and are none of that data set"
    elif not named or not present:
        told = "The names or folders here are not those of that data set"
    elif absent:
        told += f"; not here: {', '.join(absent)}"
    return found(
        "published-counts",
        "Counts other than those published for the Kaggle data set",
        tuple(f"{split}/{label}" for split, label in odd),
        unit="classes",
        harm="low",
        why="The Kaggle data set has 5,856 films (its page says 5,863). Other counts mean another "
        f"data set, a partial copy, or films counted twice. {told}.",
        done="Nothing: what is here is what is used.",
    )

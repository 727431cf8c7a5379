"""Split checks: patients in several splits, empty classes, small splits, published counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumo_core.audit.finding import NOTHING, Finding, films_by, finding
from pneumo_core.dataset.layout import PUBLISHED
from pneumo_core.formatting import count
from pneumo_core.metrics import is_small_sample, wilson
from pneumo_core.metrics.intervals import SMALL_SAMPLE
from pneumo_core.synthetic.demo_data import are_synthetic

if TYPE_CHECKING:
    import pandas as pd

    from pneumo_core.dataset.catalogue import Catalogue


LABELS = ("normal", "pneumonia")
MERGED = "Training joins train and val and splits them again by patient."


def patients(catalogue: Catalogue) -> list[Finding]:
    """Patients in two splits, by the correct and by a wrong key; unknown patients; two labels."""
    index = catalogue.index
    known = index[index["patient_known"]]
    return [
        _in_test_too(known),
        _in_train_and_val(known),
        _wrong_key(known),
        _unknown(index),
        _two_labels(known),
    ]


def sizes(catalogue: Catalogue) -> list[Finding]:
    """Empty classes, splits too small to use, counts against the published ones."""
    return [_empty(catalogue), *_small(catalogue.readable), _published(catalogue)]


def _in_test_too(known: pd.DataFrame) -> Finding:
    side = (known["split"] == "test").rename("side")
    affected = known[side.groupby(known["group"]).transform("nunique") > 1]
    return finding(
        "patients-across-test",
        "Patients in test and in train or val",
        films_by(affected, "group"),
        count=affected["group"].nunique(),
        unit="patients",
        harm="high",
        why="Data leakage: films of one child are alike, so a model trained on one of them does "
        "too well on the other.",
        done=f"{NOTHING} Remove these films from test, or do not report figures on that split.",
    )


def _in_train_and_val(known: pd.DataFrame) -> Finding:
    rest = known[known["split"] != "test"]
    affected = rest[rest.groupby("group")["split"].transform("nunique") > 1]
    return finding(
        "patients-across-splits",
        "Patients in train and in val",
        films_by(affected, "group"),
        count=affected["group"].nunique(),
        unit="patients",
        harm="medium",
        why="Model selection on val would use children the model was trained on.",
        done=f"Merged: {MERGED[0].lower()}{MERGED[1:]}",
    )


def _wrong_key(known: pd.DataFrame) -> Finding:
    """What the bare number of `personN` would report; the counters run per subtype."""
    persons = known[known["series"] == "person"]
    # Not rpartition, which gives no columns at all where no film is named after Kaggle's persons.
    number = persons["group"].str.replace(r".*-", "", regex=True).rename("number")
    by_number = persons["split"].groupby(number).transform("nunique") > 1
    by_child = persons.groupby("group")["split"].transform("nunique") > 1
    affected = set(number[by_number]) - set(number[by_child])
    joined = int(number[~persons["group"].duplicated()].duplicated().sum())
    return finding(
        "wrong-key",
        "Patient numbers in two splits that belong to different children",
        (),
        count=len(affected),
        unit="numbers",
        harm="none",
        why="Person numbers restart for bacterial and viral films: person12_bacteria and "
        "person12_virus are two children. By number alone, patients appear shared between splits "
        f"where none are. Numbers of two children here: {joined:,}.",
        done="Grouped by subtype and number together, the correct key.",
    )


def _unknown(index: pd.DataFrame) -> Finding:
    nameless = index[~index["patient_known"]]
    return finding(
        "unknown-patients",
        "Films whose patient is not known",
        films_by(nameless, "group"),
        harm="medium",
        why="Each film counts as one patient. If a patient has several films, they can fall on "
        "both sides of a split, and the figures are too high.",
        done=f"{NOTHING} Names such as person12_virus_34 or 00000013_005, folders of patients, a "
        "table's column or DICOM's Patient ID identify the patient.",
    )


def _two_labels(known: pd.DataFrame) -> Finding:
    affected = known[known.groupby("group")["label"].transform("nunique") > 1]
    return finding(
        "patients-two-labels",
        "Patients with normal and pneumonia films",
        films_by(affected, "group"),
        count=affected["group"].nunique(),
        unit="patients",
        harm="low",
        why="A child can have pneumonia once and be healthy another time; or a label is wrong.",
        done="Grouped: all films of a patient go into the same fold, whatever their label.",
    )


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
    return finding(
        "empty-class",
        "Classes without a readable film",
        tuple(missing + bare),
        count=max(len(missing), len(bare)),
        unit="classes",
        harm="high",
        why="Training and discrimination (AUC) need both classes.",
        done="Training stops and names the missing class; evaluation omits figures that need both.",
    )


def _small(films: pd.DataFrame) -> list[Finding]:
    """One finding each for val and test: a class with a small sample."""
    checks = []
    for split, done in (
        ("val", f"Merged: not used for model selection on its own. {MERGED}"),
        ("test", f"{NOTHING} Rely on the interval of each figure, not on its value."),
    ):
        part = films[films["split"] == split]
        n = min((int((part["label"] == name).sum()) for name in LABELS), default=0)
        small = is_small_sample(n)
        why = f"Fewer than {SMALL_SAMPLE} films of a class: rates are too uncertain to use."
        if small:
            low, high = wilson(0.9 * n, n)
            why = (
                f"One class has {count(n, 'films')}: a measured rate of 90\xa0% has a 95\xa0% "
                f"interval of {100 * low:.0f}–{100 * high:.0f}\xa0%, too wide for model selection."
            )
        checks.append(
            finding(
                f"small-{split}",
                f"Small sample in the {split} split",
                tuple(map(str, part["film"])) if small else (),
                harm="medium",
                why=why,
                done=done,
            )
        )
    return checks


def _published(catalogue: Catalogue) -> Finding:
    """Splits of the Kaggle data set whose counts are not the published ones; synthetic films are
    not compared, they only have its names.
    """
    index = catalogue.index
    synthetic = bool(are_synthetic(index, catalogue.root).all())
    n = index.groupby(["split", "label"]).size()
    present = [key for key in PUBLISHED if key[0] in set(index["split"])]
    named = bool((index["series"] != "").all())
    odd = (
        [key for key in present if int(n.get(key, 0)) != PUBLISHED[key]]
        if named and not synthetic
        else []
    )
    comparison = "; ".join(
        f"{split} {label}: {int(n.get((split, label), 0)):,} here, "
        f"{PUBLISHED[split, label]:,} published"
        for split, label in present
    )
    absent = sorted({key[0] for key in PUBLISHED} - {key[0] for key in present})
    if synthetic:
        comparison = "These films are synthetic and not part of that data set"
    elif not named or not present:
        comparison = "The names or folders here are not those of that data set"
    elif absent:
        comparison += f"; not here: {', '.join(absent)}"
    return finding(
        "published-counts",
        "Counts other than those published for the Kaggle data set",
        tuple(f"{split}/{label}" for split, label in odd),
        unit="classes",
        harm="low",
        why="The Kaggle data set has 5,856 films (its page says 5,863). Other counts mean another "
        f"data set, an incomplete copy, or films counted twice. {comparison}.",
        done="Nothing: the films that are here are used.",
    )

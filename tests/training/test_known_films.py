"""Films that the model a training starts from has learnt from are trained on, never held out."""

import numpy as np
import pandas as pd
import pytest

from pneumo_core.dataset.folds import read_manifest
from pneumo_core.errors import DataSetError
from pneumo_core.training.dataset import NEVER_HELD_OUT, _folds
from pneumo_core.training.recipe import make_recipe

RECIPE = make_recipe("quick", weights="kermany-r50v2")


def films(known):
    numbers = range(40)
    return pd.DataFrame(
        {
            "film": [f"{n}.png" for n in numbers],
            "sha256": [f"{n:064}" for n in numbers],
            "group": [f"patient {n}" for n in numbers],
            "label": ["normal", "pneumonia"] * 20,
            "subtype": ["normal", "bacterial"] * 20,
            "source": "films",
            "known": [n < known for n in numbers],
        }
    )


def test_known_films_are_in_no_fold_that_is_held_out(tmp_path):
    fold = _folds(films(12), RECIPE, tmp_path / "folds.json")
    assert set(fold[:12]) == {NEVER_HELD_OUT}
    assert set(fold[12:]) == set(range(5))
    again = read_manifest(tmp_path / "folds.json").fold_of(films(12))
    np.testing.assert_array_equal(again, fold)


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (40, "has learnt from 40 of the 40 films here .* No film is left to validate on"),
        (38, "has learnt from 38 of the 40 films .* got 1. .* or start from other weights"),
    ],
)
def test_where_too_few_others_are_left_the_run_ends_and_says_why(tmp_path, known, words):
    with pytest.raises(DataSetError, match=words):
        _folds(films(known), RECIPE, tmp_path / "folds.json")

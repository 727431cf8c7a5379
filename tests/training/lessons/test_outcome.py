"""What a lesson found: intervals, the gap between two sets of patients, and the file."""

import numpy as np
import pytest

from pneumo_core.config import Settings
from pneumo_core.training.lessons.outcome import (
    Dot,
    Outcome,
    dot,
    gap,
    keep_outcome,
    outcome_file,
    read_outcome,
)


def scored(n, shift, seed):
    y = np.arange(n) % 2
    return y, np.random.default_rng(seed).normal(shift * y, 1.0), np.arange(n) // 2


def test_a_dot_has_its_auc_and_an_interval_of_patients():
    y, p, _ = scored(200, 2.0, 1)
    found = dot("row", "series", y, p, np.arange(200) // 4)
    assert (found.films, found.patients) == (200, 50)
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(0.92, abs=0.05)
    assert str(Dot("a", "b", 0.5, 0.4, 0.612, 9, 9)) == "0.50 [0.40–0.61]"


def test_a_gap_between_other_patients_includes_nought_where_there_is_none():
    better, same = scored(300, 3.0, 2), scored(300, 0.0, 3)
    found = gap(better, same)
    assert found.low > 0.3
    assert gap(same, scored(300, 0.0, 4)).low < 0 < gap(same, scored(300, 0.0, 4)).high


def test_an_outcome_is_kept_by_lesson_and_films(tmp_path):
    settings = Settings(cache_dir=tmp_path)
    path = outcome_file("leak", None, settings)
    assert path != outcome_file("leak", tmp_path, settings)
    assert read_outcome(path) is None
    found = Outcome("leak", "films", (Dot("a", "b", 0.5, 0.4, 0.6, 9, 3),), "Words.", notes=("n",))
    kept = keep_outcome(found, path)
    assert read_outcome(path) == kept
    assert kept.made
    path.write_text('{"format": 0}')
    assert read_outcome(path) is None

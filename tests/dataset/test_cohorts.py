import numpy as np
import pandas as pd
import pytest

from pneumo_core import metrics
from pneumo_core.dataset.cohorts import (
    aspect_quarters,
    framing_quarters,
    framing_scores,
    number_blocks,
    size_quarters,
)
from pneumo_core.dataset.names import parse_name
from pneumo_core.errors import DataSetError


def index_of(stems, **columns):
    facts = [parse_name(stem) for stem in stems]
    subtype = [fact.subtype for fact in facts]
    frame = pd.DataFrame(
        {
            "film": [f"train/{stem}.jpeg" for stem in stems],
            "label": ["normal" if one == "normal" else "pneumonia" for one in subtype],
            "subtype": subtype,
            "group": [fact.group for fact in facts],
            "series": [fact.series for fact in facts],
            "width": 224,
            "height": 224,
            "sha256": [f"hash-{stem}" for stem in stems],
        }
    )
    return frame.assign(**columns)


def kaggle(patients=20, films=2):
    """`patients` of each series, their numbers rising by 3, in an order that is not theirs."""
    stems = []
    for n in range(patients):
        number = 3 * ((7 * n) % patients) + 1
        for k in range(films):
            stems += [f"IM-{number:04}-{k:04}", f"NORMAL2-IM-{number:04}-{k:04}"]
            stems += [f"person{number}_bacteria_{10 * n + k}", f"person{number}_virus_{10 * n + k}"]
    return index_of(stems)


def test_blocks_are_runs_of_numbers_within_each_series():
    index = kaggle()
    block = number_blocks(index, blocks=5)
    number = index["group"].str.extract(r"(\d+)$")[0].astype(int)
    assert sorted(set(block)) == [0, 1, 2, 3, 4]
    for _, part in index.assign(b=block, number=number).groupby(["series", "subtype"]):
        ranges = part.groupby("b")["number"].agg(["min", "max"])
        assert (ranges["max"].to_numpy()[:-1] < ranges["min"].to_numpy()[1:]).all()
        assert part["b"].value_counts().tolist() == [8] * 5


def test_blocks_never_split_a_patient_or_a_pair_of_duplicates():
    index = kaggle()
    first, last = index["film"].str.contains("IM-0001-0000"), index["film"].str.contains("IM-0058")
    index.loc[first | last, "sha256"] = "the same"
    block = number_blocks(index, blocks=4)
    assert index.assign(b=block).groupby("group")["b"].nunique().max() == 1
    assert len(set(block[(first | last).to_numpy()])) == 1


def test_blocks_count_films_not_patients():
    # Five patients, the first with six films: it fills a block alone.
    stems = [f"IM-0001-{k:04}" for k in range(6)] + [f"IM-{n:04}-0001" for n in range(2, 8)]
    stems += [f"person{n}_virus_{n}" for n in range(12)]
    block = number_blocks(index_of(stems), blocks=2)
    assert block[:12].tolist() == [0] * 6 + [1] * 6


def test_names_without_a_number_go_by_the_alphabet():
    index = index_of([f"{letter}" for letter in "abcdefgh"])
    index["label"] = ["normal", "pneumonia"] * 4
    assert number_blocks(index, blocks=2).tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def test_too_few_patients_for_the_blocks_are_refused():
    index = index_of(["IM-0001-0001", "IM-0002-0001", "person1_virus_1"])
    with pytest.raises(DataSetError, match="each of 2 blocks of numbers, got normal in block"):
        number_blocks(index, blocks=2)
    with pytest.raises(DataSetError, match="at least 2 blocks of numbers, got 1"):
        number_blocks(index, blocks=1)


def framed(index, share):
    """Films of grain; the border of `share` of the ill ones is bright, of the others dark."""
    rng = np.random.default_rng(5)
    films = rng.integers(80, 120, (len(index), 32, 32), dtype=np.uint8)
    ring = np.ones((32, 32), bool)
    ring[2:-2, 2:-2] = False
    ill = (index["label"] == "pneumonia").to_numpy()
    of_patient = pd.Series(rng.random(index["group"].nunique()), index["group"].unique())
    told = index["group"].map(of_patient).to_numpy() < share
    films[np.ix_(ill == told, *map(np.arange, (32, 32)))] += (60 * ring).astype(np.uint8)
    return films, told


def test_the_border_alone_is_scored_out_of_fold():
    index = kaggle(30, 2)
    films, told = framed(index, 0.9)
    scores = framing_scores(index, films)
    ill = (index["label"] == "pneumonia").to_numpy()
    assert scores.shape == (240,)
    assert ((scores > 0.5) == ill)[told].all()
    assert not ((scores > 0.5) == ill)[~told].any()
    np.testing.assert_array_equal(scores, framing_scores(index, films))


def test_a_border_that_says_nothing_is_not_fitted():
    index = kaggle(40, 1)
    films = np.random.default_rng(1).integers(0, 255, (len(index), 16, 16), dtype=np.uint8)
    ill = (index["label"] == "pneumonia").to_numpy()
    assert 0.35 < metrics.auc(ill, framing_scores(index, films)) < 0.65


def test_the_middle_of_a_film_plays_no_part():
    index = kaggle(10, 1)
    films, _ = framed(index, 0.8)
    other = films.copy()
    other[:, 4:-4, 4:-4] = 255
    np.testing.assert_array_equal(framing_scores(index, films), framing_scores(index, other))


def test_framing_needs_a_film_a_row():
    with pytest.raises(ValueError, match="Expected 40 films, one a row, got 3"):
        framing_scores(kaggle(10, 1), np.zeros((3, 16, 16), np.uint8))


def test_framing_quarters_run_from_told_to_misled_in_each_class():
    index = kaggle(20, 1)
    rng = np.random.default_rng(2)
    scores = rng.random(len(index))
    quarter = framing_quarters(index, scores)
    for label, right in (("normal", 1 - scores), ("pneumonia", scores)):
        mine = (index["label"] == label).to_numpy()
        assert np.bincount(quarter[mine]).tolist() == [10, 10, 10, 10]
        means = [right[mine & (quarter == q)].mean() for q in range(4)]
        assert means == sorted(means, reverse=True)
        assert right[mine & (quarter == 0)].min() > right[mine & (quarter == 3)].max()


def test_framing_quarters_never_split_a_patient():
    index = kaggle(20, 3)
    quarter = framing_quarters(index, np.random.default_rng(2).random(len(index)))
    assert index.assign(q=quarter).groupby("group")["q"].nunique().max() == 1


def test_shape_goes_by_width_over_height():
    index = index_of([f"IM-{n:04}-0001" for n in range(8)])
    index["width"], index["height"] = [8, 7, 6, 5, 4, 3, 2, 1], [1, 1, 1, 1, 4, 8, 9, 10]
    assert aspect_quarters(index).tolist() == [3, 3, 2, 2, 1, 1, 0, 0]


def test_size_goes_by_pixels():
    index = index_of([f"IM-{n:04}-0001" for n in range(4)])
    index["width"], index["height"] = [400, 100, 300, 200], [10, 20, 90, 30]
    assert size_quarters(index).tolist() == [1, 0, 3, 2]


def test_shape_and_size_say_nothing_where_all_are_equal():
    index = index_of([f"IM-{n:04}-0001" for n in range(8)])
    assert aspect_quarters(index) is None
    assert size_quarters(index) is None

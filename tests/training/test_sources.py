"""Several sources: patients within each, weights within each, and a network that never saw one."""

import numpy as np
import pandas as pd
import pytest

from pneumo_core.errors import DataSetError
from pneumo_core.progress import silent
from pneumo_core.synthetic.demo_data import write_demo_data
from pneumo_core.training.batches import class_weights
from pneumo_core.training.recipe import make_recipe
from pneumo_core.training.sources import (
    FilmSource,
    can_leave_out,
    index_sources,
    one_sided,
    population,
    share_within_source,
    source_names,
    sources_of,
)


def test_each_source_weighs_one_and_its_normals_a_third():
    labels = np.array([0, 0, 1, 2, 0, 1, 1, 1])
    sources = np.array(["a"] * 4 + ["b"] * 4)
    found = share_within_source(labels, sources, classes=3)
    np.testing.assert_allclose(found[:4], [1 / 6, 1 / 6, 1 / 3, 1 / 3])
    # b has no viral film: its bacterial ones take the share of both pneumonias.
    np.testing.assert_allclose(found[4:], [1 / 3, 2 / 9, 2 / 9, 2 / 9])


def test_a_source_of_one_class_weighs_what_the_others_do():
    labels, sources = np.array([0, 0, 1, 2, 0, 1]), np.array([0, 0, 1, 1, 2, 2])
    found = share_within_source(labels, sources, classes=3)
    np.testing.assert_allclose(found, [1 / 2, 1 / 2, 1 / 2, 1 / 2, 1 / 3, 2 / 3])


def test_weights_of_a_training_leave_every_source_its_number_of_films():
    recipe = make_recipe("quick", backbone="cnn", task="binary")
    labels = np.array([0, 1, 1, 1, 0, 0, 1, 0])
    rows, sources = np.arange(7), np.array([0, 0, 0, 0, 1, 1, 1, 1])
    found = class_weights(recipe, labels, rows, sources)
    np.testing.assert_allclose(found, [2, 2 / 3, 2 / 3, 2 / 3, 0.75, 0.75, 1.5, 1])
    # One source: as ever, the same total for each class.
    np.testing.assert_allclose(class_weights(recipe, labels, rows)[:2], [7 / 6, 7 / 8])


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    for name, seed in (("one/films", 1), ("two/films", 2)):
        write_demo_data(folder / name, films=24, seed=seed)
    return [FilmSource(folder / "one/films"), FilmSource(folder / "two/films")]


def test_sources_of_one_name_are_numbered_and_their_patients_kept_apart(two):
    assert source_names(two) == ["films", "films (2)"]
    found = index_sources(two, progress=silent)
    index = found.index
    assert index["source"].value_counts().to_dict() == {"films": 24, "films (2)": 24}
    assert index["film"].is_unique
    shared = set.intersection(*(set(part["group"]) for _, part in index.groupby("source")))
    assert not shared
    assert all((found.root / path).is_file() for path in index["path"])
    assert index["drawn"].all()


def test_one_source_keeps_the_names_of_its_films(two):
    index = index_sources(two[:1], progress=silent).index
    assert (index["film"] == index["path"]).all()
    assert not index["group"].str.contains(":").any()


def test_a_folder_inside_another_would_count_twice(two):
    inside = FilmSource(two[0].folder / "train")
    with pytest.raises(DataSetError, match="one holds the other"):
        index_sources([two[0], inside], progress=silent)


def test_a_source_of_one_class_is_told():
    index = pd.DataFrame(
        {"source": ["a", "a", "b"], "label": ["normal", "pneumonia", "pneumonia"], "film": "x"}
    )
    [words] = one_sided(index)
    assert words.startswith("All 1 films of the source b are pneumonia: the network can learn")
    assert words.endswith("Add normal films of that source, or leave it out.")
    assert one_sided(index[index["source"] == "b"]) == []
    assert can_leave_out(index, "b") == ""
    assert can_leave_out(index, "a") == "the other sources have no normal film"


def test_figures_of_a_source_of_one_class_have_no_auc():
    table = pd.DataFrame({"label": ["pneumonia"] * 4, "group": list("abcd")})
    points = {"screening": 0.2, "balanced": 0.5, "ruling_in": 0.8}
    found = population("b", "never seen", table, np.array([0.1, 0.6, 0.7, 0.9]), points)
    assert (found["auc"], found["films"], found["normal"]) == (None, 4, 0)
    assert found["sensitivity"]["value"] == 0.75
    assert found["pneumonia_missed"]["value"] == 0.25
    assert found["normal_called"]["value"] is None


def test_sources_are_read_from_a_runs_configuration(tmp_path):
    assert sources_of({"data": str(tmp_path)}) == [FilmSource(tmp_path)]
    listed = [FilmSource(tmp_path / "a", tmp_path / "a.csv"), FilmSource(tmp_path / "b")]
    config = {"data": str(tmp_path), "sources": [one.as_dict() for one in listed]}
    assert sources_of(config) == listed

"""Models side by side: joined film by film, tested in pairs, their disagreements listed."""

import math

import numpy as np
import pandas as pd
import pytest

from pneumo_core import metrics
from pneumo_core.errors import DataSetError
from pneumo_core.evaluation.comparison import Contender, compare, match, shipped


def table(p, label=None, films=None, **more):
    label = label or ["normal", "normal", "pneumonia", "pneumonia"]
    return pd.DataFrame(
        {
            "film": films or [f"{i}.png" for i in range(len(p))],
            "label": label,
            "subtype": label,
            "group": [f"g{i}" for i in range(len(p))],
            "p_pneumonia": p,
            **more,
        }
    )


A, B = table([0.1, 0.6, 0.7, 0.9]), table([0.2, 0.3, 0.4, 0.8])


def test_two_models_by_hand():
    found = compare([Contender("a", A, 0.5), Contender("b", B, 0.5)], rounds=20)
    assert (found.n, found.n_normal, found.n_pneumonia) == (4, 2, 2)
    assert [model.name for model in found.models] == ["a", "b"]
    assert found.models[0].at.confusion.to_dict() == {"tp": 2, "fp": 1, "tn": 1, "fn": 0}
    assert found.models[1].at.confusion.to_dict() == {"tp": 1, "fp": 0, "tn": 2, "fn": 1}
    (pair,) = found.pairs
    assert pair.delong == metrics.delong_paired([0, 0, 1, 1], A["p_pneumonia"], B["p_pneumonia"])
    assert (pair.accuracy.both, pair.accuracy.only_first, pair.accuracy.only_second) == (2, 1, 1)
    assert (pair.sensitivity.only_first, pair.sensitivity.only_second) == (1, 0)
    assert (pair.specificity.only_first, pair.specificity.only_second) == (0, 1)


def test_the_films_on_which_they_disagree_the_widest_apart_first():
    found = compare([Contender("a", A, 0.5), Contender("b", B, 0.5)], rounds=5).disagreements
    assert found["film"].tolist() == ["1.png", "2.png"]
    assert found["right"].tolist() == ["b", "a"]
    assert found["p a"].tolist() == [0.6, 0.7]
    assert found["called b"].tolist() == [False, False]


def test_each_model_calls_at_its_own_threshold():
    found = compare([Contender("a", A, 0.65), Contender("b", B, 0.35)], rounds=5)
    assert found.disagreements.empty
    assert found.pairs[0].accuracy.both == 4


def test_three_models_make_three_pairs_and_holm_allows_for_it():
    rng = np.random.default_rng(0)
    label = ["normal", "pneumonia"] * 60
    models = []
    for name, spread in (("a", 0.5), ("b", 1.0), ("c", 2.0)):
        p = rng.normal(np.array([0, 1] * 60), spread).clip(-3, 4) / 7 + 0.4
        models.append(Contender(name, table(p, label), 0.5))
    found = compare(models, rounds=10)
    assert [(pair.first, pair.second) for pair in found.pairs] == [
        ("a", "b"), ("a", "c"), ("b", "c"),
    ]  # fmt: skip
    p = [pair.delong.p for pair in found.pairs]
    assert [pair.p_holm for pair in found.pairs] == pytest.approx(metrics.holm(p).tolist())


def test_one_class_alone_has_no_curves_and_half_of_the_tests():
    label = ["normal"] * 4
    found = compare(
        [Contender("a", table([0.1, 0.2, 0.6, 0.3], label), 0.5),
         Contender("b", table([0.1, 0.7, 0.6, 0.3], label), 0.5)]
    )  # fmt: skip
    assert found.models[0].auc is None
    assert found.pairs[0].delong is None
    assert math.isnan(found.pairs[0].p_holm)
    assert found.pairs[0].sensitivity is None
    assert found.pairs[0].specificity.only_first == 1
    assert "auc" not in found.to_dict()["pairs"][0]
    assert found.to_dict()["models"][0]["auc"] is None


def test_what_json_gets():
    found = compare([Contender("a", A, 0.5), Contender("b", B, 0.5)], rounds=5).to_dict()
    assert found["models"][0]["name"] == "a"
    assert found["models"][0]["sensitivity"]["value"] == 1.0
    assert found["pairs"][0]["auc"]["value"] == 0.0
    assert found["pairs"][0]["accuracy"]["difference"]["value"] == 0.0
    assert len(found["disagreements"]) == 2


@pytest.mark.parametrize("names", [[], ["a"], ["a", "a"]])
def test_fewer_than_two_models_are_refused(names):
    with pytest.raises(DataSetError, match="two or more different models to compare, got"):
        compare([Contender(name, A, 0.5) for name in names])


def test_a_bundle_by_its_own_predictions(paper_bundle, tmp_path, tiny_card, tiny_predictions):
    found = shipped(paper_bundle(tmp_path, tiny_card, tiny_predictions))
    assert (found.name, found.threshold, len(found.table)) == ("paper", 0.5, 60)


def test_films_that_not_all_have_are_excluded_and_noted():
    matched = match([("a", A), ("b", B.iloc[1:])])
    assert matched.films["film"].tolist() == ["1.png", "2.png", "3.png"]
    assert matched.notes == ("a has 1 film that another model has no prediction for: excluded.",)


def test_the_order_of_the_tables_does_not_matter():
    matched = match([("a", A), ("b", B.iloc[::-1])])
    assert matched.films["p a"].tolist() == [0.1, 0.6, 0.7, 0.9]
    assert matched.films["p b"].tolist() == [0.2, 0.3, 0.4, 0.8]
    assert matched.notes == ()


def test_another_file_of_the_same_name_is_another_film():
    one, other = A.assign(sha256=list("abcd")), B.assign(sha256=list("abxd"))
    matched = match([("a", one), ("b", other)])
    assert matched.films["film"].tolist() == ["0.png", "1.png", "3.png"]
    assert matched.notes == ("1 film of b with another content than in a (2.png): excluded.",)
    # Where one table has no hashes, the names must do.
    assert len(match([("a", one), ("b", B)]).films) == 4


def test_another_label_is_left_out_and_told():
    other = table([0.2] * 4, ["normal", "pneumonia", "pneumonia", "pneumonia"])
    matched = match([("a", A), ("b", other)])
    assert matched.notes == ("1 film of b with another label than in a (1.png): excluded.",)
    assert len(matched.films) == 3


def test_films_listed_twice_are_left_out_and_told():
    twice = pd.concat([B, B.iloc[:1]])
    matched = match([("a", A), ("b", twice)])
    assert matched.films["film"].tolist() == ["1.png", "2.png", "3.png"]
    assert matched.notes[0] == "b lists 1 film twice: excluded."


def test_without_a_common_film_there_is_nothing_to_compare():
    with pytest.raises(DataSetError, match="films that a and b both have predictions for"):
        match([("a", A), ("b", table([0.1] * 4, films=list("wxyz")))])

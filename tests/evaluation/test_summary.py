"""One summary of everything agrees with the metrics it is made of."""

import numpy as np
import pandas as pd
import pytest

from pneumo_core import metrics
from pneumo_core.bundle import OperatingPoints
from pneumo_core.evaluation.summary import films_by_outcome, referred_films, summarise
from pneumo_core.metrics.bootstrap import Resampling, bootstrap
from pneumo_core.metrics.fixed_rate import (
    sensitivities_at,
    sensitivity_at_specificity,
    specificities_at,
    specificity_at_sensitivity,
)

POINTS = OperatingPoints(screening=0.3, balanced=0.5, ruling_in=0.7)


@pytest.fixture(scope="module")
def table():
    """300 films of 100 patients."""
    rng = np.random.default_rng(3)
    positive = np.repeat(rng.integers(0, 2, 100), 3).astype(bool)
    p = 1 / (1 + np.exp(-rng.normal(np.where(positive, 1.5, -1.5), 1.5)))
    return pd.DataFrame(
        {
            "label": np.where(positive, "pneumonia", "normal"),
            "p_pneumonia": p,
            "group": np.repeat([f"g{i}" for i in range(100)], 3),
        }
    )


@pytest.fixture(scope="module")
def summary(table):
    return summarise(table, POINTS, rounds=50, seed=1)


def test_its_figures_are_those_of_the_metrics(table, summary):
    positive = (table["label"] == "pneumonia").to_numpy()
    p, groups = table["p_pneumonia"].to_numpy(), table["group"].to_numpy()
    draw = {"seed": 1, "rounds": 50}
    assert (summary.n, summary.n_patients) == (300, 100)
    assert summary.prevalence == pytest.approx(positive.mean())
    assert summary.points["balanced"].confusion == metrics.confusion(positive, p, 0.5)
    assert summary.three_way == metrics.three_way(positive, p, 0.3, 0.7)
    assert summary.brier.value == pytest.approx(metrics.brier(positive, p))
    ranking = summary.ranking
    assert ranking.auc == metrics.auc_delong(positive, p)
    assert ranking.auc_patients == metrics.grouped_bootstrap_auc(positive, p, groups, **draw)
    assert ranking.average_precision.value == pytest.approx(metrics.average_precision(positive, p))
    draws = bootstrap(
        positive,
        p,
        Resampling(groups, p.size, **draw),
        {"sensitivity": sensitivities_at(0.9), "specificity": specificities_at(0.95)},
    )
    held = sensitivity_at_specificity(positive, p, 0.9, draws["sensitivity"])
    assert ranking.fixed["sensitivity at specificity 90 %"] == held
    reverse = specificity_at_sensitivity(positive, p, 0.95, draws["specificity"])
    assert ranking.fixed["specificity at sensitivity 95 %"] == reverse
    assert ranking.roc.auc == pytest.approx(ranking.auc.value)


def test_every_film_is_in_the_histogram(summary):
    assert summary.histogram.normal.sum() == summary.n_normal
    assert summary.histogram.pneumonia.sum() == summary.n_pneumonia


def test_the_temperature_asked_for_is_the_one_that_was_put_in():
    rng = np.random.default_rng(0)
    z = rng.normal(0, 2, 4000)
    label = np.where(rng.random(4000) < 1 / (1 + np.exp(-z)), "pneumonia", "normal")
    twice = pd.DataFrame(
        {"label": label, "p_pneumonia": 1 / (1 + np.exp(-2 * z)), "group": np.arange(4000)}
    )
    assert summarise(twice, POINTS, rounds=5).temperature == pytest.approx(2, rel=0.08)


def test_a_prevalence_moves_what_a_call_means_and_no_rate(table, summary):
    rare = summarise(table, POINTS, rounds=5, prevalence=0.05)
    assert rare.points["balanced"].sensitivity == summary.points["balanced"].sensitivity
    assert rare.points["balanced"].predictive.ppv.value < (
        summary.points["balanced"].predictive.ppv.value
    )
    assert rare.ranking.decision.prevalence == 0.05


def test_one_class_has_no_ranking(table):
    found = summarise(table[table["label"] == "normal"], POINTS, rounds=5)
    assert found.ranking is None
    assert "auc" not in found.to_dict()
    assert found.to_dict()["n_pneumonia"] == 0


def test_what_json_gets(summary):
    found = summary.to_dict()
    assert found["auc"]["value"] == pytest.approx(summary.ranking.auc.value)
    assert found["points"]["screening"]["threshold"] == 0.3
    assert set(found["brier_parts"]) == {
        *("brier", "reliability", "resolution", "uncertainty", "within")
    }
    assert found["fixed"]["sensitivity at specificity 95 %"]["held"] >= 0.95


TABLE = pd.DataFrame(
    {
        "film": list("abcdefgh"),
        "label": ["normal"] * 4 + ["pneumonia"] * 4,
        "p_pneumonia": [0.1, 0.6, 0.9, 0.3, 0.2, 0.45, 0.5, 0.95],
    }
)


def test_each_film_is_in_one_cell_the_surest_first():
    found = {name: films["film"].tolist() for name, films in films_by_outcome(TABLE, 0.5).items()}
    assert found == {
        "found": ["h", "g"],
        "missed": ["e", "f"],
        "false alarms": ["c", "b"],
        "cleared": ["a", "d"],
    }


def test_rows_keep_their_index_even_if_it_is_not_in_order():
    shuffled = TABLE.iloc[[7, 2, 0, 5, 1, 6, 3, 4]]
    found = films_by_outcome(shuffled, 0.5)
    assert found["missed"].index.tolist() == [4, 5]


def test_referred_films_the_highest_first():
    found = referred_films(TABLE, 0.3, 0.6)
    assert found["referred, pneumonia"]["film"].tolist() == ["g", "f"]
    assert found["referred, normal"]["film"].tolist() == ["d"]


def test_an_empty_cell_is_an_empty_table():
    found = films_by_outcome(TABLE, 2.0)
    assert found["found"].empty
    assert list(found["found"].columns) == ["film", "label", "p_pneumonia"]

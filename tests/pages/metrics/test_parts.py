"""Metrics: the parts below the charts: subgroups, decisions, comparison, test-set evaluations."""

import pytest

from pages.ui.metrics.charts import net_benefit_sentence, three_ways_html
from pages.ui.metrics.comparison import chance, difference_html, disagreement_table, p_words
from pages.ui.metrics.measures import measure
from pages.ui.metrics.predictions import find_folder, with_sizes
from pages.ui.metrics.selection import evaluations_table
from pages.ui.metrics.subgroups import rows_of, worst_first
from pneumo_core.config import load_settings
from pneumo_core.evaluation.comparison import Contender, compare
from pneumo_core.evaluation.test_log import LoggedEvaluation
from tests.pages.metrics.metrics_page import POINTS, altered, html, opened, shuffled, subject_of


@pytest.mark.parametrize(
    "name", ["Subgroups", "Decisions", "Robustness", "Compare", "Test-set evaluations"]
)
def test_every_part_says_something(models, name):
    page = opened(metrics__part=name)
    assert not page.error
    said = {
        "Subgroups": lambda: "Sensitivity by group" in html(page),
        "Decisions": lambda: (
            "Three-way decisions" in html(page) and "per 1,000 patients" in html(page)
        ),
        "Robustness": lambda: "stress --into-card --model" in page.info[-1].value,
        "Compare": lambda: "There is only one model." in page.info[-1].value,
        "Test-set evaluations": lambda: (
            "has not been evaluated on a test set" in page.info[-1].value
        ),
    }
    assert said[name]()


def test_sizes_become_subgroups_where_the_folder_is_known(models, folder):
    subject = subject_of(models)
    place = find_folder(subject, load_settings())
    sized = with_sizes(subject, place.catalogue, place.rows)
    assert set(sized.table["width"]) == {80}
    assert sized.key != subject.key
    assert with_sizes(subject, None, ()) is subject


def test_small_groups_are_marked(models):
    rows = rows_of(measure(subject_of(models).table, POINTS), 0.5, "sensitivity")
    assert [(row.name, row.films, row.small_sample) for row in rows] == [
        ("all films", 40, False),
        ("bacterial", 20, True),
        ("viral", 20, True),
    ]


def test_two_models_are_compared_in_words(models):
    altered(models, "worse", shuffled)
    page = opened(metrics__part="Compare")
    page.multiselect(key="metrics.others").set_value(["worse"]).run()
    assert not page.exception
    assert not page.error
    shown = html(page)
    assert "tiny against worse" in shown
    assert "tiny ranks better by" in shown
    assert "statistically significant" in shown
    assert "The models disagree on 20 of 60 films" in shown


def test_models_without_a_common_film_are_not_compared(models):
    altered(models, "apart", lambda table: table.assign(film="x/" + table["film"]))
    page = opened(metrics__part="Compare")
    page.multiselect(key="metrics.others").set_value(["apart"]).run()
    assert not page.error
    told = page.info[-1].value
    assert told.startswith("tiny and apart have no films in common")
    assert "“New evaluation”" in told
    assert "--data" not in told


def test_one_model_has_one_auc_in_its_headline_and_in_a_comparison(models):
    own = subject_of(models)
    others = Contender("b", own.table.copy(), 0.5)
    found = compare([Contender("a", own.table, 0.5), others])
    ranking = measure(own.table, POINTS).summary.ranking
    assert found.models[0].auc_patients == ranking.auc_patients


def test_differences_are_told_from_the_side_of_the_better_one(models):
    own = subject_of(models)
    worse = own.table.copy().pipe(shuffled)
    found = compare([Contender("w", worse, 0.5), Contender("b", own.table, 0.5)], rounds=50)
    told = difference_html(found.pairs[0])
    assert "b ranks better by" in told
    assert "w finds more" not in told
    assert (chance(0.2), chance(0.01)) == (
        "not statistically significant",
        "statistically significant",
    )
    assert chance(float("nan")) == "significance cannot be computed"
    assert (p_words(0.0001), p_words(0.031)) == ("< 0.001", "= 0.031")
    table = disagreement_table(found.disagreements, ["w", "b"])
    assert set(table["correct"]) <= {"w", "b"}


def test_the_worst_perturbation_comes_first_and_lungless_films_are_not_plotted():
    rows = [
        {"name": "as they are", "cost_sensitivity": 0.0},
        {"name": "blur", "cost_sensitivity": 0.5, "cost_specificity": 0.1, "keeps_lungs": True},
        {"name": "crop", "cost_sensitivity": 0.1, "cost_specificity": 4.0, "keeps_lungs": True},
        {"name": "lungs black", "cost_sensitivity": 90.0, "keeps_lungs": False},
    ]
    from pneumo_core.metrics.robustness import CLEAN

    rows[0]["name"] = CLEAN
    assert [row["name"] for row in worst_first(rows)] == [CLEAN, "crop", "blur"]


def test_evaluations_are_listed_the_latest_first():
    figures = {"sensitivity": 0.9, "sensitivity_low": 0.8, "sensitivity_high": 0.95}
    past = [
        LoggedEvaluation(
            f"2026-01-0{day}T10:00:00+00:00", "1.0", "d", "f", "test", 70, figures, "0.1"
        )
        for day in (1, 2)
    ]
    table = evaluations_table(past)
    assert table["when (UTC)"].tolist() == ["2026-01-02 10:00", "2026-01-01 10:00"]
    assert table["sensitivity"].iloc[0] == "90.0\xa0% [80.0–95.0]"
    assert table["AUC (DeLong)"].iloc[0] is None


def test_what_calls_are_worth_is_compared_with_calling_every_child(models):
    measures = measure(subject_of(models).table, POINTS)
    found = net_benefit_sentence(measures, measures.at(0.5, 0.2))
    assert "calling no patient positive (0)" in found
    assert "calling every patient" in net_benefit_sentence(measures, measures.at(0.1, 0.2))
    assert net_benefit_sentence(measures, measures.at(1.0, 0.2)) == ""
    assert "<th>▲ pneumonia</th>" in three_ways_html(measures.summary.three_way)

"""The report: what it says, and what it does not claim."""

import pytest

from pneumo_core.evaluation.evidence_level import evidence_of_shipped
from pneumo_core.evaluation.report import build_report, to_pdf
from pneumo_core.evaluation.report.document import Words
from pneumo_core.evaluation.report.model_sections import _cost
from pneumo_core.evaluation.report.sections import errors
from pneumo_core.evaluation.summary import summarise
from tests.evaluation.report.reports import LOOK, rows_of


def test_its_tables_and_figures_are_all_there(made):
    _, _, report = made
    assert [table.name for table in report.tables] == [
        *("operating_points", "ranking", "calibration", "three_way", "prevalence", "subgroups"),
        *("stress", "errors", "looks", "model", "claim", "tripod_ai"),
    ]
    assert {picture.name for picture in report.pictures} == {
        *("confusion", "scores", "roc", "precision_recall", "reliability", "decision_curve"),
        *("subgroups", "stress"),
    }
    assert report.badge == "validation: thresholds were chosen on these films"
    assert report.subtitle.startswith("paper 1.0 on its own validation films · 2026-01-01")


def test_its_numbers_are_those_of_the_summary(made):
    bundle, table, report = made
    summary = summarise(table, bundle.points, prevalence=0.2)
    balanced = rows_of(report, "operating_points")[1]
    c = summary.points["balanced"].confusion
    assert (balanced["tp"], balanced["fn"]) == (c.tp, c.fn)
    assert balanced["sensitivity_low"] == pytest.approx(summary.points["balanced"].sensitivity.low)
    assert rows_of(report, "ranking")[0]["value"] == pytest.approx(summary.ranking.auc.value)
    assert len(rows_of(report, "errors")) == c.fn + c.fp
    assert [row["prevalence"] for row in rows_of(report, "prevalence")] == [0.05, 0.1, 0.2, 0.4]


def test_the_surest_error_comes_first(made):
    far = [abs(row["p_pneumonia"] - 0.5) for row in rows_of(made[2], "errors")]
    assert far == sorted(far, reverse=True)


def test_a_figure_drawn_again_is_the_same(made):
    bundle, table, report = made
    again = build_report(
        bundle, table, evidence_of_shipped(bundle), films="its own validation films",
        evaluations=[LOOK], today="2026-01-01",
    )  # fmt: skip
    assert again == report


def test_films_of_one_class_have_a_report_without_curves(made):
    bundle, table, _ = made
    report = build_report(
        bundle, table[table["label"] == "normal"], evidence_of_shipped(bundle), films="normals"
    )
    assert {picture.name for picture in report.pictures} == {
        *("confusion", "scores", "reliability", "subgroups", "stress")
    }
    apart = next(s for s in report.sections if s.title == "Discrimination (AUC)")
    assert apart.blocks == (
        Words("All films are of one class: discrimination cannot be measured.", "warning"),
    )
    assert to_pdf(report).startswith(b"%PDF-")
    assert rows_of(report, "operating_points")[0]["sensitivity"] is None


def test_no_error_is_told(made):
    _, table, _ = made
    right = table[(table["p_pneumonia"] >= 0.5) == (table["label"] == "pneumonia")]
    assert errors(right, 0.5).blocks == (Words("No film is misclassified at the balanced point."),)


def test_counts_of_three_answers_add_up_in_words(made):
    bundle, table, report = made
    three = summarise(table, bundle.points, rounds=5).three_way
    a = three.answered
    section = next(s for s in report.sections if s.title == "Decisions")
    assert (
        f"30 with pneumonia = {a.tp} found + {three.referred_sick} referred + {a.fn} missed"
        in section.blocks[1].text
    )
    assert a.tp + three.referred_sick + a.fn == 30


def test_rates_of_perturbed_films_and_of_looks_have_their_intervals(made):
    tables = {table.name: table for table in made[2].tables}
    clean, blurred = tables["stress"].rows
    assert clean[1:5] == ("90.0\xa0% [80.0–95.0]", "–", "90.0\xa0% [80.0–95.0]", "–")
    assert blurred[2] == "+3.0 [+2.0 to +4.0]"
    assert tables["looks"].rows[0][-2:] == ("90.0\xa0% [85.0–94.0]", "–")


def test_a_cost_of_next_to_nothing_has_no_sign():
    row = {"name": "blurred", "cost_x": -0.04, "cost_x_low": -1.0, "cost_x_high": 0.01}
    assert _cost(row, "x") == "0.0 [−1.0 to 0.0]"
    assert _cost(row | {"cost_x": None}, "x") == "–"


def test_few_films_are_warned_of_in_the_headline(made):
    bundle, table, report = made
    few = build_report(
        bundle, table[table["label"] == "normal"][:9], evidence_of_shipped(bundle), films="nine"
    )
    told = [block.text for block in few.sections[0].blocks if isinstance(block, Words)]
    assert "Small sample: 9 normal films and 9 patients." in " ".join(told)
    told = [block.text for block in report.sections[0].blocks if isinstance(block, Words)]
    assert "Small sample" not in " ".join(told)  # 30 films a class, 30 patients

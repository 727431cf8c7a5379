"""The report: what it says, what it does not claim, and what it is written as."""

import csv
import io
import json
import re

import numpy as np
import pandas as pd
import pytest

from pneumo_core import DISCLAIMER
from pneumo_core.review.disclaimer import disclaimer
from pneumo_core.review.ledger import Look
from pneumo_core.review.predictions import shipped_predictions
from pneumo_core.review.report import as_json, build_report, to_html, to_pdf, write_tables
from pneumo_core.review.report.answers import answers
from pneumo_core.review.report.checklist_section import checklists
from pneumo_core.review.report.claim import CLAIM
from pneumo_core.review.report.decision_sections import errors
from pneumo_core.review.report.document import Picture, Report, Section, Table, Words
from pneumo_core.review.report.exports import to_csv
from pneumo_core.review.report.model_sections import model
from pneumo_core.review.report.tripod import TRIPOD
from pneumo_core.review.standing import standing_of_shipped
from pneumo_core.review.summary import summarise

RATE = {"value": 0.9, "low": 0.8, "high": 0.95}
STRESS = {
    "words": "60 films of the model's own validation.",
    "worst": "Of 1 disturbance, “blurred” costs most.",
    "lungless": "",
    "rows": [
        {
            "name": name,
            "sensitivity": RATE,
            "specificity": RATE,
            **{f"cost_{rate}{end}": cost for rate in ("sensitivity", "specificity")
               for end, cost in (("", lost), ("_low", lost - 1), ("_high", lost + 1))},
            "change_median": 0.01,
            "three_way": {"normal": {"NORMAL": 1}},
        }
        for name, lost in (("as it is", 0.0), ("blurred", 3.0))
    ],
}  # fmt: skip
LOOK = Look(
    at="2026-01-02T03:04:05+00:00", version="1.0", digest="d", data="abc", split="test", n=7,
    figures={"sensitivity": 0.9, "specificity": None}, pneumo="0.1.0",
)  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The report of a model whose card tries to be more than text."""
    from pneumo_core.bundle import Bundle

    path = tmp_path_factory.mktemp("models") / "paper"
    path.mkdir()
    rng = np.random.default_rng(5)
    sick = np.arange(60) % 2 == 1
    p = (1 / (1 + np.exp(-rng.normal(np.where(sick, 2, -2), 2)))).round(6)
    pd.DataFrame(
        {
            "film": [f"{'PNEUMONIA' if one else 'NORMAL'}/{i}.png" for i, one in enumerate(sick)],
            "split": "validation",
            "label": np.where(sick, "pneumonia", "normal"),
            "subtype": np.array(["normal", "viral", "normal", "bacterial"])[np.arange(60) % 4],
            "group": [f"g{i // 2}" for i in range(60)],
            "p_normal": 1 - p,
            "p_bacterial": p / 2,
            "p_viral": p / 2,
            "p_pneumonia": p,
        }
    ).to_csv(path / "predictions.csv", index=False)  # fmt: skip
    card = {
        "format": 1,
        "name": "paper",
        "version": "1.0",
        "title": "<script>alert(1)</script> & co",
        "classes": ["normal", "bacterial", "viral"],
        "input": {"size": 64},
        "operating_points": {
            "screening": {"threshold": 0.3},
            "balanced": {"threshold": 0.5},
            "ruling_in": {"threshold": 0.8},
            "fitted_on": "60 films that do not exist",
        },
        "stress": STRESS,
        "limitations": ["<b>It knows little.</b>"],
    }
    bundle = Bundle(name="paper", path=path, card=card, digest="ab" * 32)
    table = shipped_predictions(bundle)
    report = build_report(
        bundle, table, standing_of_shipped(bundle), films="its own validation films",
        looks=[LOOK], today="2026-01-01",
    )  # fmt: skip
    return bundle, table, report


def rows_of(report, name):
    (table,) = [table for table in report.tables if table.name == name]
    return table.records


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


def test_html_needs_nothing_else_and_runs_nothing(made):
    _, _, report = made
    page = to_html(report)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; co" in page
    assert "&lt;b&gt;It knows little.&lt;/b&gt;" in page
    # Whatever is loaded or linked lies in the page itself.
    assert set(re.findall(r'(?:src|href)="([^",]{0,22})', page)) <= {
        "data:image/svg+xml;bas", *(f"#s{i}" for i in range(20)),
    }  # fmt: skip
    assert page.count("<img") == len(report.pictures)
    assert page.count('<img alt="') == len(report.pictures)
    assert page.count("<table") == len(report.tables)
    assert DISCLAIMER in page
    assert report.badge in page


def test_pdf_is_whole_and_the_same_each_time(made):
    _, _, report = made
    first = to_pdf(report)
    assert first.startswith(b"%PDF-")
    assert first.rstrip().endswith(b"%%EOF")
    assert len(re.findall(rb"/Type /Page\b", first)) >= 6
    assert b"DejaVuSans" in first
    assert first == to_pdf(report)


def test_a_figure_drawn_again_is_the_same(made):
    bundle, table, report = made
    again = build_report(
        bundle, table, standing_of_shipped(bundle), films="its own validation films",
        looks=[LOOK], today="2026-01-01",
    )  # fmt: skip
    assert again == report


def test_every_table_is_a_csv_file_of_plain_numbers(made, tmp_path):
    _, _, report = made
    written = write_tables(report, tmp_path / "tables")
    assert [path.name for path in written] == [f"{table.name}.csv" for table in report.tables]
    with (tmp_path / "tables" / "operating_points.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["point"] for row in rows] == ["screening", "balanced", "ruling_in"]
    assert float(rows[1]["threshold"]) == 0.5
    assert float(rows[1]["specificity_low"]) < float(rows[1]["specificity"])


def test_json_holds_the_same_tables_and_no_nan(made):
    found = json.loads(json.dumps(as_json(made[2]), allow_nan=False))
    assert set(found["tables"]) == {table.name for table in made[2].tables}
    assert found["tables"]["looks"][0]["specificity"] is None


def test_a_cell_that_a_spreadsheet_would_run_is_made_text():
    records = ({"film": "=HYPERLINK(1)", "p": -0.5, "none": None}, {"film": "a", "other": 1})
    table = Table("t", "T", ("film",), (("x",),), records)
    rows = list(csv.reader(io.StringIO(to_csv(table).decode())))
    assert rows == [
        ["film", "p", "none", "other"],
        ["'=HYPERLINK(1)", "-0.5", "", ""],
        ["a", "", "", "1"],
    ]


def test_films_of_one_class_have_a_report_without_curves(made):
    bundle, table, _ = made
    report = build_report(
        bundle, table[table["label"] == "normal"], standing_of_shipped(bundle), films="normals"
    )
    assert {picture.name for picture in report.pictures} == {
        *("confusion", "scores", "reliability", "subgroups", "stress")
    }
    apart = next(s for s in report.sections if s.title == "Telling films apart")
    assert apart.blocks == (
        Words("All films are of one class: there is no ranking to measure.", "warning"),
    )
    assert to_pdf(report).startswith(b"%PDF-")
    assert rows_of(report, "operating_points")[0]["sensitivity"] is None


def test_no_error_is_told(made):
    _, table, _ = made
    right = table[(table["p_pneumonia"] >= 0.5) == (table["label"] == "pneumonia")]
    assert errors(right, 0.5).blocks == (Words("No film is called wrongly at the balanced point."),)


def test_the_checklists_are_whole_and_each_item_has_a_state(made):
    claim, tripod = (rows_of(made[2], name) for name in ("claim", "tripod_ai"))
    assert [row["item"] for row in claim] == [str(i) for i in range(1, 45)]
    assert len({row["item"].rstrip("abcdefg") for row in tripod}) == 27
    assert len(tripod) == 52
    for row in (*claim, *tripod):
        assert row["state"] in {"answered", "in part", "open", "not applicable"}
        assert row["answer"]
    funding = next(row for row in claim if row["item"] == "44")
    assert (funding["state"], funding["answer"]) == (
        "open", "Not known to the tool: for whoever reports to answer.",
    )  # fmt: skip


def test_every_answer_belongs_to_an_item(made):
    bundle, table, _ = made
    summary = summarise(table, bundle.points, rounds=5)
    asked = {key for *_, key in (*CLAIM, *TRIPOD)}
    for card in (bundle.card, {**bundle.card, "data": {"source": "Our clinic."}}):
        known = answers(
            type(bundle)("b", bundle.path, card, "d"), summary, standing_of_shipped(bundle), "x"
        )
        assert set(known) <= asked


def test_a_model_of_other_films_says_whose(made):
    bundle, table, _ = made
    card = {**bundle.card, "data": {"source": "Films of our clinic, 2020–2024.", "films": 9}}
    own = type(bundle)("own", bundle.path, card, "ab" * 32)
    assert disclaimer(bundle) == DISCLAIMER
    assert disclaimer(own) == (
        "Research demonstration. Not a medical device. Trained on: Films of our clinic, 2020–2024."
    )
    summary = summarise(table, own.points, rounds=5)
    lists = checklists(own, summary, standing_of_shipped(own), "its own films")
    report = Report("T", "s", "b", "other", disclaimer(own), (model(own), *lists))
    page = to_html(report)
    assert "Films of our clinic" in page
    for known in ("Guangzhou", "1–5 years", "Kermany"):
        assert known not in page
    states = {row["item"]: row["state"] for row in rows_of(report, "claim")}
    assert states["7"] == "in part"
    assert states["14"] == states["16"] == "open"


def test_a_long_report_breaks_over_pages():
    rows = tuple((str(i), "word " * 60) for i in range(80))
    table = Table("t", "T", ("n", "text"), rows, (), wide=(1,))
    report = Report("T", "s", "b", "other", "d " * 200, (Section("S", (table,)),))
    assert len(re.findall(rb"/Type /Page\b", to_pdf(report))) > 3


def test_a_cell_that_no_page_could_hold_is_cut_and_says_so():
    rows = (("1", "word " * 9000),)
    table = Table("t", "T", ("n", "text"), rows, (), wide=(1,))
    report = Report("T", "s", "b", "other", "d", (Section("S", (table,)),))
    assert to_pdf(report).startswith(b"%PDF-")
    assert "word " * 8000 in to_html(report)


def test_half_figures_stand_in_pairs(made):
    half = [picture for picture in made[2].pictures if picture.half][:3]
    assert all(isinstance(picture, Picture) for picture in half)
    page = to_html(Report("T", "s", "b", "test", "d", (Section("S", tuple(half)),)))
    assert page.count('<div class="pair">') == 1
    assert page.count("<figure") == 3

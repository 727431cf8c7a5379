"""Metrics: the report and the tables to take along."""

import io
import json
import zipfile

from pages.ui.metrics.exports import figures_now, tables_zip
from pages.ui.metrics.measures import EXPLORING, measure
from pneumo_core import DISCLAIMER
from pneumo_core.evaluation.report import build_report
from tests.pages.metrics.metrics_page import POINTS, opened, subject_of


def test_the_report_is_made_when_asked_for(models):
    page = opened(metrics__part="Export")
    assert len(page.get("download_button")) == 1
    page.button(key="metrics.make").click().run()
    assert not page.exception
    labels = [one.proto.label for one in page.get("download_button")]
    assert labels[:4] == [
        "Report (HTML)",
        "Report (PDF)",
        "All tables (CSV)",
        "All tables (JSON)",
    ]
    made = page.session_state["metrics.report"]
    assert made.pdf.startswith(b"%PDF")
    assert DISCLAIMER in made.html.decode()
    assert json.loads(made.json)["disclaimer"] == DISCLAIMER


def test_exports_carry_the_disclaimer_and_what_the_figures_may_be_called(models):
    subject = subject_of(models)
    measures = measure(subject.table, POINTS)
    report = build_report(subject.bundle, subject.table, subject.evidence, films=subject.films)
    with zipfile.ZipFile(io.BytesIO(tables_zip(report))) as archive:
        assert DISCLAIMER in archive.read("README.txt").decode()
        assert "subgroups.csv" in archive.namelist()
    now = figures_now(subject, measures, measures.at(1.0, 0.2))
    assert now["threshold_is"] == EXPLORING
    assert now["disclaimer"] == DISCLAIMER
    assert now["figures"]["ppv"]["value"] is None  # nothing is called: no NaN in JSON
    assert json.dumps(now, allow_nan=False)

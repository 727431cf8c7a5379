"""The Metrics page: empty, filled, one class, damaged, measured on the spot."""

import shutil

import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.ui import state
from pages.ui.metrics import predictions
from pages.ui.metrics.measures import measure
from pages.ui.metrics.predictions import evaluated_predictions
from pneumo_core.bundle import load_bundle
from pneumo_core.config import load_settings
from pneumo_core.dataset.index import index_folder
from pneumo_core.synthetic.demo_data import write_marker
from tests.pages.metrics.metrics_page import POINTS, ROOT, altered, html, opened, subject_of
from tests.pages.seen import click_twice


def test_without_a_model_the_page_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PNEUMO_MODELS", str(tmp_path / "models"))
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300).run()
    page.switch_page("pages/metrics.py").run()
    assert not page.exception
    assert "There is no model to evaluate yet." in html(page)
    assert page.get("page_link")[0].proto.label == "Train a model"


def test_the_figures_come_with_intervals_and_what_they_are_of(models, tiny_predictions):
    page = opened()
    shown = html(page)
    positive = tiny_predictions["label"] == "pneumonia"
    found = int((positive & (tiny_predictions["p_pneumonia"] >= 0.5)).sum())
    assert "✓ threshold locked on validation (balanced)" in shown
    assert "validation: thresholds were chosen on these films" in shown
    assert "This is not a test." in shown
    assert f"<strong>{100 * found / 40:.1f}\xa0%</strong>" in shown
    assert "of 40 pneumonia films" in shown
    assert "60 films of 30 patients, its own validation films: 20 normal, 40 pneumonia" in shown
    assert "false alarms</strong>" in shown
    assert not page.error
    assert len(page.get("plotly_chart")) == 4


def test_another_threshold_is_exploring_and_there_is_a_way_back(models):
    key = subject_of(models).key
    page = opened(metrics__at=(key, 0.31))
    assert "◆ exploring: these figures are not a test" in html(page)
    assert "Exploring: a threshold chosen" in html(page)
    page.button(key="metrics.lock").click().run()
    assert "✓ threshold locked on validation (balanced)" in html(page)
    page = opened(metrics__at=(key, 0.8))
    assert "✓ threshold locked on validation (ruling in)" in html(page)
    page = opened(metrics__at=("another model", 0.31))
    assert "(balanced)" in html(page)


def test_the_prevalence_changes_what_a_thousand_children_get(models):
    page = opened()
    before = html(page)
    page.number_input(key="metrics.prevalence").set_value(50).run()
    assert html(page) != before
    missed = measure(subject_of(models).table, POINTS).at(0.5, 0.5).per_thousand.missed
    assert f"{missed.value:.0f} [{missed.low:.0f}–{missed.high:.0f}] missed" in html(page)


def test_films_of_one_class_have_no_curve_and_the_page_says_so(models):
    altered(models, "ill", lambda table: table[table["label"] == "pneumonia"])
    page = opened(measured__model="ill")
    assert [one.value for one in page.info[:2]] == [
        "These films are all of one class: there is no ROC curve."
    ] * 2
    assert "AUC" not in html(page).split("pn-headline")[1].split("</ul>")[0]
    for part in ("Decisions", "Subgroups"):
        assert not opened(measured__model="ill", metrics__part=part).error


def test_a_damaged_model_is_named_and_not_measured(models):
    altered(models, "spoilt", lambda table: table)
    (models / "spoilt" / "README.md").write_text("Altered.")
    page = opened(measured__model="spoilt")
    (error,) = page.error
    assert "README.md has been altered" in error.value
    assert "Until then its figures are not shown." in error.value
    assert "spoilt 1.0 (damaged)" in page.selectbox(key="metrics.model").options[1]
    assert not page.get("plotly_chart")


def test_predictions_that_are_none_are_told(models):
    altered(models, "bad", lambda table: table.assign(p_pneumonia=7))
    page = opened(measured__model="bad")
    assert "p_pneumonia within 0 and 1" in page.error[0].value


def test_a_folder_is_measured_as_a_job_and_its_films_are_shown(models, folder, monkeypatch):
    started = []
    monkeypatch.setattr(predictions, "start_job", lambda _, asked, **__: started.append(asked))
    page = opened()
    page.text_input(key="metrics.folder").set_value(str(folder)).run()
    click_twice(page, page.button(key="metrics.begin"))
    assert not page.exception
    (asked,) = started
    assert asked[:6] == ["evaluate", str(folder), "--split", "all", "--model", "tiny"]
    shutil.copy(models / "tiny" / "predictions.csv", asked[-1])
    (one,) = predictions.evaluations(load_bundle("tiny"), settings=load_settings())
    assert one.films == "all films of films"  # a folder without splits is no test
    assert predictions.is_done(one, settings=load_settings())
    subject = evaluated_predictions(load_bundle("tiny"), one, load_settings())
    assert subject.evidence.kind == "validation"
    assert set(subject.table["width"]) == {80}
    page.run()
    assert page.selectbox(key="metrics.films").options == [
        "Its own validation films",
        "All films of films",
    ]
    assert "all films of films: 20 normal, 40 pneumonia" in html(page)
    assert "Too few films to say whether the model holds here." in html(page)
    assert "At films " in html(page)


def test_a_folder_of_synthetic_films_is_named_where_its_figures_stand(models, folder, monkeypatch):
    started = []
    monkeypatch.setattr(predictions, "start_job", lambda _, asked, **__: started.append(asked))
    page = opened()
    page.text_input(key="metrics.folder").set_value(str(folder)).run()
    page.button(key="metrics.begin").click().run()
    shutil.copy(models / "tiny" / "predictions.csv", started[0][-1])
    write_marker(folder, index_folder(folder)["sha256"])
    page.run()
    assert "<strong>These films are synthetic" in html(page)


def test_a_folder_that_may_not_be_opened_is_refused_in_words(models):
    page = opened()
    page.text_input(key="metrics.folder").set_value("/etc").run()
    page.button(key="metrics.begin").click().run()
    assert "leads elsewhere" in page.error[0].value


def test_another_screen_may_ask_for_a_model(models):
    altered(models, "other", lambda table: table)
    page = opened(measured__model="other")
    assert page.selectbox(key="metrics.model").value == "other"
    assert state.measured_model.key == "measured.model"


def test_choice_keeps_thresholds_within_0_and_1():
    st.session_state.clear()
    state.set_threshold("one", 1.7)
    assert state.threshold("one", 0.5) == 1.0
    assert state.threshold("two", 0.5) == 0.5

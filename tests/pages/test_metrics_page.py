"""The Metrics page: empty, filled, one class, damaged, measured on the spot, compared, exported."""

import io
import json
import shutil
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from pages.ui import cache, state
from pages.ui.metrics import choice, evaluations, films, words
from pages.ui.metrics.cells import cells_of
from pages.ui.metrics.decisions import three_ways_html, worth
from pages.ui.metrics.difference import chance, difference_html, p_words
from pages.ui.metrics.disagreements import disagreement_table
from pages.ui.metrics.exports import figures_now, tables_zip
from pages.ui.metrics.film import facts_html, verdict_html
from pages.ui.metrics.groups import rows_of
from pages.ui.metrics.looks import table as looks_table
from pages.ui.metrics.measures import measure
from pages.ui.metrics.stress import worst_first
from pages.ui.metrics.subject import measured_subject, own_subject, with_sizes
from pages.ui.metrics.whereabouts import whereabouts
from pneumo_core import DISCLAIMER
from pneumo_core.bundle import OperatingPoints, load_bundle
from pneumo_core.bundle.integrity import write_sums
from pneumo_core.config import load_settings
from pneumo_core.films.catalogue import open_catalogue
from pneumo_core.films.sources import remember_source
from pneumo_core.metrics.counts import Confusion
from pneumo_core.review.compare import Contender, compare
from pneumo_core.review.ledger import Look
from pneumo_core.review.report import build_report

ROOT = Path(__file__).resolve().parents[2]
POINTS = OperatingPoints(screening=0.2, balanced=0.5, ruling_in=0.8)


@pytest.fixture
def models(tiny_models_dir, tmp_path, monkeypatch):
    """A folder with "tiny" in service, in an installation that has seen nothing else."""
    folder = shutil.copytree(tiny_models_dir, tmp_path / "models")
    monkeypatch.setenv("PNEUMO_MODELS", str(folder))
    monkeypatch.setenv("PNEUMO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PNEUMO_DATA_ROOTS", str(tmp_path))
    st.cache_data.clear()
    st.cache_resource.clear()
    yield folder
    st.cache_resource.clear()


@pytest.fixture
def folder(models, tiny_predictions, tmp_path):
    """The 60 films of the tiny predictions, as bright as they are suspicious, looked through."""
    place = tmp_path / "films"
    for row in tiny_predictions.itertuples():
        path = place / row.film
        path.parent.mkdir(parents=True, exist_ok=True)
        grey = np.full((64, 80), round(255 * row.p_pneumonia), np.uint8)
        Image.fromarray(grey).save(path)
    remember_source("folder", place, settings=load_settings())
    open_catalogue(place, settings=load_settings())
    return place


def altered(models, name, change):
    """Another model beside "tiny", with other predictions."""
    place = shutil.copytree(models / "tiny", models / name)
    table = pd.read_csv(place / "predictions.csv", keep_default_na=False)
    change(table).to_csv(place / "predictions.csv", index=False)
    card = json.loads((place / "card.json").read_text("utf-8"))
    (place / "card.json").write_text(json.dumps(card | {"name": name}), "utf-8")
    write_sums(place)
    return load_bundle(name, models_dir=models)


def shuffled(table):
    """Every third film is told wrongly."""
    wrong = np.arange(len(table)) % 3 == 0
    table["p_pneumonia"] = np.where(wrong, 1 - table["p_pneumonia"], table["p_pneumonia"])
    table["p_normal"] = 1 - table["p_pneumonia"]
    return table


def opened(**remembered):
    page = AppTest.from_file(str(ROOT / "pages" / "metrics.py"), default_timeout=60)
    for key, value in remembered.items():
        page.session_state[key.replace("__", ".")] = value
    page.run()
    assert not page.exception
    return page


def html(page):
    return "\n".join(element.proto.body for element in page.get("html"))


def subject_of(models, name="tiny"):
    return own_subject(load_bundle(name, models_dir=models))


def test_without_a_model_the_page_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PNEUMO_MODELS", str(tmp_path))
    page = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    page.switch_page("pages/metrics.py").run()
    assert not page.exception
    assert "There is no model to measure yet." in html(page)
    assert page.get("page_link")[0].proto.label == "Train a model"


def test_the_figures_come_with_intervals_and_what_they_are_of(models, tiny_predictions):
    page = opened()
    shown = html(page)
    sick = tiny_predictions["label"] == "pneumonia"
    found = int((sick & (tiny_predictions["p_pneumonia"] >= 0.5)).sum())
    assert "✓ threshold locked on validation (balanced point)" in shown
    assert "validation: thresholds were chosen on these films" in shown
    assert "This is not a test." in shown
    assert f"<strong>{100 * found / 40:.1f} %</strong>" in shown
    assert "of 40 pneumonia films" in shown
    assert "60 films of 30 patients, its own validation films: 20 normal, 40 pneumonia" in shown
    assert "called back for nothing" in shown
    assert not page.error
    assert len(page.get("plotly_chart")) == 4


def test_another_threshold_is_exploring_and_there_is_a_way_back(models):
    key = subject_of(models).key
    page = opened(metrics__at=(key, 0.31))
    assert "◆ exploring: these figures are not a test" in html(page)
    assert "You are exploring." in html(page)
    page.button(key="metrics.lock").click().run()
    assert "✓ threshold locked on validation (balanced point)" in html(page)
    page = opened(metrics__at=(key, 0.8))
    assert "✓ threshold locked on validation (ruling in point)" in html(page)
    page = opened(metrics__at=("another model", 0.31))
    assert "balanced point" in html(page)


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
        "These films are all of one class: there is nothing to tell apart, and so no curve."
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
    assert "Until then its figures cannot be trusted." in error.value
    assert "spoilt 1.0 (damaged)" in page.selectbox(key="metrics.model").options[1]
    assert not page.get("plotly_chart")


def test_predictions_that_are_none_are_told(models):
    altered(models, "bad", lambda table: table.assign(p_pneumonia=7))
    page = opened(measured__model="bad")
    assert "p_pneumonia within 0 and 1" in page.error[0].value


@pytest.mark.parametrize(
    "name", ["Subgroups", "Decisions", "Disturbed films", "Compare", "Looks at test films"]
)
def test_every_part_says_something(models, name):
    page = opened(metrics__part=name)
    assert not page.error
    said = {
        "Subgroups": lambda: "sensitivity by group" in html(page),
        "Decisions": lambda: "Three answers" in html(page) and "of 1,000, " in html(page),
        "Disturbed films": lambda: "says nothing of disturbed films" in page.info[-1].value,
        "Compare": lambda: "There is one model only." in page.info[-1].value,
        "Looks at test films": lambda: "Nobody has measured" in page.info[-1].value,
    }
    assert said[name]()


def test_films_that_are_not_here_are_asked_for(models, tmp_path):
    page = opened()
    assert "The films themselves are not known here" in page.info[0].value
    page.text_input(key="metrics.where.typed").set_value("/no/such/place")
    page.button[-1].click().run()
    assert "Expected a folder" in page.error[0].value


def test_the_gallery_shows_the_worst_errors_first(models, folder):
    subject = subject_of(models)
    of = films.cells(measure(subject.table, POINTS), 0.3)
    assert sum(len(of[name]) for name in ("found", "missed", "false alarms", "cleared")) == 60
    for name, rising in (("missed", True), ("false alarms", False)):
        p = of[name]["p_pneumonia"].tolist()
        assert p == sorted(p, reverse=not rising)
    place = whereabouts(subject, load_settings())
    assert len(place.rows) == 60
    (tile, *_) = films.tiles(of["cleared"], place)
    assert tile.picture.startswith("data:image/jpeg")
    assert (tile.sign, tile.kind, tile.aspect) == ("●", "normal", 1.25)
    assert tile.caption == f"normal: {100 * of['cleared']['p_pneumonia'].iloc[0]:.1f} %"
    assert opened().info == []


def test_a_film_opens_with_the_map_and_the_truth(models, folder, monkeypatch, reading):
    subject = subject_of(models)
    worst = films.cells(measure(subject.table, POINTS), 0.5)["missed"]["film"].iloc[0]
    asked = iter([worst])
    monkeypatch.setattr(films, "show_gallery", lambda *_, **__: next(asked, None))
    shown = reading(0.3, pixels=np.zeros((64, 80), np.uint8))
    reader = SimpleNamespace(read_bytes=lambda _: shown)
    monkeypatch.setattr(cache, "reader_of", lambda _: reader)
    page = opened()
    told = html(page)
    assert "Pneumonia, missed" in told
    assert "below the threshold of 50.0 %" in told
    assert "mostly the left upper zone" in told
    assert "Read now it is 30.0 %." in told
    assert "80 × 64 pixels" in told
    assert not page.error


def test_sizes_become_subgroups_where_the_folder_is_known(models, folder):
    subject = subject_of(models)
    place = whereabouts(subject, load_settings())
    sized = with_sizes(subject, place.catalogue, place.rows)
    assert set(sized.table["width"]) == {80}
    assert sized.key != subject.key
    assert with_sizes(subject, None, ()) is subject


def test_groups_say_how_few_films_they_have(models):
    rows = rows_of(measure(subject_of(models).table, POINTS), 0.5, "sensitivity")
    assert [(row.name, row.films, row.few) for row in rows] == [
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
    assert "hardly chance" in shown
    assert "They disagree on 20 of 60 films" in shown


def test_models_without_a_common_film_are_not_compared(models):
    altered(models, "apart", lambda table: table.assign(film="x/" + table["film"]))
    page = opened(metrics__part="Compare")
    page.multiselect(key="metrics.others").set_value(["apart"]).run()
    assert "there is none" in page.error[0].value


def test_the_report_is_made_when_asked_for(models):
    page = opened(metrics__part="Take along")
    assert len(page.get("download_button")) == 1
    page.button(key="metrics.make").click().run()
    assert not page.exception
    labels = [one.proto.label for one in page.get("download_button")]
    assert labels[:4] == [
        "Report (HTML)",
        "Report (PDF)",
        "Every table (CSV)",
        "Every table (JSON)",
    ]
    made = page.session_state["metrics.report"]
    assert made.pdf.startswith(b"%PDF")
    assert DISCLAIMER in made.html.decode()
    assert json.loads(made.json)["disclaimer"] == DISCLAIMER


def test_exports_carry_the_disclaimer_and_what_the_figures_may_be_called(models):
    subject = subject_of(models)
    measures = measure(subject.table, POINTS)
    report = build_report(subject.bundle, subject.table, subject.standing, films=subject.films)
    with zipfile.ZipFile(io.BytesIO(tables_zip(report))) as archive:
        assert DISCLAIMER in archive.read("README.txt").decode()
        assert "subgroups.csv" in archive.namelist()
    now = figures_now(subject, measures, measures.at(1.0, 0.2))
    assert now["threshold_is"] == words.EXPLORING
    assert now["disclaimer"] == DISCLAIMER
    assert now["figures"]["ppv"]["value"] is None  # nothing is called: no NaN in JSON
    assert json.dumps(now, allow_nan=False)


def test_a_folder_is_measured_as_a_job_and_its_films_are_shown(models, folder, monkeypatch):
    started = []
    monkeypatch.setattr(evaluations, "start_job", lambda _, asked, **__: started.append(asked))
    page = opened()
    page.text_input(key="metrics.folder").set_value(str(folder)).run()
    page.button(key="metrics.begin").click().run()
    assert not page.exception
    (asked,) = started
    assert asked[:6] == ["evaluate", str(folder), "--split", "test", "--model", "tiny"]
    shutil.copy(models / "tiny" / "predictions.csv", asked[-1])
    (one,) = evaluations.evaluations(load_bundle("tiny"), settings=load_settings())
    assert one.films == "the split test of films"
    assert evaluations.is_done(one, settings=load_settings())
    subject = measured_subject(load_bundle("tiny"), one, load_settings())
    assert subject.standing.kind == "validation"
    assert set(subject.table["width"]) == {80}
    page.run()
    assert page.selectbox(key="metrics.films").options == [
        "Its own validation films",
        "The split test of films",
    ]
    assert "the split test of films: 20 normal, 40 pneumonia" in html(page)


def test_a_folder_that_may_not_be_opened_is_refused_in_words(models):
    page = opened()
    page.text_input(key="metrics.folder").set_value("/etc").run()
    page.button(key="metrics.begin").click().run()
    assert "leads elsewhere" in page.error[0].value


def test_another_screen_may_ask_for_a_model(models):
    altered(models, "other", lambda table: table)
    page = opened(measured__model="other")
    assert page.selectbox(key="metrics.model").value == "other"
    assert state._MEASURED == "measured.model"


def test_cells_are_right_on_the_left_and_wrong_on_the_right():
    tiles = cells_of(Confusion(tp=8, fp=3, tn=7, fn=2))
    assert [(one.name, one.count, one.of, one.wrong) for one in tiles] == [
        ("found", 8, 10, False),
        ("missed", 2, 10, True),
        ("cleared", 7, 10, False),
        ("false alarms", 3, 10, True),
    ]


def test_differences_are_told_from_the_side_of_the_better_one(models):
    own = subject_of(models)
    worse = own.table.copy().pipe(shuffled)
    found = compare([Contender("w", worse, 0.5), Contender("b", own.table, 0.5)], rounds=50)
    told = difference_html(found.pairs[0])
    assert "b ranks better by" in told
    assert "w finds more" not in told
    assert (chance(0.2), chance(0.01)) == ("this could well be chance", "hardly chance")
    assert chance(float("nan")) == "whether this is chance cannot be told"
    assert (p_words(0.0001), p_words(0.031)) == ("< 0.001", "= 0.031")
    table = disagreement_table(found.disagreements, ["w", "b"])
    assert set(table["right"]) <= {"w", "b"}


def test_the_worst_disturbance_comes_first_and_lungless_films_are_not_drawn():
    rows = [
        {"name": "as they are", "cost_sensitivity": 0.0},
        {"name": "blur", "cost_sensitivity": 0.5, "cost_specificity": 0.1, "keeps_lungs": True},
        {"name": "crop", "cost_sensitivity": 0.1, "cost_specificity": 4.0, "keeps_lungs": True},
        {"name": "lungs black", "cost_sensitivity": 90.0, "keeps_lungs": False},
    ]
    from pneumo_core.metrics.shift import CLEAN

    rows[0]["name"] = CLEAN
    assert [row["name"] for row in worst_first(rows)] == [CLEAN, "crop", "blur"]


def test_looks_are_listed_the_latest_first():
    figures = {"sensitivity": 0.9, "sensitivity_low": 0.8, "sensitivity_high": 0.95}
    past = [
        Look(f"2026-01-0{day}T10:00:00+00:00", "1.0", "d", "f", "test", 70, figures, "0.1")
        for day in (1, 2)
    ]
    table = looks_table(past)
    assert table["when (UTC)"].tolist() == ["2026-01-02 10:00", "2026-01-01 10:00"]
    assert table["sensitivity"].iloc[0] == "90.0 % [80.0–95.0]"
    assert table["AUC"].iloc[0] is None


def test_words_of_strangers_stay_words(models):
    row = SimpleNamespace(
        label="normal", p_pneumonia=0.9, subtype="normal", group="<b>", split="x", film="<i>.png"
    )
    assert "Normal, a false alarm" in verdict_html(row, 0.5)
    assert "<b>" not in facts_html(row, {})
    assert "&lt;i&gt;.png" in facts_html(row, {})


def test_what_calls_are_worth_is_compared_with_calling_every_child(models):
    measures = measure(subject_of(models).table, POINTS)
    assert "calling none (0)" in worth(measures, measures.at(0.5, 0.2))
    assert "calling every child" in worth(measures, measures.at(0.1, 0.2))
    assert worth(measures, measures.at(1.0, 0.2)) == ""
    assert "<th>▲ pneumonia</th>" in three_ways_html(measures.summary.three_way)


def test_choice_keeps_thresholds_within_0_and_1():
    st.session_state.clear()
    choice.move("one", 1.7)
    assert choice.threshold("one", 0.5) == 1.0
    assert choice.threshold("two", 0.5) == 0.5

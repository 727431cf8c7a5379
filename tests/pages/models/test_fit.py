"""Fit to this hospital, on the Models screen."""

import pytest

from pages.ui.models import fit
from pneumo_core.bundle import load_bundle
from pneumo_core.bundle.write import write_fitted
from pneumo_core.evaluation.fitted_bundle import fitted_card, pseudonymous
from pneumo_core.evaluation.local_fit import fit_locally
from pneumo_core.metrics.operating_points import Aims
from tests.evaluation.test_local_fit import films
from tests.pages.models.models_page import html, opened


@pytest.fixture
def started(monkeypatch, tmp_path):
    """What `start_job` was called with; folders of the test may be opened."""
    monkeypatch.setenv("PNEUMO_DATA_ROOTS", str(tmp_path))
    found = []
    monkeypatch.setattr(fit, "start_job", lambda *words, **more: found.append((words, more)))
    return found


@pytest.fixture
def folder(tmp_path):
    """31 normal films, 30 of pneumonia, and one of a class that is not known: listed, not read."""
    found = tmp_path / "films"
    names = [f"NORMAL/{n}.png" for n in range(31)] + [f"PNEUMONIA/x{n}.png" for n in range(30)]
    for name in (*names, "COVID/c.png"):
        (found / name).parent.mkdir(parents=True, exist_ok=True)
        (found / name).write_bytes(b"x")
    return found


def form(page):
    page.button(key="models.tofit.tiny").click().run()
    return page


def test_the_form_starts_a_job_with_what_was_asked_for(models, started, folder):
    page = form(opened())
    page.text_input(key="models.fit.folder").set_value(str(folder))
    page.text_input(key="models.fit.site").set_value("St Mary")
    page.number_input(key="models.fit.sensitivity").set_value(97.5)
    page.number_input(key="models.fit.miss").set_value(5.0)
    page.number_input(key="models.fit.prevalence").set_value(20.0)
    page.run()
    shown = html(page)
    assert "Labels: the names of the folders" in shown
    assert "<strong>61 films</strong> (patients not known)" in shown
    assert ": 31 ● normal · 30 ■ pneumonia, subtype unknown<" in shown
    assert "· left out: 1" in shown
    assert not page.warning
    page.button(key="models.fit.begin").click().run()
    assert not page.exception
    ((kind, words), more) = started[0]
    assert kind == "calibrate"
    assert words == [
        *("calibrate", str(folder), "--model", "tiny", "--name", "tiny-here", "--site=St Mary"),
        *("--sensitivity", "0.975", "--specificity", "0.95"),
        *("--miss-cost", "5", "--prevalence", "0.2"),
    ]
    assert more["key"] == "tiny-here"


def test_a_promise_takes_the_place_of_both_rates(models, started, folder):
    page = form(opened())
    page.text_input(key="models.fit.folder").set_value(str(folder))
    page.checkbox(key="models.fit.promise").check().run()
    page.button(key="models.fit.begin").click().run()
    assert started[0][0][1][-2:] == ["--coverage", "0.95"]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("folder", "/nowhere/at/all", "leads elsewhere"),
        ("name", "other", "Expected a new model name, but other exists"),
        ("name", "No Name", "small letters, digits"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_starts(
    models, started, folder, *, key, value, message
):
    page = form(opened())
    page.text_input(key="models.fit.folder").set_value(str(folder))
    page.text_input(key=f"models.fit.{key}").set_value(value)
    page.button(key="models.fit.begin").click().run()
    assert message in page.error[0].value
    assert not started


def test_a_table_that_is_not_understood_leads_to_its_labels(models, started, folder, monkeypatch):
    for film in (*folder.glob("PNEUMONIA/*"), *folder.glob("NORMAL/*")):
        film.rename(folder / film.name)
    (folder / "t.csv").write_text("name,dx\n0.png,0\n1.png,1\n", "utf-8")
    went = []
    monkeypatch.setattr("streamlit.switch_page", went.append)
    page = form(opened())
    page.text_input(key="models.fit.folder").set_value(str(folder)).run()
    assert "found no such films" in page.warning[0].value
    page.button(key="models.fit.begin").click().run()
    assert not started
    page.button(key="models.fit.labels").click().run()
    assert went == ["pages/dataset.py"]
    assert page.session_state["dataset.candidate"] == ("folder", folder)
    assert page.session_state["dataset.labels-return"] == "pages/models.py"


def test_a_folder_can_be_picked_step_by_step(models, started, folder):
    page = form(opened())
    page.text_input(key="models.fit.folder").set_value(str(folder.parent)).run()
    page.selectbox(key="models.fit.folder.pick").select(folder.name).run()
    assert page.text_input(key="models.fit.folder").value == str(folder)
    page.button(key="models.fit.begin").click().run()
    assert started[0][0][1][1] == str(folder)


def test_too_few_films_are_told_before_the_fit(models, started, folder):
    (folder / "PNEUMONIA" / "x0.png").unlink()
    page = form(opened())
    page.text_input(key="models.fit.folder").set_value(str(folder)).run()
    assert "here are 31 normal and 29 with pneumonia" in page.warning[0].value


def test_before_and_after_and_the_films_still_needed_are_shown(models):
    parent = load_bundle("tiny", models_dir=models)
    table = films()
    found = fit_locally(parent, table, table["p_pneumonia"].to_numpy(), Aims())
    made = write_fitted(
        parent,
        name="fitted",
        card=fitted_card(parent, found, site="St Mary", months=()),
        predictions=pseudonymous(found.table),
        sha256=[],
    )
    shown = fit.before_after(made.card.fitted_to)
    assert "<th>before</th><th>after</th>" in shown
    assert "<th>AUC (ranking, unchanged)</th>" in shown
    assert f">{found.after.figures.ece:.3f}</span></td>" in shown
    assert fit.needed_words(made) == [one.words for one in found.needed]
    assert fit.needed_words(parent) == []
    page = opened()
    assert "140 films of St Mary; from tiny 1.0" in html(page)

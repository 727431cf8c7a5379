"""A reader study on the page: read blinded in random order, then with help; results and export."""

import json

import pytest

from pages.ui.diagnose import study
from pneumo_core.config import load_settings
from pneumo_core.readings.reader_study import make_study, studies
from tests.pages.conftest import make_reading
from tests.pages.diagnose.test_verdict import answer
from tests.pages.seen import button, html_of, no_trace


class FilmReader:
    """The model of a study: P(pneumonia) is the mean grey level."""

    def __init__(self, bundle):
        self.bundle = bundle

    def read_path(self, path):
        from pneumo_core.imaging.decode import decode

        film = decode(path.read_bytes())
        p = float(film.pixels.mean()) / 255
        return make_reading(p, pixels=film.pixels, facts=film.facts)


@pytest.fixture
def five(tmp_path, png, bundle):
    """A study of five films, two of them normal."""
    root = tmp_path / "class"
    for label, greys in (("NORMAL", (20, 30)), ("PNEUMONIA", (200, 210, 220))):
        (root / label).mkdir(parents=True)
        for grey in greys:
            (root / label / f"{label[0]}{grey}.png").write_bytes(png(grey))
    folder = load_settings().readings_dir / "studies"
    return make_study(root, FilmReader(bundle), studies_dir=folder, seed=3)


@pytest.fixture
def saved(monkeypatch):
    """What is offered for download, by its label."""
    found = {}
    monkeypatch.setattr(
        study.st, "download_button", lambda label, data, *_, **__: found.update({label: data})
    )
    return found


@pytest.fixture
def opened(page, five, viewer):
    page.session_state["studies"] = True
    page.run()
    button(page, "Open the study").click().run()
    return page


def say(page, finding, label):
    answer(page, finding=finding)
    button(page, label).click().run()


def test_five_films_are_read_blinded_then_with_help_and_evaluated(opened, five, viewer, saved):
    page = opened
    assert "Type your name" in page.info[0].value
    page.text_input(key="study.reader").set_value("Ada").run()
    order = five.order("Ada")
    assert "Film 1 of 5, without the model" in html_of(page)
    assert viewer.data["levels"] == ""
    assert "NORMAL" not in html_of(page)
    for at, film in enumerate(order):
        say(page, "normal", "Save and show the model's answer")
        assert f"Film {at + 1} of 5, with the model" in html_of(page)
        assert viewer.data["levels"] != ""
        assert viewer.data["film"]
        assert film.film not in str(viewer.data)
        say(page, film.label, "Save, next film")
    assert [one.value for one in page.success] == ["All 5 films are read. Thank you."]
    page.segmented_control(key="study.view").set_value("Results").run()
    shown = html_of(page)
    assert "5 films, 3 with pneumonia" in shown
    assert "<td>Ada</td><td>without the model</td><td>5</td><td>0.0\xa0% [0.0–56.1]" in shown
    assert "<td>Ada</td><td>with the model</td><td>5</td><td>100.0\xa0% [43.9–100.0]" in shown
    assert "Ada, sensitivity with the model's help: +100.0" in shown
    assert len(page.get("plotly_chart")) == 1
    assert json.loads(saved["Results (JSON)"])["n"] == 5
    assert saved["Answers (CSV)"].count(b"\r\n") == 11
    assert no_trace(page)


def test_a_finding_is_needed_and_an_interrupted_reader_goes_on(opened, five):
    page = opened
    page.text_input(key="study.reader").set_value("Ada").run()
    button(page, "Save and show the model's answer").click().run()
    assert page.error[0].value == "Expected your finding, got none. Choose one, then save."
    say(page, "pneumonia", "Save and show the model's answer")
    button(page, "Close the study").click().run()
    assert "Drop a frontal chest film above" in html_of(page)
    button(page, "Open the study").click().run()
    assert "Film 1 of 5, with the model" in html_of(page)
    page.segmented_control(key="study.view").set_value("Results").run()
    assert "<td>1</td>" in html_of(page)


def test_a_film_that_has_gone_is_said_without_its_name(opened, five):
    page = opened
    for path in five.root.rglob("*.png"):
        path.unlink()
    page.text_input(key="study.reader").set_value("Ada").run()
    assert page.warning[0].value == study.CANNOT_SHOW
    assert no_trace(page)


def test_a_study_is_set_up_by_a_job_and_a_wrong_folder_is_said(page, monkeypatch, tmp_path):
    started = []
    page.session_state["studies"] = True
    page.run()
    button(page, "Set up a study").click().run()
    assert page.error[0].value.startswith("Expected a folder of films, got nothing.")
    monkeypatch.setenv("PNEUMO_DATA_ROOTS", str(tmp_path))
    (tmp_path / "films" / "NORMAL").mkdir(parents=True)
    (tmp_path / "films" / "PNEUMONIA").mkdir()
    for name in ("NORMAL/a.png", "PNEUMONIA/b.png"):
        (tmp_path / "films" / name).write_bytes(b"x")
    monkeypatch.setattr(
        "pneumo_core.jobs.job.start_job", lambda *a, **k: started.append((*a, k["key"]))
    )
    page.text_input(key="study.folder").set_value(str(tmp_path / "films"))
    button(page, "Set up a study").click().run()
    folder = str(tmp_path / "films")
    wanted = ["reader-study", folder, "--films", "20", "--seed", "0", "--json"]
    assert started == [("reader-study", wanted, f"{folder} 20 0")]
    assert studies(load_settings().readings_dir / "studies") == []

"""The Dataset page, run by Streamlit's own tester: empty and filled."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import streamlit as st

from pages.ui import cache
from pages.ui.components import gallery
from pages.ui.dataset.filters import OneOf
from pneumo_core import DISCLAIMER
from pneumo_core.dataset.catalogue import open_catalogue
from pneumo_core.dataset.sources import data_dir, remember_source, remembered_source
from pneumo_core.errors import DataSetError
from pneumo_core.jobs.status import Status
from tests.pages.seen import button, click_twice, html_of, no_trace

FILMS = 48  # of the data set of conftest.py


# Empty


def test_an_empty_page_leads_on_with_one_sentence_and_one_button(page):
    page.run()
    html = html_of(page)
    assert "Look at the data before you train on it." in html
    assert DISCLAIMER.rstrip(".") in html
    assert button(page, "Try 400 synthetic films").proto.type == "primary"
    assert page.segmented_control[0].value == "folder"
    assert not page.get("plotly_chart")
    assert not page.error
    assert no_trace(page)


def test_synthetic_films_are_drawn_as_a_job_and_then_looked_at(page, settings, jobs, demo):
    button(page.run(), "Try 400 synthetic films").click().run()
    path = data_dir(settings) / "synthetic-400"
    assert jobs.started == [("demo-data", str(path), "--films", "400")]
    assert "Making synthetic films: films" in page.get("progress")[0].proto.text
    assert not page.segmented_control
    shutil.copytree(demo, path)
    jobs.status = Status("done")
    page.run()
    assert remembered_source(settings=settings).path == path
    assert jobs.started[-1] == ("audit", str(path))
    assert no_trace(page)


@pytest.mark.parametrize("label", ["Try 400 synthetic films", "Download from Kaggle"])
def test_a_double_click_starts_one_job_even_where_the_first_has_failed(page, jobs, label):
    page.run().segmented_control[0].set_value("kaggle").run()
    jobs.status = Status("failed", message="Expected a network, got none.")
    click_twice(page, button(page, label))
    assert len(jobs.started) == 1
    assert no_trace(page)


def test_the_kaggle_data_set_is_fetched_as_a_job_and_its_failure_told(page, settings, jobs):
    page.run().segmented_control[0].set_value("kaggle").run()
    button(page, "Download from Kaggle").click().run()
    command, path = jobs.started[0]
    assert command == "fetch-data"
    assert Path(path).is_relative_to(data_dir(settings))
    jobs.status = Status("failed", message="Expected a network, got none. Try again.")
    page.run()
    assert "Expected a network, got none. Try again." in page.error[0].value
    assert page.segmented_control
    assert remembered_source(settings=settings) is None
    assert no_trace(page)


# Filled


def test_a_data_set_is_shown_with_facts_charts_findings_and_films(page, full):
    page.run()
    html = html_of(page)
    assert f'<strong>{FILMS}</strong> <span class="">films</span>' in html
    assert '<strong>1</strong> <span class="">duplicate pair</span>' in html
    assert "<strong>demo</strong>" in html
    assert "Pairs of identical files" in html
    assert "Shortcuts: the label predicted without the lungs" in html
    assert f"All {FILMS} films" in html
    assert len(page.get("plotly_chart")) >= 5
    assert str(full.cache_dir) not in html
    assert no_trace(page)


def test_a_second_visit_starts_no_job(page, full, jobs):
    page.run()
    assert jobs.started == []


def test_the_films_of_a_finding_are_shown_and_let_go_again(page, full):
    page.run()
    button(page, "Show the 2 films").click().run()
    assert f'<strong>2</strong> <span class="">of {FILMS} films</span>' in html_of(page)
    chip = page.button(key="dataset.chip.top.0")
    assert chip.label == "Pairs of identical files"
    chip.click().run()
    assert f"All {FILMS} films" in html_of(page)
    assert no_trace(page)


def test_filters_narrow_everything_and_an_empty_choice_says_so(page, full):
    page.run()
    page.button_group(key="dataset.filter.split").set_value(["test"]).run()
    assert page.session_state["dataset.conditions"] == (OneOf("split", ("test",), "split"),)
    page.button_group(key="dataset.filter.label").set_value(["normal"]).run()
    shown = page.session_state["dataset.conditions"]
    assert [one.words for one in shown] == ["split: test", "class: normal"]
    page.text_input(key="dataset.filter.name").set_value("nobody").run()
    assert "No film matches all filters. Remove one." in html_of(page)
    page.button(key="dataset.all.top").click().run()
    assert page.session_state["dataset.conditions"] == ()
    assert no_trace(page)


def test_another_data_set_begins_with_all_its_films(page, full):
    page.session_state["dataset.conditions"] = (OneOf("split", ("test",), "split"),)
    page.session_state["dataset.of"] = "another"
    page.run()
    assert page.session_state["dataset.conditions"] == ()


@pytest.fixture
def click(monkeypatch):
    """Films clicked in the gallery, one a run."""
    clicks = []

    def grid(*, data, **_):
        shown = [tile["film"] for tile in data["tiles"]]
        return SimpleNamespace(opened=shown[clicks.pop()] if clicks else None)

    monkeypatch.setattr(gallery, "_grid", grid)
    return clicks.append


def test_a_film_is_opened_with_its_facts_and_read_in_diagnose(
    page, full, reader, click, monkeypatch
):
    opened = []
    monkeypatch.setattr(st, "switch_page", opened.append)
    page.run()
    click(0)
    page.run()
    assert "SHA-256" in html_of(page)
    assert f"1 of {FILMS}" in html_of(page)
    assert len(page.image) == 1
    click(0)  # the tester runs all of the page, and a page does not open a film by itself
    button(page, "Read with the model").click().run()
    assert reader.films == 1
    assert [entry.reading.status for entry in page.session_state["diagnose.films"].values()] == [
        "ok"
    ]
    assert opened == ["pages/diagnose.py"]
    assert no_trace(page)


def test_the_films_of_a_patient_are_one_click_away(page, full, demo, click):
    films = open_catalogue(demo, settings=full).index
    group = films["group"].value_counts().index[0]
    at = films.index[films["group"] == group][0]
    page.run()
    click(at)
    page.run()
    assert f"All {(films['group'] == group).sum()} films of this patient" in html_of(page)
    click(at)
    button(page, "All films of this patient").click().run()
    assert page.session_state["dataset.conditions"] == (OneOf("group", (group,), "patient"),)
    assert no_trace(page)


def test_the_split_by_patient_is_made_and_its_manifest_whole(page, full, demo):
    page.run()
    page.number_input(key="dataset.folds").set_value(2).run()
    button(page, "Make the split").click().run()
    assert "✓ No patient is in two folds." in html_of(page)
    told = html_of(page)
    assert [f"<tr><th>{n}</th><td>" in told for n in (0, 1, 2)] == [True, True, False]
    catalogue = open_catalogue(demo, settings=full)
    manifest = json.loads(cache.manifest_of(catalogue, 2, 7))
    trained = catalogue.index[catalogue.index["split"] != "test"]
    assert [row["film"] for row in manifest["films"]] == trained["film"].tolist()
    assert no_trace(page)


def test_too_many_folds_are_refused_in_words(page, full):
    page.run()
    page.number_input(key="dataset.folds").set_value(20).run()
    button(page, "Make the split").click().run()
    assert "Ask for fewer folds or add films." in page.error[0].value
    assert no_trace(page)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("", "got nothing"),
        ("/etc", "leads elsewhere"),
        ("{demo}/../../../etc", "leads elsewhere"),
        ("{demo}/missing", "where there is nothing"),
    ],
)
def test_a_folder_that_may_not_be_opened_is_refused_in_words(page, settings, demo, typed, told):
    page.run().text_input(key="dataset.typed").set_value(typed.format(demo=demo))
    button(page, "Open").click().run()
    assert told in page.error[0].value
    assert remembered_source(settings=settings) is None
    assert no_trace(page)


def test_a_folder_without_films_is_refused_before_it_is_looked_through(page, settings, jobs, demo):
    empty = demo.parent / "empty"
    empty.mkdir(exist_ok=True)
    page.run().text_input(key="dataset.typed").set_value(str(empty))
    button(page, "Open").click().run()
    assert "found no such films in" in page.error[0].value
    assert jobs.started == []
    assert remembered_source(settings=settings) is None
    assert no_trace(page)


def test_a_look_that_failed_says_so_and_is_begun_again_only_when_asked(page, settings, jobs, demo):
    remember_source("folder", demo, settings=settings)
    page.run()
    assert jobs.started == [("audit", str(demo))]
    jobs.status = Status("failed", message="Expected the disk to answer.")
    page.run()
    assert page.error[0].value.endswith("Expected the disk to answer.")
    assert page.text_input(key="dataset.typed")
    page.run()
    assert len(jobs.started) == 1
    click_twice(page, button(page, "Try again"))
    assert len(jobs.started) == 2
    assert no_trace(page)


def test_a_folder_that_has_gone_is_told_of_and_leads_back_to_the_start(page, settings, demo):
    gone = demo.parent / "gone"
    gone.mkdir()
    remember_source("folder", gone, settings=settings)
    gone.rmdir()
    page.run()
    assert "The data set opened last cannot be opened" in page.warning[0].value
    assert "where there is nothing" in page.warning[0].value
    assert "Look at the data before you train on it." in html_of(page)
    assert no_trace(page)


def test_a_film_that_changed_or_left_its_folder_is_refused(demo, tmp_path):
    (tmp_path / "film.jpeg").write_bytes(b"other bytes")
    for film in ("film.jpeg", "missing.jpeg", "../film.jpeg"):
        with pytest.raises(DataSetError, match="it has changed or is missing"):
            cache.film_bytes(tmp_path, film, "0" * 64)

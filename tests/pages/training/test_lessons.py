"""The lessons on the Training screen: story, films, Start, progress, figure and paragraph."""

import json
import os

import pytest

from pages.ui.training import lessons
from pneumo_core.dataset.sources import remember_source
from pneumo_core.jobs.job import process_created
from pneumo_core.jobs.status import Status, write_status
from pneumo_core.training.lessons.outcome import Dot, Outcome, keep_outcome, outcome_file
from tests.pages.seen import button, click_twice, html_of, no_trace
from tests.pages.training.training_runs import make_run

FOUND = Outcome(
    "transfer",
    "synthetic films",
    (
        Dot("32 films", "from scratch", 0.6, 0.5, 0.7, 200, 200),
        Dot("32 films", "transfer", 0.9, 0.85, 0.95, 200, 200),
    ),
    "So it is as expected.",
    trained="A network at 96 px.",
    notes=("2 films could not be read.",),
    seconds=70,
)


@pytest.fixture
def asked(monkeypatch):
    """The jobs that were asked for; none is started."""
    jobs = []
    monkeypatch.setattr(
        lessons, "start_job", lambda kind, words, **options: jobs.append((kind, words, options))
    )
    return jobs


def stories(page):
    return " ".join(one.value for one in page.markdown)


def test_a_lesson_tells_what_it_tries_and_starts_once(page, started, asked):
    page.run()
    assert "One network is trained twice on the same films" in stories(page)
    click_twice(page, button(page, "Start the lesson"))
    ((kind, words, options),) = asked
    assert (kind, words, options["key"]) == ("lesson", ["lesson", "transfer"], "transfer synthetic")
    page.segmented_control(key="training.lesson").set_value("borders").run()
    assert "Synthetic films get a white marker at the upper edge" in stories(page)
    assert no_trace(page)


def test_a_folder_that_is_open_can_be_taken_instead(page, films, started, asked, settings):
    remember_source("folder", films, settings=settings)
    page.run()
    page.segmented_control(key="training.lesson").set_value("borders").run()
    page.segmented_control(key="training.lesson.films").set_value("folder").run()
    assert "white marker" not in stories(page)
    button(page, "Start the lesson").click().run()
    assert asked[0][1] == ["lesson", "borders", str(films)]
    assert no_trace(page)


def test_what_was_found_is_a_figure_and_a_paragraph(page, started, settings):
    keep_outcome(FOUND, outcome_file("transfer", None, settings))
    page.run()
    assert len(page.get("plotly_chart")) == 1
    assert "So it is as expected." in stories(page)
    assert "2 films could not be read." in [one.value for one in page.warning]
    assert "Synthetic films. A network at 96 px. Intervals: 95 %" in html_of(page)
    assert "Synthetic films say nothing about real ones." in html_of(page)
    assert no_trace(page)


def test_none_starts_while_a_run_or_another_lesson_is_in_progress(page, started, settings):
    make_run(settings)
    page.run()
    assert button(page, "Start the lesson").disabled
    assert "Not while a run is in progress." in [one.value for one in page.caption]


def test_the_progress_of_a_lesson_is_shown_after_a_reload(page, started, settings):
    folder = settings.jobs_dir / "lesson.20261126-000000-000000-aaaa"
    folder.mkdir(parents=True)
    facts = {"kind": "lesson", "key": "leak synthetic", "arguments": [], "pid": os.getpid()}
    facts["created"] = process_created(os.getpid())
    (folder / "job.json").write_text(json.dumps(facts))
    write_status(folder, Status("running", phase="films", done=30, total=90))
    page.run()
    assert button(page, "Start the lesson").disabled
    page.segmented_control(key="training.lesson").set_value("leak").run()
    assert [one.label for one in page.button if one.label == "Start the lesson"] == []
    words = page.get("progress")[0].proto.text
    assert words == "The leak: split by image or by patient: films, 30 of 90"
    write_status(folder, Status("failed", message="Expected films of at least 24 patients."))
    page.run()
    assert "at least 24 patients" in page.error[0].value
    assert button(page, "Start the lesson")
    assert no_trace(page)


def test_the_figure_begins_at_chance_where_every_interval_allows(settings):
    assert lessons.figure_of(FOUND).layout.xaxis.range == (0.4, 1.0)
    low = Outcome("leak", "f", (Dot("a", "b", 0.3, 0.2, 0.4, 9, 9),), "")
    assert lessons.figure_of(low).layout.xaxis.range == (0.0, 1.0)

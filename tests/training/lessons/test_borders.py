"""Borders alone: the planted marker, what is hidden, and the words."""

import numpy as np
import pytest

from pneumo_core.config import Settings
from pneumo_core.errors import TrainingError
from pneumo_core.perturbations import perturb
from pneumo_core.training.lessons import borders, lesson
from pneumo_core.training.lessons.borders import BORDERS, CONTROL, MOVED, WHOLE, planted, words
from pneumo_core.training.lessons.films import LessonFilms, Wanted
from pneumo_core.training.lessons.outcome import Dot, outcome_file, read_outcome


@pytest.fixture
def films():
    patients = np.arange(300)
    return LessonFilms("f", np.full((300, 64, 64), 90, np.uint8), patients % 2, patients)


def brightness(_recipe, pixels, labels, rows, measured, *, report):
    """Learns one thing: whether the border of pneumonia films is brighter."""
    report("train", 1, 1, "")
    level = pixels.mean(axis=(1, 2))
    means = [level[rows][labels[rows] == one].mean() for one in (0, 1)]
    return np.sign(means[1] - means[0]) * measured.mean(axis=(1, 2))


def test_the_marker_is_on_most_pneumonia_films_and_outside_the_lungs(films):
    marked = planted(films.pixels, films.labels)
    has = (marked != films.pixels).any(axis=(1, 2))
    assert has[films.labels == 1].mean() == pytest.approx(0.9, abs=0.06)
    assert has[films.labels == 0].mean() == pytest.approx(0.1, abs=0.06)
    hidden = perturb(marked, "lungs black")
    assert ((hidden == 255).any(axis=(1, 2)) == has).all()
    assert (hidden[:, 16:48, 16:48] == 0).all()


def test_on_synthetic_films_the_network_falls_with_the_marker(films, monkeypatch):
    monkeypatch.setattr(borders, "learnt_scores", brightness)
    found = borders.teach_borders(films, lambda *_: None)
    at = {one.name: one for one in found.dots}
    assert list(at) == [WHOLE, BORDERS, MOVED, CONTROL]
    assert at[BORDERS].value == pytest.approx(0.9, abs=0.06)
    assert at[MOVED].value == pytest.approx(0.1, abs=0.06)
    assert at[CONTROL].low < 0.5 < at[CONTROL].high
    assert "it had learnt the marker" in found.words


def test_real_films_get_no_marker(films, monkeypatch):
    seen = []

    def learnt(recipe, pixels, *rest, report):
        seen.append(pixels)
        return brightness(recipe, pixels, *rest, report=report)

    monkeypatch.setattr(borders, "learnt_scores", learnt)
    real = LessonFilms("f", films.pixels, films.labels, films.patients, hashes=(("a", "b"),))
    found = borders.teach_borders(real, lambda *_: None)
    assert (seen[0] == 90).all()
    assert [one.name for one in found.dots] == [WHOLE, BORDERS, CONTROL]
    assert "the border alone does not give the class away" in found.words


@pytest.mark.parametrize(
    ("low", "control", "expected"),
    [
        (0.8, (0.4, 0.6), "the border gives the class away"),
        (0.45, (0.4, 0.6), "includes 0.5"),
        (0.8, (0.55, 0.6), "take the other figures with caution"),
    ],
)
def test_the_words_follow_from_the_numbers(low, control, expected):
    dots = [Dot(name, "s", 0.9, low, 0.95, 9, 9) for name in (WHOLE, BORDERS)]
    dots.append(Dot(CONTROL, "s", 0.55, *control, 9, 9))
    assert expected in words(dots)


def test_each_lesson_is_taught_by_its_name_and_kept(tmp_path, monkeypatch, films):
    settings = Settings(cache_dir=tmp_path)
    monkeypatch.setattr(borders, "learnt_scores", brightness)
    monkeypatch.setattr(lesson, "films_of", lambda *_: films)
    assert isinstance(lesson.LESSONS["borders"].wanted, Wanted)
    found = lesson.teach("borders", None, settings, lambda *_: None)
    assert read_outcome(outcome_file("borders", None, settings)) == found
    assert found.seconds >= 0
    with pytest.raises(TrainingError, match="Expected a lesson out of transfer, leak, borders"):
        lesson.teach("other", None, settings, lambda *_: None)

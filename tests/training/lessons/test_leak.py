"""The leak: a model that memorises is caught by a split by patient, and by nothing else."""

import numpy as np
import pytest

from pneumo_core.metrics.intervals import Estimate
from pneumo_core.training.lessons import leak
from pneumo_core.training.lessons.films import LessonFilms, split_patients
from pneumo_core.training.lessons.outcome import Dot, by_place


@pytest.fixture
def films():
    """A hundred patients of three films: each child has a look of its own, pneumonia has none."""
    rng = np.random.default_rng(4)
    looks = rng.integers(40, 216, (100, 64, 64))
    patients = np.repeat(np.arange(100), 3)
    pixels = np.clip(looks[patients] + rng.normal(0, 20, (300, 64, 64)), 0, 255).astype(np.uint8)
    return LessonFilms("noise", pixels, patients % 2, patients)


def nearest(x, y):
    """A model that memorises: the label of the most similar film."""
    return lambda seen: y[(seen @ x.T).argmax(axis=1)].astype(float)


def test_the_split_by_image_reports_what_the_split_by_patient_does_not(films, monkeypatch):
    monkeypatch.setattr(leak, "memorise", nearest)
    heard = []
    found = leak.teach_leak(films, lambda *facts: heard.append(facts))
    at = by_place(found.dots)
    by_image = at["Labels by coin toss, split by image", "its validation"]
    by_patient = at["Labels by coin toss, split by patient", "its validation"]
    assert by_image.value > 0.95
    assert by_patient.low < 0.5 < by_patient.high
    for split in leak.SPLITS:
        away = at[f"Labels by coin toss, {split}", "patients never seen"]
        assert away.low < 0.5 < away.high
    assert "more than is true" in found.words
    assert len(found.dots) == 8
    assert heard[-1][1:3] == (20, 20)
    assert by_image.films == 192


def test_the_model_memorises_and_the_toss_says_nothing_of_the_class(films):
    x = leak.features(films.pixels)
    assert x.shape == (300, 1024)
    assert x.mean(axis=1) == pytest.approx(0, abs=1e-4)
    _, unseen = split_patients(films, 0.35)
    tossed = leak.tossed(films, unseen)
    assert all(len(set(tossed[films.patients == one])) == 1 for one in range(100))
    for kind in (0, 1):
        for rows in (unseen, np.setdiff1d(np.arange(300), unseen)):
            own = tossed[rows][films.labels[rows] == kind]
            assert abs(2 * int(own.sum()) - len(own)) <= 3  # at most one patient more
    scores = leak.memorise(x[::3], tossed[::3])(x[1::3])  # other films of the same children
    assert ((scores > 0.5) == tossed[1::3]).mean() > 0.9


def dots():
    return [
        Dot(f"{kind}, {split}", series, 0.7, 0.6, 0.8, 9, 9)
        for kind in (leak.REAL, leak.TOSSED)
        for split in leak.SPLITS
        for series in (leak.VALIDATION, leak.UNSEEN)
    ]


@pytest.mark.parametrize(
    ("image", "patient", "real", "expected"),
    [
        ((0.3, 0.2, 0.4), (0.0, -0.1, 0.1), (0.1, 0.05, 0.2), "too good by +0.10"),
        ((0.3, 0.2, 0.4), (0.0, -0.1, 0.1), (0.0, -0.1, 0.1), "a leak hides"),
        ((0.3, 0.2, 0.4), (0.2, 0.1, 0.3), (0.0, -0.1, 0.1), "Both splits promise more"),
        ((0.0, -0.1, 0.1), (0.0, -0.1, 0.1), (0.0, -0.1, 0.1), "well enough for the leak to show"),
    ],
)
def test_the_words_follow_from_the_numbers(image, patient, real, expected):
    gaps = {
        f"{leak.TOSSED}, {leak.SPLITS[0]}": Estimate(*image),
        f"{leak.TOSSED}, {leak.SPLITS[1]}": Estimate(*patient),
        f"{leak.REAL}, {leak.SPLITS[0]}": Estimate(*real),
        f"{leak.REAL}, {leak.SPLITS[1]}": Estimate(*patient),
    }
    assert expected in leak.words(dots(), gaps)

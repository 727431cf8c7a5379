"""From scratch against transfer: what is trained on what, from which start, and the words."""

from types import SimpleNamespace

import numpy as np
import pytest

from pneumo_core.config import Settings
from pneumo_core.errors import TrainingError
from pneumo_core.metrics.intervals import Estimate
from pneumo_core.training.lessons import transfer
from pneumo_core.training.lessons.films import LessonFilms
from pneumo_core.training.lessons.outcome import Dot, by_place
from pneumo_core.training.lessons.transfer import FEW, MORE, SCRATCH, TRANSFER, find_start, words


@pytest.fixture
def films():
    patients = np.arange(400)
    pixels = np.broadcast_to((patients % 2)[:, None, None], (400, 96, 96)).astype(np.uint8)
    return LessonFilms("f", pixels, patients % 2, patients)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, "weights_kept", lambda _: False)
    return Settings(models_dir=tmp_path / "models", data_roots=(tmp_path,))


def weights_file(folder, name="resnet50v2_imagenet.weights.h5"):
    (folder / name).touch()
    return folder / name


def test_four_trainings_differ_in_their_films_and_their_start_alone(
    films, settings, tmp_path, monkeypatch
):
    weights, asked = weights_file(tmp_path), []

    def learnt(recipe, pixels, labels, rows, measured, *, report):
        asked.append((recipe, len(rows), np.bincount(labels[rows]).tolist()))
        report("train", 1, 1, "")
        signal = 3.0 if recipe.weights != "none" else 1.0
        noise = np.random.default_rng(1).normal(size=len(measured))
        return noise + signal * measured.mean(axis=(1, 2))

    monkeypatch.setattr(transfer, "learnt_scores", learnt)
    heard = []
    found = transfer.teach_transfer(films, settings, lambda *facts: heard.append(facts))
    assert [(n, counts) for _, n, counts in asked] == [(FEW, [16, 16])] * 2 + [(MORE, [64, 64])] * 2
    assert [one.weights for one, *_ in asked] == ["none", str(weights)] * 2
    assert [one.epochs * n for one, n, _ in asked] == pytest.approx(
        [16 * transfer._STEPS] * 4, rel=0.1
    )
    assert [one.trained_from for one, *_ in asked] == ["", "head"] * 2
    assert {one.backbone for one, *_ in asked} == {"resnet50v2"}
    at = by_place(found.dots)
    few = at[f"{FEW} films", TRANSFER]
    assert few.value > at[f"{FEW} films", SCRATCH].value
    assert few.films == 220
    assert "Transfer starts from the weights file resnet50v2_imagenet" in found.trained
    assert heard[-1][1:3] == (4, 4)


def test_a_start_is_kept_weights_then_a_file_and_nothing_is_downloaded(
    films, settings, tmp_path, monkeypatch
):
    with pytest.raises(TrainingError, match="there are none here without a download"):
        find_start(films, settings)
    weights_file(tmp_path, "densenet121.weights.h5")
    mobile = weights_file(tmp_path, "mobilenetv2_imagenet_notop.weights.h5")
    assert find_start(films, settings).backbone == "mobilenetv2"
    assert find_start(films, settings, str(mobile)).weights == str(mobile)
    with pytest.raises(TrainingError, match="ResNet50V2 or MobileNetV2, with that in its name"):
        find_start(films, settings, str(tmp_path / "densenet121.weights.h5"))
    monkeypatch.setattr(transfer, "weights_kept", lambda name: name == "resnet50v2")
    assert find_start(films, settings).weights == "imagenet"


def test_a_model_that_knows_the_films_is_no_start(films, settings, monkeypatch):
    parent = SimpleNamespace(backbone="resnet50v2", bundle=None, defaults={"frame": "whole"})
    known = SimpleNamespace(role=lambda sha256, _: "t" if sha256 == "a" else "")
    monkeypatch.setattr(transfer, "load_parent", lambda *_: parent)
    monkeypatch.setattr(transfer, "listed_films", lambda _: known)
    listed = [SimpleNamespace(name="mine", bundle=True, fault="")]
    monkeypatch.setattr(transfer, "survey", lambda _: listed)
    assert find_start(films, settings).weights == "mine"  # of synthetic films it knows none
    real = LessonFilms("r", films.pixels, films.labels, films.patients, hashes=(("a", "0"),))
    with pytest.raises(TrainingError, match="have learnt from these very films"):
        find_start(real, settings)
    with pytest.raises(TrainingError, match="mine has learnt from 1 of them"):
        find_start(real, settings, "mine")
    other = LessonFilms("r", films.pixels, films.labels, films.patients, hashes=(("b", "0"),))
    assert "from none of these" in find_start(other, settings).words
    parent.defaults["frame"] = "lungs"
    with pytest.raises(TrainingError, match="sees a frame set by the lungs"):
        find_start(other, settings, "mine")


@pytest.mark.parametrize(
    ("few", "more", "expected"),
    [
        ((0.3, 0.2, 0.4), (0.1, 0.0, 0.2), "the fewer films there are, the more it helps"),
        ((0.1, 0.05, 0.2), (0.3, 0.2, 0.4), "and here not only where films are few"),
        ((-0.2, -0.3, -0.1), (0.0, -0.1, 0.1), "not a law"),
        ((0.0, -0.1, 0.1), (0.0, -0.1, 0.1), "does not show an advantage of either start"),
    ],
)
def test_the_words_follow_from_the_numbers(few, more, expected):
    dots = [
        Dot(f"{n} films", s, 0.7, 0.6, 0.8, 9, 9) for n in (FEW, MORE) for s in (SCRATCH, TRANSFER)
    ]
    said = words(dots, {FEW: Estimate(*few), MORE: Estimate(*more)})
    assert expected in said
    assert f"With {FEW} films the pretrained network reaches an AUC of 0.70 [0.60–0.80]" in said

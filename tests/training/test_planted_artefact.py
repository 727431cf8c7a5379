"""Two sources, one of mostly pneumonia with a mark on all its films: what shows the shortcut.

The network is a logistic regression on 8 × 8 patches, fitted with the weights of the real feed.
"""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from pneumo_core import metrics
from pneumo_core.bundle.framing import Framing
from pneumo_core.progress import silent
from pneumo_core.training import fit as fitting
from pneumo_core.training.batches import Films, training_feed
from pneumo_core.training.calibrate import pneumonia_probability
from pneumo_core.training.dataset import Corpus
from pneumo_core.training.distributed import join_devices
from pneumo_core.training.hardware import find_machine
from pneumo_core.training.network import predict_logits
from pneumo_core.training.runs.run import create_run
from pneumo_core.training.train import Trainings
from tests.training.tiny_training import tiny_recipe

pytestmark = pytest.mark.keras

FILMS = 160  # a source
MARK = slice(0, 16)


def planted(rng, name, *, positive):
    """Films uint8 (N, 64, 64), faintly hazy where pneumonia; those of "marked" have a mark."""
    labels = (rng.random(FILMS) < positive).astype(np.int64)
    pixels = rng.normal(110, 30, (FILMS, 64, 64)) + rng.normal(0, 8, (FILMS, 1, 1))
    pixels[labels == 1, 24:40, 24:40] += 2.5
    if name == "marked":
        pixels[:, MARK, MARK] = 250
    table = pd.DataFrame(
        {
            "source": name,
            "label": np.where(labels == 1, "pneumonia", "normal"),
            "group": [f"{name}: {number}" for number in range(FILMS)],
            "film": [f"{name}/{number}.png" for number in range(FILMS)],
            "sha256": [f"{name}{number}" for number in range(FILMS)],
        }
    )
    return table, pixels.clip(0, 255).astype(np.uint8), labels


@pytest.fixture
def corpus():
    rng = np.random.default_rng(3)
    parts = [planted(rng, "plain", positive=0.15), planted(rng, "marked", positive=0.85)]
    tables, pixels, labels = zip(*parts, strict=True)
    index, pixels = pd.concat(tables, ignore_index=True), np.concatenate(pixels)
    fold = np.arange(len(index)) % 5
    return Corpus(index, pixels, np.concatenate(labels), fold, Framing(64, None, None), pixels)


class Patches:
    """What `predict_logits` needs of a network."""

    output_shape = (None, 2)

    def __init__(self, films, labels, weights):
        self.model = LogisticRegression(C=0.1).fit(self.seen(films), labels, sample_weight=weights)

    @staticmethod
    def seen(films):
        return films.reshape(-1, 8, 8, 8, 8).mean(axis=(2, 4)).reshape(-1, 64) / 50 - 2.2

    def predict_on_batch(self, films):
        return np.c_[np.zeros(len(films)), self.model.decision_function(self.seen(films[..., 0]))]


@pytest.fixture(autouse=True)
def patches(monkeypatch):
    def fit(recipe, films, rows, _held_out, *, weights, folder, **_):
        folder.mkdir(parents=True)
        feed = training_feed(recipe, films, rows, weights)
        return Patches(films.pixels[rows], films.labels[rows], feed.weights[rows])

    monkeypatch.setattr(fitting, "fit", fit)


def trainings(corpus, folder, *, balanced):
    """Those of one run; not balanced: as if both sources were one."""
    recipe = tiny_recipe(task="binary", leave_source_out=True)
    run = create_run(folder, recipe, data=folder, bundle="m")
    films = Films(corpus.inputs, corpus.labels, sources=corpus.source if balanced else None)
    machine = find_machine("float32")
    return Trainings(run, recipe, corpus, films, machine, join_devices(), silent)


def p_of(logits):
    return pneumonia_probability(logits, 1.0)


def auc(labels, p):
    return metrics.auc_delong(labels == 1, p).value


def fitted(corpus, folder, *, balanced):
    """The AUC of films held out at random, and how much P rises where the mark is painted."""
    held_out = np.flatnonzero(corpus.fold == 4)
    rows = np.flatnonzero(corpus.fold != 4)
    these = trainings(corpus, folder, balanced=balanced)
    network, _ = these._fit("one", rows, held_out, these.run.folder / "fold-0")
    plain = corpus.inputs[held_out][corpus.source[held_out] == 0]
    painted = plain.copy()
    painted[:, MARK, MARK] = 250
    effect = p_of(predict_logits(network, painted)) - p_of(predict_logits(network, plain))
    answers = p_of(predict_logits(network, corpus.inputs[held_out]))
    return auc(corpus.labels[held_out], answers), float(effect.mean())


def test_the_mark_is_shown_by_leaving_a_source_out_and_reduced_by_weights_within_each(
    corpus, tmp_path
):
    pooled, effect = fitted(corpus, tmp_path / "pooled", balanced=False)
    _, less = fitted(corpus, tmp_path / "within", balanced=True)
    assert effect > 0.2  # painted on a film, the mark alone calls pneumonia
    assert abs(less) < effect / 2

    these = trainings(corpus, tmp_path, balanced=True)
    found = these.without_sources()
    assert sorted(found) == [0, 1]
    for number, logits in found.items():
        mine = corpus.source == number
        assert logits.shape == (FILMS, 2)
        assert auc(corpus.labels[mine], p_of(logits)) < pooled - 0.05
    # Kept: what is there is not trained again.
    np.testing.assert_array_equal(these.without_sources()[0], found[0])

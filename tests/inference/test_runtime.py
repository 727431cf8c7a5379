"""The runtime: the numbers of Keras without TensorFlow."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from pneumo_core.bundle import Bundle, write_bundle
from pneumo_core.bundle.card import Card
from pneumo_core.errors import BundleError
from pneumo_core.imaging.decode import read_film, resize
from pneumo_core.inference.runtime import Runtime
from pneumo_core.metrics import probabilities
from pneumo_core.synthetic.appearance import synthetic_film
from tests import ROOT

if TYPE_CHECKING:
    from pathlib import Path

REAL_FILMS = ROOT.parent / "shared" / "data" / "fullres"


def _grey(*levels: int) -> np.ndarray:
    return np.stack([np.full((64, 64), level, np.uint8) for level in levels])


def test_known_films_get_their_known_answers(tiny_bundle: Bundle) -> None:
    logits, features = Runtime(tiny_bundle).run(_grey(0, 51, 255))
    assert logits.dtype == features.dtype == np.float32
    assert features.shape == (3, 8, 8, 4)
    p = 1 - probabilities(logits, 1.0)[:, 0]
    np.testing.assert_allclose(p, 1 / (1 + np.exp([5.0, 3.0, -5.0])), atol=1e-4)
    np.testing.assert_allclose(features[1, 0, 0], [0.2, 0.1, 1.0, 0.0], atol=1e-5)


def test_the_head_kernel_is_that_of_keras(tiny_bundle: Bundle) -> None:
    kernel = Runtime(tiny_bundle).head_kernel
    assert kernel.dtype == np.float32
    np.testing.assert_array_equal(kernel, [[0, 5, 5], [0, 10, 10], [0, 0, 0], [0, 0, 0]])


def test_a_film_is_read_the_same_alone_and_among_many(tiny_bundle: Bundle) -> None:
    runtime, films = Runtime(tiny_bundle), _grey(*range(0, 200, 5))
    together = runtime.run(films)
    alone = [runtime.run(film[np.newaxis]) for film in films]
    np.testing.assert_allclose(together[0], np.concatenate([a[0] for a in alone]), atol=1e-6)
    assert together[1].shape == (40, 8, 8, 4)


def test_answers_are_copies(tiny_bundle: Bundle) -> None:
    runtime = Runtime(tiny_bundle)
    first = runtime.run(_grey(0))[0]
    runtime.run(_grey(255))
    assert first[0, 1] == pytest.approx(np.log(0.7) - 5, abs=1e-4)


def test_threads_may_share_a_runtime(tiny_bundle: Bundle) -> None:
    runtime, wrong = Runtime(tiny_bundle), []

    def read(level: int) -> None:
        expected = np.log(0.7) - 5 + 10 * level / 255
        for _ in range(20):
            found = runtime.run(_grey(level))[0][0, 1]
            if abs(found - expected) > 1e-3:
                wrong.append((level, found))

    threads = [threading.Thread(target=read, args=(level,)) for level in (0, 80, 160, 255)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("shape", [(0, 64, 64), (1, 32, 32), (64, 64), (1, 64, 64, 1)])
def test_films_of_another_shape_are_refused(tiny_bundle: Bundle, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"Expected films \(N,64,64\) with N >= 1, got shape"):
        Runtime(tiny_bundle).run(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("graph", ["not xml", "<net name='x' version='11'></net>"])
def test_a_graph_that_cannot_be_used_is_refused(tmp_path: Path, graph: str) -> None:
    (tmp_path / "openvino").mkdir()
    (tmp_path / "openvino" / "model.xml").write_text(graph)
    bundle = Bundle("odd", tmp_path, Card.from_document({"input": {"size": 64}}), "")
    with pytest.raises(BundleError, match="Expected an OpenVINO graph with the outputs logits"):
        Runtime(bundle)


def test_serving_imports_neither_tensorflow_nor_telemetry(tiny_models_dir: Path) -> None:
    code = (
        "import sys, numpy, pathlib; from pneumo_core.bundle import load_bundle;"
        "from pneumo_core.inference.runtime import Runtime;"
        "bundle = load_bundle(models_dir=pathlib.Path(sys.argv[1]));"
        "Runtime(bundle).run(numpy.zeros((1, 64, 64), 'uint8'));"
        "names = ('tensorflow', 'keras', 'pandas', 'openvino_telemetry');"
        "print([name for name in names if sys.modules.get(name)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tiny_models_dir)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


# -- agreement with Keras


@pytest.fixture(scope="module")
def deeper_bundle(tiny_bundle: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A random network with the layers of real ones: convolutions, normalisation, shortcuts."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(11)
    film = keras.Input((64, 64, 1))
    x = layers.Rescaling(1 / 127.5, offset=-1)(film)
    for width in (16, 32):
        x = layers.Conv2D(width, 3, strides=2, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.MaxPooling2D(3, strides=1, padding="same")(layers.ReLU(6)(x))
        x = layers.Add()([x, layers.SeparableConv2D(width, 3, padding="same")(x)])
    x = layers.Activation("swish", name="features")(x)
    x = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(x))
    network = keras.Model(film, layers.Dense(3, name="logits", kernel_initializer="he_normal")(x))
    noise = np.random.default_rng(11)
    network.set_weights([w + 0.1 * noise.random(w.shape) for w in network.get_weights()])
    return write_bundle(
        network,
        name="deeper",
        card=dict(tiny_bundle.card.document),
        predictions=pd.read_csv(tiny_bundle.path / "predictions.csv"),
        models_dir=tmp_path_factory.mktemp("deeper"),
    )


def test_openvino_agrees_with_keras_on_100_synthetic_films(deeper_bundle: Bundle) -> None:
    kinds = ("normal", "bacterial", "viral")
    films = np.stack([synthetic_film(kinds[i % 3], i, size=64) for i in range(100)])
    assert largest_difference(deeper_bundle, films) <= 1e-3


def test_openvino_agrees_with_keras_on_real_films(deeper_bundle: Bundle) -> None:
    paths = sorted(REAL_FILMS.rglob("*.jpeg"))[::6]
    if not paths:
        pytest.skip("there are no real films beside the project (../shared/data/fullres)")
    films = np.stack([resize(read_film(path).pixels, 64) for path in paths])
    assert largest_difference(deeper_bundle, films) <= 1e-3


def largest_difference(bundle: Bundle, films: np.ndarray) -> float:
    """In probability, between the two forms of a bundle's network on films uint8 (N,S,S)."""
    from pneumo_core.bundle.keras_network import load_network

    network = load_network(bundle.path / "model.keras")
    keras_logits = network.predict(films[..., np.newaxis].astype(np.float32), verbose=0)
    expected = probabilities(keras_logits, bundle.temperature)
    assert np.ptp(expected[:, 0]) > 0.001, "the films must tell something"
    found = probabilities(Runtime(bundle).run(films)[0], bundle.temperature)
    return float(np.abs(found - expected).max())
